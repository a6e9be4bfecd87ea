"""A segment: one file of consecutive records, and the walk over it.

Each record begins at a multiple of 8; what lies between it and the next is zero, and so is
everything after the last, because a segment has its whole size from the start.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np

from excraft.log.disk import Disk
from excraft.log.log import End, LogDamaged
from excraft.messages.codec import HEADER, MAGIC, Damaged, Record, decode, length_of

ALIGN = 8
CHUNK = 4 << 20  # bytes read at once
UNKNOWN = b""  # hash of a predecessor that was not read


def name(first: int) -> str:
    return f"{first:020d}"


def firsts(disk: Disk, folder: Path) -> list[int]:
    """First positions of the segments in a folder, ascending."""
    return [int(n) for n in disk.names(folder) if len(n) == 20 and n.isdecimal() and n.isascii()]


def padded(length: int) -> int:
    """Bytes a record of this length takes up."""
    return -(-length // ALIGN) * ALIGN


class Walk:
    """Iterates over the records of a segment until one is not the valid next one.

    After the iteration `offset` and `end` tell where it stopped and `reason` why; the caller knows
    whether that is the end, a torn tail or damage. Without `chain` only CRC and position are
    compared, and `end.hash` stays UNKNOWN. Use as a context manager: it has the file open.
    """

    def __init__(
        self, disk: Disk, path: Path, partition: int, end: End, chain: bool = True
    ) -> None:
        self.disk, self.path, self.partition = disk, path, partition
        self.end, self.chain = end, chain
        self.offset = 0
        self.last: tuple[int, int] | None = None  # offset and padded length of the last record
        self.reason = ""
        self._chunk, self._base = memoryview(b""), 0
        try:
            self.handle = disk.open(path, write=False)
        except FileNotFoundError:
            self.reason = "the segment is missing"
            raise self.damage() from None

    def __enter__(self) -> "Walk":
        return self

    def __exit__(self, *_) -> None:
        self.disk.close(self.handle)

    def to_the_end(self) -> "Walk":
        """Iterate over all records."""
        for _ in self:
            pass
        return self

    def damage(self, reason: str = "") -> LogDamaged:
        """The error that says so of the place where the walk stopped."""
        reason = "; ".join(filter(None, (self.reason, reason)))
        return LogDamaged(self.path, self.offset, self.end.position + 1, reason)

    def __iter__(self) -> Iterator[Record]:
        while True:
            try:
                raw, record = self._next()
            except Damaged as error:
                self.reason = str(error)
                return
            self.end = self.end.after(record, sha256(raw).digest() if self.chain else UNKNOWN)
            self.last = (self.offset, padded(len(raw)))
            self.offset += padded(len(raw))
            yield record

    def _next(self) -> tuple[memoryview, Record]:
        header = self._view(HEADER.size)
        if len(header) < HEADER.size:
            raise Damaged("the file ends here")
        length = length_of(header)
        whole = self._view(padded(length))
        if len(whole) < padded(length):
            raise Damaged(f"a record of {length} bytes does not fit the file")
        raw = whole[:length]
        record, previous, partition = decode(raw)
        if record.position != self.end.position + 1:
            raise Damaged(f"record {record.position} stands where {self.end.position + 1} belongs")
        if partition != self.partition:
            raise Damaged(f"a record of partition {partition} in the log of {self.partition}")
        if self.end.hash not in (UNKNOWN, previous):
            raise Damaged("it does not continue the chain of hashes")
        if length != len(whole) and any(whole[length:]):
            raise Damaged("bytes after the record are not zero")
        return raw, record

    def _view(self, length: int) -> memoryview:
        """`length` bytes at the offset, fewer at the end of the file."""
        at = self.offset - self._base
        if at + length > len(self._chunk):
            try:
                self._chunk = self.disk.read(self.handle, self.offset, max(CHUNK, length))
            except OSError as error:
                self.reason = f"it cannot be read: {error}"
                raise self.damage() from error
            self._base, at = self.offset, 0
        return self._chunk[at : at + length]


def used(walk: Walk) -> int:
    """Offset after the last byte that is not zero, behind the place where `walk` stopped."""
    end = at = walk.offset
    while chunk := walk.disk.read(walk.handle, at, CHUNK):
        nonzero = np.flatnonzero(np.frombuffer(chunk, np.uint8))
        if len(nonzero):
            end = at + int(nonzero[-1]) + 1
        at += len(chunk)
    return end


def later_record(walk: Walk) -> tuple[int, int] | None:
    """(offset, position) of a valid record after the place where `walk` stopped, if there is one.

    It proves that the record which belongs at that place was complete once: a record is written
    only when the one before it is durable.
    """
    size = walk.disk.size(walk.handle)
    raw = walk.disk.read(walk.handle, walk.offset, size - walk.offset)
    haystack = bytes(raw)
    at = haystack.find(MAGIC)
    while at >= 0:
        if at % ALIGN == 0 and (position := _position_at(raw[at:])) > walk.end.position:
            return walk.offset + at, position
        at = haystack.find(MAGIC, at + 1)
    return None


def _position_at(raw: memoryview) -> int:
    """Position of the record with which `raw` begins; 0 when it does not begin with one."""
    if len(raw) < HEADER.size:
        return 0
    try:
        return decode(raw[: length_of(raw[: HEADER.size])])[0].position
    except Damaged:
        return 0
