"""The tape of one market: its newest trades and aggregate trades."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from excraft.marketdata.ring import Ring

TRADES_MAX = 10_000  # of each kind, per market
_MS = 1_000_000  # nanoseconds
_PRICE, _LOTS, _FIRST_ID, _AGG_TIME = range(4)  # columns of an aggregate trade
_TRADE_TIME = 2
WIDTH_TRADE, WIDTH_AGG = 3, 4


class Trade(NamedTuple):
    """`buyer_maker`: the buyer's order was resting, so the seller took."""

    market: int
    id: int
    price: int
    lots: int
    quote_atoms: int
    time_ns: int
    buyer_maker: bool


class AggTrade(NamedTuple):
    """Consecutive fills of one taking order at one price; trades first_id to last_id."""

    market: int
    id: int
    price: int
    lots: int
    first_id: int
    last_id: int
    time_ns: int
    buyer_maker: bool


class Fill(NamedTuple):
    """A trade as the record brings it: `side` and `order_id` are the taker's."""

    market: int
    trade_id: int
    price: int
    lots: int
    quote_atoms: int
    order_id: int
    side: int
    agg_id: int


class Changes:
    """What one record changed, for the streams.

    time_ns  of the record; the time of all its trades
    markets  whose book changed
    traded   markets with trades
    The lists of trades are made when first asked for, so nobody pays who does not ask.
    """

    __slots__ = ("_agg_trades", "_fills", "_trades", "markets", "time_ns", "traded")

    def __init__(
        self,
        time_ns: int,
        markets: set[int],
        traded: set[int],
        fills: list[Fill] | Callable[[], list[Fill]],
    ):
        self.time_ns = time_ns
        self.markets = markets
        self.traded = traded
        self._fills = fills
        self._trades: list[Trade] | None = None
        self._agg_trades: list[AggTrade] | None = None

    @property
    def fills(self) -> list[Fill]:
        """All trades of the record with their taker; within a market by id."""
        if callable(self._fills):
            self._fills = self._fills()
        return self._fills

    @property
    def trades(self) -> list[Trade]:
        """All trades of the record; within a market by id."""
        if self._trades is None:
            time_ns = self.time_ns
            self._trades = [
                Trade(m, i, price, lots, quote, time_ns, side == 1)
                for m, i, price, lots, quote, _, side, _ in self.fills
            ]
        return self._trades

    @property
    def agg_trades(self) -> list[AggTrade]:
        """All aggregate trades of the record; within a market by id."""
        if self._agg_trades is None:
            found: dict[tuple[int, int], list] = {}
            for m, i, price, lots, _, _, side, agg in self.fills:
                one = found.get((m, agg))
                if one is None:
                    found[m, agg] = [m, agg, price, lots, i, i, self.time_ns, side == 1]
                else:
                    one[3] += lots
                    one[5] = i
            self._agg_trades = [AggTrade._make(one) for one in found.values()]
        return self._agg_trades


class Tape:
    """Trades and aggregate trades of one market; ids of both grow by one from 1.

    Time and the taker's side share a number (time_ns * 2 + 1 when the seller took), so a trade is
    three numbers and an aggregate trade four.
    """

    __slots__ = ("_order_id", "_price", "aggs", "market", "trades")

    def __init__(self, market: int):
        self.market = market
        self.trades = Ring(WIDTH_TRADE, TRADES_MAX)
        self.aggs = Ring(WIDTH_AGG, TRADES_MAX)
        self._order_id = self._price = 0  # of the aggregate trade that may still grow

    def add(self, trade_id: int, price: int, lots: int, order_id: int, time_side: int) -> int:
        """Append one trade; the id of its aggregate trade.

        An order takes only once, in one record, so (order_id, price) tells where one ends.
        """
        self.trades.append((price, lots, time_side))
        if order_id == self._order_id and price == self._price:
            self.aggs.cells[_LOTS - WIDTH_AGG] += lots
        else:
            self._order_id, self._price = order_id, price
            self.aggs.append((price, lots, trade_id, time_side))
        return self.aggs.total

    def add_many(self, trades: np.ndarray, aggs: np.ndarray) -> None:
        """Append whole aggregate trades and their trades, as rows of the two rings."""
        self.trades.extend(trades)
        self.aggs.extend(aggs)

    @property
    def last_id(self) -> int:
        """Id of the newest trade, 0 before the first."""
        return self.trades.total

    def last(self) -> Trade | None:
        """The newest trade; its quote atoms are left 0."""
        if not self.trades.cells:
            return None
        price, lots, time_side = self.trades.cells[-WIDTH_TRADE:]
        return Trade(self.market, self.last_id, price, lots, 0, time_side >> 1, bool(time_side & 1))

    def recent(self, limit: int, from_id: int | None, quote_atoms: int) -> list[Trade]:
        """Up to `limit` trades, oldest first: the newest, or those from `from_id` on.

        `quote_atoms` is the worth of one lot at one tick.
        """
        ring = self.trades
        start = ring.total - limit if from_id is None else from_id - 1
        start = max(start, ring.oldest)
        return [
            Trade(self.market, i, p, q, p * q * quote_atoms, time_side >> 1, bool(time_side & 1))
            for i, (p, q, time_side) in enumerate(
                ring.read(start, start + limit).tolist(), start + 1
            )
        ]

    def aggregate(
        self, limit: int, from_id: int | None, start_ms: int | None, end_ms: int | None
    ) -> list[AggTrade]:
        """Up to `limit` aggregate trades, oldest first; see MarketData.agg_trades."""
        ring = self.aggs
        start, stop = ring.oldest, ring.total
        if from_id is not None:
            start = max(start, from_id - 1)
        if start_ms is not None:
            start = max(start, ring.find(_AGG_TIME, start_ms * _MS * 2))
        if end_ms is not None:
            stop = ring.find(_AGG_TIME, (end_ms + 1) * _MS * 2)
        if from_id is None and start_ms is None:
            start = max(start, stop - limit)
        rows = ring.read(start, min(stop, start + limit) + 1).tolist()  # one more: where it ends
        ends = [row[_FIRST_ID] - 1 for row in rows[1:]] + [self.last_id]
        rows = rows[: max(0, min(stop - start, limit))]
        return [
            AggTrade(self.market, i, p, q, first, last, time_side >> 1, bool(time_side & 1))
            for i, ((p, q, first, time_side), last) in enumerate(
                zip(rows, ends, strict=False), start + 1
            )
        ]
