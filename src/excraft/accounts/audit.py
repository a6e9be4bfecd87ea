"""The audit log: every act of staff, one row each, each row's hash over the row before it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, insert, select

from excraft.accounts import four_eyes, holdings
from excraft.accounts.actors import Actor
from excraft.accounts.acts import Act
from excraft.accounts.canonical import NOTHING, canonical, digest
from excraft.accounts.staff_errors import BadPayload, NeedsApproval, NotAllowed, StaffError
from excraft.store.database import Database
from excraft.store.schema_audit import audit_log

DONE, DENIED = "done", "denied"
_LOCK = 0x4578_4175  # PostgreSQL advisory lock of those who append
_BATCH = 5_000
_OBJECT_MAX = 200
_REASON_MAX = 300
_c = audit_log.c


class Head(NamedTuple):
    """The last row: its number (0: there is none) and its hash."""

    number: int
    hash: bytes


class AuditRow(NamedTuple):
    number: int
    time_ns: int
    who: str
    role: str
    act: str
    object: str
    outcome: str
    payload: str
    hash: bytes


class Filter(NamedTuple):
    """Which rows to list; None asks nothing. Times: since <= row < until."""

    who: str | None = None
    act: str | None = None
    object: str | None = None
    outcome: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    before: int | None = None  # rows with a smaller number


class Verified(NamedTuple):
    """What `verify` found. `broken` is the number of the first row that is wrong, or None."""

    rows: int
    head: bytes
    broken: int | None
    why: str


class Audit:
    """Appends, lists and checks. Rows are written in the transaction of the act they tell of."""

    def __init__(self, database: Database, clock: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._clock = clock

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A durable transaction that is alone: no other act of staff is under way."""
        with self._database.write_durable() as connection:
            self._alone(connection)
            yield connection

    @contextmanager
    def acting(
        self, actor: Actor, act: Act, object: str,
        payload: dict[str, Any] | None = None, *, alone: bool = False,
    ) -> Iterator[Connection]:  # fmt: skip
        """Do `act` inside: the actor may do it, and act and row are written together or not at all.

        Raises NotAllowed, and NeedsApproval when a member tries alone what needs four eyes, which
        a step that decides nothing (`alone`) does not. A refusal, also a StaffError raised inside,
        gets a row of its own when the actor is staff.
        """
        _check_fields(object, payload or {})
        try:
            with self.writing() as connection:
                self._check_right(connection, actor, act, alone)
                yield connection
                self.append(connection, actor, act, object, payload=payload)
        except StaffError as refusal:
            self.denied(actor, act, object, str(refusal))
            raise

    def require(self, actor: Actor, act: Act, object: str) -> None:
        """For what only looks, or writes its row later: raises NotAllowed, with a row of that."""
        try:
            with self._database.read() as connection:
                _check_held(connection, actor, act)
        except NotAllowed as refusal:
            self.denied(actor, act, object, str(refusal))
            raise

    def append(
        self, connection: Connection, actor: Actor, act: str, object: str, *,
        outcome: str = DONE, payload: dict[str, Any] | None = None,
    ) -> int:  # fmt: skip
        """Number of the new row, in the caller's `write` transaction; best its last statement.

        Raises BadPayload when the payload is too large or seems to hold a secret.
        """
        _check_fields(object, payload or {})
        self._alone(connection)
        last = _head(connection)
        row = AuditRow(
            last.number + 1, self._clock(), actor.who, holdings.role_for(connection, actor, act),
            act, object, outcome, canonical(payload or {}), b"",
        )  # fmt: skip
        row = row._replace(hash=hash_of(last.hash, row))
        connection.execute(insert(audit_log).values(row._asdict()))
        return row.number

    def record(
        self, actor: Actor, act: Act, object: str, *,
        outcome: str = DONE, payload: dict[str, Any] | None = None,
    ) -> int:  # fmt: skip
        """Number of a new row in a transaction of its own, for what is no act in the database."""
        with self.writing() as connection:
            return self.append(connection, actor, act, object, outcome=outcome, payload=payload)

    def denied(self, actor: Actor, act: str, object: str, reason: str) -> None:
        """A row for an attempt of staff; others cannot fill the log with theirs."""
        with self.writing() as connection:
            if holdings.is_staff(connection, actor):
                why = {"reason": reason[:_REASON_MAX]}
                self.append(connection, actor, act, object, outcome=DENIED, payload=why)

    def head(self) -> Head:
        """Keep it somewhere else: `verify` with it notices rows cut off at the end."""
        with self._database.read() as connection:
            return _head(connection)

    def newest(self, wanted: Filter = Filter(), limit: int = 100) -> list[AuditRow]:  # noqa: B008
        """The newest `limit` rows that fit, oldest of them first."""
        query = _filtered(wanted).order_by(_c.number.desc()).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [AuditRow(*row) for row in reversed(rows)]

    def verify(self, head: bytes | None = None) -> Verified:
        """Walk the whole chain. `head`: a hash kept from before, which must be in it."""
        number, last, seen = 0, NOTHING, head in (None, NOTHING)
        with self._database.read() as connection:
            while True:
                rows = connection.execute(_after(number)).all()
                for raw in rows:
                    row = AuditRow(*raw)
                    if row.number != number + 1:
                        return Verified(number, last, number + 1, f"row {number + 1} is missing")
                    if row.hash != hash_of(last, row):
                        why = f"row {row.number} is not what was written, or the one before it"
                        return Verified(number, last, row.number, why)
                    number, last = row.number, row.hash
                    seen = seen or last == head
                if not rows:
                    break
        if not seen:
            why = (f"no row has the hash {head.hex()}: rows after row {number} were cut off, "
                   f"or the log was written anew")  # fmt: skip
            return Verified(number, last, number + 1, why)
        return Verified(number, last, None, "")

    def _check_right(self, connection: Connection, actor: Actor, act: Act, alone: bool) -> None:
        _check_held(connection, actor, act)
        number = four_eyes.needed(connection, act)
        if number and not (alone or actor.is_shell):
            raise NeedsApproval(f"{act} needs {number} approvals by others; propose it")

    def _alone(self, connection: Connection) -> None:
        if not connection.get_execution_options().get("write"):
            raise RuntimeError(
                "an audit row needs a transaction of Database.write or write_durable"
            )
        if not self._database.is_sqlite:  # there, BEGIN IMMEDIATE has seen to it
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def hash_of(previous: bytes, row: AuditRow) -> bytes:
    """SHA-256 over the previous row's hash and every column of this one but its own."""
    return digest("excraft audit 1", previous, *row[:-1])


def _check_fields(object: str, payload: dict[str, Any]) -> None:
    if not (0 < len(object) <= _OBJECT_MAX and object.isprintable()):
        raise BadPayload(f"{object[:40]!r} names no object: take 1 to {_OBJECT_MAX} printable ones")
    canonical(payload)


def _check_held(connection: Connection, actor: Actor, act: Act) -> None:
    if act not in holdings.acts_of(connection, actor):
        raise NotAllowed(f"{actor.who} may not {act}; none of their roles has it")


def _head(connection: Connection) -> Head:
    row = connection.execute(
        select(_c.number, _c.hash).order_by(_c.number.desc()).limit(1)
    ).first()  # fmt: skip
    return Head(*row) if row else Head(0, NOTHING)


def _after(number: int) -> Select:
    return select(audit_log).where(_c.number > number).order_by(_c.number).limit(_BATCH)


def _filtered(wanted: Filter) -> Select:
    query = select(audit_log)
    for name in ("who", "act", "object", "outcome"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(_c[name] == value)
    if wanted.since_ns is not None:
        query = query.where(_c.time_ns >= wanted.since_ns)
    if wanted.until_ns is not None:
        query = query.where(_c.time_ns < wanted.until_ns)
    if wanted.before is not None:
        query = query.where(_c.number < wanted.before)
    return query
