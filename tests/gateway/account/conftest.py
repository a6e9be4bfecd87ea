"""An exchange with a desk, browsers that come to it, and a clock that is moved by hand."""

import email
import email.policy
import re
from types import SimpleNamespace

import pytest

from excraft.accounts.desk import Desk
from excraft.accounts.outbox import Outbox
from excraft.accounts.passwords import Passwords
from excraft.accounts.secret_box import SecretBox
from excraft.gateway.app import application
from excraft.gateway.referral_desk import ReferralDesk
from excraft.store.database import Database
from tests.gateway.account.browser import SECOND, Browser, Hashing


@pytest.fixture
async def shop(venue, tmp_path):
    """app, desk, browser(), mails(), token(), now: a clock that is moved by hand."""
    now = SimpleNamespace(ns=1_700_000_000 * SECOND)
    database = Database(f"sqlite:///{tmp_path / 'excraft.db'}")
    hashing = Hashing()
    folder = tmp_path / "outbox"
    desk = Desk(
        database, SecretBox.open(tmp_path / "secret.key"), Outbox(folder),
        passwords=Passwords(hashing), clock=lambda: now.ns,
    )  # fmt: skip
    venue.exchange.desk = desk
    venue.exchange.referrals = ReferralDesk(
        venue.engine, desk.referrals, venue.exchange.members, venue.earnings, desk.clock
    )
    found = SimpleNamespace(
        app=application(venue.exchange), desk=desk, now=now, hashing=hashing, database=database,
        venue=venue,
    )  # fmt: skip

    def mails():
        desk.background.finish()
        desk.mail_queue.deliver()
        read = [
            email.message_from_bytes(f.read_bytes(), policy=email.policy.default)
            for f in sorted(folder.glob("*.eml"))
        ]
        return [(m["To"], m["Subject"], m.get_content()) for m in read]

    def token(to):
        tokens = [re.findall(r"^[\w-]{43}$", text, re.M) for who, _, text in mails() if who == to]
        return [t for found in tokens for t in found][-1]

    found.mails, found.token = mails, token
    found.browser = lambda *a, **k: Browser(found, *a, **k)
    yield found
    desk.stop()
    database.close()
