"""One text for one payload, and one hash for one list of fields."""

import hashlib
import json
import re
from typing import Any

from excraft.accounts.staff_errors import BadPayload

PAYLOAD_BYTES_MAX = 8_192
DEPTH_MAX = 8
NOTHING = bytes(32)  # hash before the first row

_SECRET_NAME = re.compile(
    r"passw|passphrase|secret|mnemonic|private|recovery_?code|otp|cookie|authorization"
    r"|(session|access|bearer|login|reset|csrf)_?token|(^|_)(seed|pin)($|_)",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(r"PRIVATE KEY-----|\$argon2|\$2[aby]\$|xprv[0-9A-Za-z]{20}|otpauth://")


def canonical(payload: dict[str, Any]) -> str:
    """ASCII JSON with sorted names and no blanks; raises BadPayload.

    Whole numbers, text, true, false, null, lists and objects. No fractions, which two programs may
    write differently, and nothing that looks like a secret: what is written here is never erased.
    """
    if not isinstance(payload, dict):
        raise BadPayload(f"a payload is an object with names, not {type(payload).__name__}")
    _check(payload, 1)
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    if len(text) > PAYLOAD_BYTES_MAX:
        raise BadPayload(f"the payload has {len(text)} bytes; {PAYLOAD_BYTES_MAX} are allowed")
    return text


def _check(value: Any, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise BadPayload(f"the payload is nested deeper than {DEPTH_MAX}")
    if isinstance(value, dict):
        for name, inside in value.items():
            if type(name) is not str:
                raise BadPayload(f"names in a payload are text, not {name!r:.80}")
            if _SECRET_NAME.search(name):
                raise BadPayload(f"{name[:80]!r} sounds like a secret, which is never written down")
            _check(name, depth + 1)
            _check(inside, depth + 1)
    elif isinstance(value, list | tuple):
        for inside in value:
            _check(inside, depth + 1)
    elif isinstance(value, str):
        if len(value) > PAYLOAD_BYTES_MAX:
            raise BadPayload(f"a text of {len(value)} characters; {PAYLOAD_BYTES_MAX} are allowed")
        if _SECRET_TEXT.search(value):
            raise BadPayload("a text in the payload looks like a key or a hash of a password")
    elif type(value) is int:
        if value.bit_length() > 512:
            raise BadPayload("a number in the payload has more than 512 bits")
    elif value is not None and type(value) is not bool:
        raise BadPayload(f"a payload holds no {type(value).__name__}: write it as text")


def digest(domain: str, *fields: bytes | str | int) -> bytes:
    """SHA-256 over the fields, each with its length before it, so that none runs into the next."""
    hashed = hashlib.sha256()
    for field in (domain, *fields):
        raw = field if isinstance(field, bytes) else str(field).encode("utf-8", "surrogatepass")
        hashed.update(len(raw).to_bytes(4, "big") + raw)
    return hashed.digest()
