"""Slow, silent and hostile clients are cut, the exchange goes on; and everybody hears the end."""

import asyncio
import json
import socket as sockets
import time
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from websockets.exceptions import ConnectionClosed

from excraft.gateway.streams import StreamSettings
from tests.gateway.clients import limit
from tests.gateway.streams.conftest import serving
from tests.gateway.streams.peers import Signer, ask, hear, until

pytestmark = pytest.mark.anyio
HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
ALL = "/ws/extusd@trade/extusd@aggTrade/extusd@bookTicker"


async def closed(socket, within: float = 5.0) -> int:
    """Read until the connection ends; the code with which it did."""
    async with asyncio.timeout(within):
        while True:
            try:
                await socket.recv()
            except ConnectionClosed as end:
                return end.rcvd.code if end.rcvd else 1006


@asynccontextmanager
async def raw(peer, path: str, window: int = 0):
    """A bare socket after the handshake: (reader, writer)."""
    bare = sockets.socket()
    if window:
        bare.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, window)
    bare.setblocking(False)
    await asyncio.get_running_loop().sock_connect(bare, ("127.0.0.1", peer.port))
    reader, writer = await asyncio.open_connection(sock=bare)
    writer.write(HANDSHAKE.format(path=path).encode())
    await reader.readuntil(b"\r\n\r\n")
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def gone(reader, within: float = 5.0) -> None:
    """The server closed or reset the connection."""
    async with asyncio.timeout(within):
        try:
            while await reader.read(65_536):
                pass
        except ConnectionError:
            return


async def trade(venue) -> None:
    await venue.alice.limit("SELL", "0.1", "10.00")
    await venue.bob.limit("BUY", "0.1", "10.00")


async def test_a_client_that_does_not_read_is_cut_and_nobody_waits_for_it(venue):
    settings = StreamSettings(out_bytes_max=2_000)
    async with serving(venue, settings) as peer, raw(peer, ALL, window=2_048) as (_, writer):
        writer.transport.pause_reading()
        (slow,) = peer.streams.connections
        async with peer.connect(ALL) as other:
            started = time.monotonic()
            while not slow.closing:  # fill what the kernel keeps for it, then what we do
                slow.push_text(b"[" + b"1," * 20_000 + b"1]")
                await asyncio.sleep(0)
                assert time.monotonic() - started < 5
            await trade(venue)
            assert (await until(other, lambda m: m.get("e") == "trade"))["q"] == "0.10000000"
            assert slow not in peer.streams.connections


async def test_frames_unsent_are_bounded_too(venue):
    settings = StreamSettings(out_frames_max=50)
    async with serving(venue, settings) as peer, raw(peer, ALL, window=2_048) as (_, writer):
        writer.transport.pause_reading()
        (slow,) = peer.streams.connections
        pushed = 0
        while not slow.closing and pushed < 200:
            slow.push_text(b"[" + b"1," * 50_000 + b"1]")
            pushed += 1
            await asyncio.sleep(0)
        assert slow.closing and pushed > 50


async def test_an_address_that_is_too_long_is_told_so(peer):
    reader, writer = await asyncio.open_connection("127.0.0.1", peer.port)
    writer.write(HANDSHAKE.format(path="/stream?streams=" + "x" * 9_000).encode())
    async with asyncio.timeout(5):
        assert (await reader.read()).startswith(b"HTTP/1.1 414 ")
    writer.close()


@pytest.mark.parametrize("path", ["/ws", "/ws-api/v3"])
async def test_what_is_no_text_frame_of_a_bearable_size_ends_the_connection(venue, peer, path):
    async with peer.connect(path) as socket:
        await socket.send(b"\x00\x01")
        assert await closed(socket) == 1003
    async with peer.connect(path) as socket:
        await socket.send("[" * 70_000)
        assert await closed(socket) == 1009
    async with raw(peer, path) as (reader, writer):
        writer.write(bytes((0x81, 0x82, 0, 0, 0, 0, 0xC3, 0x28)))  # a text frame of bad UTF-8
        await gone(reader)
    async with raw(peer, path) as (reader, writer):
        writer.write(bytes((0xF3, 0x82, 0, 0, 0, 0, 1, 2)))  # reserved bits, an unknown opcode
        await gone(reader)
    await trade(venue)


async def test_more_than_five_messages_a_second_end_the_connection(venue, peer):
    async with peer.connect("/ws") as socket:
        for number in range(11):
            await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        assert await closed(socket) == 1008
    async with peer.connect("/ws") as socket:
        for _ in range(11):
            await socket.ping()
        assert await closed(socket) == 1008
    async with peer.connect("/ws-api/v3") as socket:  # limited by weight instead
        for _ in range(30):
            assert (await ask(socket, "ping"))["status"] == 200


async def test_no_more_than_1024_streams(venue):
    async with serving(venue, StreamSettings(streams_max=3)) as peer:
        async with peer.connect("/ws/extusd@trade") as socket:
            reply = await ask(socket, "SUBSCRIBE", ["a@trade", "b@trade", "c@trade"])
            assert reply["code"] == 2 and "at most 3" in reply["msg"]
            assert (await ask(socket, "SUBSCRIBE", ["a@trade", "b@trade"]))["result"] is None
            assert len((await ask(socket, "LIST_SUBSCRIPTIONS"))["result"]) == 3
        async with peer.connect("/ws/" + "/".join(f"{x}@trade" for x in "abcd")) as socket:
            assert await closed(socket) == 1008
    assert StreamSettings().streams_max == 1024


async def test_a_connection_lives_a_day(venue):
    async with serving(venue, StreamSettings(lifetime_s=0.2)) as peer:
        for path in ("/ws", "/ws-api/v3"):
            async with peer.connect(path) as socket:
                assert await closed(socket, within=2) == 1001
    assert StreamSettings().lifetime_s == 86_400


async def test_who_does_not_answer_pings_is_dropped(venue):
    async with (
        serving(venue, ws_ping_interval=0.1, ws_ping_timeout=0.3) as peer,
        raw(peer, "/ws") as (reader, _),
        peer.connect("/ws") as answering,
    ):
        await gone(reader, within=2)
        assert (await ask(answering, "LIST_SUBSCRIPTIONS"))["result"] == []


async def test_a_thousand_idle_connections_are_cheap(venue, peer):
    started = time.process_time()
    async with AsyncExitStack() as stack:
        for _ in range(1_000):
            await stack.enter_async_context(raw(peer, "/ws"))
        assert len(peer.streams.connections) == 1_000
        assert time.process_time() - started < 10
        started = time.process_time()
        await asyncio.sleep(1.5)
        assert time.process_time() - started < 0.5
        await trade(venue)
    async with asyncio.timeout(5):
        while peer.streams.connections:
            await asyncio.sleep(0.02)
    assert not peer.streams.running  # nobody there, nothing runs


async def test_connections_of_one_address_are_counted(venue):
    async with serving(venue, StreamSettings(connections_per_5_minutes=2)) as peer:
        for _ in range(2):
            peer.streams.admit("192.0.2.7")
        with pytest.raises(Exception, match="current limit is '2 per 5 minutes'"):
            peer.streams.admit("192.0.2.7")
        peer.streams.admit("192.0.2.8")
        async with peer.connect("/ws"), peer.connect("/ws"), peer.connect("/ws"):
            pass  # this machine's own are not


async def test_everybody_hears_of_the_end_and_requests_under_way_are_answered(venue):
    async with serving(venue) as peer:
        stream = await peer.connect("/ws/extusd@trade")
        api = await peer.connect("/ws-api/v3?returnRateLimits=false")
        await ask(api, "ping")
        venue.log.gate.clear()
        order = Signer.of(venue.alice).params(**limit("BUY", "1", "9.00"))
        await api.send(json.dumps({"id": 9, "method": "order.place", "params": order}))
        await asyncio.sleep(0.1)
        peer.server.should_exit = True
        assert (await hear(stream))["e"] == "serverShutdown"
        assert await closed(stream) == 1012
        assert (await hear(api))["event"]["e"] == "serverShutdown"
        venue.log.gate.set()
        reply = await hear(api)
        assert (reply["id"], reply["status"]) == (9, 200)
        assert await closed(api) == 1012
