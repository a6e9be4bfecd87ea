"""Records for tests of what carries them: different bytes in each, one after the other."""

from collections.abc import Iterable

import numpy as np

from excraft.messages.codec import Record, pack_text
from excraft.messages.commands import COMMAND


def chain(sizes: Iterable[int], text: str = "", *, position: int = 1) -> list[Record]:
    """Records of these numbers of commands; with `text` each has a text of another length."""
    records, sequence = [], 1_000_000 * (position - 1) + 1
    for at, count in enumerate(sizes, position):
        rows = np.zeros(count, COMMAND)
        rows["kind"], rows["account"], rows["price"] = 1, at, np.arange(count) + sequence
        packed = pack_text(0, text + "x" * (at % 8)) if text else b""
        records.append(Record(at, sequence, 1_000 * at, rows, packed))
        sequence += count
    return records


def same(some: Iterable[Record], others: Iterable[Record]) -> bool:
    """Whether both are the same records, in the same order."""
    return [_plain(r) for r in some] == [_plain(r) for r in others]


def _plain(r: Record) -> tuple:
    return r.position, r.sequence, r.time_ns, r.commands.tobytes(), r.text
