"""Everything of one turn of the loop is one write, in order, and nothing is lost at the end."""

import asyncio
import socket

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

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


async def test_a_server_answers_through_it_and_hangs_up_after_the_answer():
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("x" * 100_000))])
    server = uvicorn.Server(
        uvicorn.Config(app, http=HttpProtocol, log_config=None, lifespan="off", loop="none")
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        for connection in ("keep-alive", "close"):
            writer.write(f"GET / HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK")
            assert await reader.readexactly(100_000) == b"x" * 100_000
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        server.should_exit = True
        await serving
