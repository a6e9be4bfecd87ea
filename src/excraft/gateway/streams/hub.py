"""Who listens to which market stream, and the two ways in which streams are fed.

Trades and best prices go out with the record that changed them; everything else on a beat. A record
costs nothing when nobody listens, and a market that nobody listens to costs one look-up a report.
"""

import asyncio
import logging
from typing import Any

from excraft.engine.orders import Report
from excraft.gateway.exchange import Exchange
from excraft.gateway.streams import market_events as shown
from excraft.gateway.streams.market_events import Fill
from excraft.gateway.streams.names import CANDLE_MS, FAST_MS, SLOW_MS, Stream, parse
from excraft.gateway.streams.topics import SENDERS, Tick, Topic, greeting
from excraft.messages.codec import Record
from excraft.messages.events import EventKind, Flag

_FILLED, _MAKER = int(EventKind.ORDER_FILLED), int(Flag.MAKER)
_LOGGER = logging.getLogger(__name__)


class MarketHub:
    """Subscriptions of market streams by name; call everything on the loop."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._topics: dict[tuple[str, bool], Topic] = {}  # (name, microseconds)
        self._live: dict[int, dict[str, list[Topic]]] = {}  # market -> kind -> topics fed at once
        self._timed: dict[int, dict[tuple[str, bool], Topic]] = {
            FAST_MS: {}, CANDLE_MS: {}, SLOW_MS: {},
        }  # fmt: skip
        self._tasks: list[asyncio.Task] = []

    def start(self) -> None:
        """Begin the beats."""
        self._tasks = [asyncio.create_task(self._beat(cadence)) for cadence in self._timed]

    def stop(self) -> None:
        """End them."""
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    # ---- who listens

    def join(self, connection: Any, name: str) -> None:
        """Subscribe to a stream; a name that means nothing (yet) is subscribed in vain."""
        key = (name, connection.microseconds)
        topic = self._topics.get(key)
        if topic is None:
            topic = self._open(key)
            if topic is None:
                return
        topic.subscribers[connection] = None
        payload = greeting(topic, self._exchange.marketdata, self._exchange.clock())
        if payload is not None:
            topic.greet(connection, payload)

    def leave(self, connection: Any, name: str) -> None:
        """Take a subscription back; the last one ends the topic."""
        topic = self._topics.get((name, connection.microseconds))
        if topic is None:
            return
        topic.subscribers.pop(connection, None)
        if not topic.subscribers:
            self._close(topic)

    def _open(self, key: tuple[str, bool]) -> Topic | None:
        stream = parse(key[0])
        if stream is None:
            return None
        market = None
        if stream.symbol:
            market = self._exchange.engine.listings.market(stream.symbol)
            if market is None:
                return None
        topic = self._topics[key] = Topic(key, stream, market)
        if stream.cadence_ms == 0:
            kinds = self._live.setdefault(market.number, {})
            kinds.setdefault(stream.kind, []).append(topic)
        else:
            self._begin(topic, stream)
        return topic

    def _begin(self, topic: Topic, stream: Stream) -> None:
        timed, marketdata = self._timed[stream.cadence_ms], self._exchange.marketdata
        if not timed:  # the beat's readers begin now
            marketdata.changed_books(f"cadence {stream.cadence_ms}")
            marketdata.changed_tickers(f"cadence {stream.cadence_ms}")
        timed[topic.key] = topic
        if stream.kind == "depth":
            marketdata.diff(topic.market.number, topic.reader)
        elif stream.kind == "kline":
            marketdata.candle_updates(
                topic.reader, topic.market.number, stream.interval, self._exchange.clock(),
                stream.offset_ms,
            )  # fmt: skip

    def _close(self, topic: Topic) -> None:
        del self._topics[topic.key]
        stream, marketdata = topic.stream, self._exchange.marketdata
        if stream.cadence_ms == 0:
            kinds = self._live[topic.market.number]
            kinds[stream.kind].remove(topic)
            if not kinds[stream.kind]:
                del kinds[stream.kind]
            if not kinds:
                del self._live[topic.market.number]
            return
        timed = self._timed[stream.cadence_ms]
        del timed[topic.key]
        if topic.market is not None:
            marketdata.forget(topic.reader, topic.market.number)
        if not timed:
            marketdata.forget(f"cadence {stream.cadence_ms}")

    # ---- with each record

    def see(self, record: Record, reports: list[Report]) -> None:
        """Send the trades and best prices of a record, which the market data has already."""
        live = self._live
        if not live:
            return
        touched: dict[int, list[Fill]] = {}
        for report in reports:
            event = report[0]
            market = event[5]
            if market in live:
                fills = touched.get(market)
                if fills is None:
                    fills = touched[market] = []
                if event[1] == _FILLED and not event[4] & _MAKER:
                    fills.append(Fill(event[13], event[8], event[9], event[7], event[2]))
        for market, fills in touched.items():
            self._send_live(market, fills, record.time_ns)

    def _send_live(self, number: int, fills: list[Fill], time_ns: int) -> None:
        kinds = self._live[number]
        for topic in kinds.get("trade", ()) if fills else ():
            for fill in fills:
                topic.publish(shown.trade(topic.market, fill, time_ns, topic.unit_ns))
        for topic in kinds.get("aggTrade", ()) if fills else ():
            self._send_aggregates(topic, fills, time_ns)
        for topic in kinds.get("bookTicker", ()):
            topic.best(self._exchange.marketdata)

    def _send_aggregates(self, topic: Topic, fills: list[Fill], time_ns: int) -> None:
        groups: list[list[Fill]] = []
        for fill in fills:
            last = groups[-1][-1] if groups else None
            if last and last.order_id == fill.order_id and last.price == fill.price:
                groups[-1].append(fill)
            else:
                groups.append([fill])
        newest = self._exchange.marketdata.agg_trades(topic.market.number, 1)[-1].id
        for number, group in enumerate(groups, newest - len(groups) + 1):
            topic.publish(shown.agg_trade(topic.market, group, number, time_ns, topic.unit_ns))

    # ---- on a beat

    async def _beat(self, cadence_ms: int) -> None:
        loop, period = asyncio.get_running_loop(), cadence_ms / 1000
        due = loop.time() + period
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            due = max(due + period, loop.time())  # late beats are left out, not made up for
            try:
                self.beat(cadence_ms)
            except Exception:
                _LOGGER.exception("streams of %d ms left out one beat", cadence_ms)

    def beat(self, cadence_ms: int) -> None:
        """Send everything of one cadence that changed since the last beat."""
        timed, exchange = self._timed[cadence_ms], self._exchange
        if not timed:
            return
        markets = exchange.engine.listings.markets
        tick = Tick(exchange.marketdata, markets, cadence_ms, exchange.clock())
        for topic in list(timed.values()):
            if topic.subscribers:
                SENDERS[topic.stream.kind](topic, tick)
