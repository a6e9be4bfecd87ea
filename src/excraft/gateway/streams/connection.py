"""One WebSocket connection: what goes out is bounded, what comes in is counted.

A client that does not read is cut: its unsent bytes and frames are bounded, and beyond the bound
the socket is reset, so that nobody else waits for it.
"""

import asyncio
from collections import deque
from typing import Any

from excraft.gateway.streams.protocol import EXTENSION, Protocol, frame
from excraft.gateway.streams.settings import StreamSettings

GOING_AWAY, PROTOCOL_ERROR, POLICY = 1001, 1002, 1008
CLOSING_S = 2.0  # for the closing handshake with a client that reads


class WrongServer(RuntimeError):
    """The application runs under another WebSocket protocol than ours."""


class Connection:
    """Owns one accepted connection from `run` until it ends.

    `opened()`, `received(text)` and `ended()` are for the kinds of connection. Everything runs on
    the loop.
    """

    counted = True  # incoming messages are limited

    def __init__(self, scope: dict, receive: Any, send: Any, settings: StreamSettings) -> None:
        protocol = scope.get("extensions", {}).get(EXTENSION)
        if not isinstance(protocol, Protocol):
            raise WrongServer("start uvicorn with ws=excraft.gateway.streams.Protocol")
        self.settings = settings
        self.address: str = scope["client"][0] if scope["client"] else ""
        self.closing = False
        self._protocol, self._receive, self._send = protocol, receive, send
        self._transport = protocol.transport
        self._waiting = 0  # frames given to the transport since it last had none unsent
        self._arrivals: deque[float] = deque(maxlen=settings.incoming_per_second * 2)
        self._loop = asyncio.get_running_loop()
        self._closer: asyncio.Task | None = None

    # ---- out

    def push(self, ready: bytes) -> None:
        """Send one ready frame, or cut the client when too much is unsent already."""
        transport = self._transport
        unsent = transport.get_write_buffer_size()
        if not unsent:
            self._waiting = 0
        self._waiting += 1
        settings = self.settings
        if unsent > settings.out_bytes_max or self._waiting > settings.out_frames_max:
            self.cut()
            return
        transport.write(ready)

    def push_text(self, text: bytes) -> None:
        """Send one text message."""
        self.push(frame(text))

    # ---- in

    async def run(self) -> None:
        """Accept, hear everything until the end, clean up."""
        message = await self._receive()  # websocket.connect
        assert message["type"] == "websocket.connect"
        await self._send({"type": "websocket.accept"})
        self._protocol.listener = self
        self.opened()
        expiry = self._loop.call_later(self.settings.lifetime_s, self.close, GOING_AWAY, "expired")
        try:
            await self._listen()
        finally:
            expiry.cancel()
            self.closing = True
            self.ended()
            if self._closer is not None:
                await self._closer

    async def _listen(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] != "websocket.receive":
                return
            text = message.get("text")
            if self.closing or not self.count():
                continue
            if text is None:
                self.close(1003, "text frames only")
            elif len(text) > self.settings.in_bytes_max:
                self.close(1009, "message too big")
            else:
                await self.received(text)

    def count(self) -> bool:
        """Count one incoming message; False (and closed) when there were too many.

        The limit per second is measured over two, so that the burst of a starting client passes.
        """
        if not self.counted:
            return True
        now, arrivals = self._loop.time(), self._arrivals
        if len(arrivals) == arrivals.maxlen and now - arrivals[0] < 2.0:
            self.close(POLICY, "Too many requests")
            return False
        arrivals.append(now)
        return True

    def control_frame(self) -> bool:
        """A ping or an unasked pong came; False when it may not be answered."""
        if self.closing or self._transport.get_write_buffer_size() > self.settings.out_bytes_max:
            self.cut()
            return False
        return self.count()

    def opened(self) -> None:
        """The connection is accepted."""

    async def received(self, text: str) -> None:
        """A message of the client."""
        raise NotImplementedError

    def check_keys(self, now_ns: int) -> None:
        """Once a second: end what hangs on API keys that are gone."""

    def ended(self) -> None:
        """The connection is over; forget it."""
        raise NotImplementedError

    # ---- the end

    def close(self, code: int, reason: str) -> None:
        """Close in good order; a client that does not read is cut instead."""
        if self.closing:
            return
        self.closing = True
        self._closer = asyncio.create_task(self._closed(code, reason))

    async def _closed(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(CLOSING_S):
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except (TimeoutError, OSError):  # it does not read, or is gone
            self.cut()

    def cut(self) -> None:
        """Reset the connection without another word."""
        self.closing = True
        self._transport.abort()

    def going_down(self, finish: Any) -> None:
        """The server shuts down; call `finish` when this connection has nothing left to say."""
        finish()
