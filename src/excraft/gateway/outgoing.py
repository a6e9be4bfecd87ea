"""One HTTP connection: a bounded head comes in, and one turn of the loop goes out in one write.

uvicorn writes the head and the body of a reply apart, and a record answers many requests of one
WebSocket at once; each write of its own would be a system call that wakes the client.
"""

import asyncio
import logging
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from excraft.gateway import errors

HEAD_BYTES_MAX = 131_072  # of one request's line and headers; what comes at once may be more
HEAD_WITHIN_S = 20.0
BODY_WITHIN_S = 20.0
FILE_WITHIN_S = 130.0  # of a member's document; account_kyc.py says before that it is too slow
_BAD = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json;charset=UTF-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b"
)

# What anybody can send is answered, not logged: it would fill the disk.
_SENT_BY_ANYBODY = ("Invalid HTTP request received.", "Unsupported upgrade request.")
logging.getLogger("uvicorn.error").addFilter(lambda record: record.msg not in _SENT_BY_ANYBODY)


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
    """Give this class to uvicorn as `http`; an upgraded connection keeps the transport.

    The head of a request is bounded in bytes and in time, its body in time (and where it is read,
    in bytes), and bytes that are no HTTP are answered in JSON, as everything else is.
    """

    _in_head = False  # a head has begun and not ended
    _in_body = False
    _head_bytes = 0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(Gathering(transport, self.loop))
        self._late = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_ended()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_body and self._late is None:
            within = FILE_WITHIN_S if self.scope["path"].endswith("/documents") else BODY_WITHIN_S
            self._late = self.loop.call_later(within, self.transport.close)
        if not self._in_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES_MAX:
            self.send_400_response("")
        elif self._late is None:
            self._late = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._head_ended()
        self._in_body = not self.parser.should_upgrade()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        if self._late is not None:
            self._late.cancel()
            self._late = None
        super().on_message_complete()

    def _head_ended(self) -> None:
        self._in_head = False
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def send_400_response(self, msg: str) -> None:
        body = msgspec.json.encode(errors.undecodable().body())
        self.transport.write(_BAD % (len(body), body))
        self.transport.close()
