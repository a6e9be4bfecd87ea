"""Tables of what can be done under /account: one file per topic, each with its own ACTS.

A row is (method, path): Act. A part of a path in braces, such as `sessions/{id}`, takes any text
without a slash; the act reads it from `asked.values`.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Annotated, Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from excraft.accounts.desk import Caller, Desk
from excraft.accounts.refusals import Refused
from excraft.accounts.sessions import Session
from excraft.gateway.exchange import Exchange

WEIGHT = 5  # of the same limit by address that the trading API counts in
Text = Annotated[str, msgspec.Meta(max_length=512)]
Place = tuple[str, str]


class Body(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Nothing, and the ground of all others."""


class Raw(NamedTuple):
    """A body that is no JSON: given to the act piece by piece, never more bytes than this."""

    bytes_max: int


class Asked(NamedTuple):
    """One request that may be done; `session` is None where none is needed.

    `body` is the shape of the act or, for Raw, an asynchronous iterator of bytes that raises
    Refused when they become too many. `values` are the parts of the path in braces.
    """

    exchange: Exchange
    request: Request
    caller: Caller
    session: Session | None
    body: Any
    values: Mapping[str, str]

    @property
    def desk(self) -> Desk:
        return self.exchange.desk


class Act(NamedTuple):
    """What is done for one method and path; `shape` None takes no body."""

    run: Callable[[Asked], Awaitable[Response]]
    shape: type | Raw | None = None
    needs_session: bool = True
    weight: int = WEIGHT


class Acts:
    """All tables as one; raises ValueError when two have the same place."""

    def __init__(self, tables: Iterable[Mapping[Place, Act]]) -> None:
        self._rows: dict[tuple[str, ...], dict[str, Act]] = {}  # by the parts of the path
        for table in tables:
            for (method, path), act in table.items():
                methods = self._rows.setdefault(tuple(path.split("/")), {})
                if method in methods:
                    raise ValueError(f"{method} {path} stands in two tables")
                methods[method] = act

    def find(self, method: str, path: str) -> tuple[Act, dict[str, str]]:
        """(act, values of the braces); raises Refused. A path without braces goes first."""
        parts = tuple(path.split("/"))
        if parts in self._rows and "{" not in path:
            return self._of(method, path, self._rows[parts]), {}
        for pattern, methods in self._rows.items():
            values = _values(pattern, parts)
            if values:
                return self._of(method, "/".join(pattern), methods), values
        raise Refused("not_found", f"There is nothing at /account/{path[:80]}.")

    def places(self) -> list[Place]:
        """Every method and path, for whoever tries them all."""
        return [(m, "/".join(parts)) for parts, methods in self._rows.items() for m in methods]

    def of(self, method: str, path: str) -> Act:
        """The act of a place as `places` has it."""
        return self._rows[tuple(path.split("/"))][method]

    @staticmethod
    def _of(method: str, path: str, methods: dict[str, Act]) -> Act:
        if method not in methods:
            raise Refused("wrong_method", f"{path} takes {' and '.join(methods)} only.")
        return methods[method]


def _values(pattern: tuple[str, ...], parts: tuple[str, ...]) -> dict[str, str]:
    """What stands where the pattern has braces; empty when it does not fit."""
    if len(pattern) != len(parts):
        return {}
    values = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("{") and part:
            values[wanted[1:-1]] = part
        elif wanted != part:
            return {}
    return values
