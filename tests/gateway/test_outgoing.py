"""Heads are bounded; one turn of the loop is one write, and nothing is lost at the end."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from excraft.gateway import outgoing
from excraft.gateway.outgoing import Gathering, HttpProtocol

pytestmark = pytest.mark.anyio


class Wire:
    """The transport below: what was written, and how it ended."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.end = ""
        self.unsent = 0

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.end = "closed"

    def abort(self) -> None:
        self.end = "aborted"

    def is_closing(self) -> bool:
        return bool(self.end)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def get_extra_info(self, name: str) -> str:
        return f"the {name}"


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def gathering(wire: Wire) -> Gathering:
    return Gathering(wire, asyncio.get_running_loop())


async def test_one_turn_is_one_write(wire, gathering):
    gathering.write(b"head ")
    gathering.writelines([b"and ", b"body"])
    assert wire.writes == []
    await asyncio.sleep(0)
    assert wire.writes == [b"head and body"]
    gathering.write(b"next")
    await asyncio.sleep(0)
    assert wire.writes == [b"head and body", b"next"]


async def test_what_waits_counts_as_unsent(wire, gathering):
    wire.unsent = 100
    gathering.write(b"12345")
    assert gathering.get_write_buffer_size() == 105
    await asyncio.sleep(0)
    assert gathering.get_write_buffer_size() == 100


async def test_closing_sends_what_waits(wire, gathering):
    gathering.write(b"last words")
    gathering.close()
    assert (wire.writes, wire.end) == ([b"last words"], "closed")
    await asyncio.sleep(0)
    assert wire.writes == [b"last words"]


async def test_aborting_drops_what_waits(wire, gathering):
    gathering.write(b"never read")
    gathering.abort()
    await asyncio.sleep(0)
    assert (wire.writes, wire.end) == ([], "aborted")
    assert gathering.get_write_buffer_size() == 0


async def test_nothing_is_written_to_a_connection_that_is_gone(wire, gathering):
    gathering.write(b"too late")
    wire.end = "lost"
    await asyncio.sleep(0)
    assert wire.writes == []


async def test_everything_else_is_the_transports_own(gathering):
    assert gathering.get_extra_info("peername") == "the peername"


@asynccontextmanager
async def serving():
    """A connection to a server of 100,000 bytes: (reader, writer)."""
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("x" * 100_000))])
    server = uvicorn.Server(
        uvicorn.Config(app, http=HttpProtocol, log_config=None, lifespan="off", loop="none")
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = asyncio.create_task(server.serve(sockets=[listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        async with asyncio.timeout(10):
            yield reader, writer
        writer.transport.abort()
        server.should_exit = True
        await running


async def test_a_server_answers_through_it_and_hangs_up_after_the_answer():
    async with serving() as (reader, writer):
        for connection in ("keep-alive", "close"):
            writer.write(f"GET / HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK")
            assert await reader.readexactly(100_000) == b"x" * 100_000
        assert await reader.read() == b""


async def test_what_is_no_http_is_told_so_in_json():
    async with serving() as (reader, writer):
        writer.write(b"GET /?symbol=\xff HTTP/1.1\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ") and json.loads(body)["code"] == -1100


async def test_a_head_without_end_is_cut():
    async with serving() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n")
        with suppress(ConnectionError):
            for _ in range(100):
                writer.write(b"x: " + b"y" * 10_000 + b"\r\n")
                await writer.drain()
                await asyncio.sleep(0.001)
        with suppress(ConnectionError):
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHo"])
async def test_a_head_that_does_not_come_ends_the_connection(monkeypatch, sent):
    monkeypatch.setattr(outgoing, "HEAD_WITHIN_S", 0.05)
    async with serving() as (reader, writer):
        writer.write(sent)
        assert await reader.read() == b""


@pytest.mark.parametrize("drips", [0, 3])
async def test_a_body_that_does_not_come_ends_the_connection(monkeypatch, drips):
    monkeypatch.setattr(outgoing, "BODY_WITHIN_S", 0.1)
    async with serving() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
        for _ in range(drips):
            await asyncio.sleep(0.02)
            writer.write(b"x")
        async with asyncio.timeout(5):
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")  # and then its end


async def test_a_connection_outlives_the_time_of_a_body_once_it_came(monkeypatch):
    monkeypatch.setattr(outgoing, "BODY_WITHIN_S", 0.05)
    async with serving() as (reader, writer):
        for wait in (0, 0.2):
            await asyncio.sleep(wait)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n")
            await asyncio.sleep(0.01)
            writer.write(b"x")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            await reader.readexactly(100_000)


async def test_what_anybody_can_send_is_not_logged(caplog):
    async with serving() as (reader, writer):
        writer.write(b"\x00\x01\x02\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    assert caplog.records == []
