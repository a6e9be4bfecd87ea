"""One partition of a file log: a folder of segments, the mark, and the spare."""

from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import NoReturn

from excraft.log import segment
from excraft.log.disk import Disk
from excraft.log.log import LogBroken, LogError, LogFull, Verify
from excraft.log.mark import Mark, MarkFile
from excraft.log.opening import opened
from excraft.log.reading import records
from excraft.log.segment import padded
from excraft.log.spare import FULL, PASSING, Spare
from excraft.messages.codec import Record, encode

BROKEN = "the log cannot be written any more in this process: "


class Partition:
    """Appends to and reads from one folder; safe to use from several threads."""

    def __init__(
        self, disk: Disk, folder: Path, number: int, sizes: tuple[int, int], everything: bool
    ) -> None:
        self._disk, self._folder, self._number = disk, folder, number
        self._lock = Lock()
        self._broken = ""
        self._full = False  # an ordinary record was refused since there was a spare
        disk.make_folder(folder)
        found = opened(disk, folder, number, everything=everything)
        self.cut = found.cut
        self.note = ""
        if found.mark is None and found.end.position:
            self.note = f"the mark in {folder} was missing or unreadable and is made again"
        self.end, self._offset, self._size = found.end, found.offset, 0
        size, self._reserve = sizes
        self.spare = Spare(disk, folder, size)
        disk.sync_folder(folder)
        self._handle: int | None = None
        if found.first:
            self._handle = disk.open(folder / segment.name(found.first))
            self._size = disk.size(self._handle)
            self._write_again(found.last)
        self._mark = MarkFile(disk, folder)
        self._mark.sync(self._acknowledged())
        disk.sync_folder(folder)

    @property
    def room(self) -> bool:
        """Whether an ordinary record is accepted now."""
        return not self._broken and (not self._full or self.spare.bytes > 0)

    def append(self, record: Record, *, urgent: bool) -> int:
        """Write and sync one record; see Log.append."""
        with self._lock:
            if self._broken:
                raise LogBroken(self._broken)
            self.end.check(record)
            raw, digest = encode(record, self.end.hash, self._number)
            raw = raw.ljust(padded(len(raw)), b"\0")
            self._find_room(len(raw), record.position, urgent)
            self._write(raw)
            end = self.end.after(record, digest)
            self._guarded(lambda: self._mark.set(Mark(end.position, end.hash)))
            self.end, self._offset = end, self._offset + len(raw)
            return record.position

    def read(self, after: int, verify: Verify) -> Iterator[Record]:
        """See Log.read."""
        upto = self.end.position
        return records(self._disk, self._folder, self._number, (after, upto), verify)

    def tend(self) -> None:
        """Make a spare if there is none, and the mark durable; called now and then."""
        try:
            self.spare.make(gently=True)
        except OSError as error:
            self._broken = self._broken or BROKEN + str(error)  # the next append says it
        self._sync_mark()

    def close(self) -> None:
        """Make the mark durable and let go."""
        self._sync_mark()
        with self._lock:
            self.spare.close()
            self._mark.close()
            if self._handle is not None:
                self._disk.close(self._handle)
            self._handle = None
            self._broken = self._broken or BROKEN + "it is closed"

    def _sync_mark(self) -> None:
        if not self._broken:
            try:
                self._mark.sync(self._acknowledged())
            except OSError as error:
                self._broken = BROKEN + str(error)

    def _find_room(self, length: int, position: int, urgent: bool) -> None:
        """Make sure that `length` bytes fit at the offset and leave the reserve; or LogFull."""
        if length > self._size - self._offset:
            self._roll(length, position)
        left = self._size - self._offset - length
        if not urgent and left + self.spare.bytes < self._reserve and not self._spare_made():
            self._full = True
            raise LogFull(f"the disk is full, only cancels are accepted: {self.spare.reason}")
        self._full = self._full and urgent

    def _roll(self, length: int, position: int) -> None:
        """Go on in the spare."""
        if not self._spare_made() and length <= self.spare.size:
            self._full = True
            raise LogFull(f"the disk is full, nothing is accepted: {self.spare.reason}")
        path = self._folder / segment.name(position)
        try:
            handle = self.spare.take(path, max(length, self.spare.size))
        except OSError as error:
            if error.errno in PASSING:
                raise LogFull(f"no room for {length} bytes: {error}") from error
            self._break(error)
        if self._handle is not None:
            self._disk.close(self._handle)
        self._handle, self._size, self._offset = handle, self._disk.size(handle), 0

    def _spare_made(self) -> bool:
        try:
            return self.spare.make()
        except OSError as error:
            self._break(error)

    def _write(self, raw: bytes) -> None:
        try:
            self._disk.write(self._handle, self._offset, raw)
        except OSError as error:
            if error.errno not in FULL:
                self._break(error)
            self._guarded(lambda: self._erase(len(raw)))
            raise LogFull(f"the disk is full: {error}") from error
        self._guarded(lambda: self._disk.sync(self._handle))

    def _erase(self, length: int) -> None:
        """Undo a partial write, durably: what was refused must not come back after a crash."""
        self._disk.write(self._handle, self._offset, bytes(length))
        self._disk.sync(self._handle)

    def _acknowledged(self) -> Mark:
        return Mark(self.end.position, self.end.hash)

    def _write_again(self, last: tuple[int, int] | None) -> None:
        """Write the last record once more and sync it.

        The process before may have died before its sync, or after one that failed: then the system
        shows the record from its cache and believes that it is on the disk.
        """
        if last:
            self._disk.write(self._handle, last[0], self._disk.read(self._handle, *last))
            self._disk.sync(self._handle)

    def _guarded(self, action) -> None:
        try:
            action()
        except BaseException as error:
            self._break(error)

    def _break(self, error: BaseException) -> NoReturn:
        self._broken = BROKEN + (str(error) or type(error).__name__)
        if isinstance(error, OSError):
            raise LogBroken(self._broken) from error
        raise error


def partitions(disk: Disk, directory: Path) -> list[int]:
    """Numbers of the partitions that have a folder."""
    return [int(n) for n in disk.names(directory) if len(n) == 4 and n.isdecimal()]


def folder_of(directory: Path, partition: int) -> Path:
    if not 0 <= partition < 10_000:
        raise LogError(f"partition {partition} is out of range, 0 to 9999 are possible")
    return directory / f"{partition:04d}"
