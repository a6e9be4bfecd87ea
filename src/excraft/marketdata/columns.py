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
    """Trades of one market: rows for the two rings of a Tape and one bar over them all."""

    market: int
    trades: np.ndarray
    aggs: np.ndarray
    bar: list[int]


class FillColumns(NamedTuple):
    """The fields of trades.Fill over all trades of a record, ordered by market; `agg_of` is the
    place of the aggregate trade among those of this record and market, from 0."""

    market: np.ndarray
    trade_id: np.ndarray
    price: np.ndarray
    lots: np.ndarray
    quote_atoms: np.ndarray
    order_id: np.ndarray
    side: np.ndarray
    agg_of: np.ndarray


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


def tape_pieces(
    events: np.ndarray, time_ns: int, quote_atoms: np.ndarray
) -> tuple[list[TapePiece], FillColumns | None]:
    """The trades among the events, market by market and all together; `quote_atoms` by market."""
    taken = (events["kind"] == EventKind.ORDER_FILLED) & ((events["flags"] & Flag.MAKER) == 0)
    rows = events[np.flatnonzero(taken)]
    if not len(rows):
        return [], None
    rows = rows[np.argsort(rows["market"], kind="stable")]
    market, side = rows["market"], rows["side"].astype(np.int64)
    price, lots, order_id = rows["price"], rows["quantity"], rows["order_id"]
    trade_id = rows["trade_id"]
    quote = price * lots * quote_atoms[market]
    time_side = side + time_ns * 2

    other_market = market[1:] != market[:-1]
    cuts = _starts(other_market)
    other_agg = other_market | (order_id[1:] != order_id[:-1]) | (price[1:] != price[:-1])
    head = _starts(other_agg)
    trades = np.stack((price, lots, time_side), axis=1)
    aggs = np.stack(
        (price[head], np.add.reduceat(lots, head), trade_id[head], time_side[head]), axis=1
    )
    agg_of = np.cumsum(np.concatenate(([0], other_agg)))
    agg_cuts = agg_of[cuts]
    counts = np.diff(cuts, append=len(rows))
    fills = FillColumns(market, trade_id, price, lots, quote, order_id, side,
                        agg_of - np.repeat(agg_cuts, counts))  # fmt: skip

    bars = _bars((price, lots, quote, side == 0, trade_id), cuts, time_ns // 1_000_000)
    places = zip(
        market[cuts].tolist(),
        _ranges(cuts, len(rows)),
        _ranges(agg_cuts, len(aggs)),
        bars,
        strict=True,
    )
    return [TapePiece(m, trades[a], aggs[b], bar) for m, a, b, bar in places], fills


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


def _ranges(cuts: np.ndarray, end: int) -> list[slice]:
    """From each cut to the next one, the last to the end."""
    at = [*cuts.tolist(), end]
    return [slice(a, b) for a, b in zip(at, at[1:], strict=False)]
