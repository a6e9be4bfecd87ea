"""Questions to the tape against a filter over all trades."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.marketdata.trades import TRADES_MAX, AggTrade, Changes, Fill, Tape, Trade

MS = 1_000_000
TAKES = st.lists(
    st.tuples(st.integers(0, 3), st.lists(st.integers(1, 3), min_size=1, max_size=4)), max_size=20
)  # (milliseconds since the one before, prices of its fills)


def tape_of(takes):
    """A tape, its trades and its aggregate trades."""
    tape, trades, aggs, time_ns = Tape(4), [], [], 10 * MS
    for order_id, (gap, prices) in enumerate(takes, 1):
        time_ns += gap * MS
        side, last = order_id % 2, 0
        for price in sorted(prices):
            trade_id, lots = len(trades) + 1, order_id
            trades.append(Trade(4, trade_id, price, lots, price * lots * 9, time_ns, side == 1))
            agg_id = tape.add(trade_id, price, lots, order_id, time_ns * 2 + side)
            if price == last:
                old = aggs[-1]
                aggs[-1] = old._replace(lots=old.lots + lots, last_id=trade_id)
            else:
                aggs.append(AggTrade(4, len(aggs) + 1, price, lots, trade_id, trade_id, time_ns,
                                     side == 1))  # fmt: skip
            assert agg_id == aggs[-1].id
            last = price
    return tape, trades, aggs


@settings(max_examples=200, deadline=None)
@given(takes=TAKES, limit=st.integers(1, 30), from_id=st.none() | st.integers(0, 40))
def test_trades_by_id(takes, limit, from_id):
    tape, trades, _ = tape_of(takes)
    from_there = [t for t in trades if from_id is None or t.id >= from_id]
    wanted = trades[-limit:] if from_id is None else from_there[:limit]
    assert tape.recent(limit, from_id, 9) == wanted
    assert tape.last() == (trades[-1]._replace(quote_atoms=0) if trades else None)


@settings(max_examples=300, deadline=None)
@given(
    takes=TAKES,
    limit=st.integers(1, 30),
    from_id=st.none() | st.integers(0, 40),
    start=st.none() | st.integers(8, 40),
    end=st.none() | st.integers(8, 40),
)
def test_aggregate_trades_by_id_and_time(takes, limit, from_id, start, end):
    tape, _, aggs = tape_of(takes)
    wanted = [
        a
        for a in aggs
        if (from_id is None or a.id >= from_id)
        and (start is None or a.time_ns // MS >= start)
        and (end is None or a.time_ns // MS <= end)
    ]
    wanted = wanted[-limit:] if from_id is None and start is None else wanted[:limit]
    assert tape.aggregate(limit, from_id, start, end) == wanted


@pytest.mark.parametrize("count", [TRADES_MAX, TRADES_MAX + 2_000])
def test_the_last_ten_thousand_are_kept(count):
    tape = Tape(0)
    for i in range(1, count + 1):
        tape.add(i, 5, 1, i, 2 * i)
    oldest = count - TRADES_MAX + 1
    assert tape.recent(1, 1, 1)[0].id == oldest
    assert len(tape.recent(count, None, 1)) == TRADES_MAX
    assert tape.aggregate(1, 1, None, None)[0].id == oldest
    newest = tape.aggregate(1, None, None, None)[0]
    assert newest == AggTrade(0, count, 5, 1, count, count, count, False)


def test_changes_make_their_lists_once_and_only_when_asked():
    calls = []

    def fills():
        calls.append(1)
        return [Fill(1, 8, 5, 2, 10, 77, 1, 4), Fill(1, 9, 5, 3, 15, 77, 1, 4)]

    changes = Changes(6, {1}, {1}, fills)
    assert calls == []
    assert changes.trades == [Trade(1, 8, 5, 2, 10, 6, True), Trade(1, 9, 5, 3, 15, 6, True)]
    assert changes.agg_trades == [AggTrade(1, 4, 5, 5, 8, 9, 6, True)]
    assert changes.trades is changes.trades
    assert calls == [1]
