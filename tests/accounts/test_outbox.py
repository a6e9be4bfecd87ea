"""Where mail goes, and what an e-mail address is."""

import datetime
import ipaddress
import logging
import socket
import ssl
import stat
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

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


class Server(threading.Thread):
    """A mail server for one mail; `said` is what the client said.

    `starttls` None: TLS from the first byte; True: once it is asked for; False: never offered.
    """

    def __init__(self, certificate, starttls=None):
        super().__init__(daemon=True)
        self.starttls, self.plain_said = starttls, []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.door = socket.create_server(("127.0.0.1", 0))
        self.door.settimeout(10)
        self.said = []

    def run(self):
        plain, _ = self.door.accept()
        try:
            if self.starttls is not None and not self.before_tls(plain):
                return
            with self.context.wrap_socket(plain, server_side=True) as peer:
                self.talk(peer.makefile("rwb"), greets=self.starttls is None)
        except ssl.SSLError as error:  # a client that does not trust us ends here
            self.said.append(str(error))
        finally:
            plain.close()

    def before_tls(self, plain):
        """Plain text up to STARTTLS; whether it came."""
        offer = "250-here\r\n250 STARTTLS" if self.starttls else "250 here"
        with plain.makefile("rwb", buffering=0) as peer:
            self.answer(peer, "220 here")
            while line := peer.readline().decode().rstrip():
                self.plain_said.append(line)
                self.answer(peer, offer if line[:4].upper() == "EHLO" else "220 go on")
                if line.upper() == "STARTTLS":
                    return True
        return False

    def talk(self, peer, greets):
        data = False
        if greets:
            self.answer(peer, "220 here")
        for line in peer:
            text = line.decode().rstrip()
            self.said.append(text)
            if text == ".":
                data = False
            if data:
                continue
            verb = text[:4].upper()
            if verb == "EHLO":
                self.answer(peer, "250-here\r\n250 AUTH PLAIN")
            elif verb == "AUTH":
                self.answer(peer, "235 welcome")
            elif verb == "DATA":
                data = True
                self.answer(peer, "354 go on")
            else:
                self.answer(peer, "221 bye" if verb == "QUIT" else "250 ok")

    def answer(self, peer, text):
        peer.write(text.encode() + b"\r\n")
        peer.flush()


@pytest.fixture
def certificate(tmp_path):
    """A file with a key and its own certificate for 127.0.0.1."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path / "server.pem"
    file.write_bytes(private + made.public_bytes(pem))
    return file


@pytest.mark.parametrize("trusted", [True, False])
def test_mail_goes_to_a_server_that_proves_who_it_is(tmp_path, certificate, monkeypatch, trusted):
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server = Server(certificate)
    server.start()
    port = server.door.getsockname()[1]
    url = f"smtps://desk:secret@127.0.0.1:{port}?from=desk@example.org"
    Outbox(tmp_path / "outbox", Smtp.read(url)).send(MAIL)
    server.join(10)
    server.door.close()
    if trusted:
        assert {"To: ann@example.org", "Subject: Hello", "abc"} <= set(server.said)
        assert not (tmp_path / "outbox").exists()
    else:
        assert not any(line.startswith("AUTH") for line in server.said)  # the password was not told
        assert len(list((tmp_path / "outbox").iterdir())) == 1


def sent_by_starttls(tmp_path, certificate, offered=True):
    """What a server heard that speaks TLS only once it is asked to, if it offers that."""
    server = Server(certificate, starttls=offered)
    server.start()
    port = server.door.getsockname()[1]
    url = f"smtp://desk:secret@127.0.0.1:{port}?from=desk@example.org"
    Outbox(tmp_path / "outbox", Smtp.read(url)).send(MAIL)
    server.join(10)
    server.door.close()
    assert not server.is_alive()
    return server


def test_mail_goes_by_starttls_and_nothing_of_it_in_the_clear(tmp_path, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server = sent_by_starttls(tmp_path, certificate)
    assert {"To: ann@example.org", "Subject: Hello", "abc"} <= set(server.said)
    assert [line[:8].upper() for line in server.plain_said] == [
        server.plain_said[0][:8].upper(), "STARTTLS",
    ]  # fmt: skip
    assert any(line.startswith("AUTH") for line in server.said)
    assert not (tmp_path / "outbox").exists()


@pytest.mark.parametrize("offered", [True, False])
def test_a_server_without_starttls_or_proof_hears_neither_password_nor_mail(
    tmp_path, certificate, offered
):
    server = sent_by_starttls(tmp_path, certificate, offered)  # its certificate is not trusted
    heard = " ".join(server.plain_said + server.said)
    assert "AUTH" not in heard and "ann@example.org" not in heard
    assert len(list((tmp_path / "outbox").iterdir())) == 1
