"""People, tokens, sessions and second factors on both databases."""

import pyotp
import pytest
from sqlalchemy.exc import IntegrityError

from excraft.accounts.errors import SecretKeyError
from excraft.accounts.people import People, Purpose
from excraft.accounts.refusals import Refused
from excraft.accounts.second_factor import SecondFactors, void_recovery
from excraft.accounts.secret_box import SecretBox
from excraft.accounts.sessions import DEVICES_MAX, Sessions, require_recent, seen_from

SECOND = 1_000_000_000
HERE = seen_from("192.0.2.7", "Fire\u202efox\n" + "x" * 500)


class Clock:
    ns = 1_700_000_000 * SECOND

    def __call__(self):
        self.ns += 1
        return self.ns


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def everybody(database, secret_box, clock):
    return People(database, secret_box, clock)


@pytest.fixture
def ann(everybody, database):
    with database.write_durable() as connection:
        everybody.add(connection, "ann@example.org", "$hash")
    return everybody.by_email("ann@example.org")


def test_an_e_mail_belongs_to_one_person(everybody, database, ann):
    assert everybody.by_id(ann.id) == ann and everybody.email_of(ann.id) == "ann@example.org"
    with pytest.raises(IntegrityError), database.write_durable() as connection:
        everybody.add(connection, "ann@example.org", "$other")
    assert everybody.by_email("ann@example.com") is everybody.by_id(99) is None


def test_another_key_finds_and_opens_nobody(everybody, database, ann):
    other = People(database, SecretBox(bytes(32)))
    assert other.by_email("ann@example.org") is None
    with pytest.raises(SecretKeyError):
        other.email_of(ann.id)


def test_a_token_is_taken_once(everybody, database, clock):
    token = everybody.invite("bob@example.org", "$hash")
    assert everybody.pending(Purpose.CONFIRM, token).email == "bob@example.org"
    assert everybody.pending(Purpose.RESET, token) is None
    with database.write_durable() as connection:
        assert not everybody.take(connection, Purpose.RESET, token)
        assert everybody.take(connection, Purpose.CONFIRM, token)
        assert not everybody.take(connection, Purpose.CONFIRM, token)
    late = everybody.invite("bob@example.org", "$hash")
    clock.ns += 86_400 * SECOND
    assert everybody.pending(Purpose.CONFIRM, late) is None


def test_devices_are_few_and_their_sessions_go_with_them(everybody, database, secret_box, ann):
    sessions = Sessions(database, secret_box, everybody._clock)
    first = sessions.open(ann, HERE, "", "")
    for _ in range(DEVICES_MAX):
        opened = sessions.open(ann, HERE, "", "")
    assert len(sessions.list(ann.id)) == DEVICES_MAX
    assert sessions.knows_device(ann.id, first.device_token) is None
    assert sessions.knows_device(ann.id + 1, opened.device_token) is None
    with pytest.raises(Refused, match="log in again"):
        sessions.find(first.token)
    again = sessions.open(ann, HERE, opened.device_token, "")
    assert not again.new_device and len(sessions.list(ann.id)) == DEVICES_MAX
    shown = sessions.list(ann.id)[0].seen_from
    assert shown.browser.startswith("Fire?fox?xx") and len(shown.browser) == 200
    with database.write_durable() as connection:
        sessions.revoke_all(connection, ann.id, but=again.session)
    assert [s.id for s in sessions.list(ann.id)] == [again.session.id]


def test_no_session_after_the_password_was_changed(everybody, database, secret_box, ann):
    sessions = Sessions(database, secret_box)
    with database.write_durable() as connection:
        everybody.set_password(connection, ann.id, "$new")
    with pytest.raises(Refused, match="wrong"):
        sessions.open(ann, HERE, "", "")
    everybody.rehashed(ann, "$late")  # nor does a late rehash bring the old one back
    assert everybody.by_id(ann.id).password == "$new"


def test_a_proof_grows_old(everybody, database, secret_box, clock, ann):
    sessions = Sessions(database, secret_box, clock)
    opened = sessions.open(ann, HERE, "", "")
    clock.ns += 61 * SECOND
    with pytest.raises(Refused, match="password and code again"):
        require_recent(sessions.find(opened.token), 60, clock())
    sessions.proved(opened.session)
    require_recent(sessions.find(opened.token), 60, clock())


def test_codes_are_of_one_person(everybody, database, secret_box, ann):
    factors = SecondFactors(database, secret_box, everybody._clock)
    with pytest.raises(Refused, match="wrong"):
        factors.check(ann.id, "123456")
    with pytest.raises(Refused, match="wrong"):
        factors.check(ann.id, "AAAA-BBBB-CCCC-DDDD")
    assert not factors.on(ann.id) and factors.recovery_left(ann.id) == 0


def test_each_code_is_taken_once(everybody, database, secret_box, clock, ann):
    factors = SecondFactors(database, secret_box, clock)
    factors.enrol(ann.id, "ann@example.org")
    secret, uri = factors.enrol(ann.id, "ann@example.org")  # the first is void
    app = pyotp.TOTP(secret)
    assert uri.startswith("otpauth://totp/ExCraft:ann%40example.org?secret=")
    first = app.at(clock.ns // SECOND)
    recovery = factors.confirm(ann.id, first)
    assert factors.on(ann.id) and factors.recovery_left(ann.id) == len(recovery) == 10
    early = app.at(clock.ns // SECOND + 30)
    factors.check(ann.id, early)  # a clock that is a little fast
    for used in (first, early, app.at(clock.ns // SECOND + 90), app.at(clock.ns // SECOND - 60)):
        with pytest.raises(Refused, match="wrong, too old or was used"):
            factors.check(ann.id, used)
    factors.check(ann.id, recovery[3])
    with pytest.raises(Refused, match="wrong, too old or was used"):
        factors.check(ann.id, recovery[3])
    with database.write_durable() as connection:
        factors.disable(connection, ann.id)
        void_recovery(connection, ann.id)
    assert not factors.on(ann.id) and factors.recovery_left(ann.id) == 0
