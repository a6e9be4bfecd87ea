"""The WebSocket doors of one exchange: routes, connections, and what ties them to the engine."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from excraft.engine.orders import Report
from excraft.gateway import auth, errors
from excraft.gateway.errors import ApiError
from excraft.gateway.exchange import Exchange
from excraft.gateway.limits import Window
from excraft.gateway.spot.params import fields
from excraft.gateway.streams.api_door import ApiConnection
from excraft.gateway.streams.connection import Connection
from excraft.gateway.streams.hub import MarketHub
from excraft.gateway.streams.listen_keys import ListenKey, ListenKeys
from excraft.gateway.streams.merit_door import MeritConnection, MeritFeed
from excraft.gateway.streams.settings import StreamSettings
from excraft.gateway.streams.stream_door import StreamConnection
from excraft.gateway.streams.user_hub import UserHub
from excraft.messages.codec import Record

LISTEN_KEY_WEIGHT = 2
KEYS_CHECKED_S = 1.0
_LOOPBACK = ("127.", "::1")
_LOGGER = logging.getLogger(__name__)


class Streams:
    """Everything behind the WebSocket routes of one exchange.

    It works only while somebody is connected: with nobody there, a record costs two calls and no
    timer runs.
    """

    def __init__(self, exchange: Exchange, settings: StreamSettings | None = None) -> None:
        self.exchange = exchange
        self.settings = settings or StreamSettings()
        self.markets = MarketHub(exchange)
        self.users = UserHub(exchange)
        self.merit = MeritFeed(exchange)
        self.listen_keys = ListenKeys(exchange.clock, self.settings.listen_key_s)
        self.connections: set[Connection] = set()
        self._arrivals = Window(300)
        self._sweeper: asyncio.Task | None = None
        exchange.engine.subscribe(self.users.take, columns=True)
        exchange.engine.watch_orders(self.see)

    @property
    def routes(self) -> list[BaseRoute]:
        """All routes, for the application."""
        streams, api = Door(self, StreamConnection), Door(self, ApiConnection)
        merit = [WebSocketRoute("/merit/stream", Door(self, MeritConnection))]
        return [
            *(merit if self.exchange.merit is not None else []),
            WebSocketRoute("/ws", streams),
            WebSocketRoute("/ws/{streams:path}", streams),
            WebSocketRoute("/stream", streams),
            WebSocketRoute("/ws-api/v3", api),
            Route("/api/v3/userDataStream", self.listen_key, methods=["POST", "PUT", "DELETE"]),
        ]

    @property
    def running(self) -> bool:
        """Whether the clockwork runs."""
        return self._sweeper is not None

    @property
    def now_ns(self) -> int:
        return self.exchange.clock()

    def see(self, record: Record, reports: list[Report]) -> None:
        """Watcher of the engine, which must not suffer from anything that goes wrong here."""
        try:
            self.users.see(record, reports)
            self.markets.see(record, reports)
            self.merit.see()
        except Exception:
            _LOGGER.exception("streams left out the rest of record %d", record.position)

    # ---- connections

    def admit(self, address: str) -> None:
        """Count a new connection; raises TooMany beyond the limit of its address."""
        if address.startswith(_LOOPBACK):
            return
        window, limit = self._arrivals, self.settings.connections_per_5_minutes
        window.roll(self.now_ns)
        count = window.counts.get(address, 0) + 1
        window.counts[address] = count
        if count > limit:
            raise errors.TooMany(
                -1034,
                f"Too many concurrent connections; current limit is '{limit} per 5 minutes'.",
                429,
            )

    def enter(self, connection: Connection) -> None:
        """The first one starts the clockwork."""
        self.connections.add(connection)
        if self._sweeper is None:
            self.markets.start()
            self._sweeper = asyncio.create_task(self._sweep())

    def leave(self, connection: Connection) -> None:
        """The last one stops it."""
        self.connections.discard(connection)
        if not self.connections and self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
            self.markets.stop()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(KEYS_CHECKED_S)
            try:
                self.sweep()
            except Exception:
                _LOGGER.exception("API keys of the streams were not checked this time")

    def sweep(self) -> None:
        """End what hangs on keys that are revoked or expired."""
        now_ns = self.now_ns
        for connection in list(self.connections):
            connection.check_keys(now_ns)
        self.listen_keys.drop_expired()

    def is_good(self, what: ListenKey) -> bool:
        """Whether a listen key and the API key that made it still work."""
        found = self.exchange.api_keys.find(what.api_key)
        return (
            self.listen_keys.find(what.key) == what
            and found is not None
            and auth.READ in found.permissions
        )

    # ---- listen keys over REST

    async def listen_key(self, request: Request) -> Response:
        """POST, PUT and DELETE /api/v3/userDataStream: a key, and no signature."""
        try:
            body = await self._listen_key(request)
            status, headers = 200, ()
        except ApiError as failure:
            body, status, headers = failure.body(), failure.status, failure.headers
        shown = {name.decode(): value.decode() for name, value in headers}
        return Response(msgspec.json.encode(body), status, shown, "application/json;charset=UTF-8")

    async def _listen_key(self, request: Request) -> dict:
        """Who asks is known before a byte of the body is read."""
        address = request.client.host if request.client else ""
        self.exchange.limits.admit(address, LISTEN_KEY_WEIGHT)
        key = request.headers.get("x-mbx-apikey", "")
        caller, _ = auth.caller_of(self.exchange, key, address, auth.READ)
        if request.method == "POST":
            return {"listenKey": self.listen_keys.create(caller.account, key)}
        sent = fields(request.scope["query_string"])
        sent = sent or fields(await _body(request, self.exchange.settings.body_bytes_max))
        if not sent.get("listenKey"):
            raise errors.missing("listenKey")
        change = self.listen_keys.keep if request.method == "PUT" else self.listen_keys.close
        if not change(caller.account, sent["listenKey"]):
            raise errors.BadParameter(-1125, "This listenKey does not exist.")
        return {}


async def _body(request: Request, most: int) -> bytes:
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > most:
                raise errors.too_large(most)
    except ClientDisconnect as gone:
        raise errors.undecodable() from gone  # nobody is left to read it
    return bytes(body)


class Door:
    """An ASGI application: one connection of one kind, from the handshake to the end."""

    def __init__(self, streams: Streams, kind: Callable[..., Connection]) -> None:
        self._streams, self._kind = streams, kind

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        streams = self._streams
        try:
            streams.admit(scope["client"][0] if scope["client"] else "")
            connection = self._kind(scope, receive, send, streams)
        except ApiError as failure:
            await _refuse(failure, receive, send)
            return
        streams.enter(connection)
        try:
            await connection.run()
        finally:
            streams.leave(connection)


async def _refuse(failure: ApiError, receive: Any, send: Any) -> None:
    """Answer the handshake with an error, as REST would."""
    await receive()
    headers = [(b"content-type", b"application/json;charset=UTF-8"), *failure.headers]
    await send(
        {"type": "websocket.http.response.start", "status": failure.status, "headers": headers}
    )
    body = msgspec.json.encode(failure.body())
    await send({"type": "websocket.http.response.body", "body": body})


def routes(exchange: Exchange) -> list[BaseRoute]:
    """The WebSocket routes of an exchange, for `gateway.app`."""
    return Streams(exchange).routes
