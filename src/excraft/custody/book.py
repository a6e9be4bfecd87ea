"""The rows of one chain: blocks, deposits, alarms. Only the newest watcher may write them."""

import secrets
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from excraft.chain.blocks import Header
from excraft.custody import alarms
from excraft.custody.deposit import FOUND, HOUSE, Arrival, ChainSettings, Status
from excraft.custody.errors import Replaced
from excraft.store.database import Database
from excraft.store.schema_custody import (
    custody_alarms,
    custody_blocks,
    custody_chains,
    custody_deposits,
)
from excraft.store.schema_withdrawals import custody_sent

CHUNK = 500  # names in one query
_B, _D, _A, _S = custody_blocks.c, custody_deposits.c, custody_alarms.c, custody_sent.c


class Book:
    """Every method is one transaction; writing raises Replaced once another Book took over."""

    def __init__(
        self, database: Database, settings: ChainSettings,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:  # fmt: skip
        self._database, self._settings, self._clock = database, settings, clock
        self.chain_id = settings.chain_id
        self._token = secrets.token_hex(16)

    def take_over(self) -> None:
        """From now on this one writes, and whoever wrote before is told so."""
        with self._database.write_durable() as connection:
            mine = custody_chains.c.chain_id == self.chain_id
            changed = connection.execute(
                update(custody_chains).where(mine).values(watcher=self._token)
            )
            if not changed.rowcount:
                row = {"chain_id": self.chain_id, "watcher": self._token}
                connection.execute(insert(custody_chains).values(row))

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._database.write_durable() as connection:
            asked = select(custody_chains.c.watcher).with_for_update()
            now = connection.execute(asked.where(custody_chains.c.chain_id == self.chain_id))
            if now.scalar() != self._token:
                raise Replaced(f"another watcher has taken over chain {self.chain_id}")
            yield connection

    def sent(self, transactions: Collection[str]) -> list[Row]:
        """What our own keys signed of these."""
        names, found = [*transactions], []
        with self._database.read() as connection:
            for start in range(0, len(names), CHUNK):
                asked = _S.hash.in_(names[start : start + CHUNK])
                mine = select(custody_sent).where(_S.chain_id == self.chain_id, asked)
                found += connection.execute(mine)
        return found

    # blocks

    def tip(self) -> Header | None:
        """The last block that was read."""
        asked = select(_B.number, _B.hash, _B.parent).where(_B.chain_id == self.chain_id)
        with self._database.read() as connection:
            row = connection.execute(asked.order_by(_B.number.desc()).limit(1)).first()
        return row and Header(*row)

    def hashes(self, first: int, last: int) -> dict[int, str]:
        """Of the blocks from `first` to `last` that are kept."""
        asked = select(_B.number, _B.hash).where(
            _B.chain_id == self.chain_id, _B.number.between(first, last)
        )
        with self._database.read() as connection:
            return {number: hash for number, hash in connection.execute(asked)}

    def add(self, headers: Sequence[Header], arrivals: Sequence[Arrival]) -> None:
        """The next blocks and what arrived in them."""
        oldest = headers[-1].number - self._settings.kept_blocks
        with self._write() as connection:
            connection.execute(
                insert(custody_blocks),
                [
                    {"chain_id": self.chain_id, "number": h.number, "hash": h.hash,
                     "parent": h.parent}
                    for h in headers
                ],
            )  # fmt: skip
            connection.execute(
                delete(custody_blocks).where(_B.chain_id == self.chain_id, _B.number <= oldest)
            )
            for start in range(0, len(arrivals), CHUNK):
                self._arrived(connection, arrivals[start : start + CHUNK])

    def found(self, arrivals: Sequence[Arrival]) -> None:
        """What the comparison found in a block, beside what was found there before; each gets its
        number here."""
        mine = (_D.chain_id == self.chain_id) & (_D.transaction == arrivals[0].transaction)
        with self._write() as connection:
            least = connection.execute(select(func.min(_D.log)).where(mine)).scalar()
            first = FOUND if least is None else min(FOUND, least - 1)
            rows = [self._columns(a._replace(log=first - n)) for n, a in enumerate(arrivals)]
            connection.execute(insert(custody_deposits), rows)

    def unknown(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Those that have no row."""
        names, known = [*{a.transaction for a in arrivals}], set()
        with self._database.read() as connection:
            for start in range(0, len(names), CHUNK):
                asked = select(_D.transaction, _D.log).where(
                    _D.chain_id == self.chain_id,
                    _D.transaction.in_(names[start : start + CHUNK]),
                )
                known |= {(row.transaction, row.log) for row in connection.execute(asked)}
        return [a for a in arrivals if (a.transaction, a.log) not in known]

    def add_missed(self, connection: Connection, arrivals: Sequence[Arrival]) -> None:
        """What was missed when its block was read; in the caller's transaction."""
        connection.execute(insert(custody_deposits), [self._columns(a) for a in arrivals])

    def _arrived(self, connection: Connection, arrivals: Sequence[Arrival]) -> None:
        names = [a.transaction for a in arrivals]
        asked = select(custody_deposits).where(
            _D.chain_id == self.chain_id, _D.transaction.in_(names)
        )
        known = {(row.transaction, row.log): row for row in connection.execute(asked)}
        new = []
        for arrival in arrivals:
            row = known.get((arrival.transaction, arrival.log))
            if row is None:
                new.append(self._columns(arrival))
            else:
                self._returned(connection, row, arrival)
        if new:
            connection.execute(insert(custody_deposits), new)

    def _returned(self, connection: Connection, row: Row, arrival: Arrival) -> None:
        """A transaction whose block went away is in another block now."""
        columns = self._columns(arrival)
        change = update(custody_deposits).where(_D.id == row.id)
        if row.status == Status.ORPHANED:
            connection.execute(change.values(columns))
        elif row.status == Status.REMOVED and all(
            columns[name] == getattr(row, name) for name in ("account", "asset", "atoms")
        ):
            columns |= {"status": Status.CREDITED, "note": "came back after a re-organisation"}
            connection.execute(change.values(columns))
        else:
            self._alarm(
                connection,
                f"transaction {arrival.transaction} is {Status(row.status).name} from block "
                f"{row.block} and appears again, in block {arrival.block} with {arrival.units} "
                f"units",
            )

    def _columns(self, arrival: Arrival) -> dict:
        asset = self._settings.asset(arrival.token)
        atoms, dust = asset.split(arrival.units)
        fits = -(2**63) < atoms < 2**63
        return {
            "chain_id": self.chain_id, "transaction": arrival.transaction, "log": arrival.log,
            "address": arrival.address, "account": arrival.account, "asset": asset.number,
            "token": arrival.token, "units": str(arrival.units),
            "atoms": atoms if fits else 2**63 - 1, "dust": str(dust), "block": arrival.block,
            "block_hash": arrival.block_hash, "status": int(Status.SEEN),
            "note": arrival.note or None, "seen_ns": self._clock(),
        }  # fmt: skip

    def roll_back(self, ancestor: int) -> int:
        """Forget the blocks above `ancestor`; returns how many credited deposits went with them."""
        after = (_D.chain_id == self.chain_id) & (_D.block > ancestor)
        open_states = (Status.SEEN, Status.CONFIRMED, Status.KEPT_BACK, Status.HOUSE)
        with self._write() as connection:
            lost = connection.execute(
                select(_D.id, _D.transaction).where(after, _D.status == Status.CREDITED)
            ).all()
            for states, becomes in (
                (open_states, Status.ORPHANED),
                ((Status.CREDITED,), Status.REMOVED),
            ):
                changes = update(custody_deposits).where(after, _D.status.in_(states))
                connection.execute(changes.values(status=int(becomes)))
            connection.execute(
                delete(custody_blocks).where(_B.chain_id == self.chain_id, _B.number > ancestor)
            )
            if lost:
                self._alarm(
                    connection,
                    f"a re-organisation above block {ancestor} removed {len(lost)} deposits that "
                    f"were credited, the first one {lost[0].transaction}",
                )
        return len(lost)

    # deposits

    def confirm(self, last_block: int) -> None:
        """What was seen up to `last_block` is confirmed, or kept back with the reason."""
        seen = (_D.chain_id == self.chain_id) & (_D.status == Status.SEEN)
        columns = (_D.id, _D.account, _D.token, _D.atoms, _D.note, _D.log)
        asked = select(*columns).where(seen, _D.block <= last_block)
        with self._database.read() as connection:
            rows = connection.execute(asked).all()
        if not rows:
            return
        change = (
            update(custody_deposits)
            .where(_D.id == bindparam("row"), _D.status == Status.SEEN)
            .values(status=bindparam("becomes"), note=bindparam("why"))
        )
        changes = []
        for row in rows:
            objection = self._settings.asset(row.token).objection(row.atoms)
            kept = objection or row.log <= FOUND
            status = Status.KEPT_BACK if kept else Status.CONFIRMED
            if row.account == HOUSE:
                status, objection = Status.HOUSE, ""
            why = "; ".join(filter(None, (row.note, objection))) or None
            changes.append({"row": row.id, "becomes": int(status), "why": why})
        with self._write() as connection:
            connection.execute(change, changes)

    def confirmed(self, limit: int | None = None, after: int = 0) -> list[Row]:
        """Deposits that are not known to be credited, oldest first."""
        asked = select(custody_deposits).where(
            _D.chain_id == self.chain_id, _D.status == Status.CONFIRMED, _D.id > after
        )
        with self._database.read() as connection:
            return list(connection.execute(asked.order_by(_D.id).limit(limit)))

    def settle(self, credited: dict[int, int], refused: dict[int, str]) -> None:
        """By row: the position of its credit in the log, or why the ledger refused it."""
        if not credited and not refused:
            return
        waiting = (_D.id == bindparam("row")) & (_D.status == Status.CONFIRMED)
        change = update(custody_deposits).where(waiting)
        now = self._clock()
        with self._write() as connection:
            if credited:
                connection.execute(
                    change.values(status=int(Status.CREDITED), credited_ns=now,
                                  position=bindparam("where")),
                    [{"row": row, "where": position} for row, position in credited.items()],
                )  # fmt: skip
            if refused:
                connection.execute(
                    change.values(status=int(Status.KEPT_BACK), note=bindparam("why")),
                    [{"row": row, "why": why[:500]} for row, why in refused.items()],
                )

    def deposits(
        self, account: int | None = None, limit: int = 1000, found: bool = False
    ) -> list[Row]:
        """Newest first, of one account or of all; `found`: what waits to be released only."""
        asked = select(custody_deposits).where(_D.chain_id == self.chain_id)
        if found:
            asked = asked.where(_D.log <= FOUND, _D.status == Status.KEPT_BACK)
        if account is not None:
            asked = asked.where(_D.account == account)
        with self._database.read() as connection:
            return list(connection.execute(asked.order_by(_D.id.desc()).limit(limit)))

    # alarms

    def alarms(self) -> list[Row]:
        """Those that nobody resolved; while there is one, nothing is credited."""
        asked = select(custody_alarms).where(_A.chain_id == self.chain_id, _A.resolved_ns.is_(None))
        with self._database.read() as connection:
            return list(connection.execute(asked.order_by(_A.id)))

    def alarm(self, reason: str) -> None:
        with self._write() as connection:
            self._alarm(connection, reason)

    def _alarm(self, connection: Connection, reason: str) -> None:
        alarms.sound(connection, self.chain_id, reason, self._clock())


def release(connection: Connection, deposit: int, account: int) -> bool:
    """What was found and kept back is credited after all; False when there is no such deposit of
    that account."""
    kept = (_D.id == deposit) & (_D.account == account) & (_D.status == int(Status.KEPT_BACK))
    change = update(custody_deposits).where(kept, _D.log <= FOUND)
    return bool(connection.execute(change.values(status=int(Status.CONFIRMED))).rowcount)


def forget(connection: Connection, deposit: int) -> bool:
    """What was found is not there; False when it was credited, or is no such deposit. Should it be
    there after all, the comparison finds it again."""
    states = [int(s) for s in (Status.SEEN, Status.KEPT_BACK, Status.HOUSE)]
    found = (_D.id == deposit) & (_D.log <= FOUND) & _D.status.in_(states)
    change = update(custody_deposits).where(found)
    return bool(connection.execute(change.values(status=int(Status.ORPHANED))).rowcount)
