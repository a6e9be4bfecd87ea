"""Any sequence of appends, faults, kills, power cuts and restarts of a file log."""

import errno
from pathlib import Path
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from excraft.log import FileLog, LogBroken, LogFull
from excraft.messages.codec import Record
from excraft.testing.disk import PowerCut, SimulatedDisk
from excraft.testing.records import chain, same

FAULTS = st.sampled_from(
    [("write", "000", errno.ENOSPC), ("write", "000", errno.EIO), ("write", "mark", errno.EIO),
     ("sync", "000", errno.EIO), ("sync", "mark", errno.EIO), ("sync", "spare", errno.EIO),
     ("allocate", "spare", errno.ENOSPC), ("open", "spare", errno.EMFILE),
     ("rename", "spare", errno.EIO), ("sync_folder", "0000", errno.EIO)]
)  # fmt: skip


class Machine(RuleBasedStateMachine):
    """`kept` must be there; the log may also have `doubtful`, whose append was interrupted."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = SimulatedDisk()
        self.kept: list[Record] = []
        self.doubtful: Record | None = None
        self.open()

    def open(self) -> None:
        self.log = FileLog(
            Path("/log"), segment_bytes=2048, reserve_bytes=512, disk=self.disk, background=False
        )
        found = list(self.log.read(0))
        if self.doubtful and len(found) == len(self.kept) + 1:
            self.kept.append(self.doubtful)
        self.doubtful = None
        assert same(found, self.kept)

    def following(self, count: int) -> Record:
        like = chain([count], text="m", position=len(self.kept) + 1)[0]
        sequence = self.kept[-1].next_sequence if self.kept else 1
        return Record(like.position, sequence, like.time_ns, like.commands, like.text)

    @rule(count=st.integers(1, 30), urgent=st.booleans())
    def append(self, count, urgent):
        record = self.following(count)
        try:
            self.log.append(0, record, urgent=urgent)
            self.kept.append(record)
        except LogFull:
            return
        except LogBroken:
            self.doubtful = self.doubtful or record

    @rule()
    def tend(self):
        self.log.tend()

    @rule(fault=FAULTS, partial=st.integers(0, 300))
    def fault(self, fault, partial):
        operation, name, error = fault
        self.disk.fail(operation, error, name=name, partial=partial)

    @rule()
    def close(self):
        self.log.close()
        self.disk = self.disk.kill()
        self.open()

    @rule()
    def kill(self):
        self.disk = self.disk.kill()
        self.open()

    @rule(seed=st.integers(0, 1 << 30))
    def cut_the_power(self, seed):
        self.disk = self.disk.crash(Random(seed))
        self.open()

    @precondition(lambda self: self.doubtful is None)
    @rule(count=st.integers(1, 30), step=st.integers(0, 12), seed=st.integers(0, 1 << 30))
    def cut_the_power_within_an_append(self, count, step, seed):
        record = self.following(count)
        self.disk.stop_at = self.disk.operations + step
        try:
            self.log.append(0, record)
            self.kept.append(record)
        except (PowerCut, LogBroken):
            self.doubtful = record
        except LogFull:
            pass
        self.disk = self.disk.crash(Random(seed))
        self.open()

    @invariant()
    def what_is_served_is_what_was_acknowledged(self):
        assert self.log.end(0) == len(self.kept)


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
