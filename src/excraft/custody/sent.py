"""Transactions of our own wallets as rows: planned, signed, sent, mined, settled."""

import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from excraft.chain.transfers import Mined, Price
from excraft.custody.errors import Replaced
from excraft.custody.signer.requests import Made
from excraft.store.database import Database
from excraft.store.schema_custody import custody_addresses, custody_deposits
from excraft.store.schema_withdrawals import custody_sent, withdrawals

_T = custody_sent.c


class Status(StrEnum):
    """Stored by name; the last four are ends, and only one row of a nonce gets one of them that
    is not REPLACED. A re-organisation deeper than the confirmations makes it SIGNED again."""

    PLANNED = "PLANNED"  # the signer is asked, perhaps again; there is no hash yet
    SIGNED = "SIGNED"  # sent, or about to be; sent again until it is mined
    MINED = "MINED"  # in a block that may still go away
    CONFIRMED = "CONFIRMED"
    REVERTED = "REVERTED"  # mined deep enough, and it failed: gas was paid, nothing moved
    EMPTY = "EMPTY"  # mined deep enough, but the token moved nothing
    REPLACED = "REPLACED"  # another attempt with this nonce was mined


class Kind(StrEnum):
    WITHDRAWAL = "withdrawal"
    SWEEP = "sweep"
    COLD = "cold"
    GAS = "gas"


class Plan(NamedTuple):
    """What is to be sent."""

    kind: str
    source: str
    destination: str
    token: str | None
    units: int
    withdrawal_id: int | None = None
    number: int | None = None  # of the deposit address


class SentBook:
    """The rows of one chain. Every method is one transaction."""

    def __init__(
        self, database: Database, chain_id: int, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._database, self.chain_id, self._clock = database, chain_id, clock

    def last_nonce(self, source: str) -> int | None:
        """The highest that was used here; None before the first."""
        asked = select(func.max(_T.nonce)).where(self._mine, _T.source == source)
        with self._database.read() as connection:
            return connection.execute(asked).scalar()

    def plan(self, plan: Plan, nonce: int, price: Price, attempt: int = 1) -> int:
        """The id of a new row; raises Replaced when somebody else planned the same meanwhile."""
        row = {
            "chain_id": self.chain_id, "kind": plan.kind, "withdrawal_id": plan.withdrawal_id,
            "source": plan.source, "number": plan.number, "destination": plan.destination,
            "token": plan.token, "units": str(plan.units), "nonce": nonce, "attempt": attempt,
            **price._asdict(), "status": Status.PLANNED.value, "planned_ns": self._clock(),
        }  # fmt: skip
        try:
            with self._database.write_durable() as connection:
                made = connection.execute(insert(custody_sent).values(row))
        except IntegrityError as error:
            raise Replaced(
                f"another sender uses nonce {nonce} of {plan.source} on chain {self.chain_id}"
            ) from error
        return made.inserted_primary_key[0]

    def unplan(self, id: int) -> None:
        """The signer refused it, so its nonce is free."""
        with self._database.write_durable() as connection:
            connection.execute(
                delete(custody_sent).where(_T.id == id, _T.status == Status.PLANNED.value)
            )

    def signed(self, id: int, hash: str, raw: str) -> None:
        """Durable before it is sent, so that it can be sent again."""
        values = {"hash": hash, "raw": raw, "status": Status.SIGNED.value}
        self._change(id, {**values, "sent_ns": self._clock()})

    def learn(self, made: Sequence[Made]) -> list[int]:
        """The ids of new rows for what the signer says it signed with one nonce, oldest first;
        none where all are known, or the nonce is settled. What was only planned there is gone."""
        place = self._mine & (_T.source == made[0].source) & (_T.nonce == made[0].nonce)
        found = []
        with self._database.write_durable() as connection:
            rows = connection.execute(select(_T.hash, _T.settled_ns).where(place)).all()
            known = {row.hash for row in rows}
            new = [(n, each) for n, each in enumerate(made, 1) if each.hash not in known]
            if not new or any(row.settled_ns is not None for row in rows):
                return []
            connection.execute(delete(custody_sent).where(place, _T.hash.is_(None)))
            for attempt, each in new:
                row = self._learned(connection, each) | {"attempt": attempt}
                made_row = connection.execute(insert(custody_sent).values(row))
                found.append(made_row.inserted_primary_key[0])
        return found

    def _learned(self, connection: Connection, made: Made) -> dict:
        a, now = custody_addresses.c, self._clock()
        ours = made.source if made.kind == Kind.SWEEP else made.to
        asked = select(a.number).where(a.address == ours)
        with_number = made.kind in (Kind.SWEEP, Kind.GAS)
        return {
            "chain_id": self.chain_id, "kind": made.kind, "withdrawal_id": made.id or None,
            "source": made.source, "destination": made.to, "token": made.token,
            "number": connection.execute(asked).scalar() if with_number else None,
            "units": made.units, "nonce": made.nonce, "gas": made.gas, "fee_max": made.fee_max,
            "tip": made.tip, "status": Status.SIGNED.value, "hash": made.hash, "raw": made.raw,
            "planned_ns": now, "sent_ns": now,
        }  # fmt: skip

    def mined(self, id: int, found: Mined) -> None:
        """It is in a block."""
        self._change(id, {"status": Status.MINED.value, **_place(found)})

    def unmined(self, id: int) -> None:
        """Its block left the chain."""
        gone = {"block": None, "block_hash": None, "gas_paid": None}
        self._change(id, {"status": Status.SIGNED.value, **gone})

    def settle(self, id: int, status: Status, found: Mined) -> None:
        """It is deep enough; the other attempts with its nonce can never be mined."""
        now = self._clock()
        with self._database.write_durable() as connection:
            row = connection.execute(select(_T.source, _T.nonce).where(_T.id == id)).one()
            same = self._mine & (_T.source == row.source) & (_T.nonce == row.nonce)
            planned = _T.status == Status.PLANNED.value
            connection.execute(delete(custody_sent).where(same, planned))
            connection.execute(
                update(custody_sent).where(same, _T.id != id).values(
                    status=Status.REPLACED.value, settled_ns=now, block=None, block_hash=None,
                    gas_paid=None,
                )
            )  # fmt: skip
            connection.execute(
                update(custody_sent).where(_T.id == id).values(
                    status=status.value, settled_ns=now, **_place(found)
                )
            )  # fmt: skip

    def open(self) -> list[Row]:
        """Those that are not settled, oldest nonce first."""
        w = withdrawals.c
        columns = [custody_sent, w.approved_position, w.closed_position, w.account]
        joined = custody_sent.outerjoin(withdrawals, withdrawals.c.id == _T.withdrawal_id)
        asked = select(*columns).select_from(joined).where(self._mine, _T.settled_ns.is_(None))
        with self._database.read() as connection:
            return list(connection.execute(asked.order_by(_T.source, _T.nonce, _T.attempt)))

    def settled_since(self, block: int) -> list[Row]:
        """Those that were mined in that block or later and are settled."""
        asked = select(custody_sent).where(
            self._mine, _T.settled_ns.is_not(None), _T.block >= block
        )
        with self._database.read() as connection:
            return list(connection.execute(asked))

    def reopen(self, row: Row) -> None:
        """Its block left the chain after all: every attempt with its nonce may be mined again."""
        same = self._mine & (_T.source == row.source) & (_T.nonce == row.nonce)
        gone = {"block": None, "block_hash": None, "gas_paid": None, "settled_ns": None}
        with self._database.write_durable() as connection:
            connection.execute(
                update(custody_sent).where(same).values(status=Status.SIGNED.value, **gone)
            )

    def sources(self) -> list[tuple[str, int]]:
        """Every deposit address that something came to here, with its number."""
        a, d = custody_addresses.c, custody_deposits.c
        came = select(d.address).where(d.chain_id == self.chain_id)
        with self._database.read() as connection:
            asked = select(a.address, a.number).where(a.address.in_(came))
            return [(row.address, row.number) for row in connection.execute(asked)]

    def of_withdrawals(self, ids: Sequence[int]) -> dict[int, list[Row]]:
        """Rows by withdrawal, newest attempt last."""
        found: dict[int, list[Row]] = {}
        asked = select(custody_sent).where(self._mine, _T.withdrawal_id.in_(ids))
        with self._database.read() as connection:
            for row in connection.execute(asked.order_by(_T.attempt)):
                found.setdefault(row.withdrawal_id, []).append(row)
        return found

    def all(self, limit: int = 1000) -> list[Row]:
        """Newest first, for people."""
        asked = select(custody_sent).where(self._mine).order_by(_T.id.desc()).limit(limit)
        with self._database.read() as connection:
            return list(connection.execute(asked))

    def invariant(self) -> None:
        """Raises AssertionError: what holds of all rows at any time."""
        mined: dict[tuple, int] = {}
        with self._database.read() as connection:
            for row in connection.execute(select(custody_sent).where(self._mine)):
                where = f"transaction {row.id} ({row.status})"
                final = row.status not in (Status.PLANNED, Status.SIGNED, Status.MINED)
                assert (row.hash is None) == (row.status == Status.PLANNED), f"{where}: hash"
                assert (row.settled_ns is not None) == final, f"{where}: end"
                in_block = row.status not in (Status.PLANNED, Status.SIGNED, Status.REPLACED)
                assert (row.block is not None) == in_block, f"{where}: block"
                place = (row.source, row.nonce)
                assert not (in_block and place in mined), f"{where}: nonce mined twice"
                if in_block:
                    mined[place] = row.id

    @property
    def _mine(self):
        return _T.chain_id == self.chain_id

    def _change(self, id: int, values: dict) -> None:
        with self._database.write_durable() as connection:
            connection.execute(update(custody_sent).where(_T.id == id).values(values))


def _place(found: Mined) -> dict:
    return {"block": found.block, "block_hash": found.block_hash, "gas_paid": str(found.gas_paid)}
