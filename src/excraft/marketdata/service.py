"""Market data: everything the public streams and questions need, computed from events alone."""

from collections.abc import Callable

import numpy as np

from excraft.marketdata import saved, tickers
from excraft.marketdata.candles import Candle, Span
from excraft.marketdata.columns import FillColumns, book_pieces, tape_pieces
from excraft.marketdata.depth import Best, Book, Depth, DepthDiff
from excraft.marketdata.intervals import DAY, INTERVALS, open_of, step
from excraft.marketdata.tickers import Average, Ticker
from excraft.marketdata.traded import Traded
from excraft.marketdata.trades import AggTrade, Changes, Fill, Trade
from excraft.messages.codec import OutOfOrder, Record
from excraft.messages.events import EventKind, Flag

COLUMNS_FROM = 400  # events: from here on whole columns are faster than rows
LATE_MS = 250  # a candle is final this long after its end, or once a later record has been applied
CANDLES_CAUGHT_UP = 5  # a reader that slept longer gets only the newest candles
_MS = 1_000_000  # nanoseconds
_NO_BEST = Best(0, 0, 0, 0, 0)
_ACCEPTED, _TRIGGERED = int(EventKind.ORDER_ACCEPTED), int(EventKind.ORDER_TRIGGERED)
_FILLED, _LISTED = int(EventKind.ORDER_FILLED), int(EventKind.MARKET_LISTED)
_RESTING, _MAKER = int(Flag.RESTING), int(Flag.MAKER)


class MarketData:
    """Books, trades, candles and tickers of all markets, by market number; integers only.

    `apply` each record in order; ask at any time in between. Not thread-safe: call it on one
    thread. `clock` (nanoseconds) says up to when candles are filled; without it that is the time
    of the last record. `columns_from` is the number of events from which a record is taken in
    column by column instead of row by row; both give the same.

    A *reader* is any name under which somebody collects changes: the first call with a name starts
    it, `forget` ends it. Readers are not part of the saved state.
    """

    def __init__(self, clock: Callable[[], int] | None = None, *, columns_from: int = COLUMNS_FROM):
        self.position = 0
        self.time_ns = 0
        self.quote_atoms: list[int] = []  # worth of one lot x one tick, by market
        self.books: dict[int, Book] = {}
        self.traded: dict[int, Traded] = {}
        self._clock = clock
        self._columns_from = columns_from
        self._book_readers: dict[str, set[int]] = {}
        self._trade_readers: dict[str, set[int]] = {}
        # of candle_updates: (open time and last id of the newest candle sent, last trade then)
        self._cursors: dict[tuple[str, int, str, int], tuple[int, int, int]] = {}

    # ---- taking in records

    def apply(self, record: Record, events: np.ndarray, rows: list[tuple] | None = None) -> Changes:
        """Take in the next record and its EVENT rows; `rows` is events.tolist() if at hand.

        A record that was taken in before changes nothing (a restart may repeat some). Raises
        OutOfOrder when records are missing in between.
        """
        if record.position <= self.position:
            return Changes(record.time_ns, set(), set(), [])
        if record.position != self.position + 1:
            raise OutOfOrder(f"record {record.position} cannot follow record {self.position}")
        if len(events) < self._columns_from:
            changes = self._apply_rows(record, events.tolist() if rows is None else rows)
        else:
            changes = self._apply_columns(record, events)
        self.position = record.position
        self.time_ns = record.time_ns
        if changes.markets:
            for reader in self._book_readers.values():
                reader |= changes.markets
        if changes.traded:
            for reader in self._trade_readers.values():
                reader |= changes.traded
        return changes

    def _apply_rows(self, record: Record, rows: list[tuple]) -> Changes:
        changed, fills = set(), []
        time_side, time_ms = record.time_ns * 2, record.time_ns // _MS
        books = self.books
        for row in rows:  # a record's listings count before its first trading command
            if row[1] == _LISTED:
                self._list(row[5], record, row[0])
        for (_, kind, side, _, flags, market, _, order_id, price, lots, left, _, _,
             trade_id) in rows:  # fmt: skip
            if flags & _RESTING:
                books[market].change(side, price, -lots)
                changed.add(market)
            elif kind == _FILLED:
                if flags & _MAKER:
                    continue
                one = self._trading(market)
                quote = price * lots * self.quote_atoms[market]
                agg = one.tape.add(trade_id, price, lots, order_id, time_side + side)
                fills.append(Fill(market, trade_id, price, lots, quote, order_id, side, agg))
                bought, paid = (0, 0) if side else (lots, quote)
                one.bars.add([time_ms, price, price, price, price, trade_id, trade_id,
                              lots, quote, bought, paid])  # fmt: skip
            elif left and (kind == _ACCEPTED or kind == _TRIGGERED):
                self._book(market).change(side, price, left)
                changed.add(market)

        return Changes(record.time_ns, changed, {fill.market for fill in fills}, fills)

    def _apply_columns(self, record: Record, events: np.ndarray) -> Changes:
        for at in np.flatnonzero(events["kind"] == EventKind.MARKET_LISTED).tolist():
            self._list(int(events["market"][at]), record, int(events["command"][at]))
        changed = set()
        for market, changes, net in book_pieces(events):
            self._book(market).change_many(changes, net)
            changed.add(market)
        worth = np.array(self.quote_atoms, np.int64)
        pieces, columns = tape_pieces(events, record.time_ns, worth)
        bases = np.zeros(len(worth), np.int64)
        for piece in pieces:
            one = self._trading(piece.market)
            bases[piece.market] = one.tape.aggs.total + 1
            one.tape.add_many(piece.trades, piece.aggs)
            one.bars.add(piece.bar)
        traded = {piece.market for piece in pieces}
        return Changes(record.time_ns, changed, traded, lambda: _fills(columns, bases))

    def _list(self, market: int, record: Record, command: int) -> None:
        assert market == len(self.quote_atoms), "market numbers grow by one"
        self.quote_atoms.append(int(record.commands["price"][command]))

    def _book(self, market: int) -> Book:
        book = self.books.get(market)
        if book is None:
            book = self.books[market] = Book()
        return book

    def _trading(self, market: int) -> Traded:
        one = self.traded.get(market)
        if one is None:
            one = self.traded[market] = Traded(market)
        return one

    # ---- books

    def depth(self, market: int, limit: int = 100) -> Depth:
        """The best `limit` levels; also the partial books of the streams (5, 10, 20)."""
        book = self.books.get(market)
        return book.depth(limit) if book else Depth(0, [], [])

    def best(self, market: int) -> Best:
        """Best bid and ask, zeros on an empty side."""
        book = self.books.get(market)
        return book.best() if book else _NO_BEST

    def diff(self, market: int, reader: str) -> DepthDiff | None:
        """What changed in the book since this reader's last call; None: nothing.

        The first call starts the reader and gives None. Each cadence is one reader ("100ms",
        "1000ms") that all clients of the cadence share. Call it once when a subscription is
        accepted, before saying so: then the client's first diff begins at or before the snapshot it
        takes next, as it must. At each tick ask for `changed_books(reader)` that are subscribed.
        """
        return self._book(market).diff(reader)

    def changed_books(self, reader: str) -> set[int]:
        """Markets whose book changed since this reader's last call; the first call starts it."""
        return _take(self._book_readers, reader)

    # ---- trades

    def trades(self, market: int, limit: int = 500, from_id: int | None = None) -> list[Trade]:
        """Up to `limit` trades, oldest first: the newest, or those from `from_id` on.

        The last 10,000 of a market are kept; a `from_id` before them gives the oldest kept.
        """
        one = self.traded.get(market)
        return one.tape.recent(limit, from_id, self.quote_atoms[market]) if one else []

    def agg_trades(
        self,
        market: int,
        limit: int = 500,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> list[AggTrade]:
        """Up to `limit` aggregate trades, oldest first; times are included at both ends.

        With `from_id` or `start_ms` the first `limit` from there on, otherwise the newest.
        """
        one = self.traded.get(market)
        return one.tape.aggregate(limit, from_id, start_ms, end_ms) if one else []

    # ---- candles

    def candles(
        self,
        market: int,
        interval: str,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
        offset_ms: int = 0,
    ) -> list[Candle]:
        """Candles that open within start_ms..end_ms, oldest first, the running one included.

        With `start_ms` the first `limit` from there on, otherwise the newest. Empty intervals
        between the market's oldest candle and now are filled. `offset_ms` (whole minutes) opens
        candles on the clock of another time zone. Kept are 3,600 seconds and 1,500 candles of
        each other interval that had trades. `interval` is a key of intervals.INTERVALS.
        """
        one = self.traded.get(market)
        if one is None:
            return []
        now_ms = self._now_ms()
        end_ms = now_ms if end_ms is None else min(end_ms, now_ms)
        return one.bars.candles(INTERVALS[interval], Span(start_ms, end_ms, limit), offset_ms)

    def candle(self, market: int, interval: str) -> Candle | None:
        """The running candle (flat when nothing traded in it yet); None before the first trade."""
        found = self.candles(market, interval, limit=1)
        return found[0] if found else None

    def candle_changes(self, reader: str) -> set[int]:
        """Markets that traded since this reader's last call; the first call starts it."""
        return _take(self._trade_readers, "candle " + reader)

    def candle_updates(
        self, reader: str, market: int, interval: str, now_ns: int, offset_ms: int = 0
    ) -> list[tuple[Candle, bool]]:
        """What a kline stream has to send now: (candle, closed) pairs in order.

        The first call gives the running candle; later ones the running candle if it traded or
        began since, before it the final state (closed True) of each candle that ended since. Call
        it every 250 ms for 1s and every second otherwise, for every market that is subscribed: a
        candle also ends when nothing trades. One reader per cadence, as for `diff`.
        """
        one = self.traded.get(market)
        if one is None:
            return []
        kind, key = INTERVALS[interval], (reader, market, interval, offset_ms)
        now_ms = max(self.time_ns // _MS, now_ns // _MS - LATE_MS)
        running = open_of(kind, now_ms, offset_ms)
        last_trade = one.tape.last_id
        opened, seen, trade_seen = self._cursors.get(key, (running, -2, 0))
        if opened >= running and trade_seen == last_trade:
            return []
        opened = max(opened, step(kind, running, 1 - CANDLES_CAUGHT_UP, offset_ms))
        span, sent = Span(opened, now_ms, CANDLES_CAUGHT_UP), []
        for candle in one.bars.candles(kind, span, offset_ms):
            closed = candle.open_ms < running
            last_id = candle.last_id
            if closed or candle.open_ms > opened or last_id != seen:
                sent.append((candle, closed))
            self._cursors[key] = (candle.open_ms, last_id, last_trade)
        return sent

    # ---- tickers

    def ticker(self, market: int, now_ns: int, window_ms: int = DAY) -> Ticker:
        """Trades of the last `window_ms` (24 h; at most 7 d): those before it have expired.

        The window begins at the opening of a minute (over 24 h: of an hour), so it is up to 59,999
        ms longer than asked for and never shorter.
        """
        if not 0 < window_ms <= tickers.WINDOW_MAX:
            raise ValueError(f"a window of {window_ms} ms; from 1 ms to 7 days are possible")
        one = self.traded.get(market)
        span = (window_ms, now_ns // _MS)
        if one is None:
            one = Traded(market)  # not kept: asking must not cost memory
        return tickers.ticker(
            one.bars, one.windows, one.tape, self.best(market), span, self.quote_atoms[market]
        )

    def average(self, market: int, now_ns: int) -> Average:
        """Weighted average price of the last five minutes; the last price if nothing traded."""
        one = self.traded.get(market) or Traded(market)
        return tickers.average(
            one.bars, one.windows, one.tape, now_ns // _MS, self.quote_atoms[market]
        )

    def changed_tickers(self, reader: str) -> set[int]:
        """Markets that traded since this reader's last call; the first call starts it.

        Tickers also change when old trades expire; that alone is no reason to send one.
        """
        return _take(self._trade_readers, "ticker " + reader)

    # ---- the whole

    def dump(self) -> bytes:
        """The whole state but the readers; `position` stands inside, a checksum does not."""
        return saved.dump(self)

    def load(self, raw: bytes) -> None:
        """Become, in a fresh MarketData, what `dump` was taken of; then apply the records after
        `position`. Raises ValueError when the bytes are of another version or no dump at all."""
        saved.load(self, raw)

    def forget(self, reader: str, market: int | None = None) -> None:
        """End a reader of one market's diffs and candles, or of everything."""
        books = self.books.values() if market is None else [self._book(market)]
        for book in books:
            book.pending.pop(reader, None)
        for key in [k for k in self._cursors if k[0] == reader and market in (None, k[1])]:
            del self._cursors[key]
        if market is None:
            self._book_readers.pop(reader, None)
            for use in ("candle ", "ticker "):
                self._trade_readers.pop(use + reader, None)

    def invariant(self) -> list[str]:
        """What is wrong with the market data, as sentences; empty when all is well."""
        wrong = [f"market {m}: {text}" for m, book in self.books.items()
                 for text in book.invariant()]  # fmt: skip
        for market, one in self.traded.items():
            wrong += [f"market {market}: {text}" for text in one.bars.invariant()]
            if one.bars.running[0][6] != one.tape.last_id:
                wrong.append(f"market {market}: candles end before trade {one.tape.last_id}")
        return wrong

    def _now_ms(self) -> int:
        now = self.time_ns if self._clock is None else max(self.time_ns, self._clock())
        return now // _MS


def _take(readers: dict[str, set[int]], reader: str) -> set[int]:
    changed = readers.get(reader, set())
    readers[reader] = set()
    return changed


def _fills(columns: FillColumns | None, bases: np.ndarray) -> list[Fill]:
    """The trades of a record taken in by columns; `bases` are the first aggregate ids by market."""
    if columns is None:
        return []
    agg_id = columns.agg_of + bases[columns.market]
    lists = (column.tolist() for column in (*columns[:-1], agg_id))
    return [Fill._make(fields) for fields in zip(*lists, strict=True)]
