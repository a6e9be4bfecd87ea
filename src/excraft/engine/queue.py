"""What has arrived and is not in a record yet, and how much of it is taken.

Commands are kept as the bytes they arrived as. A batch becomes one record; the queue is a row of
batches of which only the last still grows.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from excraft.engine.errors import Busy
from excraft.messages.codec import Record, pack_text
from excraft.messages.commands import COMMAND, CommandKind

ROW_BYTES = COMMAND.itemsize
CANCELS = frozenset((int(CommandKind.CANCEL_ORDER), int(CommandKind.CANCEL_ALL)))


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the queue and of a record."""

    waiting_max: int = 20_000  # commands that are not acknowledged yet
    cancels_extra: int = 5_000  # so many more while they are cancels
    record_commands: int = 1 << 14
    record_text_bytes: int = 1 << 22


class Bulk(NamedTuple):
    """Many rows of one sender, acknowledged as one."""

    count: int
    future: asyncio.Future


@dataclass(slots=True)
class Batch:
    """The making of a record: rows, and who waits for them in the same order."""

    rows: list[bytes] = field(default_factory=list)  # of one command, or of a Bulk
    waiting: list[asyncio.Future | Bulk] = field(default_factory=list)
    texts: list[tuple[int, bytes]] = field(default_factory=list)  # (command index, packed)
    count: int = 0
    text_bytes: int = 0

    def add(self, row: bytes, future: asyncio.Future, text: str) -> None:
        """One command; raises ValueError, with nothing added, when the text does not fit."""
        if text:
            packed = pack_text(self.count, text)
            self.texts.append((self.count, packed))
            self.text_bytes += len(packed)
        self.rows.append(row)
        self.waiting.append(future)
        self.count += 1

    def add_bulk(self, rows: bytes, bulk: Bulk, texts: list[tuple[int, str]]) -> None:
        """Many commands; `texts` by index within them."""
        packed = [(self.count + i, pack_text(self.count + i, t)) for i, t in texts]
        self.texts.extend(packed)
        self.text_bytes += sum(len(p) for _, p in packed)
        self.rows.append(rows)
        self.waiting.append(bulk)
        self.count += bulk.count

    def record(self, *, position: int, sequence: int, time_ns: int) -> Record:
        """The record that these commands form."""
        commands = np.frombuffer(b"".join(self.rows), dtype=COMMAND)
        text = b"".join([packed for _, packed in self.texts]) if self.texts else b""
        return Record(position, sequence, time_ns, commands, text)

    def futures(self) -> list[asyncio.Future]:
        """Everybody who waits."""
        return [w.future if type(w) is Bulk else w for w in self.waiting]

    def only_cancels(self) -> tuple["Batch", list[tuple[int, asyncio.Future]]]:
        """A batch of the cancels alone, and (commands, future) of everything left out of it."""
        texts, kept, refused, index = dict(self.texts), Batch(), [], 0
        for rows, waiting in zip(self.rows, self.waiting, strict=True):
            count = waiting.count if type(waiting) is Bulk else 1
            if CANCELS.issuperset(rows[::ROW_BYTES]):
                for i in range(count):
                    if index + i in texts:
                        packed = (kept.count + i).to_bytes(4, "little") + texts[index + i][4:]
                        kept.texts.append((kept.count + i, packed))
                        kept.text_bytes += len(packed)
                kept.rows.append(rows)
                kept.waiting.append(waiting)
                kept.count += count
            else:
                future = waiting.future if type(waiting) is Bulk else waiting
                refused.append((count, future))
            index += count
        return kept, refused


class Queue:
    """Batches in the order of arrival, and how many commands are not acknowledged."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.unanswered = 0  # commands taken and not resolved, in the queue or in a record
        self._batches: deque[Batch] = deque()

    def add(self, row: bytes, future: asyncio.Future, text: str) -> None:
        """Take one command; raises Busy, or ValueError for bytes that are no command."""
        limits = self.limits
        if len(row) != ROW_BYTES:
            raise ValueError(f"a command is {ROW_BYTES} bytes, not {len(row)}")
        if self.unanswered >= limits.waiting_max:
            self._admit(1, row[0] in CANCELS)
        batches = self._batches
        batch = batches[-1] if batches else self._new()
        if batch.count >= limits.record_commands or batch.text_bytes >= limits.record_text_bytes:
            batch = self._new()
        batch.add(row, future, text)
        self.unanswered += 1

    def add_bulk(self, rows: bytes, bulk: Bulk, texts: list[tuple[int, str]]) -> None:
        """Take many commands whole; raises Busy, or ValueError when they cannot be one batch."""
        if not 1 <= bulk.count <= self.limits.record_commands:
            raise ValueError(f"{bulk.count} commands; 1..{self.limits.record_commands} go at once")
        if len(rows) != bulk.count * ROW_BYTES:
            raise ValueError(f"{bulk.count} commands are {bulk.count * ROW_BYTES} bytes")
        self._admit(bulk.count, CANCELS.issuperset(rows[::ROW_BYTES]))
        batch = self._batches[-1] if self._batches else self._new()
        if (
            batch.count + bulk.count > self.limits.record_commands
            or batch.text_bytes >= self.limits.record_text_bytes
        ):
            batch = self._new()
        batch.add_bulk(rows, bulk, texts)
        self.unanswered += bulk.count

    def _admit(self, count: int, cancels: bool) -> None:
        most = self.limits.waiting_max + (self.limits.cancels_extra if cancels else 0)
        if self.unanswered + count > most:
            raise Busy(f"{self.unanswered} commands wait for the log, at most {most} may")

    def _new(self) -> Batch:
        batch = Batch()
        self._batches.append(batch)
        return batch

    def take(self) -> Batch | None:
        """The oldest batch, None when nothing waits."""
        while self._batches:
            batch = self._batches.popleft()
            if batch.count:
                return batch
        return None

    def __bool__(self) -> bool:
        return any(batch.count for batch in self._batches)
