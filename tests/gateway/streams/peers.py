"""WebSocket clients as the tests need them."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from typing import Any

import httpx
import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.gateway.clients import Client


class Peer:
    """One running server: its address, and clients of it."""

    def __init__(self, venue: Any, streams: Any, port: int, server: Any) -> None:
        self.venue, self.streams, self.port, self.server = venue, streams, port, server
        self.exchange = venue.exchange

    def connect(self, path: str, **options):
        """A WebSocket client; use it with `async with`."""
        options = {"compression": None, "max_queue": None, "max_size": None} | options
        return websockets.connect(f"ws://127.0.0.1:{self.port}{path}", **options)

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}")

    def ed25519(self, client: Client) -> "Signer":
        """A second key of a member, signed with Ed25519."""
        return ed25519(self.exchange, client.member)


class Signer:
    """Signs requests of the WebSocket API."""

    def __init__(self, key: str, sign) -> None:
        self.key, self.sign = key, sign

    @classmethod
    def of(cls, client: Client) -> "Signer":
        secret = client.secret.encode()
        return cls(client.key, lambda text: hmac.new(secret, text, hashlib.sha256).hexdigest())

    def params(self, **values) -> dict:
        """The parameters with key, time and signature."""
        values = {"apiKey": self.key, "timestamp": time.time_ns() // 1_000_000, **values}
        text = "&".join(f"{k}={shown(values[k])}" for k in sorted(values))
        return values | {"signature": self.sign(text.encode())}


def ed25519(exchange: Any, member: Any, *permissions: str) -> Signer:
    """A new key of a member, signed with Ed25519; READ and TRADE unless said."""
    private = Ed25519PrivateKey.generate()
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    made = exchange.api_keys.create(
        member, "ED25519", permissions=permissions or ["READ", "TRADE"], public_key=pem.decode()
    )
    return Signer(made.key, lambda text: base64.b64encode(private.sign(text)).decode())


def shown(value: object) -> str:
    """As it stands in the JSON, without quotes."""
    return value if isinstance(value, str) else json.dumps(value).replace("Infinity", "1e400")


async def ask(socket, method: str, params: Any = None, number: Any = 1, **more) -> dict:
    """Send one request and take the reply to it; events in between are passed over."""
    request = {"id": number, "method": method, **more}
    if params is not None:
        request["params"] = params
    await socket.send(json.dumps(request))
    while True:
        found = await hear(socket)
        if isinstance(found, dict) and "id" in found:
            return found


async def hear(socket, within: float = 5.0) -> Any:
    """The next message, as JSON."""
    return json.loads(await asyncio.wait_for(socket.recv(), within))


async def until(socket, wanted, within: float = 5.0) -> Any:
    """The next message that `wanted(message)` accepts."""
    async with asyncio.timeout(within):
        while True:
            message = json.loads(await socket.recv())
            if wanted(message):
                return message
