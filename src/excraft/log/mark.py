"""The mark: a small file that says which record was acknowledged last.

Written after each sync of the log, without a sync of its own (that follows within a second), so it
never runs ahead of the log. It tells a record that was never finished from one that was
acknowledged and then damaged.
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


class Mark(NamedTuple):
    """The last record that is known to have been acknowledged."""

    position: int = 0
    hash: bytes = GENESIS


def pack(position: int, digest: bytes) -> bytes:
    crc = crc32c.crc32c(_MARK.pack(_MAGIC, 0, digest, position))
    return _MARK.pack(_MAGIC, crc, digest, position)


def read(disk: Disk, folder: Path) -> Mark | None:
    """The mark of a partition's folder; None when there is none or it is unreadable."""
    try:
        handle = disk.open(folder / NAME, write=False)
    except FileNotFoundError:
        return None
    try:
        raw = bytes(disk.read(handle, 0, _MARK.size))
    finally:
        disk.close(handle)
    if len(raw) < _MARK.size:
        return None
    _, _, digest, position = _MARK.unpack(raw)
    return Mark(position, digest) if raw == pack(position, digest) else None
