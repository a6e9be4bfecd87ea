"""Keys are made once, found at once, and revoked everywhere within a second."""

import hashlib
import hmac
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select, update

from excraft.accounts.api_keys import ApiKeys, Bounds
from excraft.accounts.errors import BadKey, SecretKeyError, UnknownKey
from excraft.accounts.members import Members
from excraft.accounts.secret_box import SecretBox
from excraft.accounts.signatures import verify
from excraft.store.database import Database
from excraft.store.schema import api_keys as table

BOTH = ["READ", "TRADE"]


def until(condition, timeout_s=1.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.005)


@pytest.fixture
def elsewhere(url, secret_box, database):
    """The same keys in another process, as far as the database can tell."""
    other = Database(url)
    keys = ApiKeys(other, secret_box)
    keys.start()
    yield keys
    keys.stop()
    other.close()


def test_a_new_key_works_at_once(api_keys, alice):
    made = api_keys.create(
        alice, "HMAC", permissions=BOTH, label="bot", bounds=Bounds(("192.0.2.0/24",))
    )
    found = api_keys.find(made.key)
    assert (found.key, found.member_id, found.account) == (made.key, alice.id, 7)
    assert found.permissions == {"READ", "TRADE"} and found.kind == "HMAC"
    assert found.allows("192.0.2.1") and not found.allows("192.0.3.1")
    assert found.secret == made.secret.encode()
    signature = hmac.new(made.secret.encode(), b"a=1", hashlib.sha256).hexdigest()
    assert verify(found, b"a=1", signature)
    assert api_keys.find(made.key.lower() + "x") is None


def test_a_public_key_needs_no_secret(api_keys, alice):
    private = ed25519.Ed25519PrivateKey.generate()
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    made = api_keys.create(alice, "ED25519", permissions=["READ"], public_key=pem.decode())
    found = api_keys.find(made.key)
    assert made.secret is None and found.secret is None
    found.public_key.verify(private.sign(b"x"), b"x")


def test_secrets_are_not_in_the_database(api_keys, alice, database):
    made = api_keys.create(alice, "HMAC", permissions=BOTH)
    with database.read() as connection:
        (row,) = connection.execute(select(table)).all()
    assert made.secret not in repr(row) and made.secret.encode() not in row.secret
    assert made.secret not in repr(api_keys.list())


def test_keys_survive_a_restart(api_keys, alice, url, secret_box):
    made = [api_keys.create(alice, "HMAC", permissions=BOTH) for _ in range(3)]
    api_keys.revoke(made[1].key)
    again = Database(url)
    keys = ApiKeys(again, secret_box)
    assert [keys.find(m.key) and keys.find(m.key).secret for m in made] == [
        made[0].secret.encode(), None, made[2].secret.encode()
    ]  # fmt: skip
    again.close()


def test_the_wrong_key_file_is_told(api_keys, alice, database, tmp_path):
    api_keys.create(alice, "HMAC", permissions=BOTH)
    with pytest.raises(SecretKeyError, match="other.key does not open the secret of API key"):
        ApiKeys(database, SecretBox.open(tmp_path / "other.key"))


def test_a_secret_moved_to_another_row_does_not_open(api_keys, alice, database, secret_box):
    keys = [api_keys.create(alice, "HMAC", permissions=BOTH).key for _ in range(2)]
    with database.write() as connection:
        secret = select(table.c.secret).where(table.c.key == keys[0]).scalar_subquery()
        connection.execute(update(table).where(table.c.key == keys[1]).values(secret=secret))
    with pytest.raises(SecretKeyError, match=keys[1][:8]):
        ApiKeys(database, secret_box)


def test_revoking_works_here_at_once_and_is_final(api_keys, alice):
    made = api_keys.create(alice, "HMAC", permissions=BOTH)
    api_keys.revoke(made.key)
    assert api_keys.find(made.key) is None
    (listed,) = api_keys.list()
    api_keys.revoke(made.key)
    assert api_keys.list() == [listed] and listed.revoked_ns >= listed.created_ns
    with pytest.raises(UnknownKey, match="there is no API key 'nobody'"):
        api_keys.revoke("nobody")


def test_what_happens_elsewhere_arrives_within_a_second(api_keys, elsewhere, alice):
    made = [api_keys.create(alice, "HMAC", permissions=BOTH) for _ in range(2)]
    until(lambda: all(elsewhere.find(m.key) for m in made))
    assert elsewhere.find(made[0].key).secret == made[0].secret.encode()
    elsewhere.revoke(made[0].key)
    api_keys.revoke(made[1].key)
    until(lambda: elsewhere.find(made[1].key) is None)
    api_keys.refresh()
    assert api_keys.find(made[0].key) is None


def test_one_damaged_row_does_not_keep_revocations_away(api_keys, elsewhere, alice, database):
    damaged = api_keys.create(alice, "HMAC", permissions=BOTH)
    good = api_keys.create(alice, "HMAC", permissions=BOTH)
    until(lambda: elsewhere.find(good.key))
    with database.write() as connection:
        change = connection.execute(select(table.c.change).order_by(table.c.change.desc())).scalar()
        connection.execute(
            update(table).where(table.c.key == damaged.key).values(secret=b"?", change=change + 1)
        )
    until(lambda: elsewhere.failure)
    assert elsewhere.find(damaged.key) is None
    api_keys.revoke(good.key)
    assert "does not open the secret" in api_keys.failure and api_keys.find(good.key) is None
    until(lambda: elsewhere.find(good.key) is None)


def test_keys_of_one_member_are_listed(api_keys, alice, database):
    bob = Members(database).add("bob", 8)
    mine = api_keys.create(alice, "HMAC", permissions=["READ"], label="a", bounds=Bounds(("::1",)))
    theirs = api_keys.create(bob, "HMAC", permissions=BOTH)
    assert [k.key for k in api_keys.list()] == [mine.key, theirs.key]
    (listed,) = api_keys.list(alice)
    assert listed[:6] == (mine.key, alice.id, "HMAC", "a", {"READ"}, ("::1/128",))


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("hmac", {}),
        ("HMAC", {"permissions": []}),
        ("HMAC", {"permissions": ["ADMIN"]}),
        ("HMAC", {"bounds": Bounds(("nowhere",))}),
        ("HMAC", {"label": "x" * 65}),
        ("HMAC", {"public_key": "-----BEGIN PUBLIC KEY-----"}),
        ("RSA", {}),
        ("ED25519", {"public_key": "nonsense"}),
    ],
)
def test_a_bad_request_makes_no_key(api_keys, alice, kind, wrong):
    with pytest.raises(BadKey):
        api_keys.create(alice, kind, **({"permissions": BOTH} | wrong))
    assert api_keys.list() == []
