"""Signatures over the bytes as received, the time window, kinds of keys, addresses."""

import base64
import hashlib
import hmac
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from excraft.accounts.api_keys import Bounds
from excraft.accounts.credentials import ApiKey, Kind
from excraft.gateway import auth
from excraft.gateway.errors import NotAuthorized
from tests.gateway.clients import error_of, limit, now_ms

pytestmark = pytest.mark.anyio
FORM = {"content-type": "application/x-www-form-urlencoded"}

# The worked example of the public documentation: a secret, and what it makes of three requests.
SECRET = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
LEFT = b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC"
RIGHT = b"quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
WHOLE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
MIXED = "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"


@pytest.mark.parametrize(
    ("query", "body", "signature"),
    [
        (LEFT + b"&" + RIGHT + b"&signature=" + WHOLE.encode(), b"", WHOLE),
        (b"", LEFT + b"&" + RIGHT + b"&signature=" + WHOLE.encode(), WHOLE),
        (LEFT, RIGHT + b"&signature=" + MIXED.encode(), MIXED),
        (LEFT + b"&signature=" + MIXED.encode(), RIGHT, MIXED),
        (LEFT + b"&" + RIGHT, b"signature=" + WHOLE.encode(), WHOLE),
        (b"signature=" + WHOLE.encode() + b"&" + LEFT + b"&" + RIGHT, b"", WHOLE.upper()),
        (LEFT + b"&signature=" + WHOLE.encode() + b"&" + RIGHT, b"", WHOLE),
    ],
)
def test_the_documented_example(query, body, signature):
    key = ApiKey("k", (1, 0), Kind.HMAC, permissions=frozenset(), ips=(), proof=SECRET)
    auth.check_signature(key, auth.signed_payload(query, body), signature)
    with pytest.raises(NotAuthorized):
        auth.check_signature(key, auth.signed_payload(query.replace(b"LTC", b"ltc"), body)
                             + b"x", signature)  # fmt: skip


def sign(client, payload: str) -> str:
    return hmac.new(client.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


async def post(client, query: str, body: str):
    return await client.http.post(
        f"/api/v3/order?{query}", content=body, headers={**FORM, "X-MBX-APIKEY": client.key}
    )


async def test_parameters_in_the_query_the_body_or_both(venue):
    alice = venue.alice
    whole = (
        f"symbol=EXTUSD&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=9&timestamp={now_ms()}"
    )
    left, right = whole.split("&quantity")
    right = "quantity" + right
    for query, body in (
        (f"{whole}&signature={sign(alice, whole)}", ""),
        ("", f"{whole}&signature={sign(alice, whole)}"),
        (left, f"{right}&signature={sign(alice, left + right)}"),
        (f"{left}&signature={sign(alice, left + right)}", right),
    ):
        reply = await post(alice, query, body)
        assert reply.status_code == 200, reply.text


async def test_the_query_wins(venue):
    query, body = (
        "symbol=EXTUSD&price=9",
        (f"price=8&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&timestamp={now_ms()}"),
    )
    reply = await post(venue.alice, query, f"{body}&signature={sign(venue.alice, query + body)}")
    assert reply.json()["price"] == "9.00000000"


async def test_bytes_as_received(venue):
    """Lower-case escapes, a plus, escaped letters: signed as sent, read as meant."""
    values = (
        "symbol=%45XTUSD&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=9%2e5"
        f"&newClientOrderId=a%3ab&timestamp={now_ms()}"
    )
    reply = await post(venue.alice, f"{values}&signature={sign(venue.alice, values)}", "")
    assert reply.json()["clientOrderId"] == "a:b"
    assert reply.json()["price"] == "9.50000000"


@pytest.mark.parametrize(
    ("values", "status", "code"),
    [
        ({"timestamp": -6_000}, 400, -1021),
        ({"timestamp": -4_000}, 200, 0),
        ({"timestamp": 900}, 200, 0),
        ({"timestamp": 1_200}, 400, -1021),
        ({"timestamp": -50_000, "recvWindow": "60000"}, 200, 0),
        ({"timestamp": -500, "recvWindow": "100.125"}, 400, -1021),
        ({"timestamp": -500, "recvWindow": "5000.999"}, 200, 0),
        ({"timestamp": 0, "recvWindow": "60000.001"}, 400, -1131),
        ({"timestamp": 0, "recvWindow": "1.0001"}, 400, -1100),
        ({"timestamp": 0, "recvWindow": "-5"}, 400, -1100),
        ({"timestamp": "soon"}, 400, -1100),
        ({"timestamp": "1.5"}, 400, -1100),
        ({"timestamp": ""}, 400, -1102),
        ({"timestamp": "9" * 20}, 400, -1108),
    ],
)
@pytest.mark.parametrize("microseconds", [False, True])
async def test_the_time_window(venue, values, status, code, microseconds):
    stamp = values["timestamp"]
    if isinstance(stamp, int):
        stamp = (now_ms() + stamp) * (1000 if microseconds else 1)
    reply = await venue.alice.call("GET", "/api/v3/openOrders", **{**values, "timestamp": stamp})
    assert reply.status_code == status, reply.text
    if code:
        assert error_of(reply)[1] == code


@pytest.mark.parametrize("signature", ["", "00", "ä", "z" * 64, "0" * 64, "A" * 10_000])
async def test_wrong_signatures(venue, signature):
    query = f"timestamp={now_ms()}&signature={quote(signature)}"
    for client in (venue.alice, await _asymmetric(venue, Ed25519PrivateKey.generate())):
        reply = await client.http.get(
            f"/api/v3/account?{query}", headers={"X-MBX-APIKEY": client.key}
        )
        assert error_of(reply)[1] == (-1022 if signature else -1102)


class Signer:
    """A member who signs with a private key."""

    def __init__(self, http, key: str, private) -> None:
        self.http, self.key, self.private = http, key, private

    def signature(self, payload: bytes) -> str:
        if isinstance(self.private, Ed25519PrivateKey):
            made = self.private.sign(payload)
        else:
            made = self.private.sign(payload, padding.PKCS1v15(), SHA256())
        return base64.b64encode(made).decode()


async def _asymmetric(venue, private) -> Signer:
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    kind = "ED25519" if isinstance(private, Ed25519PrivateKey) else "RSA"
    made = venue.exchange.api_keys.create(
        venue.alice.member, kind, permissions=["READ", "TRADE"], public_key=pem.decode()
    )
    return Signer(venue.http, made.key, private)


@pytest.mark.parametrize("kind", ["ED25519", "RSA"])
async def test_ed25519_and_rsa(venue, kind):
    private = (
        Ed25519PrivateKey.generate() if kind == "ED25519" else rsa.generate_private_key(65537, 2048)
    )
    signer = await _asymmetric(venue, private)
    query = f"omitZeroBalances=true&timestamp={now_ms()}"
    good = quote(signer.signature(query.encode()), safe="")
    headers = {"X-MBX-APIKEY": signer.key}
    reply = await venue.http.get(f"/api/v3/account?{query}&signature={good}", headers=headers)
    assert reply.status_code == 200, reply.text
    other = quote(signer.signature(query.encode() + b" "), safe="")
    reply = await venue.http.get(f"/api/v3/account?{query}&signature={other}", headers=headers)
    assert error_of(reply)[:2] == (400, -1022)


async def test_a_key_may_be_bound_to_addresses(venue):
    keys, member = venue.exchange.api_keys, venue.alice.member
    for ips, status in ((["192.0.2.0/24"], 200), (["198.51.100.7"], 401)):
        made = keys.create(member, "HMAC", permissions=["READ"], bounds=Bounds(ips))
        venue.alice.key, venue.alice.secret = made.key, made.secret
        reply = await venue.alice.call("GET", "/api/v3/account")
        assert reply.status_code == status
    assert error_of(reply) == (401, -2015, "Invalid API-key, IP, or permissions for action.")


async def test_a_revoked_key_ends_at_once(venue):
    await venue.alice.limit("BUY", "1", "9")
    venue.exchange.api_keys.revoke(venue.alice.key)
    found = await venue.alice.error("POST", "/api/v3/order", **limit("BUY", "1", "9"))
    assert found == (401, -2015, "Invalid API-key, IP, or permissions for action.")


async def test_nothing_secret_is_logged(venue, caplog):
    await venue.alice.limit("BUY", "1", "9")
    await venue.alice.error("POST", "/api/v3/order", symbol="NOPE")
    venue.exchange.history.order = None  # a bug
    reply = await venue.alice.call("GET", "/api/v3/order", symbol="EXTUSD", orderId=10**9)
    assert error_of(reply)[:2] == (500, -1000)
    assert "failed" in caplog.text and "Traceback" in caplog.text
    for secret in (venue.alice.secret, venue.alice.key, "signature="):
        assert secret not in caplog.text
