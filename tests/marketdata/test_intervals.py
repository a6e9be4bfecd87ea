"""Open times against the calendar of the standard library."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from excraft.marketdata.intervals import ALL, HOUR, INTERVALS, MINUTE, base_of, open_of, step

TIMES = st.integers(1_500_000_000_000, 2_500_000_000_000)
OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: minutes * MINUTE)
NAMES = "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M".split()


def calendar_open(name: str, time_ms: int, offset_ms: int) -> int:
    zone = timedelta(milliseconds=offset_ms)
    local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms) + zone
    day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    count, unit = int(name[:-1]), name[-1]
    if unit == "M":
        found = day.replace(day=1)
    elif unit == "w":
        found = day - timedelta(days=day.weekday())
    elif unit == "d":
        found = day - timedelta(days=(day - datetime(1970, 1, 1, tzinfo=UTC)).days % count)
    else:
        seconds = {"s": 1, "m": 60, "h": 3600}[unit] * count
        since = int((local - day).total_seconds())
        found = day + timedelta(seconds=since - since % seconds)
    return round((found - zone).timestamp() * 1000)


def test_the_sixteen_of_the_trading_api():
    assert list(INTERVALS) == NAMES
    assert [i.index for i in ALL] == list(range(16))


@given(time_ms=TIMES, offset_ms=OFFSETS)
def test_candles_open_where_the_calendar_says(time_ms, offset_ms):
    for interval in ALL:
        opened = open_of(interval, time_ms, offset_ms)
        assert opened == calendar_open(interval.name, time_ms, offset_ms)
        after = step(interval, opened, 1, offset_ms)
        assert opened <= time_ms < after
        assert after == open_of(interval, after, offset_ms)
        assert step(interval, after, -1, offset_ms) == opened


@given(time_ms=TIMES, offset_ms=OFFSETS)
def test_a_base_candle_never_straddles_two(time_ms, offset_ms):
    for interval in ALL:
        base = base_of(interval, offset_ms)
        first = open_of(base, time_ms)
        last = step(base, first, 1) - 1
        assert open_of(interval, first, offset_ms) == open_of(interval, last, offset_ms)


def test_the_longest_base_is_taken():
    assert base_of(INTERVALS["1d"], 8 * HOUR).name == "8h"
    assert base_of(INTERVALS["1w"], -5 * HOUR).name == "1h"
    assert base_of(INTERVALS["1M"], 5 * HOUR + 45 * MINUTE).name == "15m"
    assert base_of(INTERVALS["4h"], 8 * HOUR).name == "4h"
    with pytest.raises(ValueError, match="an offset of 30000 ms is not of whole minutes"):
        base_of(INTERVALS["1d"], 30_000)
