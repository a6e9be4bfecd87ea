"""Both ways of taking in records, the recount, the kernel's book, and restarts."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.kernel import Kernel
from excraft.marketdata import INTERVALS, MarketData
from excraft.marketdata.trades import Trade
from excraft.messages.codec import OutOfOrder
from excraft.messages.events import EVENT, EventKind, Flag
from excraft.testing.workload import Seeded, Workload

MARKETS = range(3)
SEEDS = st.integers(0, 2**32)
SIZES = st.lists(st.integers(1, 25), min_size=1, max_size=12)
DAY_NS = 86_400 * 10**9


def answers(data, now_ns):
    """Everything that can be asked, for comparison."""
    found = [data.position, data.time_ns]
    for m in MARKETS:
        found += [data.depth(m, 1_000), data.best(m), data.trades(m), data.agg_trades(m)]
        found += [data.candles(m, i, limit=50) for i in INTERVALS]
        found += [data.candles(m, i, limit=50, offset_ms=8 * 3_600_000) for i in ("4h", "1d", "1M")]
        found += [
            data.ticker(m, now_ns),
            data.ticker(m, now_ns, 3_600_000),
            data.average(m, now_ns),
        ]
    return found


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, sizes=SIZES)
def test_rows_and_columns_give_the_same(flow, seed, sizes):
    rows, columns = MarketData(columns_from=10**9), MarketData(columns_from=0)
    for record, events in flow(seed, sizes).records:
        for data in (rows, columns):
            for m in MARKETS:
                data.diff(m, "r")
        one, two = rows.apply(record, events), columns.apply(record, events)
        assert one.markets == two.markets
        assert sorted(one.trades) == sorted(two.trades)
        assert sorted(one.agg_trades) == sorted(two.agg_trades)
        assert [rows.diff(m, "r") for m in MARKETS] == [columns.diff(m, "r") for m in MARKETS]
        assert rows.invariant() == columns.invariant() == []
        later = record.time_ns + DAY_NS // 2
        assert answers(rows, later) == answers(columns, later)
    assert rows.dump() == columns.dump()


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, sizes=SIZES)
def test_agrees_with_the_recount(flow, recount, seed, sizes):
    data, plain = MarketData(columns_from=20), recount()
    for record, events in flow(seed, sizes).records:
        changes = data.apply(record, events, events.tolist())
        plain.apply(record, events)
        assert {t.time_ns for t in changes.trades} <= {record.time_ns}
    for m in MARKETS:
        depth = data.depth(m, 10_000)
        assert (depth.bids, depth.asks) == plain.book(m)
        assert depth.last_update_id == plain.updates[m]
        assert [(t.id, t.price, t.lots, t.time_ns, t.buyer_maker) for t in data.trades(m, 10_000)] \
            == [(*t[:4], t[4] == 1) for t in plain.trades[m]]  # fmt: skip
        assert [(a.id, *a[2:]) for a in data.agg_trades(m, 10_000)] == [
            (i, *agg[1:6], agg[6] == 1) for i, agg in enumerate(plain.aggs[m], 1)
        ]


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, sizes=SIZES)
def test_the_book_is_the_kernels_open_orders(flow, seed, sizes):
    data, ran = MarketData(), flow(seed, sizes)
    for record, events in ran.records:
        data.apply(record, events)
    for m in MARKETS:
        depth = data.depth(m, 10_000)
        for levels, side in zip(depth[1:], (0, 1), strict=True):
            open_orders = ran.kernel._state.markets[m].sides[side].levels
            assert levels == [
                (abs(key), sum(o.left for o in orders.values()))
                for key, orders in sorted(open_orders.items())
            ]


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, sizes=SIZES, cut=st.integers(0, 12))
def test_a_restart_changes_no_answer(flow, seed, sizes, cut):
    records = flow(seed, sizes).records
    cut = min(cut, len(records))
    whole, before = MarketData(), MarketData()
    for record, events in records[:cut]:
        before.apply(record, events)
    after = MarketData()
    after.load(before.dump())
    for record, events in records:
        whole.apply(record, events)
        after.apply(record, events)  # those up to the cut again: they change nothing
        now_ns = record.time_ns + DAY_NS
    assert answers(after, now_ns) == answers(whole, now_ns)
    assert after.dump() == whole.dump()


@pytest.mark.parametrize("seed", range(6))
def test_absurd_records_too_give_the_same(seed):
    """Extreme amounts, new listings in the middle, refusals of every kind."""
    workload, kernel = Workload(Seeded(seed)), Kernel()
    rows, columns = MarketData(columns_from=10**9), MarketData(columns_from=0)
    dice = random.Random(seed)
    for i in range(150):
        record = workload.record(dice.choice([1, 5, 60])) if i else workload.opening()
        events = kernel.step(record)
        workload.learn(events)
        one, two = rows.apply(record, events), columns.apply(record, events)
        assert (one.markets, one.traded) == (two.markets, two.traded)
        assert sorted(one.fills) == sorted(two.fills)
    assert rows.invariant() == columns.invariant() == []
    assert rows.dump() == columns.dump()
    assert sum(one.tape.last_id for one in rows.traded.values()) > 100


def test_a_listing_counts_before_commands_in_front_of_it(flow):
    record, events = flow(1, []).records[0]
    assert [int(e) for e in events["command"][events["kind"] == EventKind.MARKET_LISTED]] == [
        8,
        9,
        10,
    ]
    fill = np.zeros(2, EVENT)
    fill["kind"], fill["trade_id"], fill["price"], fill["quantity"] = (
        EventKind.ORDER_FILLED,
        1,
        3,
        2,
    )
    fill["flags"] = [0, Flag.MAKER]
    for columns_from in (0, 10**9):
        data = MarketData(columns_from=columns_from)
        changes = data.apply(record, np.concatenate((fill, events)))
        assert changes.trades == [Trade(0, 1, 3, 2, 3 * 2 * 7, record.time_ns, False)]


def test_changed_books_are_told_to_each_reader(flow):
    data, records = MarketData(), flow(5, [40, 40]).records
    assert data.changed_books("r") == set()
    changed = set()
    for record, events in records:
        changed |= data.apply(record, events).markets
    assert changed
    assert data.changed_books("late") == set()
    assert data.changed_books("r") == changed
    assert data.changed_books("r") == set()
    data.diff(1, "r")
    data.forget("r")
    assert data.books[1].pending == {}


def test_markets_without_orders_have_empty_answers():
    data = MarketData()
    assert data.depth(7) == (0, [], [])
    assert data.best(7) == (0, 0, 0, 0, 0)
    assert data.trades(7) == data.agg_trades(7) == data.candles(7, "1m") == []


def test_a_gap_between_records_is_refused(flow):
    records = flow(1, [3, 3]).records
    data = MarketData()
    data.apply(*records[0])
    with pytest.raises(OutOfOrder, match="record 3 cannot follow record 1"):
        data.apply(*records[2])
