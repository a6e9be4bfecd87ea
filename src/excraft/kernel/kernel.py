"""The compiled kernel behind a typed surface: records in, event rows out."""

import numpy as np

from excraft.kernel import state
from excraft.kernel.compiled import PLAIN
from excraft.kernel.crew import Crew
from excraft.kernel.funds import look_up
from excraft.kernel.invariants import broken_invariants
from excraft.kernel.layout import (
    APART,
    BOOK_PARTITIONS,
    SETTLEMENT,
    WORK,
    Batch,
    Outputs,
    table,
)
from excraft.kernel.reserve import SEQUENCE
from excraft.kernel.set_aside import look_up_reserved, look_up_shown
from excraft.kernel.tables import Tables, power_of_two
from excraft.messages.codec import OutOfOrder, Record
from excraft.messages.commands import Cause
from excraft.messages.events import EVENT

INLINE = 2048  # records of fewer commands run on the calling thread
RESERVE = 1024  # commands that small records may add up to before the tables are looked at again
# what RESERVE commands can need at most, in the order of step.census
NEEDS = np.array([2] * 16 + [1] * 35 + [0] * 13)


class Kernel:
    """The exchange as a function of its log.

    position  of the last record, 0 before the first
    sequence  number that the next command gets
    time_ns   time of the last record
    """

    def __init__(self, threads: int = 1, *, reuse_events: bool = False) -> None:
        """`threads` work on large records; the result never depends on it. With `reuse_events`
        the array that `step` returns is overwritten by the next step."""
        if not 1 <= threads <= 16:
            raise ValueError(f"{threads} threads; 1 to 16 are possible")
        self.position, self.sequence, self.time_ns = 0, 1, 0
        self.threads, self._reuse = threads, reuse_events
        self._crew = Crew(threads)
        self.tables = Tables()
        self._room = 0  # commands for which there is certainly room, whatever they are
        self._batch = None
        self._out = None

    def step(self, record: Record) -> np.ndarray:
        """Carry out a record; returns its events. Raises OutOfOrder unless it is the next one."""
        self._check(record)
        if PLAIN:
            with np.errstate(over="ignore"):  # hashes wrap, when the source runs uncompiled
                rows = self._step(record)
        else:
            rows = self._step(record)
        self.position, self.time_ns = record.position, record.time_ns
        self.sequence = record.next_sequence
        return rows.view(np.ndarray)

    def _step(self, record: Record) -> np.ndarray:
        count = len(record.commands)
        commands = np.ascontiguousarray(record.commands)  # stays here until the record is done
        threads = 1 if count < INLINE else self.threads
        self._crew.begin(threads, commands)
        try:
            self._make_room(threads, count)
        except BaseException:
            self._crew.stand_down(threads)
            raise
        tables = self.tables
        tables.limits[SEQUENCE] = record.sequence
        work = (tables.funds, tables.books, tables.assets, self._batch, self._out, self._rows)
        rows = self._rows[: self._crew.carry_out(threads, self._administrative, work)]
        return rows if self._reuse else rows.copy()

    def _make_room(self, threads: int, count: int) -> None:
        """Let the tables grow. Small records draw on a reserve that is filled up now and then, so
        that they need not be looked through first."""
        self._room -= count
        self._administrative = 1
        if threads > 1 or count > RESERVE or self._room < 0:
            counts = self._crew.census(threads)
            self._administrative = int(counts[50])
            counts += RESERVE * NEEDS
            self.tables.ensure(counts)
            self._room = RESERVE
            self._buffers(count)

    def _check(self, record: Record) -> None:
        due = (self.position + 1, self.sequence)
        if (record.position, record.sequence) != due or record.time_ns < self.time_ns:
            raise OutOfOrder(
                f"record {record.position} with sequence {record.sequence} at {record.time_ns} ns; "
                f"due is record {due[0]} with sequence {due[1]}, not before {self.time_ns} ns"
            )

    def _buffers(self, count: int) -> None:
        """Working memory for a record, made larger when it does not do."""
        count = max(count, RESERVE)
        markets = len(self.tables.books.markets) + BOOK_PARTITIONS + 1
        batch = self._batch
        lists = self._crew.lists
        if batch is None or len(batch.work) < count or batch.ranks.shape[1] < markets:
            size = power_of_two(max(count, 16 if batch is None else len(batch.work)))
            self._batch = Batch(
                commands=None,
                lists=lists,
                work=table(WORK, size),
                sorted=np.zeros(size, np.int64),
                waiting=np.zeros((self.threads, size), np.int64),
                starts=np.zeros(BOOK_PARTITIONS + 1, np.int64),
                ranks=np.zeros((self.threads, 2 * markets), np.int64),
                limits=self.tables.limits,
                owners=np.zeros(BOOK_PARTITIONS, np.int64),
                load=np.zeros(self.threads, np.int64),
            )
        elif batch.lists is not lists:
            self._batch = batch._replace(lists=lists)
        self.scratch(count)

    def scratch(self, count: int = 0) -> Outputs:
        """Output buffers with room for a record of `count` commands."""
        # each open order leaves at most once (2 rows, 4 when a stop), each command adds at most 6
        least = 6 * (count + RESERVE + self.tables.open_orders) + 64
        if self._out is None or self._out.events.shape[1] < least:
            size = power_of_two(least)
            self._out = Outputs(
                events=table(EVENT, self.threads, size),
                settlements=table(SETTLEMENT, self.threads, 2, size),
                mine=table(np.dtype(np.int32), self.threads, size),
                tops=np.zeros((self.threads, APART), np.int64),
            )
            self._rows = table(EVENT, size)
        return self._out

    def balance(self, account: int, asset: int) -> tuple[int, int]:
        """(free, held) in atoms; (0, 0) for a balance that was never touched."""
        if PLAIN:
            with np.errstate(over="ignore"):
                return look_up(self.tables.funds.balances, account, asset)
        return look_up(self.tables.funds.balances, account, asset)

    def shown(self, account: int, asset: int) -> tuple[int, int]:
        """(free, locked) atoms: locked is what orders hold and what is reserved."""
        with np.errstate(over="ignore"):
            funds = self.tables.funds
            return look_up_shown(funds.balances, funds.reserves, account, asset)

    def balances(self, account: int) -> dict[int, tuple[int, int]]:
        """(free, held) by asset, without those that are both 0."""
        assets = range(state.asset_count(self.tables))
        found = {asset: self.balance(account, asset) for asset in assets}
        return {asset: both for asset, both in found.items() if both != (0, 0)}

    def reserved(self, account: int) -> dict[tuple[int, Cause], int]:
        """Atoms set aside by (asset, cause), without zeros."""
        found = {}
        for asset in range(state.asset_count(self.tables)):
            for cause in (Cause.WITHDRAWAL, Cause.STAKE):
                with np.errstate(over="ignore"):
                    atoms = look_up_reserved(self.tables.funds.reserves, account, asset, int(cause))
                if atoms:
                    found[asset, cause] = int(atoms)
        return found

    def owed(self) -> list[tuple[int, int, int]]:
        """(account, asset, atoms) that its fees owe its referrer, in their order."""
        return [tuple(row) for row in state.owed_rows(self.tables).tolist()]

    def state_hash(self) -> str:
        """SHA-256 of the whole state, as docs/reference/kernel-rules.md lays it out."""
        return state.state_hash(self)

    def invariant(self) -> list[str]:
        """What does not hold, as sentences; empty when all is well."""
        return broken_invariants(self)

    def snapshot(self) -> dict[str, np.ndarray]:
        """The state as arrays that do not depend on capacities or slots."""
        return state.snapshot(self)

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take over a snapshot; only for a kernel that has not stepped yet."""
        state.restore(self, arrays)
