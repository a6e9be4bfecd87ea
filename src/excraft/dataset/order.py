"""Checks that the rows of a table come in its order, across batches, without keeping them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from excraft.dataset.columns import Kind
from excraft.dataset.errors import Malformed
from excraft.dataset.ids import halves_of
from excraft.dataset.tables import Columns, Table


class Order:
    """The key of the last row that was seen."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._last: list[Sequence] = []  # one short column for each part of the key

    def check(self, columns: Columns, line: int) -> None:
        """Raises Malformed for the first row that does not come after the one before it; `line` is
        that of the first row."""
        keys = [part for name in self._table.keys for part in self._parts(name, columns[name])]
        if not len(keys[0]):
            return
        if self._last:
            keys = [np.concatenate(pair) for pair in zip(self._last, keys, strict=True)]
        wrong = self._wrong(keys)
        if wrong.any():
            at = int(np.argmax(wrong)) + (0 if self._last else 1)
            names = ", ".join(self._table.keys)
            again = "again or " if self._table.unique else ""
            raise Malformed(
                self._table.name, line + at,
                f"the row comes {again}out of order; sort them by {names}",
            )  # fmt: skip
        self._last = [part[-1:] for part in keys]

    def _parts(self, name: str, column: Any) -> list[np.ndarray]:
        """A key column as arrays that compare as it is sorted."""
        if self._table.kind(name) in (Kind.ID, Kind.OWNER):
            halves = column if isinstance(column, np.ndarray) else halves_of(column)
            return [halves[:, 0], halves[:, 1]]
        return [np.asarray(column)]

    def _wrong(self, keys: list[np.ndarray]) -> np.ndarray:
        """Which rows, from the second, do not follow the one before."""
        follows = np.zeros(len(keys[0]) - 1, bool)
        equal = np.ones(len(follows), bool)
        for part in keys:
            follows |= equal & (part[1:] > part[:-1])
            equal &= part[1:] == part[:-1]
        return ~follows if self._table.unique else ~(follows | equal)
