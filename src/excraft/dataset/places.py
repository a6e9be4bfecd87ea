"""Where ids stand in a sorted table of them, for many ids at once, compiled."""

import numpy as np

from excraft.kernel.compiled import entry


@entry
def find(wanted, ids, starts, shift, out):
    """For each row of `wanted` (n, 2) its place in the sorted `ids` (m, 2), or -1, into `out`.
    `starts[b]` is the first place whose high half, shifted by `shift`, is at least b."""
    for at in range(wanted.shape[0]):
        high, low = wanted[at, 0], wanted[at, 1]
        bucket = np.int64(high >> shift)
        found = -1
        for place in range(starts[bucket], starts[bucket + 1]):
            if ids[place, 0] == high and ids[place, 1] == low:
                found = place
                break
        out[at] = found


class Places:
    """Salted ids are spread evenly, so a bucket of the high bits holds one or two of them."""

    def __init__(self, ids: np.ndarray) -> None:
        """`ids`: (n, 2) uint64, ascending."""
        bits = max(1, len(ids).bit_length())
        self._ids, self._shift = np.ascontiguousarray(ids), np.uint64(64 - bits)
        tops = (ids[:, 0] >> self._shift).astype(np.int64)
        self._starts = np.searchsorted(tops, np.arange((1 << bits) + 1)).astype(np.int64)

    def of(self, halves: np.ndarray) -> np.ndarray:
        """The place of each id as int64; -1 for one that is not there."""
        out = np.empty(len(halves), np.int64)
        find(np.ascontiguousarray(halves), self._ids, self._starts, self._shift, out)
        return out
