"""Rolling windows against a filter over all trades."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.marketdata import MarketData
from excraft.marketdata.intervals import DAY, HOUR, MINUTE, SECOND

MS = 1_000_000
START_MS = 1_767_225_600_000 + 59_000
WORTH = 7
GAPS = st.sampled_from([0, 1, 900, SECOND, 31 * SECOND, 7 * MINUTE, 3 * HOUR, 11 * HOUR, 26 * HOUR])
TRADES = st.lists(st.tuples(GAPS, st.integers(90, 110), st.integers(1, 50)), max_size=30)


def feed(data, records):
    for record, events in records:
        data.apply(record, events)
    return data


def check(data, trades, now_ms, window_ms):
    unit = MINUTE if window_ms <= DAY else HOUR
    start = (now_ms - window_ms) // unit * unit
    inside = [(i, *t) for i, t in enumerate(trades, 1) if t[0] // MS >= start]
    before = [price for time_ns, price, _, _ in trades if time_ns // MS < start]
    ticker = data.ticker(0, now_ms * MS, window_ms)
    assert (ticker.market, ticker.open_ms, ticker.close_ms) == (0, start, now_ms)
    assert now_ms - window_ms - unit < ticker.open_ms <= now_ms - window_ms
    last = trades[-1][1] if trades else 0
    assert ticker.last == last
    assert ticker.last_lots == (trades[-1][2] if trades else 0)
    if not inside:
        assert ticker[3:7] == (last,) * 4
        assert ticker[8:13] == (0, 0, 0, -1, -1)
        assert ticker.prev_close == last
        return
    prices = [price for _, _, price, _, _ in inside]
    assert ticker[3:6] == (prices[0], max(prices), min(prices))
    assert ticker.prev_close == (before[-1] if before else 0)
    lots, turnover = sum(t[3] for t in inside), sum(t[2] * t[3] for t in inside)
    assert (ticker.lots, ticker.quote_atoms) == (lots, turnover * WORTH)
    assert (ticker.count, ticker.first_id, ticker.last_id) == (
        len(inside), inside[0][0], inside[-1][0],
    )  # fmt: skip
    average = Fraction(ticker.average_numerator, ticker.average_denominator)
    assert average == Fraction(turnover, lots)


@settings(max_examples=200, deadline=None)
@given(made=TRADES, waits=st.lists(GAPS, min_size=1, max_size=4))
def test_windows_are_a_filter_over_all_trades(traded, made, waits):
    trades, now_ms = [], START_MS
    for gap, price, lots in made:
        now_ms += gap
        trades.append((now_ms * MS, price, lots, 0))
    data, records = MarketData(), traded(trades, WORTH)
    for i, (record, events) in enumerate(records):
        data.apply(record, events)
        if i:
            check(data, trades[:i], trades[i - 1][0] // MS, DAY)  # so that sums are kept and reused
    for wait in waits:  # and then nothing trades any more
        now_ms += wait
        for window_ms in (HOUR, 4 * HOUR, DAY, 7 * DAY):
            check(data, trades, now_ms, window_ms)


def test_old_trades_expire_without_new_ones(traded):
    now_ms = START_MS
    data = feed(MarketData(), traded([(now_ms * MS, 100, 1, 0)]))
    assert data.ticker(0, (now_ms + DAY) * MS).count == 1
    gone = data.ticker(0, (now_ms + DAY + MINUTE) * MS)
    assert (gone.count, gone.open, gone.last, gone.prev_close) == (0, 100, 100, 100)


def test_the_average_of_five_minutes(traded):
    at = [START_MS, START_MS + 10_000, START_MS + 300_000]
    trades = [(t * MS, price, lots, 0) for t, price, lots in zip(at, (90, 100, 110), (1, 3, 1),
                                                                strict=True)]  # fmt: skip
    data = feed(MarketData(), traded(trades, WORTH))
    found = data.average(0, at[2] * MS)
    assert (found.minutes, found.numerator, found.denominator) == (5, 100 * 3 + 110, 4)
    assert found.time_ms == at[2]
    later = data.average(0, (at[2] + HOUR) * MS)
    assert (later.numerator, later.denominator) == (110, 1), "the last price when nothing traded"


def test_a_market_that_never_traded():
    data = MarketData()
    data.quote_atoms.append(WORTH)
    assert data.ticker(0, START_MS * MS)[3:] == (
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        -1,
        -1,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
    )
    assert data.average(0, START_MS * MS) == (5, 0, 1, 0)
    assert data.traded == {}, "asking costs no memory"


@pytest.mark.parametrize("window_ms", [0, 7 * DAY + 1])
def test_impossible_windows_are_refused(window_ms):
    with pytest.raises(ValueError, match=f"a window of {window_ms} ms"):
        MarketData().ticker(0, START_MS * MS, window_ms)
