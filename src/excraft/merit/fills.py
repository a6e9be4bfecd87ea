"""The fills of days, as merit counts them: taken from event columns, kept on disk until published.

Rows are appended in the order of the log. The state that goes into a snapshot says how many there
are, and they are on the disk by then; what a kill leaves beyond that is cut off and comes again.
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from excraft.messages.events import EventKind, Flag
from excraft.scores.poe import fee_in_quote

ROW = np.dtype(
    [
        ("account", "<i4"), ("other", "<i4"), ("asset", "<i4"), ("weight", "<i2"),
        ("maker", "<i2"), ("fee", "<i8"), ("notional", "<i8"),
    ]
)  # fmt: skip
TOGETHER = 8_192  # rows that are written at once


class SpoolDamaged(Exception):
    """Fewer rows on the disk than the snapshot counted."""


class Markets(NamedTuple):
    """Arrays by market: its assets, atoms per lot and per tick x lot; the weight of a fill by side
    (Side) and market."""

    base: np.ndarray
    quote: np.ndarray
    base_atoms: np.ndarray
    quote_atoms: np.ndarray
    weight: np.ndarray


def fill_rows(events: np.ndarray, markets: Markets) -> np.ndarray:
    """ROW for each side of each trade of one record's events."""
    at = np.flatnonzero(events["kind"] == EventKind.ORDER_FILLED)
    e = events[at]
    maker = (e["flags"] & Flag.MAKER).astype(np.int64)
    market = e["market"]
    rows = np.zeros(len(at), ROW)
    rows["account"] = e["account"]
    rows["other"] = events["account"][at + 1 - 2 * maker]  # directly beside it, taker first
    rows["asset"] = markets.quote[market]
    rows["weight"] = markets.weight[e["side"], market]
    rows["maker"] = maker
    notional = e["price"] * e["quantity"] * markets.quote_atoms[market]
    gross = e["quantity"] * markets.base_atoms[market]
    buys = e["side"] == 0  # a buyer receives base, so the fee is of base
    rows["fee"] = np.where(buys, fee_in_quote(e["amount"], notional, gross), e["amount"])
    rows["notional"] = notional
    return rows


class Spool:
    """Rows of one day in one file."""

    def __init__(self, folder: Path, day: int, count: int = 0) -> None:
        """Goes on after `count` rows; raises SpoolDamaged when there are fewer."""
        self.path, self.count = folder / f"fills-{day:05}.bin", count
        folder.mkdir(parents=True, exist_ok=True)
        self._waiting: list[np.ndarray] = []
        self._held = 0
        with open(self.path, "ab" if count else "wb") as file:
            there = file.seek(0, os.SEEK_END) // ROW.itemsize
            if there < count:
                raise SpoolDamaged(
                    f"{self.path} has {there} fills and the snapshot counted {count}; move the "
                    "snapshots away, then the log is read from its beginning"
                )
            file.truncate(count * ROW.itemsize)

    def add(self, rows: np.ndarray) -> None:
        self._waiting.append(rows)
        self._held += len(rows)
        self.count += len(rows)
        if self._held >= TOGETHER:
            self.write()

    def write(self, sync: bool = False) -> None:
        """Hand what waits to the system; `sync`: all that was added is on the disk afterwards."""
        with open(self.path, "ab") as file:
            for rows in self._waiting:
                file.write(rows.tobytes())
            self._waiting, self._held = [], 0
            if sync:
                file.flush()
                os.fsync(file.fileno())


def read_spool(folder: Path, day: int, count: int, batch: int = 1 << 18):
    """The rows of a day, in batches."""
    path = folder / f"fills-{day:05}.bin"
    with path.open("rb") as file:
        left = count
        while left:
            rows = np.fromfile(file, ROW, min(batch, left))
            if not len(rows):
                raise SpoolDamaged(f"{path} ends {left} fills too early")
            left -= len(rows)
            yield rows


def forget_spool(folder: Path, day: int) -> None:
    """The day is published."""
    (folder / f"fills-{day:05}.bin").unlink(missing_ok=True)
