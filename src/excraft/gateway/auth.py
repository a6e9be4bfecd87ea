"""Who asks: keys, signatures, the time window, permissions, addresses.

A signature covers the raw query string and the raw body, one directly after the other, without the
`signature` parameter: the bytes as they were received, never re-encoded. The WebSocket API calls
`caller_of`, `check_time` and `check_signature` with its own payload.
"""

import hashlib
from collections.abc import MutableMapping
from typing import NamedTuple

from excraft.accounts.credentials import ApiKey, Permission
from excraft.accounts.signatures import verify
from excraft.gateway import errors
from excraft.gateway.exchange import Exchange
from excraft.gateway.spot import params

READ, TRADE, WITHDRAW = (p.value for p in (Permission.READ, Permission.TRADE, Permission.WITHDRAW))
KEY_LENGTH_MAX = 128
DEFAULT_WINDOW_US = 5_000_000
AHEAD_US = 1_000_000
NO_ADDRESS = "this machine"  # a Unix socket has none
_SIGNATURE = b"signature="


class Caller(NamedTuple):
    """Whose request it is, once the key is known. `asked`: a hash of key and signed bytes, the
    same for a request that is sent again and of no other."""

    account: int
    member_id: int
    permissions: frozenset[str]
    key: str
    asked: str = ""


def caller_of(exchange: Exchange, key: str, address: str, permission: str) -> tuple[Caller, ApiKey]:
    """The caller and the key of that name; raises NotAuthorized.

    An unknown key, a strange address and a missing permission get the same answer, so that nobody
    learns which of them it was.
    """
    if not key or len(key) > KEY_LENGTH_MAX or not key.isascii() or not key.isalnum():
        raise errors.bad_key_format()
    found = exchange.api_keys.find(key)
    if found is None or permission not in found.permissions:
        raise errors.rejected_key()
    if not found.allows(address):
        raise errors.rejected_key()
    return Caller(found.account, found.member_id, found.permissions, key), found


def check_time(exchange: Exchange, timestamp: int, window_us: int = DEFAULT_WINDOW_US) -> None:
    """Raises NotAuthorized unless `timestamp` (ms, or microseconds) is within the window."""
    stamp_us = timestamp if timestamp > params.MICROSECONDS else timestamp * 1000
    now_us = exchange.clock() // 1000
    if stamp_us >= now_us + AHEAD_US:
        raise errors.premature()
    if now_us - stamp_us > window_us:
        raise errors.stale()


def check_signature(key: ApiKey, payload: bytes, signature: str) -> None:
    """Raises NotAuthorized unless the signature is the key's for exactly these bytes."""
    if not verify(key, payload, signature):
        raise errors.bad_signature()


def signed_payload(query: bytes, body: bytes) -> bytes:
    """Query and body without the signature parameter, wherever it stands."""
    if body:
        if _SIGNATURE in query:
            return _unsigned(query) + body
        return query + _unsigned(body)
    return _unsigned(query)


def hash_of_request(key: str, query: bytes, body: bytes) -> str:
    """64 digits: the signature proves who made these bytes, and a timestamp is among them."""
    return hashlib.sha256(key.encode() + b" " + signed_payload(query, body)).hexdigest()


def _unsigned(raw: bytes) -> bytes:
    before, cut, after = raw.rpartition(b"&" + _SIGNATURE)
    if cut and b"&" not in after:
        return before
    return b"&".join(part for part in raw.split(b"&") if not part.startswith(_SIGNATURE))


def authenticate(
    exchange: Exchange, found: ApiKey, sent: MutableMapping[str, str], query: bytes, body: bytes
) -> None:
    """Check time and signature of a REST request; takes their parameters out of `sent`."""
    stamp, window = sent.pop("timestamp", ""), sent.pop("recvWindow", None)
    signature = sent.pop("signature", "")
    if not stamp:
        raise errors.missing("timestamp")
    if not signature:
        raise errors.missing("signature")
    timestamp = params.LONG.read("timestamp", stamp)
    window_us = DEFAULT_WINDOW_US
    if window is not None:
        window_us = params.WINDOW.read("recvWindow", window)
    check_time(exchange, timestamp, window_us)
    check_signature(found, signed_payload(query, body), signature)
