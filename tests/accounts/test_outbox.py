"""Where mail goes, and what an e-mail address is."""

import logging
import socket
import stat

import pytest

from excraft.accounts import emails
from excraft.accounts.background import Background
from excraft.accounts.outbox import Mail, Outbox, Smtp
from excraft.accounts.refusals import Refused

MAIL = Mail("ann@example.org", "Hello", "Your token:\n\nabc\n")


def test_without_a_server_each_mail_is_a_file_of_its_owner_only(tmp_path):
    outbox = Outbox(tmp_path / "outbox")
    outbox.send(MAIL)
    outbox.send(MAIL)
    files = list((tmp_path / "outbox").iterdir())
    assert len(files) == 2 and "not sent but written" in outbox.notice
    assert b"To: ann@example.org" in files[0].read_bytes() and b"abc" in files[0].read_bytes()
    assert {stat.S_IMODE(f.stat().st_mode) for f in files} == {0o600}


def test_a_server_that_does_not_answer_loses_no_mail(tmp_path, caplog):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        smtp = Smtp.read(f"smtp://desk:p%40ss@127.0.0.1:{port}?from=desk@example.org")
        assert smtp.password == "p@ss" and not smtp.tls_first
        outbox = Outbox(tmp_path / "outbox", smtp)
        with caplog.at_level(logging.ERROR):
            outbox.send(MAIL)
    assert "did not take a mail" in caplog.text and f"127.0.0.1:{port}" in outbox.notice
    assert len(list((tmp_path / "outbox").iterdir())) == 1


@pytest.mark.parametrize("bad", ["mail.example.org", "http://x?from=a@b", "smtps://x", "smtps:///"])
def test_settings_that_name_no_server(bad):
    with pytest.raises(ValueError, match="smtps://user:password@host"):
        Smtp.read(bad)


@pytest.mark.parametrize(
    ("given", "email"),
    [
        (" Ann@Example.ORG ", "ann@example.org"),
        ("a.n+n@b\u00fccher.example", "a.n+n@xn--bcher-kva.example"),
    ],
)
def test_one_spelling_for_each_address(given, email):
    assert emails.normalise(given) == emails.normalise(email) == email


@pytest.mark.parametrize(
    "bad",
    ["", "ann", "@example.org", "ann@", "ann@localhost", "a b@example.org", "ann@exa mple.org",
     "ann@example.org\r\nBcc: x@y.zz", "ann\n@example.org", "a..n@example.org", "<ann@example.org>",
     "ann@example.org,bob@example.org", "ann@-example.org", "ann@example..org", "ann@1.2.3.4",
     "x" * 65 + "@example.org", "ann@" + "x" * 64 + ".org", "ann@" + "x." * 130 + "org",
     "\u00e4nn@example.org", "ann@\ud800.org"],
)  # fmt: skip
def test_what_is_no_address(bad):
    with pytest.raises(Refused, match="no e-mail address"):
        emails.normalise(bad)


def test_a_job_that_fails_stops_no_other(caplog):
    background, done = Background(), []
    background.take(lambda: 1 // 0)
    background.take(lambda: done.append(1))
    background.finish()
    background.take(lambda: done.append(2))
    background.stop()
    assert done == [1, 2] and "ZeroDivisionError" in caplog.text
