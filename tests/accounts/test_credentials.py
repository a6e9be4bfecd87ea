"""What a key may be made of."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from excraft.accounts import credentials
from excraft.accounts.credentials import ApiKey, Kind
from excraft.accounts.errors import BadKey


def pem(private) -> str:
    form = PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(Encoding.PEM, form).decode()


ED25519 = pem(ed25519.Ed25519PrivateKey.generate())
RSA = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
WEAK = pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))
CURVE = pem(ec.generate_private_key(ec.SECP256R1()))


def test_tokens_are_64_letters_and_digits_that_never_repeat():
    tokens = {credentials.new_token() for _ in range(200)}
    assert len(tokens) == 200
    assert all(len(t) == 64 and t.isascii() and t.isalnum() for t in tokens)
    assert len(set("".join(tokens))) == 62


def test_public_keys_of_the_right_kind_are_read():
    assert credentials.read_public_key(Kind.ED25519, ED25519).public_bytes_raw()
    assert credentials.read_public_key(Kind.RSA, RSA).key_size == 2048


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (Kind.RSA, WEAK, "has 1024 bits; it must have 2048 to 8192"),
        (Kind.RSA, ED25519, "not of the kind RSA"),
        (Kind.ED25519, RSA, "not of the kind ED25519"),
        (Kind.ED25519, CURVE, "not of the kind ED25519"),
        (Kind.RSA, "", "no public key in PEM form"),
        (Kind.RSA, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "no public key"),
        (Kind.RSA, "é" * 100, "no public key in PEM form"),
        (Kind.RSA, RSA * 10, "at most 4096 are read"),
    ],
)
def test_other_public_keys_are_refused(kind, text, said):
    with pytest.raises(BadKey, match=said):
        credentials.read_public_key(kind, text)


def test_permissions_kinds_and_labels():
    assert credentials.read_permissions(["TRADE", "READ", "READ"]) == {"READ", "TRADE"}
    for wrong in ([], ["read"], ["READ", "ADMIN"]):
        with pytest.raises(BadKey, match="permissions must be some of READ, TRADE"):
            credentials.read_permissions(wrong)
    with pytest.raises(BadKey, match="'hmac' is no kind of key"):
        credentials.read_kind("hmac")
    assert credentials.read_label("") == ""
    for wrong in ("x" * 65, "a\nb"):
        with pytest.raises(BadKey, match="at most 64 printable characters"):
            credentials.read_label(wrong)


@pytest.mark.parametrize(
    ("ips", "address", "allowed"),
    [
        ([], "198.51.100.1", True),
        ([], "", True),
        (["192.0.2.7"], "192.0.2.7", True),
        (["192.0.2.7"], "192.0.2.8", False),
        (["192.0.2.0/24", "2001:db8::/32"], "192.0.2.255", True),
        (["192.0.2.0/24", "2001:db8::/32"], "2001:db8::9", True),
        (["192.0.2.0/24"], "2001:db8::9", False),
        (["192.0.2.0/24"], "", False),
        (["192.0.2.0/24"], "not an address", False),
    ],
)
def test_addresses_a_key_may_be_used_from(ips, address, allowed):
    networks = credentials.read_ips(ips)
    key = ApiKey("k" * 64, (1, 2), Kind.HMAC, permissions=frozenset(), ips=networks, proof=b"s")
    assert key.allows(address) is allowed


@pytest.mark.parametrize("wrong", [["192.0.2.1/24"], ["example.com"], ["1.2.3"], ["::1"] * 31])
def test_addresses_that_are_none(wrong):
    with pytest.raises(BadKey, match=r"give an address or a network|at most 30"):
        credentials.read_ips(wrong)


def test_a_key_shown_in_a_log_tells_no_secret():
    key = ApiKey("abcdefgh" + "i" * 56, (1, 2), Kind.HMAC, permissions=frozenset(), ips=(),
                 proof=b"hush")  # fmt: skip
    assert repr(key) == "ApiKey(abcdefgh..., HMAC, account 2)"
