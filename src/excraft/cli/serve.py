"""One running exchange: its doors, its signals, its end."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from typing import Any, NamedTuple

import uvicorn

from excraft.cli import owed
from excraft.cli.bots import Supervisor
from excraft.cli.control import address_of
from excraft.cli.daily import publishing
from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.cli.progress import Progress
from excraft.cli.up import show_welcome
from excraft.cli.wiring import opened
from excraft.cli.withdrawing import read_chains
from excraft.demo import crowd
from excraft.demo.setup import fill
from excraft.engine.interpreter import settle
from excraft.gateway import admin, operations  # noqa: F401
from excraft.gateway.app import application
from excraft.gateway.exchange import Exchange
from excraft.gateway.outgoing import HttpProtocol
from excraft.gateway.proofs import Proofs
from excraft.gateway.streams import Protocol, StreamSettings

BOTS_FILE = "demo_bots.json"
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
            app, log_config=None, access_log=False, http=HttpProtocol, loop="none",
            timeout_graceful_shutdown=CLOSING_S, server_header=False, **options,
        )
    )  # fmt: skip


class _Signals:
    """SIGTERM and SIGINT end a running exchange cleanly, and one that is not up yet at once.

    Ending at once is no worse than a power cut, and compiling cannot be interrupted.
    """

    def __init__(self):
        self.up = False
        self.stop = asyncio.Event()
        for sign in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sign, self._arrived, sign)

    def _arrived(self, sign: int) -> None:
        if not self.up:
            os._exit(128 + sign)
        self.stop.set()


def _demo_chain(folder: Folder) -> AbstractAsyncContextManager[str]:
    from excraft.cli.demo_chain import demo_chain  # what signs takes long to import

    return demo_chain(folder)


def _demo_signer(folder: Folder, exchange: Exchange) -> AbstractAsyncContextManager[None]:
    from excraft.cli.demo_signer import demo_signer

    return demo_signer(folder, exchange, read_chains(folder))


async def serve(
    folder: Folder, address: Listening, *, demo: bool, database: str, threads: int,
    liabilities_every: int,
) -> int:  # fmt: skip
    """Run until SIGTERM, SIGINT or a failure of the engine; the exit code."""
    signals = _Signals()
    with Progress() as progress:
        async with (
            _demo_chain(folder) if demo else nullcontext("") as missing,
            opened(folder, database=database, threads=threads, progress=progress) as exchange,
        ):
            progress.notes += [missing] if missing else []
            if demo:
                await fill(exchange, folder.demo_members, folder.root / BOTS_FILE)
                await crowd.settle(exchange)
            exchange.proofs = Proofs(owed.days_of(folder), owed.secret_of(folder))
            with control_socket(folder) as door:
                async with (
                    publishing(folder, liabilities_every, at_once=demo),
                    _demo_signer(folder, exchange) if demo else nullcontext(),
                    crowd.trading(exchange) if demo else nullcontext(),
                    _doors(exchange, address.socket, door),
                ):
                    signals.up = True
                    settle()
                    progress.close()
                    for note in progress.notes:
                        print(note, file=sys.stderr)
                    show_welcome(folder, address.url, demo, progress.summary)
                    await _invite(exchange, address.url)
                    await _until_stopped(exchange, signals, folder, address.url if demo else "")
    if exchange.engine.failure:
        raise Failure(exchange.engine.failure)
    print(f"ExCraft is down at position {exchange.engine.position}; nothing is lost.", flush=True)
    return Exit.DONE


async def _invite(exchange: Exchange, url: str) -> None:
    """While nobody is administrator, each start shows a new link that makes one."""
    if await asyncio.to_thread(exchange.invitation.is_due):
        token = await asyncio.to_thread(exchange.invitation.make)
        print(f"  administrator   none yet; within a day this link makes one, once:\n"
              f"                  {url}/desk#administrator={token}", flush=True)  # fmt: skip


@asynccontextmanager
async def _doors(exchange: Exchange, public_socket: socket.socket, door: socket.socket):
    """The public server and the operator's; at the end both answer what is under way."""
    public = _server(
        application(exchange), backlog=BACKLOG, ws=Protocol, proxy_headers=False,
        ws_ping_interval=PING_EVERY_S, ws_ping_timeout=PONG_WITHIN_S,
        ws_max_size=StreamSettings().in_bytes_max, ws_per_message_deflate=False,
    )  # fmt: skip
    control = _server(admin.application(exchange))
    serving = [
        asyncio.create_task(public.serve(sockets=[public_socket])),
        asyncio.create_task(control.serve(sockets=[door])),
    ]
    while not (public.started and control.started):
        if any(task.done() for task in serving):
            raise Failure("the gateway did not start; the lines above say why")
        await asyncio.sleep(0.005)
    try:
        yield
    finally:
        public.should_exit = control.should_exit = True
        await asyncio.gather(*serving)


async def _until_stopped(exchange: Exchange, signals: _Signals, folder: Folder, url: str) -> None:
    """With `url` the demo's bots trade there meanwhile."""
    bots = Supervisor(url, folder.root / BOTS_FILE) if url else None
    waiting = [
        asyncio.create_task(exchange.engine.ended.wait()),
        asyncio.create_task(signals.stop.wait()),
    ]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    if bots is not None:
        await bots.stop()
