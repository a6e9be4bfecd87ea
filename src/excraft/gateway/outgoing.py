"""What goes out to one connection in one turn of the loop goes out in one system call.

uvicorn writes the head and the body of a reply apart, and a record answers many requests of one
WebSocket at once; each write of its own would be a system call that wakes the client.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Gathering:
    """A transport whose writes wait for the end of this turn; all else is the transport's own.

    What waits counts as unsent, and is sent before the connection is closed.
    """

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._waiting: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Take what is to be sent."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(data)
        self._size += len(data)

    def writelines(self, parts: Any) -> None:
        """Take several at once."""
        self.write(b"".join(parts))

    def get_write_buffer_size(self) -> int:
        """Bytes taken and not sent."""
        return self._size + self._transport.get_write_buffer_size()

    def close(self) -> None:
        """Send what waits, then close."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once; what waits is lost."""
        self._forget()
        self._transport.abort()

    def _flush(self) -> None:
        if not self._waiting:
            return
        data = self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting)
        self._forget()
        if not self._transport.is_closing():
            self._transport.write(data)

    def _forget(self) -> None:
        self._waiting, self._size = [], 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class HttpProtocol(HttpToolsProtocol):
    """Give this class to uvicorn as `http`; an upgraded connection keeps the transport."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(Gathering(transport, self.loop))
