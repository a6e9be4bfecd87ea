"""What every log offers, whatever keeps it: the protocol, its errors, the rule of succession."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from excraft.messages.codec import GENESIS, OutOfOrder, Record

Verify = Literal["chain", "crc"]


class LogError(Exception):
    """Any trouble of a log; its text is one sentence for a person."""


class LogFull(LogError):
    """No room for this record now; nothing was written. Cancels (urgent) may still fit."""


class LogBroken(LogError):
    """A write or a sync failed, so nobody knows what is on the disk: no append in this process."""


class LogInUse(LogError):
    """Another process has the log open."""


class LogDamaged(LogError):
    """A record that was acknowledged is not there any more as it was written."""

    def __init__(self, file: Path, offset: int, position: int, reason: str) -> None:
        super().__init__(
            f"the log is damaged: {file}, offset {offset}, record {position}: {reason}; "
            "nothing was changed, restore the file from a copy"
        )
        self.file, self.offset, self.position, self.reason = file, offset, position, reason


class Cut(NamedTuple):
    """An unacknowledged tail that was found at opening and zeroed."""

    file: Path
    offset: int
    size: int  # bytes up to the last one that was not zero
    position: int  # the record it would have become
    reason: str

    def __str__(self) -> str:
        return (
            f"cut an unfinished record {self.position} of {self.size} bytes at offset "
            f"{self.offset} of {self.file}: {self.reason}"
        )


class End(NamedTuple):
    """Where a partition ends: its last record, and what the next one must continue."""

    position: int = 0
    hash: bytes = GENESIS
    sequence: int = 0  # of the next command; 0: not known, any will do
    time_ns: int = 0

    def after(self, record: Record, digest: bytes) -> "End":
        """The end once `record`, whose SHA-256 is `digest`, is there."""
        return End(record.position, digest, record.next_sequence, record.time_ns)

    def check(self, record: Record) -> None:
        """Raise OutOfOrder unless `record` may be appended here."""
        if record.position != self.position + 1:
            raise OutOfOrder(f"record {record.position} cannot follow record {self.position}")
        if self.sequence and record.sequence != self.sequence:
            raise OutOfOrder(
                f"record {record.position} begins with command {record.sequence}; "
                f"the next command is {self.sequence}"
            )
        if record.time_ns < self.time_ns:
            raise OutOfOrder(
                f"record {record.position} is of {record.time_ns} ns, "
                f"before its predecessor of {self.time_ns} ns"
            )


class Log(Protocol):
    """An ordered, durable sequence of records per partition."""

    def append(self, partition: int, record: Record, *, urgent: bool = False) -> int:
        """Keep the record for ever and return its position; it is durable when this returns.

        `urgent` (cancels) may use the reserve. Raises OutOfOrder, LogFull, LogBroken.
        """

    def read(self, partition: int, after: int = 0, *, verify: Verify = "chain") -> Iterator[Record]:
        """The records after position `after` up to the end as it is now. Raises LogDamaged."""

    def end(self, partition: int) -> int:
        """Position of the last record, 0 when there is none."""

    def last_hash(self, partition: int) -> bytes:
        """SHA-256 of the last record, which stands for all before it; zeros when there is none."""

    @property
    def room(self) -> bool:
        """Whether records that are not urgent are accepted now."""

    def close(self) -> None:
        """Give everything back; a second close does nothing."""
