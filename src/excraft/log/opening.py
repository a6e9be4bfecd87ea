"""Opening a partition: verify what is there, cut what was never acknowledged, refuse the rest.

docs/decisions/0002-log-file.md tells how one is told from the other.
"""

from pathlib import Path
from typing import NamedTuple

from excraft.log import mark, segment
from excraft.log.disk import Disk
from excraft.log.log import Cut, End, LogDamaged
from excraft.log.mark import Mark
from excraft.log.segment import CHUNK, UNKNOWN, Walk
from excraft.log.spare import SPARE


class Opened(NamedTuple):
    """A partition ready for the next append."""

    first: int  # first position of the tail segment; 0 when there is none
    offset: int  # where the next record goes
    end: End
    last: tuple[int, int] | None  # offset and padded length of the tail's last record
    cut: Cut | None
    mark: Mark | None  # as it was found


def opened(disk: Disk, folder: Path, partition: int, *, everything: bool = False) -> Opened:
    """Verify the tail segment and the one before it, or with `everything` all of them.

    Raises LogDamaged; changes nothing but what cannot have been acknowledged.
    """
    seen = mark.read(disk, folder)
    firsts = segment.firsts(disk, folder)
    if firsts and firsts[0] != 1:
        raise LogDamaged(folder / segment.name(1), 0, 1, "the first segment is missing")
    end = End()
    for first, following in zip(firsts[:-1], firsts[1:], strict=True):
        if everything or following == firsts[-1]:
            before = end if everything or first == 1 else End(first - 1, UNKNOWN)
            path = folder / segment.name(before.position + 1)
            with Walk(disk, path, partition, before) as walk:
                if walk.to_the_end().end.position != following - 1:
                    raise walk.damage(f"record {following} follows in the next segment")
            end = walk.end
    found = Opened(0, 0, end, None, None, seen)
    if firsts:
        found = _tail(disk, folder / segment.name(firsts[-1]), partition, found)
    if SPARE in disk.names(folder):
        found = _spare_with_records(disk, folder, partition, found)
    _check_mark(folder, found)
    return found


def _tail(disk: Disk, path: Path, partition: int, found: Opened) -> Opened:
    """Verify the last segment, which continues `found`, and clean what follows its end."""
    with Walk(disk, path, partition, found.end) as walk:
        walk.to_the_end()
        dirty = segment.used(walk) - walk.offset
        cut = _cut(walk, found.mark, dirty) if dirty else None
    return Opened(found.end.position + 1, walk.offset, walk.end, walk.last, cut, found.mark)


def _cut(walk: Walk, seen: Mark | None, dirty: int) -> Cut:
    """Zero the bytes after the end, unless something says that they were acknowledged."""
    position = walk.end.position + 1
    if seen is None:
        raise walk.damage(f"nobody knows if it was acknowledged, for {mark.NAME} is missing")
    if seen.position >= position:
        raise walk.damage(f"record {seen.position} was acknowledged")
    if later := segment.later_record(walk):
        raise walk.damage(f"yet record {later[1]} follows at offset {later[0]}")
    handle = walk.disk.open(walk.path)
    try:
        for at in range(walk.offset, walk.offset + dirty, CHUNK):
            walk.disk.write(handle, at, bytes(min(CHUNK, walk.offset + dirty - at)))
        walk.disk.sync(handle)
    finally:
        walk.disk.close(handle)
    return Cut(walk.path, walk.offset, dirty, position, walk.reason)


def _spare_with_records(disk: Disk, folder: Path, partition: int, found: Opened) -> Opened:
    """Name the spare as a segment when records went into it and its new name was lost."""
    with Walk(disk, folder / SPARE, partition, found.end) as walk:
        begins = next(iter(walk), None) is not None
        if not begins and (later := segment.later_record(walk)):
            raise walk.damage(f"yet record {later[1]} follows at offset {later[0]}")
    if not begins:
        return found
    path = folder / segment.name(found.end.position + 1)
    disk.rename(folder / SPARE, path)
    disk.sync_folder(folder)
    return _tail(disk, path, partition, found)


def _check_mark(folder: Path, found: Opened) -> None:
    seen, end = found.mark or Mark(), found.end
    path = folder / segment.name(found.first or 1)
    if seen.position > end.position:
        reason = f"record {seen.position} was acknowledged, but the log ends here"
        raise LogDamaged(path, found.offset, end.position + 1, reason)
    if seen.position == end.position and seen.hash != end.hash:
        raise LogDamaged(path, found.offset, end.position, "it is not the one acknowledged")
