"""Candles against a recount of the trades, and the streams of them."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.marketdata import INTERVALS, MarketData
from excraft.marketdata.candles import (
    CANDLES_MAX,
    SECONDS_MAX,
    WIDTH,
    Candle,
    packed,
    sums,
    unpacked,
)
from excraft.marketdata.intervals import DAY, HOUR, MINUTE, open_of, step

MS = 1_000_000
START_MS = 1_767_225_600_000 + 11 * HOUR + 12_345  # 2026-01-01, a Thursday
WORTH = 3


def expected(interval, trades, now_ms, offset_ms=0):
    """All candles from the first trade to now, the obvious way."""
    found, close, by_open = [], None, defaultdict(list)
    for i, trade in enumerate(trades, 1):
        by_open[open_of(interval, trade[0] // MS, offset_ms)].append((i, *trade))
    opened = open_of(interval, trades[0][0] // MS, offset_ms)
    while opened <= now_ms:
        after = step(interval, opened, 1, offset_ms)
        mine = by_open.get(opened)
        if mine:
            prices = [price for _, _, price, _, _ in mine]
            buys = [(lots, price * lots * WORTH) for _, _, price, lots, side in mine if side == 0]
            close = prices[-1]
            found.append(
                Candle(
                    opened, after - 1, prices[0], max(prices), min(prices), close,
                    sum(lots for *_, lots, _ in mine),
                    sum(price * lots * WORTH for _, _, price, lots, _ in mine),
                    len(mine), sum(b[0] for b in buys), sum(b[1] for b in buys),
                    mine[0][0], mine[-1][0],
                )
            )  # fmt: skip
        else:
            found.append(Candle(opened, after - 1, *[close] * 4, 0, 0, 0, 0, 0, -1, -1))
        opened = after
    return found


@st.composite
def trading(draw, names=tuple(INTERVALS)):
    """(interval, trades) with gaps of the interval's size."""
    interval = INTERVALS[draw(st.sampled_from(names))]
    length = interval.length_ms or 30 * DAY
    steps = st.sampled_from([0, 1, length // 7, length // 2, length, 3 * length + 1])
    trades, time_ms = [], START_MS
    for gap in draw(st.lists(steps, min_size=1, max_size=25)):
        time_ms += gap
        lots = draw(st.sampled_from([1, 5, 10**15]))
        price = draw(st.integers(1, 1_000))
        trades.append((time_ms * MS, price, lots, draw(st.integers(0, 1))))
    return interval, trades


def fed(records, now_ms=None):
    data = MarketData(None if now_ms is None else lambda: now_ms * MS)
    for record, events in records:
        data.apply(record, events)
    assert data.invariant() == []
    return data


@settings(max_examples=200, deadline=None)
@given(given_=trading(), later=st.integers(0, 5))
def test_candles_are_the_recount(traded, given_, later):
    interval, trades = given_
    now_ms = trades[-1][0] // MS + later * (interval.length_ms or 30 * DAY)
    data = fed(traded(trades, WORTH), now_ms)
    assert data.candles(0, interval.name, limit=1_000) == expected(interval, trades, now_ms)
    assert data.candle(0, interval.name) == expected(interval, trades, now_ms)[-1]


@settings(max_examples=150, deadline=None)
@given(
    given_=trading(("1m", "15m", "1h", "4h", "1d", "3d", "1w", "1M")),
    offset=st.sampled_from([-12 * 60, -150, 15, 345, 480, 14 * 60]),
)
def test_candles_of_other_time_zones(traded, given_, offset):
    interval, trades = given_
    offset_ms = offset * MINUTE
    data = fed(traded(trades, WORTH))
    found = data.candles(0, interval.name, limit=1_000, offset_ms=offset_ms)
    assert found == expected(interval, trades, trades[-1][0] // MS, offset_ms)


@settings(max_examples=200, deadline=None)
@given(
    given_=trading(),
    start=st.none() | st.integers(-3, 60),
    end=st.none() | st.integers(-3, 60),
    limit=st.integers(1, 30),
)
def test_spans_and_limits(traded, given_, start, end, limit):
    interval, trades = given_
    length = interval.length_ms or 30 * DAY
    start_ms = None if start is None else START_MS + start * length // 2
    end_ms = None if end is None else START_MS + end * length // 2
    every = expected(interval, trades, trades[-1][0] // MS)
    inside = [c for c in every if (start_ms is None or c.open_ms >= start_ms)
              and (end_ms is None or c.open_ms <= end_ms)]  # fmt: skip
    inside = inside[-limit:] if start_ms is None else inside[:limit]
    data = fed(traded(trades, WORTH))
    assert data.candles(0, interval.name, start_ms, end_ms, limit) == inside


def test_the_rings_hold_the_newest_and_cut_candles_are_left_out(traded):
    gap, count = 20 * MINUTE, 4_000
    trades = [((START_MS + i * gap) * MS, 100 + i % 7, 2, i % 2) for i in range(count)]
    data = fed(traded(trades, WORTH))
    last_ms = trades[-1][0] // MS
    seconds = data.candles(0, "1s", 0, limit=5)
    assert seconds[0].first_id == count - SECONDS_MAX  # one more is running
    for name in ("15m", "1h", "1d"):
        every = expected(INTERVALS[name], trades, last_ms)
        found = data.candles(0, name, limit=100_000)
        assert found == every[-len(found) :]
        real = sum(candle.count > 0 for candle in found)
        assert len(found) == len(every) or CANDLES_MAX <= real <= CANDLES_MAX + 3  # 3: not closed
    # the days of a zone 15 minutes off are made of quarters, and no day of too few is shown
    days = data.candles(0, "1d", limit=1_000, offset_ms=15 * MINUTE)
    every = expected(INTERVALS["1d"], trades, last_ms, 15 * MINUTE)
    assert 0 < len(days) < len(every)
    assert days == every[-len(days) :]


@pytest.mark.parametrize("name", ["1s", "3d", "1w", "1M"])
@pytest.mark.parametrize("absurd", [-(10**30), -(10**18), 0, 10**18, 10**30])
def test_absurd_times_are_only_far_away(traded, name, absurd):
    data = fed(traded([(START_MS * MS, 100, 1, 0)], WORTH))
    every = data.candles(0, name)
    assert len(every) == 1
    for offset_ms in (0, -12 * HOUR):
        after = data.candles(0, name, absurd, None, 10, offset_ms)
        before = data.candles(0, name, None, absurd, 10, offset_ms)
        assert (len(after), len(before)) == ((0, 1) if absurd > 10**15 else (1, 0))
    assert data.candles(0, name, absurd, -absurd) in ([], every)
    assert len(data.agg_trades(0, 10, None, absurd)) == (absurd <= START_MS)
    assert len(data.agg_trades(0, 10, None, None, absurd)) == (absurd >= START_MS)
    assert len(data.agg_trades(0, 10, absurd)) == len(data.trades(0, 10, absurd)) == (absurd < 2)


def test_sums_larger_than_64_bits_are_exact(traded):
    trades = [((START_MS + i) * MS, 2**42, 2**20, i % 2) for i in range(12)]
    data = fed(traded(trades))
    candle = data.candle(0, "1d")
    assert (candle.quote_atoms, candle.buy_quote_atoms) == (12 << 62, 6 << 62)
    again = MarketData()
    again.load(data.dump())
    assert again.candle(0, "1d") == candle
    bar = [1, 2, 3, 4, 5, 6, 7, 2**80, 2**90 + 5, 0, 2**32]
    assert unpacked(packed(bar)) == bar
    rows = np.array([packed(bar), packed(bar)], np.int64)
    assert sums(rows)[7:] == [2**81, 2**91 + 10, 0, 2**33]
    assert sums(np.empty((0, WIDTH), np.int64)) is None


def updates(data, now_ms, name="1m", reader="r"):
    return [(c.open_ms, c.close, c.count, closed)
            for c, closed in data.candle_updates(reader, 0, name, now_ms * MS)]  # fmt: skip


def test_a_stream_gets_changes_and_the_final_candle_once(traded):
    minute = START_MS - START_MS % MINUTE
    at = [minute + 1_000, minute + 2_000, minute + MINUTE + 500, minute + 9 * MINUTE]
    records = traded([(t * MS, 100 + i, 1, 0) for i, t in enumerate(at)])
    data = MarketData()
    data.apply(*records[0])
    assert updates(data, at[0]) == []
    data.apply(*records[1])
    assert updates(data, at[0]) == [(minute, 100, 1, False)]
    assert updates(data, at[0] + 500) == []
    data.apply(*records[2])
    assert updates(data, at[1]) == [(minute, 101, 2, False)]
    assert updates(data, minute + MINUTE + 249) == [], "a late trade may still come"
    assert updates(data, minute + MINUTE + 250) == [
        (minute, 101, 2, True),
        (minute + MINUTE, 101, 0, False),
    ]
    data.apply(*records[3])
    assert updates(data, minute + MINUTE + 600) == [(minute + MINUTE, 102, 1, False)]
    assert updates(data, minute + 2 * MINUTE + 600) == [
        (minute + MINUTE, 102, 1, True),
        (minute + 2 * MINUTE, 102, 0, False),
    ]
    data.apply(*records[4])
    assert updates(data, at[3]) == [
        (minute + 5 * MINUTE, 102, 0, True),
        (minute + 6 * MINUTE, 102, 0, True),
        (minute + 7 * MINUTE, 102, 0, True),
        (minute + 8 * MINUTE, 102, 0, True),
        (minute + 9 * MINUTE, 103, 1, False),
    ], "a reader that slept gets the newest five"
    data.forget("r")
    assert updates(data, at[3]) == [(minute + 9 * MINUTE, 103, 1, False)]


def test_who_traded_is_told_to_each_reader(traded):
    records = traded([(START_MS * MS, 100, 1, 0)] * 2)
    data = MarketData()
    data.apply(*records[0])
    assert data.candle_changes("r") == data.changed_tickers("r") == set()
    data.apply(*records[1])
    assert data.candle_changes("r") == {0}
    assert data.candle_changes("r") == set()
    data.apply(*records[2])
    assert data.candle_changes("r") == data.changed_tickers("r") == {0}
    assert data.candle_changes("late") == set()


def test_before_the_first_trade_there_are_no_candles():
    data = MarketData()
    data.quote_atoms.append(1)
    assert data.candles(0, "1m") == []
    assert data.candle(0, "1m") is None
    assert data.candle_updates("r", 0, "1m", START_MS * MS) == []
