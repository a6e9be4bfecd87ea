"""The rows of withdrawals: taken, decided once, closed once. Every method is one transaction."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, Row, Select, exists, func, insert, select, union_all, update

from excraft.custody import limits as stored_limits
from excraft.custody import risk
from excraft.custody.errors import WithdrawalRefused
from excraft.custody.limits import DAY_S, HOUR_S
from excraft.custody.risk import SECOND_NS, Asked, Known
from excraft.custody.withdrawal import ENDS, Payment, State, state_of
from excraft.custody.withdrawal_facts import Fact, Step
from excraft.store.database import Database
from excraft.store.schema import members
from excraft.store.schema_custody import custody_addresses
from excraft.store.schema_people import (
    email_changes,
    passkeys,
    people,
    second_factors,
    wallets,
)
from excraft.store.schema_withdrawals import (
    custody_sent,
    withdrawal_addresses,
    withdrawal_approvals,
    withdrawal_modes,
    withdrawals,
)
from excraft.units import format_decimal

_LOCK = 0x4578_5764  # PostgreSQL advisory lock of those who take a withdrawal
NOTE_MAX = 500
CHUNK = 500  # ids in one query
_W = withdrawals.c


class Route(NamedTuple):
    """How an asset leaves over a chain; amounts in atoms."""

    chain: int
    network: str  # as clients call it, such as ETH
    asset: int
    symbol: str
    decimals: int
    chain_decimals: int
    token: str | None  # contract in small letters, None the native coin
    fee: int
    minimum: int

    def text(self, atoms: int) -> str:
        return f"{format_decimal(atoms, self.decimals, self.decimals)} {self.symbol}"


class Request(NamedTuple):
    """A withdrawal as a door passes it on, with who asks proven."""

    account: int
    member_id: int
    route: Route
    destination: str  # EIP-55
    atoms: int
    units: int
    origin: str  # session, or key:NAME
    client_id: str | None = None
    level: int = 0  # of KYC
    frozen: bool = False

    def payment(self, id: int) -> Payment:
        route = self.route
        return Payment(id, self.account, route.asset, self.atoms, route.fee, route.chain,
                       self.destination, route.token, self.units)  # fmt: skip


class Decision(NamedTuple):
    """`what`: approve, cancel, refuse or fail."""

    what: str
    who: str
    reason: str = ""


class Found(NamedTuple):
    """A withdrawal with what follows from its facts."""

    row: Row
    state: State
    approvers: tuple[str, ...]
    hash: str  # of the transaction that was mined, or else sent last; empty before
    confirmed_block: int | None

    @property
    def payment(self) -> Payment:
        r = self.row
        return Payment(r.id, r.account, r.asset, r.atoms, r.fee, r.chain_id, r.destination,
                       r.token, int(r.units))  # fmt: skip


class WithdrawalBook:
    """Reads and writes `withdrawals`; nothing is kept in memory."""

    def __init__(self, database: Database, clock: Callable[[], int] = time.time_ns) -> None:
        self._database, self._clock = database, clock

    @property
    def now_ns(self) -> int:
        return self._clock()

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        with self._database.write_durable() as connection:
            if not self._database.is_sqlite:  # there, BEGIN IMMEDIATE has seen to it
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield connection

    def take(self, request: Request, highest: int) -> int:
        """The id of a new withdrawal, larger than `highest`; raises WithdrawalRefused."""
        route, now = request.route, self._clock()
        with self._alone() as connection:
            self._check_client_id(connection, request)
            limits = stored_limits.load(connection)
            asked = Asked(route.asset, request.atoms, request.destination, now,
                          request.origin.startswith("key:"))  # fmt: skip
            known = self._known(connection, request, asked, limits)
            verdict = risk.judge(asked, known, limits, route.text)
            last = connection.execute(select(func.coalesce(func.max(_W.id), 0))).scalar_one()
            payment = request.payment(max(last, highest) + 1)
            connection.execute(
                insert(withdrawals).values(
                    **_columns(payment), member_id=request.member_id, origin=request.origin,
                    client_id=request.client_id, requested_ns=now, note="",
                    waits_until_ns=verdict.waits_until_ns, needed=verdict.approvals,
                )
            )  # fmt: skip
        return payment.id

    def _check_client_id(self, connection: Connection, request: Request) -> None:
        if request.client_id is None:
            return
        same = (_W.account == request.account) & (_W.client_id == request.client_id)
        if connection.execute(select(_W.id).where(same)).first():
            raise WithdrawalRefused(
                "duplicate", f"there is a withdrawal {request.client_id[:64]!r} of yours already"
            )

    def _known(self, connection, request: Request, asked: Asked, limits) -> Known:
        mine = _W.account == request.account
        standing = _W.decision.is_(None) | _W.decision.not_in(list(ENDS))
        day = select(func.coalesce(func.sum(_W.atoms), 0)).where(
            mine,
            standing,
            _W.asset == asked.asset,
            _W.requested_ns > asked.now_ns - DAY_S * SECOND_NS,
        )
        hour = select(func.count()).where(mine, _W.requested_ns > asked.now_ns - HOUR_S * SECOND_NS)
        used = select(func.min(_W.requested_ns)).where(
            mine, _W.destination == asked.destination, _W.decision == "approve"
        )
        a, m = withdrawal_addresses.c, withdrawal_modes.c
        listed = select(a.added_ns).where(
            a.account == request.account, a.address == asked.destination
        )
        mode = connection.execute(
            select(m.on_ns, m.off_asked_ns).where(m.account == request.account)
        ).first() or (None, None)
        factor, emails = _logins(request.member_id, asked.now_ns)
        one = lambda query: connection.execute(query).scalar()  # noqa: E731
        return Known(
            request.level, request.frozen, int(one(day)), one(hour), one(listed), one(used),
            risk.list_mode(*mode, asked.now_ns, limits), one(factor), bool(one(emails)),
        )  # fmt: skip

    # steps, each taken once

    def reserved(self, id: int, position: int) -> None:
        self._step(id, _W.reserved_position.is_(None), reserved_position=position)

    def approved(self, id: int, position: int) -> None:
        self._step(id, _W.approved_position.is_(None), approved_position=position)

    def closed(self, id: int, position: int | None) -> None:
        """Spent, released, or never reserved (None)."""
        open_ = _W.closed_ns.is_(None)
        self._step(id, open_, closed_position=position, closed_ns=self._clock(), note="")

    def rebuild(self, payment: Payment, fact: Fact) -> None:
        """A row that was lost, as the log has it. Whose account it was may be lost too: then it
        is member 0's, who is nobody."""
        now, released = self._clock(), fact.steps & Step.RELEASED
        with self._alone() as connection:
            owner = select(members.c.id).where(members.c.account == payment.account)
            connection.execute(
                insert(withdrawals).values(
                    **_columns(payment), member_id=connection.execute(owner).scalar() or 0,
                    origin="log", requested_ns=now, waits_until_ns=now, needed=0, note="",
                    reserved_position=fact.reserved, approved_position=fact.approved,
                    decision="fail" if released else "approve", decided_ns=now,
                    decided_by="exchange", reason="made again from the log",
                    closed_position=fact.closed or None, closed_ns=now if fact.closed else None,
                )
            )  # fmt: skip

    def decide(
        self, id: int, decision: str, who: str, reason: str = "", before: str | None = None
    ) -> bool:
        """Decide once; False when it is decided already. `before`: a decision that this corrects,
        for one that was approved and then could not be paid."""
        with self._database.write_durable() as connection:
            made = Decision(decision, who, reason)
            return decide(connection, id, made, self._clock(), before)

    def note(self, id: int, why: str) -> None:
        """Why it does not move, for people; written only when it is new."""
        why = why[:NOTE_MAX]
        with self._database.write() as connection:
            connection.execute(
                update(withdrawals).where(_W.id == id, _W.note != why).values(note=why)
            )

    def _step(self, id: int, condition, **values) -> None:
        with self._database.write_durable() as connection:
            connection.execute(update(withdrawals).where(_W.id == id, condition).values(values))

    # what there is

    def get(self, id: int) -> Found | None:
        found = self._found(_asked().where(_W.id == id))
        return found[0] if found else None

    def of_client(self, account: int, client_id: str) -> int:
        """The id of the one that the account calls so; there must be one."""
        asked = select(_W.id).where(_W.account == account, _W.client_id == client_id)
        with self._database.read() as connection:
            return connection.execute(asked).scalar_one()

    def ids(self) -> set[int]:
        """Of every withdrawal."""
        with self._database.read() as connection:
            return set(connection.execute(select(_W.id)).scalars())

    def open(self) -> list[Found]:
        """Those that are not closed, oldest first."""
        return self._found(_asked().where(_W.closed_ns.is_(None)).order_by(_W.id))

    def find(
        self, account: int | None = None, limit: int = 1000, *conditions
    ) -> list[Found]:  # fmt: skip
        """Newest first, of one account or of all."""
        asked = _asked() if account is None else _asked().where(_W.account == account)
        return self._found(asked.where(*conditions).order_by(_W.id.desc()).limit(limit))

    def _found(self, asked: Select) -> list[Found]:
        with self._database.read() as connection:
            rows = connection.execute(asked).all()
            approvers, sent = {}, {}
            for start in range(0, len(rows), CHUNK):
                ids = [row.id for row in rows[start : start + CHUNK]]
                approvers |= _approvers(connection, ids)
                sent |= _sent(connection, ids)
        return [
            Found(
                row, state_of(row), tuple(approvers.get(row.id, ())), *sent.get(row.id, ("", None))
            )
            for row in rows
        ]

    def invariant(self) -> None:
        """Raises AssertionError: what holds of every row at any time."""
        for found in self.find(limit=1 << 31):
            row, where = found.row, f"withdrawal {found.row.id} ({found.state})"
            assert row.closed_ns is None or row.decision, f"{where}: closed, not decided"
            assert (row.decision is None) == (row.decided_ns is None), f"{where}: decided when"
            if row.closed_position is not None:
                assert row.reserved_position is not None, f"{where}: closed, never reserved"
            if found.state == State.DONE:
                assert row.approved_position is not None, f"{where}: paid, not approved"
            assert found.payment.commitment == row.commitment, f"{where}: altered"


def decide(
    connection: Connection, id: int, made: Decision, now_ns: int, before: str | None = None
) -> bool:
    """The same within a caller's transaction."""
    assert made.what == "approve" or made.what in ENDS
    as_before = _W.decision.is_(None) if before is None else _W.decision == before
    changed = connection.execute(
        update(withdrawals).where(_W.id == id, as_before, _W.closed_ns.is_(None)).values(
            decision=made.what, decided_ns=now_ns, decided_by=made.who,
            reason=made.reason[:NOTE_MAX] or None,
        )
    )  # fmt: skip
    return changed.rowcount == 1


def _logins(member_id: int, now_ns: int) -> tuple[Select, Select]:
    """(when how they log in was changed last, how many changes of their e-mail are under way)."""
    of, e = people.c.member_id == member_id, email_changes.c
    changes = union_all(
        select(people.c.password_ns.label("ns")).where(of),
        *(
            select(column.label("ns")).join_from(column.table, people).where(of)
            for column in (
                second_factors.c.confirmed_ns,
                passkeys.c.created_ns,
                wallets.c.created_ns,
            )
        ),
    ).subquery()
    open_ = e.due_ns.is_not(None) | (e.expires_ns > now_ns)
    emails = select(func.count()).select_from(email_changes.join(people)).where(of, open_)
    return select(func.max(changes.c.ns)), emails


def _columns(payment: Payment) -> dict:
    return {
        "id": payment.id, "account": payment.account, "asset": payment.asset,
        "chain_id": payment.chain, "destination": payment.destination, "token": payment.token,
        "units": str(payment.units), "atoms": payment.atoms, "fee": payment.fee,
        "commitment": payment.commitment,
    }  # fmt: skip


def _asked() -> Select:
    sent = exists().where(custody_sent.c.withdrawal_id == _W.id, custody_sent.c.hash.is_not(None))
    return select(withdrawals, sent.label("sent"))


def _approvers(connection: Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    a, found = withdrawal_approvals.c, {}
    asked = select(a.withdrawal_id, a.who).where(
        a.withdrawal_id.in_(ids), a.withdrawal_id == _W.id, a.commitment == _W.commitment
    )
    for id, who in connection.execute(asked.order_by(a.approved_ns, a.eyes)):
        found.setdefault(id, []).append(who)
    return found


def _sent(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[str, int | None]]:
    """The one in a block, else the newest."""
    t, found = custody_sent.c, {}
    asked = select(t.withdrawal_id, t.hash, t.block).where(
        t.withdrawal_id.in_(ids), t.hash.is_not(None)
    )
    for id, hash, block in connection.execute(asked.order_by(t.block.is_not(None), t.attempt)):
        found[id] = (hash, block)
    return found


def owner_of(database: Database, address: str) -> int | None:
    """The account whose deposit address (EIP-55) this is; None when it is nobody's."""
    asked = select(custody_addresses.c.account).where(custody_addresses.c.address == address)
    with database.read() as connection:
        return connection.execute(asked).scalar()
