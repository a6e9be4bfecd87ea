"""One topic per stream name that somebody listens to: its subscribers, and what it sends when.

A payload is encoded once and framed at most twice (plain and combined); the same bytes go to every
subscriber. Each topic is its own reader of the market data: none takes a change from another.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from excraft.engine.listings import Market
from excraft.gateway.streams import market_events as shown
from excraft.gateway.streams.market_events import MICROSECOND_NS, MILLISECOND_NS
from excraft.gateway.streams.names import Stream
from excraft.gateway.streams.protocol import frame
from excraft.marketdata import MarketData

encode = msgspec.json.Encoder().encode


class Topic:
    """A stream with subscribers. `markets` are those of the symbol, or all of them."""

    __slots__ = ("key", "market", "reader", "stream", "subscribers", "unit_ns", "_prefix", "_sent")

    def __init__(self, key: tuple[str, bool], stream: Stream, market: Market | None) -> None:
        self.key, self.stream, self.market = key, stream, market
        self.unit_ns = MICROSECOND_NS if key[1] else MILLISECOND_NS
        self.reader = f"stream {stream.name} {self.unit_ns}"
        self.subscribers: dict[Any, None] = {}
        self._prefix = b'{"stream":' + encode(stream.name) + b',"data":'
        self._sent: Any = None  # the best prices sent last

    def publish(self, payload: object) -> None:
        """Send one event to all subscribers."""
        text = encode(payload)
        plain = combined = None
        for connection in list(self.subscribers):
            if connection.combined:
                if combined is None:
                    combined = frame(self._prefix + text + b"}")
                connection.push(combined)
            else:
                if plain is None:
                    plain = frame(text)
                connection.push(plain)

    def greet(self, connection: Any, payload: object) -> None:
        """Send the present state to one new subscriber."""
        text = encode(payload)
        connection.push_text(self._prefix + text + b"}" if connection.combined else text)

    def best(self, marketdata: MarketData) -> None:
        """@bookTicker: send the best prices if they are others than before."""
        best = marketdata.best(self.market.number)
        if best[1:] != self._sent:
            self._sent = best[1:]
            self.publish(shown.book_ticker(self.market, best))


class Tick:
    """One beat of a cadence: what is asked of the market data once for all topics of the beat."""

    __slots__ = ("books", "markets", "marketdata", "now_ns", "traded")

    def __init__(
        self, marketdata: MarketData, markets: list[Market], cadence_ms: int, now_ns: int
    ) -> None:
        reader = f"cadence {cadence_ms}"
        self.marketdata, self.markets, self.now_ns = marketdata, markets, now_ns
        self.books = marketdata.changed_books(reader)
        self.traded = marketdata.changed_tickers(reader)


def send_depth(topic: Topic, tick: Tick) -> None:
    """@depth."""
    number = topic.market.number
    if number in tick.books:
        diff = tick.marketdata.diff(number, topic.reader)
        if diff is not None:
            topic.publish(shown.depth_update(topic.market, diff, tick.now_ns, topic.unit_ns))


def send_levels(topic: Topic, tick: Tick) -> None:
    """@depth<levels>."""
    if topic.market.number in tick.books:
        topic.publish(_levels(topic, tick.marketdata))


def _levels(topic: Topic, marketdata: MarketData) -> dict:
    depth = marketdata.depth(topic.market.number, topic.stream.levels)
    return shown.partial_depth(topic.market, depth)


def send_klines(topic: Topic, tick: Tick) -> None:
    """@kline_<interval>: also when nothing traded, since a candle ends by the clock."""
    for payload in _klines(topic, tick.marketdata, tick.now_ns):
        topic.publish(payload)


def _klines(topic: Topic, marketdata: MarketData, now_ns: int) -> list[dict]:
    stream, market = topic.stream, topic.market
    found = marketdata.candle_updates(
        topic.reader, market.number, stream.interval, now_ns, stream.offset_ms
    )
    return [
        shown.kline(market, stream.interval, candle, closed, now_ns, topic.unit_ns)
        for candle, closed in found
    ]


def send_average(topic: Topic, tick: Tick) -> None:
    """@avgPrice."""
    if topic.market.number in tick.traded:
        topic.publish(_average(topic, topic.market, tick.marketdata, tick.now_ns))


def send_tickers(topic: Topic, tick: Tick) -> None:
    """@ticker, @miniTicker, @ticker_<window>, and the arrays of all markets that traded."""
    if topic.market is not None:
        if topic.market.number in tick.traded:
            topic.publish(_ticker(topic, topic.market, tick.marketdata, tick.now_ns))
    elif tick.traded:
        topic.publish(
            [
                _ticker(topic, tick.markets[number], tick.marketdata, tick.now_ns)
                for number in sorted(tick.traded)
            ]
        )


def _ticker(topic: Topic, market: Market, marketdata: MarketData, now_ns: int) -> dict:
    stream = topic.stream
    ticker = marketdata.ticker(market.number, now_ns, stream.window_ms)
    if stream.kind == "ticker":
        return shown.full_ticker(market, ticker, now_ns, topic.unit_ns)
    if stream.kind == "miniTicker":
        return shown.mini_ticker(market, ticker, now_ns, topic.unit_ns)
    return shown.window_ticker(stream.interval, market, ticker, now_ns, topic.unit_ns)


def _average(topic: Topic, market: Market, marketdata: MarketData, now_ns: int) -> dict:
    average = marketdata.average(market.number, now_ns)
    return shown.average_price(market, average, now_ns, topic.unit_ns)


def greeting(topic: Topic, marketdata: MarketData, now_ns: int) -> dict | None:
    """What a new subscriber of a quiet market gets at once; None for streams of changes."""
    kind, market = topic.stream.kind, topic.market
    if market is None:
        return None
    match kind:
        case "levels":
            return _levels(topic, marketdata)
        case "bookTicker":
            best = marketdata.best(market.number)
            return shown.book_ticker(market, best) if best.update_id else None
        case "ticker" | "miniTicker" | "window":
            return _ticker(topic, market, marketdata, now_ns)
        case "avgPrice":
            return _average(topic, market, marketdata, now_ns)
        case "kline":
            stream = topic.stream
            found = marketdata.candles(
                market.number, stream.interval, limit=1, offset_ms=stream.offset_ms
            )
            if not found:
                return None
            return shown.kline(market, stream.interval, found[-1], False, now_ns, topic.unit_ns)
    return None


SENDERS: dict[str, Callable[[Topic, Tick], None]] = {
    "depth": send_depth,
    "levels": send_levels,
    "kline": send_klines,
    "avgPrice": send_average,
    "ticker": send_tickers,
    "miniTicker": send_tickers,
    "window": send_tickers,
}
