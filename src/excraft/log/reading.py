"""Reading records back: segment by segment, verified."""

from collections.abc import Iterator
from pathlib import Path

from excraft.log import mark, segment
from excraft.log.disk import Disk
from excraft.log.log import End, LogDamaged, Verify
from excraft.log.segment import UNKNOWN, Walk
from excraft.messages.codec import Record


def records(
    disk: Disk, folder: Path, partition: int, between: tuple[int, int], verify: Verify
) -> Iterator[Record]:
    """The records after position `between[0]` up to and with `between[1]`; raises LogDamaged."""
    after, upto = between
    firsts = segment.firsts(disk, folder)
    begin = max((f for f in firsts if f <= after + 1), default=1)
    end = End() if begin == 1 else End(begin - 1, UNKNOWN)
    while end.position < upto:
        path = folder / segment.name(end.position + 1)
        try:
            handle = disk.open(path, write=False)
        except FileNotFoundError:
            raise LogDamaged(path, 0, end.position + 1, "the segment is missing") from None
        try:
            walk = Walk(disk, handle, partition, end, verify == "chain")
            for record in walk:
                if record.position > after:
                    yield record
                if record.position >= upto:
                    return
        finally:
            disk.close(handle)
        if segment.name(walk.end.position + 1) not in disk.names(folder):
            raise LogDamaged(path, walk.offset, walk.end.position + 1, walk.reason)
        end = walk.end


def reader_end(disk: Disk, folder: Path, partition: int) -> End:
    """The end of a log that another process may be writing to; an unfinished tail is ignored.

    Raises LogDamaged when a record that the mark calls acknowledged is not valid.
    """
    seen = mark.read(disk, folder) or mark.Mark()  # before the records: it may be behind, not ahead
    firsts = segment.firsts(disk, folder)
    end = End()
    for first in firsts[-2:]:
        if first == firsts[0] or end.position == first - 1:
            before = end
        else:
            before = End(first - 1, UNKNOWN)
        path = folder / segment.name(first)
        handle = disk.open(path, write=False)
        try:
            walk = Walk(disk, handle, partition, before)
            for _ in walk:
                pass
        finally:
            disk.close(handle)
        end = walk.end
        if first != firsts[-1] and end.position != firsts[-1] - 1:
            raise LogDamaged(path, walk.offset, end.position + 1, walk.reason)
    if end.position < seen.position:
        raise LogDamaged(path if firsts else folder, walk.offset, end.position + 1, walk.reason)
    return end
