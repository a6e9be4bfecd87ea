"""Candles of one market: what is running and what has closed, for all intervals.

A trade touches only the running second. A second that closes is folded into the running minute, a
minute into 3m ... 1h, an hour into 2h ... 1d, a day into 3d, 1w and 1M: intervals.Interval.parent.
So a running hour lacks its running minute, and a question about it adds the parents' running
candles: `Bars.tail`.
"""

from typing import NamedTuple

import numpy as np

from excraft.marketdata.intervals import (
    ALL,
    CHILDREN,
    Interval,
    base_of,
    open_of,
    step,
)
from excraft.marketdata.ring import Ring

SECONDS_MAX = 3_600  # candles of 1s kept; empty seconds are not stored
CANDLES_MAX = 1_500  # of every other interval
# Columns of a bar: (open_ms, open, high, low, close, first_id, last_id) and four sums.
_PLAIN = 7
WIDTH = _PLAIN + 2 * 4  # a stored sum is two numbers, so that no total can overflow
_LOW = (1 << 32) - 1
Bar = list[int]  # 7 + [lots, quote_atoms, buy_lots, buy_quote_atoms], whole Python integers


class Candle(NamedTuple):
    """`close_ms` is the last millisecond; `buy_*` is what takers bought. Without trades: flat at
    the close before it, sums 0 and ids -1."""

    open_ms: int
    close_ms: int
    open: int
    high: int
    low: int
    close: int
    lots: int
    quote_atoms: int
    count: int
    buy_lots: int
    buy_quote_atoms: int
    first_id: int
    last_id: int


class Span(NamedTuple):
    """Which candles: open times within start_ms..end_ms (both may be None), at most `limit`."""

    start_ms: int | None
    end_ms: int | None
    limit: int


def packed(bar: Bar) -> list[int]:
    """The WIDTH int64 numbers a bar is stored as."""
    row = bar[:_PLAIN]
    for total in bar[_PLAIN:]:
        row.append(total >> 32)
        row.append(total & _LOW)
    return row


def unpacked(row: list[int]) -> Bar:
    """Inverse of `packed`."""
    sums = [(row[i] << 32) + row[i + 1] for i in range(_PLAIN, WIDTH, 2)]
    return row[:_PLAIN] + sums


def merge(bar: Bar, later: Bar) -> None:
    """Extend `bar` by what happened after it."""
    if later[2] > bar[2]:
        bar[2] = later[2]
    if later[3] < bar[3]:
        bar[3] = later[3]
    bar[4] = later[4]
    bar[6] = later[6]
    bar[7] += later[7]
    bar[8] += later[8]
    bar[9] += later[9]
    bar[10] += later[10]


def regroup(bars: list[Bar], interval: Interval, offset_ms: int) -> list[Bar]:
    """Bars of a finer interval joined into those of `interval`."""
    joined: list[Bar] = []
    for bar in bars:
        opened = open_of(interval, bar[0], offset_ms)
        if joined and joined[-1][0] == opened:
            merge(joined[-1], bar)
        else:
            joined.append([opened, *bar[1:]])
    return joined


class Bars:
    """All candles of one market."""

    __slots__ = ("closed", "running")

    def __init__(self) -> None:
        self.running: list[Bar | None] = [None] * len(ALL)
        self.closed: list[Ring | None] = [None] * len(ALL)

    def add(self, bar: Bar) -> None:
        """Take in trades of one moment; bar[0] is their time and becomes a whole second."""
        second = bar[0] - bar[0] % 1_000
        now = self.running[0]
        if now is not None:
            if now[0] == second:
                merge(now, bar)
                return
            self._close(0)
        bar[0] = second
        self.running[0] = bar

    def _close(self, index: int) -> None:
        bar = self.running[index]
        ring = self.closed[index]
        if ring is None:
            ring = Ring(WIDTH, CANDLES_MAX if index else SECONDS_MAX)
            self.closed[index] = ring
        ring.append(packed(bar))
        for child in CHILDREN[index]:
            at = child.index
            opened = open_of(child, bar[0])
            now = self.running[at]
            if now is not None and now[0] == opened:
                merge(now, bar)
                continue
            if now is not None:
                self._close(at)
            self.running[at] = [opened, *bar[1:]]

    def tail(self, interval: Interval) -> list[Bar]:
        """Copies of the bars that are not in the ring: at most a few, the last one runs."""
        parts, at = [], interval.index
        while at >= 0:
            if self.running[at] is not None:
                parts.append(self.running[at])
            at = ALL[at].parent
        return regroup(parts, interval, 0)

    def stored(self, interval: Interval, start_ms: int, stop_ms: int) -> list[Bar]:
        """Bars that open in start_ms..stop_ms-1, and the one before them if it is kept."""
        ring, found = self.closed[interval.index], []
        if ring is not None:
            low = max(ring.find(0, start_ms) - 1, ring.oldest)
            found = [unpacked(row) for row in ring.read(low, ring.find(0, stop_ms)).tolist()]
        for bar in self.tail(interval):
            if bar[0] < start_ms:
                found = [bar]
            elif bar[0] < stop_ms:
                found.append(bar)
        return found

    def first_open(self, interval: Interval) -> int:
        """Open time of the oldest bar kept."""
        ring = self.closed[interval.index]
        if ring is not None and ring.total:
            return int(ring.read(ring.oldest, ring.oldest + 1)[0, 0])
        return self.tail(interval)[0][0]

    def candles(self, interval: Interval, span: Span, offset_ms: int) -> list[Candle]:
        """Candles in order, empty intervals filled; `span.end_ms` must be given."""
        if self.running[0] is None:
            return []
        base = base_of(interval, offset_ms)
        oldest = open_of(interval, self._first_whole(base, interval, offset_ms), offset_ms)
        if span.end_ms < max(oldest, span.start_ms or 0):
            return []  # which also keeps times that no calendar has out of the sums below
        last = open_of(interval, span.end_ms, offset_ms)
        if span.start_ms is None:
            first = max(step(interval, last, 1 - span.limit, offset_ms), oldest)
        else:
            first = open_of(interval, max(span.start_ms, oldest), offset_ms)
            if first < span.start_ms:
                first = step(interval, first, 1, offset_ms)
            last = min(last, step(interval, first, span.limit - 1, offset_ms))
        bars = self.stored(base, first, step(interval, last, 1, offset_ms))
        if base is not interval:
            bars = regroup(bars, interval, offset_ms)
        return _filled(bars, interval, (first, last), offset_ms)

    def _first_whole(self, base: Interval, interval: Interval, offset_ms: int) -> int:
        """Time of the oldest candle of `interval` that no cut of the ring has shortened."""
        oldest = self.first_open(base)
        ring = self.closed[base.index]
        opened = open_of(interval, oldest, offset_ms)
        if base is interval or opened == oldest or ring is None or ring.oldest == 0:
            return oldest
        return step(interval, opened, 1, offset_ms)

    def invariant(self) -> list[str]:
        """What is wrong with these candles, as sentences."""
        wrong = []
        for interval in ALL:
            ring = self.closed[interval.index]
            rows = [] if ring is None else ring.read(0, ring.total).tolist()
            bars = [unpacked(row) for row in rows] + self.tail(interval)
            for before, bar in zip(bars, bars[1:], strict=False):
                if before[0] >= bar[0] or before[6] + 1 != bar[5]:
                    wrong.append(f"{interval.name} candles {before[0]} and {bar[0]} do not follow")
            for bar in bars:
                if not bar[3] <= min(bar[1], bar[4]) <= max(bar[1], bar[4]) <= bar[2]:
                    wrong.append(f"{interval.name} candle {bar[0]} has impossible prices")
        return wrong

    def dump(self) -> tuple[list, list]:
        """(running bars packed, rings)."""
        return (
            [bar and packed(bar) for bar in self.running],
            [ring and ring.dump() for ring in self.closed],
        )

    def load(self, running: list, closed: list) -> None:
        """Become what `dump` was taken of."""
        self.running = [row and unpacked(row) for row in running]
        for index, saved in enumerate(closed):
            if saved is not None:
                ring = Ring(WIDTH, CANDLES_MAX if index else SECONDS_MAX)
                ring.load(saved)
                self.closed[index] = ring


def _filled(
    bars: list[Bar], interval: Interval, within: tuple[int, int], offset_ms: int
) -> list[Candle]:
    """Candles from the first to the last open time of `within`; none before the first bar."""
    opened, last = within
    found, at, close = [], 0, None
    while at < len(bars) and bars[at][0] < opened:
        close = bars[at][4]
        at += 1
    while opened <= last:
        after = step(interval, opened, 1, offset_ms)
        if at < len(bars) and bars[at][0] == opened:
            _, o, h, low, close, first_id, last_id, lots, quote, buy_lots, buy_quote = bars[at]
            count = last_id - first_id + 1
            found.append(Candle(opened, after - 1, o, h, low, close, lots, quote, count,
                                buy_lots, buy_quote, first_id, last_id))  # fmt: skip
            at += 1
        elif close is not None:
            found.append(Candle(opened, after - 1, close, close, close, close, 0, 0, 0,
                                0, 0, -1, -1))  # fmt: skip
        opened = after
    return found


def sums(rows: np.ndarray) -> Bar | None:
    """One bar over stored rows of shape (n, WIDTH); None without rows."""
    if not len(rows):
        return None
    total = rows[0].tolist()
    total[2], total[3] = int(rows[:, 2].max()), int(rows[:, 3].min())
    total[4], total[6] = int(rows[-1, 4]), int(rows[-1, 6])
    total[_PLAIN:] = rows[:, _PLAIN:].sum(axis=0).tolist()
    return unpacked(total)
