"""A record of many events, cut into its markets' changes with whole-column arithmetic.

`pieces` gives what the row-by-row path of `service.py` finds, so that both lead to the same state.
"""

from typing import NamedTuple

import numpy as np

from excraft.messages.events import EventKind, Flag
from excraft.parameters import PRICE_MAX

PRICE_BITS = 40
_PRICE = (1 << PRICE_BITS) - 1
_LOW = (1 << 32) - 1
assert PRICE_MAX <= _PRICE


class BookPiece(NamedTuple):
    """Depth changes of one market: how many, and the net lots per signed price (`depth.Book`)."""

    market: int
    changes: int
    net: list[tuple[int, int]]


class TapePiece(NamedTuple):
    """Trades of one market: rows for the two rings of a Tape and one bar over them all.

    `agg_of` is the place of each trade's aggregate trade within `aggs`; `columns` are the lists
    trade_id, price, lots, quote_atoms, order_id, side of the trades.
    """

    market: int
    trades: np.ndarray
    aggs: np.ndarray
    agg_of: list[int]
    columns: tuple[list[int], ...]
    bar: list[int]


def book_pieces(events: np.ndarray) -> list[BookPiece]:
    """What the events change in the books, market by market."""
    kind, flags, left = events["kind"], events["flags"], events["left"]
    gone = (flags & Flag.RESTING) != 0
    come = (left > 0) & ((kind == EventKind.ORDER_ACCEPTED) | (kind == EventKind.ORDER_TRIGGERED))
    at = np.flatnonzero(gone | come)
    if not len(at):
        return []
    lots = np.where(come[at], left[at], -events["quantity"][at])
    market_side = events["market"][at].astype(np.int64) * 2 + events["side"][at]
    key = (market_side << PRICE_BITS) | events["price"][at]
    order = np.argsort(key, kind="stable")
    key, lots = key[order], lots[order]
    first = _starts(key[1:] != key[:-1])
    net = np.add.reduceat(lots, first).tolist()
    key = key[first]
    price = key & _PRICE
    signed = np.where((key >> PRICE_BITS) & 1, -price, price).tolist()
    market = key >> (PRICE_BITS + 1)
    cuts = _starts(market[1:] != market[:-1])
    changes = np.diff(first[cuts], append=len(lots)).tolist()
    ends = [*cuts[1:].tolist(), len(market)]
    return [
        BookPiece(m, n, list(zip(signed[a:b], net[a:b], strict=True)))
        for m, n, a, b in zip(market[cuts].tolist(), changes, cuts.tolist(), ends, strict=True)
    ]


def tape_pieces(events: np.ndarray, time_ns: int, quote_atoms: np.ndarray) -> list[TapePiece]:
    """The trades among the events, market by market; `quote_atoms` by market number."""
    taken = (events["kind"] == EventKind.ORDER_FILLED) & ((events["flags"] & Flag.MAKER) == 0)
    rows = events[np.flatnonzero(taken)]
    if not len(rows):
        return []
    rows = rows[np.argsort(rows["market"], kind="stable")]
    market, side = rows["market"], rows["side"].astype(np.int64)
    price, lots, order_id = rows["price"], rows["quantity"], rows["order_id"]
    trade_id = rows["trade_id"]
    quote = price * lots * quote_atoms[market]
    time_side = side + time_ns * 2

    other_market = market[1:] != market[:-1]
    cuts = _starts(other_market)
    head = _starts(
        other_market | (order_id[1:] != order_id[:-1]) | (price[1:] != price[:-1])
    )  # of each aggregate trade
    trades = np.stack((price, lots, time_side), axis=1)
    aggs = np.stack(
        (price[head], np.add.reduceat(lots, head), trade_id[head], time_side[head]), axis=1
    )
    agg_of = np.zeros(len(rows), np.int64)
    agg_of[head[1:]] = 1
    agg_of = np.cumsum(agg_of)

    bars = _bars((price, lots, quote, side == 0, trade_id), cuts, time_ns // 1_000_000)
    columns = [c.tolist() for c in (trade_id, price, lots, quote, order_id, side)]
    ends = np.append(cuts[1:], len(rows))
    agg_first = agg_of[cuts]
    agg_end = [*agg_first[1:].tolist(), len(aggs)]
    agg_of = (agg_of - np.repeat(agg_first, ends - cuts)).tolist()
    return [
        TapePiece(m, trades[a:b], aggs[c:d], agg_of[a:b], tuple(col[a:b] for col in columns), bar)
        for m, a, b, c, d, bar in zip(
            market[cuts].tolist(), cuts.tolist(), ends.tolist(), agg_first.tolist(), agg_end, bars,
            strict=True,
        )
    ]  # fmt: skip


def _bars(columns: tuple[np.ndarray, ...], cuts: np.ndarray, time_ms: int) -> list[list[int]]:
    """One bar (candles.Bar) per market over (price, lots, quote, bought, trade_id)."""
    price, lots, quote, bought, trade_id = columns
    ends = np.append(cuts[1:], len(price)) - 1
    totals = []
    for column in (lots, quote, lots * bought, quote * bought):
        # In two halves: a sum of quote atoms can be larger than an int64.
        high = np.add.reduceat(column >> 32, cuts).tolist()
        low = np.add.reduceat(column & _LOW, cuts).tolist()
        totals.append([(h << 32) + w for h, w in zip(high, low, strict=True)])
    plain = (price[cuts], np.maximum.reduceat(price, cuts), np.minimum.reduceat(price, cuts),
             price[ends], trade_id[cuts], trade_id[ends])  # fmt: skip
    lists = [p.tolist() for p in plain] + totals
    return [[time_ms, *bar] for bar in zip(*lists, strict=True)]


def _starts(differs: np.ndarray) -> np.ndarray:
    """Indexes at which a run begins, given where each element differs from the one before."""
    return np.concatenate(([0], np.flatnonzero(differs) + 1))
