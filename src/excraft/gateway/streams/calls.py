"""One request of the WebSocket API: reading it, and the payload that its signature covers.

Values are texts exactly as they stand in the JSON: numbers digit for digit, booleans true and
false, so that the payload is what the client signed.
"""

import re
from typing import NamedTuple

import msgspec

from excraft.gateway import errors

_KINDS = {"id": "an integer, a string or null", "method": "a string", "params": "an object"}


ID_BYTES_MAX = 256


class Call(NamedTuple):
    """`id` is the JSON text to echo; `params` are texts by name."""

    id: bytes
    method: str
    params: dict[str, str]


class _Message(msgspec.Struct, gc=False):
    method: str
    id: msgspec.Raw = msgspec.Raw(b"null")
    params: dict[str, msgspec.Raw] | None = None


class Unreadable(Exception):
    """No request at all: the error to answer with and the id, if that could be read."""

    def __init__(self, error: errors.ApiError, number: bytes = b"null") -> None:
        super().__init__(str(error))
        self.error, self.id = error, number


_decode = msgspec.json.Decoder(_Message).decode


def read(text: str) -> Call:
    """The request; raises Unreadable."""
    try:
        message = _decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise _why(text) from None
    number = bytes(message.id)
    if len(number) > ID_BYTES_MAX or _is_id(number) is None:
        raise Unreadable(_wrong("id"))
    return Call(number, message.method, texts(message.params))


_is_id = re.compile(rb'".*"|null|-?[0-9]+').fullmatch


def _why(text: str) -> Unreadable:
    """What is wrong with a text that is no request."""
    try:
        found = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return Unreadable(errors.BadParameter(-1135, "Invalid JSON Request"))
    number = bytes(found.get("id", b"null"))
    if len(number) > ID_BYTES_MAX or _is_id(number) is None:
        number = b"null"
    if "method" not in found:
        return Unreadable(errors.missing("method"), number)
    name = "params" if bytes(found["method"]).startswith(b'"') else "method"
    return Unreadable(_wrong(name), number)


def _wrong(name: str) -> errors.ApiError:
    return errors.BadParameter(-1135, f"Invalid '{name}' in JSON request; expected {_KINDS[name]}.")


def texts(params: dict[str, msgspec.Raw] | None) -> dict[str, str]:
    """Parameters as texts by name; null is an empty text, a list or object compact JSON."""
    found = {}
    for name, raw in (params or {}).items():
        value = bytes(raw)
        first = value[0]
        if first == 0x22 and b"\\" not in value:
            found[name] = value[1:-1].decode()
        elif first == 0x22:
            found[name] = msgspec.json.decode(value)
        elif first in b"[{":
            found[name] = msgspec.json.format(value, indent=-1).decode()
        else:
            found[name] = "" if value == b"null" else value.decode()
    return found


def payload(sent: dict[str, str]) -> bytes:
    """What the signature covers: all but itself, by name, unencoded."""
    return "&".join(
        [f"{name}={sent[name]}" for name in sorted(sent) if name != "signature"]
    ).encode()
