"""/merit/stream: days and rounds as they close, and days as they are published.

Beside the streams for bots, which strict clients read: nothing of ours is added there.
"""

from typing import Any

from excraft.gateway.exchange import Exchange
from excraft.gateway.streams.connection import Connection
from excraft.gateway.streams.topics import encode


class MeritFeed:
    """Who listens; told with the record that changes something."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._listeners: dict[MeritConnection, None] = {}
        self._last: tuple[int, int, int] | None = None

    def join(self, connection: "MeritConnection") -> None:
        if not self._listeners:
            self._last = self._now()
        self._listeners[connection] = None

    def leave(self, connection: "MeritConnection") -> None:
        self._listeners.pop(connection, None)

    def _now(self) -> tuple[int, int, int]:
        merit = self._exchange.merit
        return merit.calendar.day, merit.calendar.round, merit.newest_published

    def see(self) -> None:
        """After a record."""
        if not self._listeners:
            return
        before, self._last = self._last, self._now()
        if before == self._last or before is None:
            return
        day, number, published = self._last
        events: list[dict[str, Any]] = [
            {"event": "dayClosed", "day": closed} for closed in range(before[0], day)
        ]
        if number != before[1]:
            events.append({"event": "roundStarted", "round": number})
        events += [
            {"event": "rewardsPublished", "day": each}
            for each in range(before[2] + 1, published + 1)
        ]
        for event in events:
            text = encode(event)
            for connection in list(self._listeners):
                connection.push_text(text)


class MeritConnection(Connection):
    """One client; what it sends is not read."""

    def __init__(self, scope: dict, receive: Any, send: Any, service: Any) -> None:
        super().__init__(scope, receive, send, service.settings)
        self._feed: MeritFeed = service.merit

    def opened(self) -> None:
        self._feed.join(self)

    async def received(self, text: str) -> None:
        """There is nothing to ask for."""

    def ended(self) -> None:
        self._feed.leave(self)
