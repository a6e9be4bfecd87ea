"""The whole application behind a real uvicorn on the loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
import websockets

from excraft.gateway.outgoing import HttpProtocol
from excraft.gateway.streams import Protocol
from tests.gateway.streams.conftest import Server


class Served:
    """Where it is."""

    def __init__(self, port: int) -> None:
        self.port, self.url = port, f"http://127.0.0.1:{port}"

    def connect(self, path: str):
        """A WebSocket client; use it with `async with`."""
        url = f"ws://127.0.0.1:{self.port}{path}"
        return websockets.connect(url, compression=None, max_size=None)


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[Served]:
    """Until the end of the block."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, ws=Protocol, http=HttpProtocol, log_config=None,
        access_log=False,
        ws_max_size=65_536, ws_per_message_deflate=False, lifespan="off",
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    server = Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield Served(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        await task
