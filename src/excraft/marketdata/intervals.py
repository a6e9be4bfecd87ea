"""The sixteen candle intervals and where their candles open.

All open times are milliseconds since 1970 and aligned in UTC: 3d to the epoch, 1w to Monday, 1M to
the calendar. `offset_ms` shifts the clock the alignment is made on (+8 h: candles of that zone).
"""

from datetime import date
from typing import NamedTuple

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
_MONDAY = 4 * DAY  # 1970-01-05, the first Monday after the epoch
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class Interval(NamedTuple):
    """`length_ms` is 0 for the calendar month; `parent` is the index of the interval whose closed
    candles this one is made of (-1: made of trades)."""

    name: str
    index: int
    length_ms: int
    parent: int


_TABLE = [
    ("1s", SECOND, None),
    ("1m", MINUTE, "1s"),
    ("3m", 3 * MINUTE, "1m"),
    ("5m", 5 * MINUTE, "1m"),
    ("15m", 15 * MINUTE, "1m"),
    ("30m", 30 * MINUTE, "1m"),
    ("1h", HOUR, "1m"),
    ("2h", 2 * HOUR, "1h"),
    ("4h", 4 * HOUR, "1h"),
    ("6h", 6 * HOUR, "1h"),
    ("8h", 8 * HOUR, "1h"),
    ("12h", 12 * HOUR, "1h"),
    ("1d", DAY, "1h"),
    ("3d", 3 * DAY, "1d"),
    ("1w", WEEK, "1d"),
    ("1M", 0, "1d"),
]
_NUMBER = {name: i for i, (name, _, _) in enumerate(_TABLE)}
INTERVALS: dict[str, Interval] = {
    name: Interval(name, i, length, _NUMBER[parent] if parent else -1)
    for i, (name, length, parent) in enumerate(_TABLE)
}
ALL = tuple(INTERVALS.values())
CHILDREN = tuple(tuple(c for c in ALL if c.parent == i.index) for i in ALL)


def open_of(interval: Interval, time_ms: int, offset_ms: int = 0) -> int:
    """Open time of the candle that `time_ms` falls into."""
    local, length = time_ms + offset_ms, interval.length_ms
    if length == WEEK:
        local -= _MONDAY
        return local - local % WEEK + _MONDAY - offset_ms
    if length:
        return local - local % length - offset_ms
    first = date.fromordinal(local // DAY + _EPOCH_ORDINAL).replace(day=1)
    return (first.toordinal() - _EPOCH_ORDINAL) * DAY - offset_ms


def step(interval: Interval, open_ms: int, count: int, offset_ms: int = 0) -> int:
    """Open time of the candle `count` places after (before, when negative) the one at `open_ms`."""
    if interval.length_ms:
        return open_ms + count * interval.length_ms
    first = date.fromordinal((open_ms + offset_ms) // DAY + _EPOCH_ORDINAL)
    months = max(first.year * 12 + first.month - 1 + count, 12)  # no calendar before the year 1
    year, month = divmod(months, 12)
    return (date(year, month + 1, 1).toordinal() - _EPOCH_ORDINAL) * DAY - offset_ms


def base_of(interval: Interval, offset_ms: int) -> Interval:
    """The longest interval whose UTC candles fit exactly into candles shifted by `offset_ms`.

    Raises ValueError when the offset is not of whole minutes.
    """
    length = interval.length_ms
    if offset_ms == 0 or (length and length <= DAY and offset_ms % length == 0):
        return interval
    if offset_ms % MINUTE:
        raise ValueError(f"an offset of {offset_ms} ms is not of whole minutes")
    whole = length or DAY  # a month, like a week, is made of days
    fits = [
        b
        for b in ALL
        if 0 < b.length_ms <= min(whole, DAY)
        and whole % b.length_ms == 0
        and offset_ms % b.length_ms == 0
    ]
    return max(fits, key=lambda b: b.length_ms)
