"""Cutting the columns of a record into its markets."""

import numpy as np

from excraft.marketdata.columns import book_pieces, tape_pieces
from excraft.messages.events import EVENT, EventKind, Flag
from excraft.parameters import PRICE_MAX

FIELDS = ("kind", "side", "flags", "market", "order_id", "price", "quantity", "left", "trade_id")


def events_of(*rows):
    events = np.zeros(len(rows), EVENT)
    for i, row in enumerate(rows):
        for field, value in zip(FIELDS, row, strict=True):
            events[field][i] = value
    return events


def test_levels_are_summed_by_market_side_and_price():
    accepted, canceled = EventKind.ORDER_ACCEPTED, EventKind.ORDER_CANCELED
    events = events_of(
        (accepted, 0, 0, 19_999, 1, PRICE_MAX, 5, 5, 0),
        (accepted, 1, 0, 2, 2, 9, 5, 4, 0),
        (accepted, 1, Flag.PENDING, 2, 3, 9, 5, 0, 0),  # waits for its stop price
        (canceled, 1, Flag.PENDING | Flag.CLOSED, 2, 3, 9, 5, 0, 0),
        (EventKind.ORDER_TRIGGERED, 0, Flag.PENDING, 2, 4, 8, 5, 3, 0),
        (canceled, 1, Flag.RESTING | Flag.CLOSED, 2, 2, 9, 4, 0, 0),
        (EventKind.ORDER_AMENDED, 0, Flag.RESTING, 2, 4, 8, 1, 2, 0),
        (EventKind.CREDITED, 0, 0, 2, 0, 0, 0, 0, 0),
    )
    assert book_pieces(events) == [
        (2, 4, [(8, 2), (-9, 0)]),
        (19_999, 1, [(PRICE_MAX, 5)]),
    ]


def test_nothing_for_nobody():
    events = events_of((EventKind.CREDITED, 0, 0, 2, 0, 0, 0, 0, 0))
    assert book_pieces(events) == []
    assert tape_pieces(events, 1, np.ones(3, np.int64)) == ([], None)


def test_trades_aggregates_and_sums_beyond_64_bits():
    filled, huge = EventKind.ORDER_FILLED, 2**41
    taker = [
        (filled, 1, 0, 1, 7, huge, 2**20, 0, 4),
        (filled, 0, 0, 0, 8, 3, 1, 0, 1),
        (filled, 1, 0, 1, 7, huge, 2**20, 0, 5),
        (filled, 1, 0, 1, 7, huge - 1, 2**20, 0, 6),
        (filled, 1, 0, 1, 9, huge - 1, 1, 0, 7),
    ]
    maker = [(*row[:2], Flag.MAKER | Flag.RESTING, *row[3:]) for row in taker]
    rows = [row for pair in zip(taker, maker, strict=True) for row in pair]
    pieces, fills = tape_pieces(events_of(*rows), 5_000_000, np.array([10, 2], np.int64))
    first, second = pieces
    assert first.market == 0
    assert first.trades.tolist() == [[3, 1, 10_000_000]]
    assert first.bar == [5, 3, 3, 3, 3, 1, 1, 1, 30, 1, 30]
    assert second.aggs.tolist() == [
        [huge, 2**21, 4, 10_000_001],
        [huge - 1, 2**20, 6, 10_000_001],
        [huge - 1, 1, 7, 10_000_001],
    ]
    total = 2 * ((3 * huge - 1) * 2**20 + huge - 1)
    assert total > 2**63
    assert second.bar == [5, huge, huge, huge - 1, huge - 1, 4, 7, 3 * 2**20 + 1, total, 0, 0]
    assert fills.agg_of.tolist() == [0, 0, 0, 1, 2]
    assert fills.market.tolist() == [0, 1, 1, 1, 1]
