"""A signature holds for exactly the bytes and the key it was made with."""

import base64
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from excraft.accounts.credentials import ApiKey, Kind
from excraft.accounts.signatures import verify

PAYLOAD = b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
ED25519 = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SECRET = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"


def key_of(kind: Kind, proof) -> ApiKey:
    return ApiKey("k" * 64, (1, 2), kind, permissions=frozenset(), ips=(), proof=proof)


def signed(kind: Kind, payload: bytes) -> str:
    if kind is Kind.HMAC:
        return hmac.new(SECRET, payload, hashlib.sha256).hexdigest()
    if kind is Kind.ED25519:
        return base64.b64encode(ED25519.sign(payload)).decode()
    return base64.b64encode(RSA.sign(payload, PKCS1v15(), SHA256())).decode()


KEYS = {
    Kind.HMAC: key_of(Kind.HMAC, SECRET),
    Kind.ED25519: key_of(Kind.ED25519, ED25519.public_key()),
    Kind.RSA: key_of(Kind.RSA, RSA.public_key()),
}


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("payload", [b"", PAYLOAD, bytes(range(256)) * 40])
def test_signatures_hold(kind, payload):
    signature = signed(kind, payload)
    for _ in range(2):  # checking one leaves nothing behind that the next would see
        assert verify(KEYS[kind], payload, signature)
        assert not verify(KEYS[kind], payload + b"&", signature)


def test_the_case_of_hexadecimal_does_not_matter():
    assert verify(KEYS[Kind.HMAC], PAYLOAD, signed(Kind.HMAC, PAYLOAD).upper())


@pytest.mark.parametrize("kind", Kind)
def test_signatures_of_another_kind_or_with_one_byte_changed_do_not_hold(kind):
    for other in Kind:
        assert verify(KEYS[kind], PAYLOAD, signed(other, PAYLOAD)) is (kind is other)
    good = signed(kind, PAYLOAD)
    for at in range(0, len(good) - 2, 7):
        changed = good[:at] + ("A" if good[at] not in "aA" else "b") + good[at + 1 :]
        assert not verify(KEYS[kind], PAYLOAD, changed)
    assert not verify(KEYS[kind], PAYLOAD, good[:-4])
    assert not verify(KEYS[kind], PAYLOAD, good + "AAAA")


@pytest.mark.parametrize("kind", Kind)
@given(signature=st.text(st.characters(exclude_categories=())))
def test_nonsense_is_false_and_never_an_error(kind, signature):
    assert verify(KEYS[kind], PAYLOAD, signature) is False
