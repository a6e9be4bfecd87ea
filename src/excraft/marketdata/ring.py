"""The newest rows of something that only grows: one flat int64 array, nothing kept per idle row."""

from array import array

import numpy as np

_LARGEST = 2**63 - 1


class Ring:
    """Rows of `width` int64 numbers; the last `rows_max` of them can be read.

    Rows are numbered from 0 for ever, so `total` is the number of the next row. The oldest are cut
    off in one move whenever an eighth more than `rows_max` has gathered.
    """

    __slots__ = ("_cut", "cells", "rows_max", "total", "width")

    def __init__(self, width: int, rows_max: int):
        self.width = width
        self.rows_max = rows_max
        self.cells = array("q")
        self.total = 0
        self._cut = (rows_max + rows_max // 8) * width

    def append(self, row) -> None:
        """One row: any iterable of `width` integers."""
        self.cells.extend(row)
        self.total += 1
        if len(self.cells) > self._cut:
            self._trim()

    def extend(self, rows: np.ndarray) -> None:
        """Many rows: an int64 array of shape (n, width)."""
        self.total += len(rows)
        self.cells.frombytes(np.ascontiguousarray(rows[-self.rows_max :], dtype="<i8").tobytes())
        if len(self.cells) > self._cut:
            self._trim()

    @property
    def oldest(self) -> int:
        """Number of the oldest row that can be read; equals `total` when there is none."""
        return self.total - min(self.rows_max, len(self.cells) // self.width)

    def read(self, start: int, stop: int) -> np.ndarray:
        """A copy of rows start..stop-1, as far as they are kept, of shape (n, width)."""
        first = self.total - len(self.cells) // self.width
        low, high = max(start, self.oldest) - first, min(stop, self.total) - first
        if high <= low:
            return np.empty((0, self.width), np.int64)
        return self._view()[low:high].copy()

    def find(self, column: int, value: int) -> int:
        """Number of the first row kept whose `column`, which must not fall, is >= value.

        `value` may be any integer.
        """
        first = self.total - len(self.cells) // self.width
        if not self.cells:
            return self.total
        value = max(-_LARGEST, min(value, _LARGEST))
        found = first + int(np.searchsorted(self._view()[:, column], value))
        return max(found, self.oldest)

    def dump(self) -> tuple[int, bytes]:
        """(total, the rows that can be read, little-endian)."""
        return self.total, self.read(self.oldest, self.total).astype("<i8", copy=False).tobytes()

    def load(self, saved: tuple[int, bytes]) -> None:
        """Become what `dump` was taken of."""
        self.total = saved[0]
        self.cells = array("q", np.frombuffer(saved[1], "<i8").astype(np.int64).tobytes())

    @property
    def nbytes(self) -> int:
        return len(self.cells) * 8

    def _view(self) -> np.ndarray:
        # Never let a view out: while one lives, the array underneath cannot grow.
        return np.frombuffer(self.cells, np.int64).reshape(-1, self.width)

    def _trim(self) -> None:
        del self.cells[: len(self.cells) - self.rows_max * self.width]
