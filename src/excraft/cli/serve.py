"""One running exchange: its doors, its signals, its end."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import uvicorn

from excraft.cli.bots import Supervisor
from excraft.cli.control import address_of
from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.cli.progress import Progress
from excraft.cli.up import show_welcome
from excraft.cli.wiring import opened
from excraft.gateway import admin
from excraft.gateway.app import application
from excraft.gateway.streams import Protocol

BACKLOG = 2048
PING_EVERY_S, PONG_WITHIN_S = 20, 60  # as documented for clients
CLOSING_S = 5  # for requests that are under way when the exchange stops


class Listening(NamedTuple):
    """The public socket and the name it was opened under."""

    socket: socket.socket
    host: str

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.socket.getsockname()[1]}"


@contextmanager
def listen(host: str, port: int) -> Iterator[socket.socket]:
    """The public port, taken before anything slow happens."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened_socket = socket.socket(family, kind, protocol)
        opened_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened_socket.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Failure(
                f"port {port} on {host} is in use; stop what uses it or name another with --port",
                Exit.IN_USE,
            ) from error
        raise Failure(f"cannot listen on {host} port {port}: {error.strerror}") from error
    with opened_socket:
        yield opened_socket


@contextmanager
def control_socket(folder: Folder) -> Iterator[socket.socket]:
    """The operator's door; the log's lock already says that nobody else owns this folder."""
    folder.control.unlink(missing_ok=True)
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with address_of(folder.control) as address:
            door.bind(address)
    finally:
        os.umask(before)
    try:
        with door:
            yield door
    finally:
        folder.control.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    """A server that leaves the signals to us."""

    @contextlib.contextmanager
    def capture_signals(self):
        yield


def _server(app: Any, **options: Any) -> _Server:
    return _Server(
        uvicorn.Config(
            app, log_config=None, access_log=False, http="httptools", loop="none",
            timeout_graceful_shutdown=CLOSING_S, server_header=False, **options,
        )
    )  # fmt: skip


async def serve(
    folder: Folder, address: Listening, *, demo: bool, database: str, threads: int
) -> int:
    """Run until SIGTERM, SIGINT or a failure of the engine; the exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    with Progress() as progress:
        return await _run(folder, address, stop, progress, demo, database, threads)


async def _run(folder, address, stop, progress, demo, database, threads) -> int:
    async with opened(folder, database=database, threads=threads, progress=progress) as exchange:
        if demo:
            from excraft.demo.setup import fill

            await fill(exchange, folder.demo_members, folder.root / "demo_bots.json")
        public = _server(
            application(exchange), backlog=BACKLOG, ws=Protocol, proxy_headers=False,
            ws_ping_interval=PING_EVERY_S, ws_ping_timeout=PONG_WITHIN_S,
        )  # fmt: skip
        with control_socket(folder) as door:
            control = _server(admin.application(exchange))
            serving = [
                asyncio.create_task(public.serve(sockets=[address.socket])),
                asyncio.create_task(control.serve(sockets=[door])),
            ]
            while not (public.started and control.started):
                await asyncio.sleep(0.005)
            progress.close()
            show_welcome(folder, address.url, demo, progress.summary)
            bots = Supervisor(address.url, folder.root / "demo_bots.json") if demo else None
            ended = asyncio.create_task(exchange.engine.ended.wait())
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
            if bots is not None:
                await bots.stop()
            public.should_exit = control.should_exit = True
            await asyncio.gather(*serving)
            ended.cancel()
            stopped.cancel()
    if exchange.engine.failure:
        raise Failure(exchange.engine.failure)
    print(f"ExCraft is down at position {exchange.engine.position}; nothing is lost.", flush=True)
    return Exit.DONE
