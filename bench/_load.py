"""The load of rest.py and websocket.py, in a process of its own: as little work as possible.

Everything is signed and turned into bytes before the clock starts; of a reply only the status and
the length are read. The plan comes as one line of JSON; "ready" and the figures go back.

Each connection keeps `in_flight` requests unanswered: 1 over REST, because HTTP pipelining is not
what clients do, and a few over the WebSocket API.
"""

import asyncio
import base64
import hmac
import json
import math
import random
import sys
import time
from hashlib import sha256

import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MIDDLE = 10_000  # ticks of 0.01
CROSSING = 0.1  # of the orders take what rests; the others rest
MEAN_TICKS_AWAY = 8
MARKETS = 10
WINDOW_MS = 60_000
UPGRADE = (
    b"GET /ws-api/v3?returnRateLimits=false HTTP/1.1\r\nHost: localhost\r\n"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)


def order(chance: random.Random, stamp: int) -> dict[str, str]:
    """Parameters of one order as bench/README.md describes them, in the order of their names."""
    buys = chance.random() < 0.5
    crosses = chance.random() < CROSSING
    away = 50 if crosses else -1 - int(chance.expovariate(1 / MEAN_TICKS_AWAY))
    price = MIDDLE + (away if buys else -away)
    return {
        "price": f"{price // 100}.{price % 100:02}",
        "quantity": f"0.{chance.randint(1, 20):03}",
        "recvWindow": str(WINDOW_MS),
        "side": "BUY" if buys else "SELL",
        "symbol": f"B{chance.randrange(MARKETS)}USD",
        "timeInForce": "IOC" if crosses else "GTC",
        "timestamp": str(stamp),
        "type": "LIMIT",
    }


def payload(values: dict[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(values.items()))


def signed(text: str, secret: str) -> str:
    return hmac.new(secret.encode(), text.encode(), sha256).hexdigest()


# ---- what goes over the wire


def rest_requests(trader: dict, count: int, chance: random.Random) -> list[bytes]:
    """Whole HTTP requests: POST order with the parameters and the signature in the query."""
    found, stamp = [], time.time_ns() // 1_000_000
    for _ in range(count):
        query = payload(order(chance, stamp))
        found.append(
            f"POST /api/v3/order?{query}&signature={signed(query, trader['secret'])} HTTP/1.1\r\n"
            f"Host: localhost\r\nX-MBX-APIKEY: {trader['key']}\r\n"
            "Content-Length: 0\r\n\r\n".encode()
        )
    return found


def ws_requests(trader: dict, count: int, chance: random.Random, session: bool) -> list[bytes]:
    """Masked frames of order.place: each signed, or none because the connection has logged on."""
    found, stamp = [], time.time_ns() // 1_000_000
    for number in range(count):
        values = order(chance, stamp)
        if not session:
            values["apiKey"] = trader["key"]
            values["signature"] = signed(payload(values), trader["secret"])
        found.append(frame({"id": number, "method": "order.place", "params": values}))
    return found


def logon(trader: dict) -> bytes:
    values = {"apiKey": trader["session_key"], "timestamp": str(time.time_ns() // 1_000_000)}
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(trader["private"]))
    values["signature"] = base64.b64encode(private.sign(payload(values).encode())).decode()
    return frame({"id": 0, "method": "session.logon", "params": values})


def frame(message: dict) -> bytes:
    """A client's text frame; its mask is zero, which the protocol allows and costs nothing."""
    text = json.dumps(message, separators=(",", ":")).encode()
    length = len(text)
    head = bytes((0x81, 0x80 | length)) if length < 126 else b"\x81\xfe" + length.to_bytes(2, "big")
    return head + bytes(4) + text


# ---- connections


class Sender(asyncio.Protocol):
    """One connection: keeps `in_flight` requests unanswered until all are sent and answered."""

    def __init__(self, requests: list[bytes], in_flight: int) -> None:
        self.requests, self.in_flight = requests, in_flight
        self.delays: list[float] = []
        self.done = asyncio.get_running_loop().create_future()
        self._sent: list[float] = []  # when, by the number of the request
        self._buffer = b""

    def connection_made(self, transport) -> None:
        self.transport = transport

    def connection_lost(self, error) -> None:
        self.fail(f"the server hung up: {error}")

    def fail(self, reason: str) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(reason))

    def begin(self) -> None:
        for _ in range(min(self.in_flight, len(self.requests))):
            self._send()

    def _send(self) -> None:
        number = len(self._sent)
        self._sent.append(time.perf_counter())
        self.transport.write(self.requests[number])

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        at = 0
        while (reply := self.reply(at)) is not None and not self.done.done():
            number, at = reply
            self.delays.append(time.perf_counter() - self._sent[number])
            if len(self._sent) < len(self.requests):
                self._send()
            elif len(self.delays) == len(self.requests):
                self.done.set_result(None)
        self._buffer = self._buffer[at:]

    def reply(self, at: int) -> tuple[int, int] | None:
        """(number of its request, end) of the reply that begins at `at`, once it is complete."""
        raise NotImplementedError


class RestSender(Sender):
    def reply(self, at: int) -> tuple[int, int] | None:
        data = self._buffer
        head = data.find(b"\r\n\r\n", at)
        if head < 0:
            return None
        if data[at : at + 12] != b"HTTP/1.1 200":
            return self.fail(f"not acknowledged: {data[at : at + 1000]!r}")
        length = data.index(b"content-length: ", at, head) + 16
        end = head + 4 + int(data[length : data.index(b"\r\n", length)])
        return (len(self.delays), end) if end <= len(data) else None


class WsSender(Sender):
    """Replies may come in any order; each names its request."""

    async def greet(self, request: bytes) -> None:
        """Send something that comes before the orders and wait until it is accepted."""
        self.greeted = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        await self.greeted

    def data_received(self, data: bytes) -> None:
        if self.greeted.done():
            super().data_received(data)
        elif b" 101 " in data[:20] or b'"status":200' in data:
            self.greeted.set_result(None)
        else:
            self.greeted.set_exception(ConnectionError(f"refused: {data!r}"))

    def reply(self, at: int) -> tuple[int, int] | None:
        data = self._buffer
        if len(data) < at + 4:
            return None
        begin, length = at + 2, data[at + 1]
        if data[at] != 0x81 or length > 126:
            return self.fail(f"a frame that was not expected: {data[at : at + 200]!r}")
        if length == 126:
            begin, length = at + 4, int.from_bytes(data[at + 2 : at + 4], "big")
        end = begin + length
        if end > len(data):
            return None
        comma = data.index(b",", begin, end)
        if data[comma : comma + 13] != b',"status":200':
            return self.fail(f"not acknowledged: {data[begin:end]!r}")
        return int(data[begin + 6 : comma]), end


async def connected(kind: str, plan: dict) -> list[Sender]:
    """All connections, with all their requests made."""
    loop, found = asyncio.get_running_loop(), []
    each = plan["orders"] // plan["connections"]
    for number in range(plan["connections"]):
        trader = plan["traders"][number % len(plan["traders"])]
        chance = random.Random(plan["seed"] * 1000 + number)
        if kind == "rest":
            made = rest_requests(trader, each, chance)
            sender = RestSender(made, 1)
        else:
            made = ws_requests(trader, each, chance, plan["session"])
            sender = WsSender(made, plan["in_flight"])
        await loop.create_connection(lambda sender=sender: sender, "127.0.0.1", plan["port"])
        if kind == "websocket":
            await sender.greet(UPGRADE)
            if plan["session"]:
                await sender.greet(logon(trader))
        found.append(sender)
    return found


async def run(kind: str) -> None:
    senders = await connected(kind, json.loads(sys.stdin.readline()))
    print("ready", flush=True)
    sys.stdin.readline()
    began, own = time.perf_counter(), time.process_time()
    for sender in senders:
        sender.begin()
    await asyncio.gather(*(sender.done for sender in senders))
    seconds, own = time.perf_counter() - began, time.process_time() - own
    delays = sorted(delay for sender in senders for delay in sender.delays)

    def quantile(share: float) -> float:
        return round(1e3 * delays[math.ceil(share * len(delays)) - 1], 3)

    print(json.dumps({
        "answered": len(delays),
        "per_s": round(len(delays) / seconds),
        "p50_ms": quantile(0.5), "p99_ms": quantile(0.99), "max_ms": quantile(1.0),
        "load_cpu_share": round(own / seconds, 2),
    }))  # fmt: skip


if __name__ == "__main__":
    uvloop.run(run(sys.argv[1]))
