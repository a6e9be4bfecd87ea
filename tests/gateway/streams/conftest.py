"""The whole exchange behind a real uvicorn on the loopback, with our WebSocket protocol."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from excraft.gateway.app import Gateway
from excraft.gateway.streams import Protocol, Streams, StreamSettings
from tests.gateway.streams.peers import Peer


class Server(uvicorn.Server):
    """Leaves the signals alone."""

    @contextlib.contextmanager
    def capture_signals(self):
        yield


@asynccontextmanager
async def serving(venue, settings: StreamSettings | None = None, **options) -> AsyncIterator[Peer]:
    """A Peer of the running server."""
    streams = Streams(venue.exchange, settings)
    app = Gateway(venue.exchange, streams.routes)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, ws=Protocol, log_config=None, access_log=False,
        ws_max_size=65_536, ws_per_message_deflate=False, lifespan="off",
        **{"ws_ping_interval": 20.0, "ws_ping_timeout": 60.0, **options},
    )  # fmt: skip
    server = Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Peer(venue, streams, port, server)
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def peer(venue):
    """Connects to a server with the default settings."""
    async with serving(venue) as found:
        yield found
