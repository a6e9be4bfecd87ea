"""Rolling windows over the candles of one market: tickers of 24 h and others, the average price."""

from typing import NamedTuple

from excraft.marketdata.candles import Bar, Bars, merge, sums
from excraft.marketdata.depth import Best
from excraft.marketdata.intervals import DAY, INTERVALS, MINUTE, SECOND, Interval, open_of
from excraft.marketdata.trades import Tape

AVERAGE_MS = 5 * MINUTE
WINDOW_MAX = 7 * DAY
_MS = 1_000_000  # nanoseconds


class Ticker(NamedTuple):
    """A window of trades: open_ms..close_ms, both included. Prices in ticks.

    The weighted average price is average_numerator / average_denominator ticks (both 0: no trade).
    Without a trade in the window open = high = low = last, sums 0 and ids -1; before the first
    trade ever all prices are 0. prev_close is the price of the trade before the window, 0 if none.
    """

    market: int
    open_ms: int
    close_ms: int
    open: int
    high: int
    low: int
    last: int
    last_lots: int
    lots: int
    quote_atoms: int
    count: int
    first_id: int
    last_id: int
    prev_close: int
    average_numerator: int
    average_denominator: int
    bid: int
    bid_lots: int
    ask: int
    ask_lots: int


class Average(NamedTuple):
    """numerator / denominator ticks over `minutes`; time_ms of the last trade, 0 when none yet."""

    minutes: int
    numerator: int
    denominator: int
    time_ms: int


class Windows:
    """Sums over the closed candles of one market's windows, kept until the clock moves on."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        # window length -> (its start, rows in the ring then, their sum, close before the window)
        self._kept: dict[int, tuple[int, int, Bar | None, int]] = {}

    def window(
        self, bars: Bars, interval: Interval, length_ms: int, start_ms: int
    ) -> tuple[Bar | None, int]:
        """(sum of all bars that open at start_ms or later, last close before that or 0)."""
        ring = bars.closed[interval.index]
        total = ring.total if ring is not None else 0
        kept = self._kept.get(length_ms)
        if kept is None or kept[:2] != (start_ms, total):
            found, before = None, 0
            if ring is not None:
                low = ring.find(0, start_ms)
                found = sums(ring.read(low, total))
                if low > ring.oldest:
                    before = int(ring.read(low - 1, low)[0, 4])
            kept = (start_ms, total, found, before)
            self._kept[length_ms] = kept
        _, _, found, before = kept
        bar = found and list(found)
        for late in bars.tail(interval):
            if late[0] < start_ms:
                before = late[4]
            elif bar is None:
                bar = late
            else:
                merge(bar, late)
        return bar, before


def resolution(length_ms: int) -> Interval:
    """Candles a window is summed from, minutes up to a day and hours beyond; it begins where one
    of them opens."""
    return INTERVALS["1m"] if length_ms <= DAY else INTERVALS["1h"]


def ticker(
    bars: Bars, windows: Windows, tape: Tape, best: Best, span: tuple[int, int], quote_atoms: int
) -> Ticker:
    """The ticker of span = (length_ms, now_ms); `quote_atoms`: the worth of one lot x one tick."""
    length_ms, now_ms = span
    interval = resolution(length_ms)
    start_ms = open_of(interval, now_ms - length_ms)
    bar, before = windows.window(bars, interval, length_ms, start_ms)
    newest = tape.last()
    last, last_lots = (newest.price, newest.lots) if newest else (0, 0)
    touch = best[1:]
    if bar is None:
        return Ticker(tape.market, start_ms, now_ms, last, last, last, last, last_lots, 0, 0, 0,
                      -1, -1, before or last, 0, 0, *touch)  # fmt: skip
    return Ticker(
        tape.market, start_ms, now_ms, bar[1], bar[2], bar[3], last, last_lots, bar[7], bar[8],
        bar[6] - bar[5] + 1, bar[5], bar[6], before, bar[8] // quote_atoms, bar[7], *touch,
    )  # fmt: skip


def average(bars: Bars, windows: Windows, tape: Tape, now_ms: int, quote_atoms: int) -> Average:
    """Weighted average of the last five minutes, exact to the second; else the last price."""
    start_ms = open_of(INTERVALS["1s"], now_ms - AVERAGE_MS + SECOND)
    bar, _ = windows.window(bars, INTERVALS["1s"], -AVERAGE_MS, start_ms)
    newest = tape.last()
    if newest is None:
        return Average(AVERAGE_MS // MINUTE, 0, 1, 0)
    time_ms = newest.time_ns // _MS
    if bar is None:
        return Average(AVERAGE_MS // MINUTE, newest.price, 1, time_ms)
    return Average(AVERAGE_MS // MINUTE, bar[8] // quote_atoms, bar[7], time_ms)
