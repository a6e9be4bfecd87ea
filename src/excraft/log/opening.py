"""Opening a partition: verify what is there, cut what was never acknowledged, refuse the rest.

docs/decisions/0002-log-file.md tells how one is told from the other.
"""

from pathlib import Path
from typing import NamedTuple

from excraft.log import mark, segment
from excraft.log.disk import Disk
from excraft.log.log import Cut, End, LogDamaged
from excraft.log.segment import UNKNOWN, Walk
from excraft.log.spare import SPARE


class Opened(NamedTuple):
    """A partition ready for the next append."""

    first: int  # first position of the tail segment; 0 when there is none
    offset: int  # where the next record goes
    end: End
    last: tuple[int, int] | None  # offset and padded length of the tail's last record
    cut: Cut | None


def opened(disk: Disk, folder: Path, partition: int, *, everything: bool = False) -> Opened:
    """Verify the tail segment and the one before it, or with `everything` all of them.

    Raises LogDamaged; changes nothing but what cannot have been acknowledged.
    """
    firsts = segment.firsts(disk, folder)
    if firsts and firsts[0] != 1:
        raise LogDamaged(folder / segment.name(1), 0, 1, "the first segment is missing")
    end = End()
    for first, following in zip(firsts[:-1], firsts[1:], strict=True):
        if everything or following == firsts[-1]:
            before = end if everything or first == 1 else End(first - 1, UNKNOWN)
            end = _old_segment(disk, folder, partition, before, following)
    found = Opened(0, 0, end, None, None)
    if firsts:
        found = _tail(disk, folder / segment.name(firsts[-1]), partition, end)
    found = _renamed_spare(disk, folder, partition, found)
    if (seen := mark.read(disk, folder)) is not None and seen.position > found.end.position:
        file = folder / segment.name(found.first or 1)
        raise LogDamaged(
            file,
            found.offset,
            found.end.position + 1,
            f"record {seen.position} was acknowledged, but the log ends here",
        )
    return found


def _old_segment(disk: Disk, folder: Path, partition: int, before: End, following: int) -> End:
    """The end of a segment that has a successor beginning with `following`."""
    path = folder / segment.name(before.position + 1)
    handle = disk.open(path, write=False)
    try:
        walk = Walk(disk, handle, partition, before)
        for _ in walk:
            pass
    finally:
        disk.close(handle)
    if walk.end.position != following - 1:
        raise LogDamaged(path, walk.offset, walk.end.position + 1, walk.reason)
    return walk.end


def _tail(disk: Disk, path: Path, partition: int, before: End) -> Opened:
    first = before.position + 1
    handle = disk.open(path)
    try:
        walk = Walk(disk, handle, partition, before)
        for _ in walk:
            pass
        dirty = segment.used(disk, handle, walk.offset) - walk.offset
        cut = _cut(walk, path, dirty) if dirty else None
        disk.sync(handle)
    finally:
        disk.close(handle)
    return Opened(first, walk.offset, walk.end, walk.last, cut)


def _cut(walk: Walk, path: Path, dirty: int) -> Cut:
    """Zero the bytes after the end, unless something says that they were acknowledged."""
    position = walk.end.position + 1
    seen = mark.read(walk.disk, path.parent)
    if seen is None:
        reason = f"{walk.reason}; without the file {mark.NAME} nobody knows if it was acknowledged"
        raise LogDamaged(path, walk.offset, position, reason)
    if seen.position >= position:
        reason = f"{walk.reason}; record {seen.position} was acknowledged"
        raise LogDamaged(path, walk.offset, position, reason)
    if later := segment.later_record(walk):
        reason = f"{walk.reason}; yet record {later[1]} follows at offset {later[0]}"
        raise LogDamaged(path, walk.offset, position, reason)
    for at in range(walk.offset, walk.offset + dirty, segment.CHUNK):
        size = min(segment.CHUNK, walk.offset + dirty - at)
        walk.disk.write(walk.handle, at, bytes(size))
    return Cut(path, walk.offset, dirty, position, walk.reason)


def _renamed_spare(disk: Disk, folder: Path, partition: int, found: Opened) -> Opened:
    """Name the spare as a segment when records went into it and its new name was lost."""
    if SPARE not in disk.names(folder):
        return found
    handle = disk.open(folder / SPARE, write=False)
    try:
        walk = Walk(disk, handle, partition, found.end)
        begins = next(iter(walk), None) is not None
        later = None if begins else segment.later_record(walk)
    finally:
        disk.close(handle)
    if later:
        reason = f"record {later[1]} follows in {SPARE} at offset {later[0]}"
        file = folder / segment.name(found.first or 1)
        raise LogDamaged(file, found.offset, found.end.position + 1, reason)
    if not begins:
        return found
    path = folder / segment.name(found.end.position + 1)
    disk.rename(folder / SPARE, path)
    disk.sync_folder(folder)
    return _tail(disk, path, partition, found.end)
