"""The mark: a small file that says which record was acknowledged last.

It tells a record that was never finished from one that was acknowledged and then damaged. It is
written after each sync of the log and never runs ahead of it; its own sync follows within a second.
Four slots, a page each: two are written in turn without a sync, and two in turn with one, so that
no torn write can leave a log without a mark.
"""

import struct
from pathlib import Path
from typing import NamedTuple

import crc32c

from excraft.log.disk import Disk
from excraft.messages.codec import GENESIS

NAME = "mark"
_MARK = struct.Struct("<4sI32sq")  # magic crc hash position
_MAGIC = b"ExCM"
_SLOT_BYTES = 4096
_SYNCED = (2, 3)


class Mark(NamedTuple):
    """The last record that is known to have been acknowledged."""

    position: int = 0
    hash: bytes = GENESIS


class MarkFile:
    """The mark of a partition, open for writing; made when it is not there."""

    def __init__(self, disk: Disk, folder: Path) -> None:
        self._disk = disk
        self._handle = disk.open(folder / NAME, create=True)
        marks = [_at(disk, self._handle, slot) or Mark(-1) for slot in _SYNCED]
        self._older = _SYNCED[marks[0].position > marks[1].position]
        self._synced: Mark | None = None

    def set(self, mark: Mark) -> None:
        """Say it, durable some time later."""
        self._write(mark.position % 2, mark)

    def sync(self, mark: Mark) -> None:
        """Say it, durable when this returns."""
        if mark != self._synced:
            self._write(self._older, mark)
            self._disk.sync(self._handle)
            self._older = sum(_SYNCED) - self._older
            self._synced = mark

    def close(self) -> None:
        self._disk.close(self._handle)

    def _write(self, slot: int, mark: Mark) -> None:
        crc = crc32c.crc32c(_MARK.pack(_MAGIC, 0, mark.hash, mark.position))
        raw = _MARK.pack(_MAGIC, crc, mark.hash, mark.position)
        self._disk.write(self._handle, slot * _SLOT_BYTES, raw)


def read(disk: Disk, folder: Path) -> Mark | None:
    """The latest mark in a partition's folder; None when there is none that is readable."""
    try:
        handle = disk.open(folder / NAME, write=False)
    except FileNotFoundError:
        return None
    try:
        return max((m for slot in range(4) if (m := _at(disk, handle, slot))), default=None)
    finally:
        disk.close(handle)


def _at(disk: Disk, handle: int, slot: int) -> Mark | None:
    raw = disk.read(handle, slot * _SLOT_BYTES, _MARK.size)
    if len(raw) < _MARK.size:
        return None
    magic, crc, digest, position = _MARK.unpack(raw)
    if magic != _MAGIC or crc != crc32c.crc32c(_MARK.pack(_MAGIC, 0, digest, position)):
        return None
    return Mark(position, digest)
