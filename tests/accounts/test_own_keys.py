"""What members may ask for when they make keys, and how keys end and are used."""

import threading
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, event, insert, select

from excraft.accounts import own_keys
from excraft.accounts.api_keys import ApiKeys
from excraft.accounts.credentials import Permission
from excraft.accounts.members import Members
from excraft.accounts.own_keys import KEYS_MAX, Wish
from excraft.accounts.refusals import Refused
from excraft.store.schema import api_keys as table
from excraft.store.schema_people import people, second_factors

SECOND = 1_000_000_000
NOW, PERSON = 1_700_000_000 * SECOND, 5
PLAIN = Wish("hmac", "bot", ["read", "trade"], [], "", None)


@pytest.fixture
def clock():
    return SimpleNamespace(ns=NOW)


@pytest.fixture
def keys(database, secret_box, clock):
    return ApiKeys(database, secret_box, lambda: clock.ns)


def make(keys, member, wish=PLAIN, **changes):
    return own_keys.make(keys, member, wish._replace(**changes), person_id=PERSON, now_ns=NOW)


@pytest.fixture
def factor(database, alice):
    """Alice's person has an app; call it to take that away."""
    row = {"id": PERSON, "email_hash": "e", "email": b"e", "password": "p", "created_ns": NOW}
    app = {"person_id": PERSON, "secret": b"s", "last_step": 0, "confirmed_ns": NOW}
    with database.write() as connection:
        connection.execute(insert(people).values(row | {"member_id": alice.id}))
        connection.execute(insert(second_factors).values(app))

    def take_away():
        with database.write() as connection:
            connection.execute(delete(second_factors))

    return take_away


def refusal(keys, member, **changes):
    with pytest.raises(Refused) as refused:
        make(keys, member, **changes)
    assert refused.value.code == "bad_key" and own_keys.shown(keys, member) == []
    return str(refused.value)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kind": "dsa"}, "'DSA' is no kind of key"),
        ({"permissions": ["admin"]}, "ermissions must be some of READ, TRADE"),
        ({"permissions": []}, "ermissions must be some of READ, TRADE"),
        ({"label": "x" * 65}, "at most 64 printable"),
        ({"label": "a\nb"}, "at most 64 printable"),
        ({"ips": ["300.1.1.1"]}, "give an address or a network"),
        ({"ips": ["192.0.2.1"] * 31}, "at most 30"),
        ({"public_key": "PEM"}, "An HMAC key has no public key"),
        ({"kind": "ed25519"}, "needs its public key"),
        ({"kind": "ed25519", "public_key": "PEM"}, "no public key in PEM form"),
        ({"expires_ns": NOW}, "later than now"),
        ({"expires_ns": -1}, "later than now"),
        ({"expires_ns": NOW + 11 * 366 * 86_400 * SECOND}, "within ten years"),
        ({"permissions": ["withdraw"]}, "needs the addresses"),
        ({"permissions": ["withdraw"], "ips": ["0.0.0.0/0"]}, "0.0.0.0/0 is too wide"),
        ({"permissions": ["withdraw"], "ips": ["192.0.2.1", "2001::/16"]}, "2001::/16 is too wide"),
        ({"permissions": ["withdraw"], "ips": ["nowhere"]}, "give an address or a network"),
    ],
)
def test_what_a_member_may_not_have(keys, alice, changes, why):
    assert why in refusal(keys, alice, **changes)


def test_a_key_that_may_withdraw_needs_a_second_factor(keys, alice, factor):
    wish = PLAIN._replace(permissions=["read", "withdraw", "governance"], ips=["192.0.2.7"])
    made = make(keys, alice, wish)
    factor()
    with pytest.raises(Refused, match="second factor"):
        make(keys, alice, wish)
    assert keys.find(made.key).permissions == {"READ", "WITHDRAW", "GOVERNANCE"}
    with pytest.raises(Refused, match="needs the addresses"):
        own_keys.edit(keys, alice, made.key, label="", ips=[])
    assert keys.find(made.key).allows("192.0.2.7") and not keys.find(made.key).allows("192.0.2.8")


def test_keys_lose_a_permission_and_those_without_another_end(keys, database, alice, factor):
    both = PLAIN._replace(permissions=["read", "withdraw"], ips=["192.0.2.7"])
    kept, ended = make(keys, alice, both).key, make(keys, alice, both, permissions=["withdraw"]).key
    other = make(keys, alice).key
    bob = Members(database).add("bob", 8)
    his = keys.create(bob, "HMAC", permissions=["WITHDRAW"]).key
    elsewhere = ApiKeys(database, keys._box)
    with database.write_durable() as connection:
        assert sorted(keys.narrow(connection, alice.id, Permission.WITHDRAW)) == sorted(
            [kept, ended]
        )
    for each in (keys, elsewhere):
        each.refresh()
        assert each.find(kept).permissions == {"READ"} and each.find(ended) is None
        assert each.find(other).permissions == {"READ", "TRADE"}
        assert each.find(his).permissions == {"WITHDRAW"}
    with database.write_durable() as connection:
        assert keys.narrow(connection, alice.id, Permission.WITHDRAW) == []


def test_a_key_made_while_the_factor_goes_is_before_or_after(keys, database, alice, factor):
    """Whoever is second sees what the first did: no key keeps what no factor allows."""
    wish = PLAIN._replace(permissions=["read", "withdraw"], ips=["192.0.2.7"])
    deleted, made = threading.Event(), []

    def member() -> None:
        deleted.wait()
        try:
            made.append(make(keys, alice, wish).key)
        except Refused:
            made.append(None)

    thread = threading.Thread(target=member)
    thread.start()
    with database.write_durable() as connection:
        connection.execute(delete(second_factors))
        deleted.set()
        keys.narrow(connection, alice.id, Permission.WITHDRAW)
    thread.join()
    keys.refresh()
    [key] = made
    assert key is None or keys.find(key).permissions == {"READ"}


def test_nobody_has_more_keys_than_the_bound_however_many_ask_at_once(keys, alice, clock):
    made, refused = [], []

    def work(index):
        try:
            expires = NOW + SECOND if index % 2 else None
            made.append(make(keys, alice, expires_ns=expires).key)
        except Refused as why:
            refused.append(str(why))

    for start in range(0, KEYS_MAX + 6, 6):
        threads = [threading.Thread(target=work, args=(start + i,)) for i in range(6)]
        [t.start() for t in threads]
        [t.join() for t in threads]
    assert len(made) == KEYS_MAX and all("revoke one first" in why for why in refused)
    keys.revoke(made[0])
    make(keys, alice)
    with pytest.raises(Refused):
        make(keys, alice)
    clock.ns += 2 * SECOND  # those that ended make room
    make(keys, alice)


def test_a_key_ends_at_its_moment_and_is_then_as_one_that_never_was(keys, alice, clock, database):
    made = make(keys, alice, expires_ns=NOW + 5)
    clock.ns = NOW + 4
    assert keys.find(made.key).account == alice.account
    clock.ns = NOW + 5
    assert keys.find(made.key) is None is keys.find("unknown")
    assert ApiKeys(database, keys._box, lambda: NOW + 5).find(made.key) is None
    assert ApiKeys(database, keys._box, lambda: NOW + 4).find(made.key) is not None
    keys.revoke(made.key)
    clock.ns = NOW
    assert keys.find(made.key) is None


def test_another_label_and_other_addresses(keys, alice, database):
    made = make(keys, alice)
    elsewhere = ApiKeys(database, keys._box, lambda: NOW)
    was = own_keys.edit(keys, alice, made.key, label=" new ", ips=["2001:db8::/32"])
    assert (was.label, was.ips) == ("bot", ())
    elsewhere.refresh()
    for each in (keys, elsewhere):
        assert not each.find(made.key).allows("192.0.2.1") and each.find(made.key).allows(
            "2001:db8::1"
        )
    assert own_keys.own(keys, alice, made.key).label == "new"
    with pytest.raises(Refused, match="give an address"):
        own_keys.edit(keys, alice, made.key, label="", ips=["192.0.2.1/8"])
    keys.revoke(made.key)
    with pytest.raises(Refused, match="You have no API key"):
        own_keys.edit(keys, alice, made.key, label="", ips=[])


def test_anothers_key_is_refused_as_one_that_never_was(keys, alice, database):
    bob = Members(database).add("bob", 8)
    made = make(keys, bob)
    for key in (made.key, "x" * 64):
        with pytest.raises(Refused) as refused:
            own_keys.edit(keys, alice, key, label="", ips=[])
        assert (refused.value.code, str(refused.value)) == (
            "not_found", f"You have no API key {key!r}.",
        )  # fmt: skip
    assert own_keys.own(keys, bob, made.key).label == "bot"


def test_last_uses_are_written_in_one_go_and_not_readable(keys, alice, database, clock):
    used, unused = make(keys, alice), make(keys, alice, expires_ns=NOW + 99 * SECOND)
    statements = []
    event.listen(database.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    found = keys.find(used.key)
    found.used_from = "192.0.2.77"
    assert statements == []  # finding and using writes and reads nothing
    clock.ns += SECOND
    keys.write_uses()
    keys.write_uses()
    assert len([s for s in statements if s.startswith("UPDATE")]) == 1
    listed = {key.key: key for key in own_keys.shown(keys, alice)}
    assert (listed[used.key].used_ns, listed[used.key].used_from) == (NOW + SECOND, "192.0.2.77")
    assert (listed[unused.key].used_ns, listed[unused.key].used_from) == (None, "")
    with database.read() as connection:
        assert b"192.0.2.77" not in b"".join(
            connection.execute(select(table.c.used_from).where(table.c.key == used.key)).scalars()
        )
    keys.find(unused.key).used_from = "2001:db8::1"
    keys.stop()  # writes what is left
    assert own_keys.own(keys, alice, unused.key).used_from == "2001:db8::1"
