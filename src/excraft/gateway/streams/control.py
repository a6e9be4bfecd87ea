"""SUBSCRIBE and its kin: what a market stream client may send, and the exact errors.

`answer` takes one message and a session and gives the reply; the session does the subscribing.
"""

import re
from typing import Any, Protocol

import msgspec

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_INT64 = range(-(1 << 63), 1 << 63)
_TEXT_ID = re.compile("[a-zA-Z0-9_-]{1,36}").fullmatch
_BYTE = re.compile(r"\(byte (\d+)\)")
_EXPECTED = ", ".join(f"`{m}`" for m in METHODS)


class Session(Protocol):
    """What a message may change."""

    combined: bool
    streams: dict[str, Any]
    streams_max: int

    def subscribe(self, names: list[str]) -> None: ...

    def unsubscribe(self, names: list[str]) -> None: ...


class Invalid(Exception):
    """A message that cannot be obeyed: code, text and the id when it is known."""

    def __init__(self, code: int, text: str, number: object = None) -> None:
        super().__init__(text)
        self.code, self.text, self.id = code, text, number


class Request(msgspec.Struct):
    """A message that is well-formed; `params` are still anything."""

    method: str
    id: int | str | None
    params: list | None


def answer(session: Session, text: str) -> dict:
    """Obey one message; the reply to send."""
    try:
        request = read(text)
        try:
            return {"result": _obey(session, request), "id": request.id}
        except Invalid as wrong:
            wrong.id = request.id
            raise
    except Invalid as wrong:
        return {"code": wrong.code, "msg": wrong.text, "id": wrong.id}


def read(text: str) -> Request:
    """Raises Invalid with the documented codes: 3 for no JSON, 2 for a wrong shape."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as wrong:
        at = _BYTE.search(str(wrong))
        line, column = _place(text, int(at[1]) if at else len(text))
        raise Invalid(3, f"Invalid JSON: expected value at line {line} column {column}") from None
    if not isinstance(found, dict):
        raise Invalid(2, "Invalid request: expected an object at line 1 column 0")
    number = found.get("id")
    if "id" not in found or not _is_id(number):
        raise Invalid(2, "Invalid request: request ID must be an unsigned integer")
    line, column = _place(text, len(text))
    if "method" not in found:
        raise Invalid(
            2, f"Invalid request: missing field `method` at line {line} column {column}", number
        )
    method, params = found["method"], found.get("params")
    if method not in METHODS:
        shown = method[:64] if isinstance(method, str) else type(method).__name__
        raise Invalid(
            2,
            f"Invalid request: unknown variant `{shown}`, expected one of {_EXPECTED} "
            f"at line {line} column {column}",
            number,
        )
    if params is not None and not isinstance(params, list):
        raise Invalid(2, "Invalid request: params must be a list", number)
    return Request(method, number, params)


def _is_id(number: object) -> bool:
    if number is None:
        return True
    if isinstance(number, str):
        return _TEXT_ID(number) is not None
    return type(number) is int and number in _INT64


def _place(text: str, byte: int) -> tuple[int, int]:
    before = text.encode()[:byte].decode(errors="replace")
    return before.count("\n") + 1, byte - (before.rfind("\n") + 1)


def _obey(session: Session, request: Request) -> object:
    params = request.params or []
    match request.method:
        case "SUBSCRIBE":
            names = _names(params)
            if len(session.streams.keys() | set(names)) > session.streams_max:
                raise Invalid(
                    2, f"Invalid request: too many streams; at most {session.streams_max}"
                )
            session.subscribe(names)
        case "UNSUBSCRIBE":
            session.unsubscribe(_names(params))
        case "LIST_SUBSCRIPTIONS":
            if params:
                raise Invalid(2, "Invalid request: too many parameters")
            return list(session.streams)
        case "SET_PROPERTY":
            _check_property(params, 2)
            if len(params) < 2 or type(params[1]) is not bool:
                raise Invalid(1, "Invalid value type: expected Boolean")
            session.combined = params[1]
        case "GET_PROPERTY":
            _check_property(params, 1)
            return session.combined
    return None


def _names(params: list) -> list[str]:
    if not params or not all(isinstance(name, str) for name in params):
        raise Invalid(2, "Invalid request: params must be a list of stream names")
    if any(len(name) > 256 for name in params):
        raise Invalid(2, "Invalid request: a stream name is too long")
    return params


def _check_property(params: list, most: int) -> None:
    if len(params) > most:
        raise Invalid(2, "Invalid request: too many parameters")
    if not params or not isinstance(params[0], str):
        raise Invalid(2, "Invalid request: property name must be a string")
    if params[0] != "combined":
        raise Invalid(0, "Unknown property")
