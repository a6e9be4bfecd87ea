"""uvicorn's WebSocket protocol, opened up: frames made once are written to many clients.

The application gets the protocol as ``scope["extensions"]["excraft"]``; a Connection writes ready
frames to its transport, counts the control frames that uvicorn answers by itself, and decides how
the connection ends when the server shuts down.
"""

import struct
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION = "excraft"
_TEXT = 0x81  # a final frame with text
_SHORT, _LONG = struct.Struct("!BBH"), struct.Struct("!BBQ")


def frame(text: bytes) -> bytes:
    """One unmasked text frame, as a server sends it; `text` is UTF-8."""
    length = len(text)
    if length < 126:
        return bytes((_TEXT, length)) + text
    if length < 65_536:
        return _SHORT.pack(_TEXT, 126, length) + text
    return _LONG.pack(_TEXT, 127, length) + text


class Protocol(WebSocketsSansIOProtocol):
    """Give this class to uvicorn as `ws`."""

    listener: Any = None  # the Connection, once the handshake is done

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            self.transport.write(b"".join(self.conn.data_to_send()))  # uvicorn leaves it unsent
            self.transport.close()

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        scope = getattr(self, "scope", None)  # a refused handshake has none
        if scope is not None:
            scope["extensions"][EXTENSION] = self

    def handle_ping(self) -> None:
        if self.listener is None or self.listener.control_frame():
            super().handle_ping()

    def handle_pong(self, event: Any) -> None:
        answer = self.pending_ping_payload is not None and event.data == self.pending_ping_payload
        if answer or self.listener is None or self.listener.control_frame():
            super().handle_pong(event)

    def shutdown(self) -> None:
        """The server is going down: the listener says its last words first."""
        if self.listener is None:
            super().shutdown()
        else:
            self.listener.going_down(super().shutdown)
