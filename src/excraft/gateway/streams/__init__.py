"""The WebSocket doors: market streams, user data streams, and the WebSocket API."""

from excraft.gateway.streams.protocol import Protocol
from excraft.gateway.streams.service import Streams, routes
from excraft.gateway.streams.settings import StreamSettings

__all__ = ["Protocol", "StreamSettings", "Streams", "routes"]
