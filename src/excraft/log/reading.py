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
    begin = max((f for f in segment.firsts(disk, folder) if f <= after + 1), default=1)
    end = End() if begin == 1 else End(begin - 1, UNKNOWN)
    while max(after, end.position) < upto:
        path = folder / segment.name(end.position + 1)
        with Walk(disk, path, partition, end, verify == "chain") as walk:
            for record in walk:
                if record.position > after:
                    yield record
                if record.position >= upto:
                    return
        if walk.end.position == end.position or walk.end.position + 1 not in segment.firsts(
            disk, folder
        ):
            raise walk.damage()
        end = walk.end


def reader_end(disk: Disk, folder: Path, partition: int) -> End:
    """The end of a log that another process may be writing to; an unfinished tail is ignored.

    Raises LogDamaged when a record that the mark calls acknowledged is not valid.
    """
    seen = mark.read(disk, folder) or mark.Mark()  # before the records, so never ahead of them
    firsts = segment.firsts(disk, folder)
    if not firsts:
        if seen.position:
            raise LogDamaged(folder / segment.name(1), 0, 1, "the segment is missing")
        return End()
    end = End()
    for first in firsts[-2:]:
        before = end if end.position == first - 1 else End(first - 1, UNKNOWN)
        with Walk(disk, folder / segment.name(first), partition, before) as walk:
            end = walk.to_the_end().end
        if end.position < (firsts[-1] - 1 if first != firsts[-1] else seen.position):
            raise walk.damage()
    return end
