"""Members and strangers who call the exchange, and what its errors look like."""

import hashlib
import hmac
import time
from urllib.parse import urlencode

import httpx

from excraft.engine.service import Engine
from excraft.messages.commands import SetParameter
from excraft.parameters import Parameter


class Client:
    """A member with an HMAC key, or nobody, over the real application."""

    def __init__(self, http: httpx.AsyncClient, key: str = "", secret: str = "") -> None:
        self.http, self.key, self.secret = http, key, secret

    def signed(self, values: dict) -> str:
        """The query string with timestamp and signature."""
        query = urlencode({"timestamp": now_ms(), **values})
        made = hmac.new(self.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        return f"{query}&signature={made}"

    async def call(self, method: str, path: str, **values) -> httpx.Response:
        """A signed request in the query string."""
        headers = {"X-MBX-APIKEY": self.key} if self.key else {}
        query = self.signed(values) if self.secret else urlencode(values)
        return await self.http.request(method, f"{path}?{query}", headers=headers)

    async def ok(self, method: str, path: str, **values):
        """The JSON of a reply that must be a success."""
        reply = await self.call(method, path, **values)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def error(self, method: str, path: str, **values) -> tuple[int, int, str]:
        """(status, code, text) of a reply that must be an error."""
        return error_of(await self.call(method, path, **values))

    async def limit(self, side: str, quantity: str, price: str, /, **more):
        """A LIMIT GTC order; the JSON of its reply."""
        return await self.ok("POST", "/api/v3/order", **limit(side, quantity, price, **more))


def limit(side: str, quantity: str, price: str, /, **more) -> dict:
    """Parameters of a LIMIT order."""
    return {"symbol": "EXTUSD", "side": side, "type": "LIMIT", "timeInForce": "GTC",
            "quantity": quantity, "price": price, **more}  # fmt: skip


def error_of(reply: httpx.Response) -> tuple[int, int, str]:
    """(status, code, text) of an error reply, which is always JSON of just that form."""
    assert reply.status_code >= 400, reply.text
    assert reply.headers["content-type"].startswith("application/json")
    body = reply.json()
    assert set(body) <= {"code", "msg", "data"}, body
    return reply.status_code, body["code"], body["msg"]


def now_ms() -> int:
    """As a client's clock shows it."""
    return time.time_ns() // 1_000_000


async def set_parameter(engine: Engine, parameter: Parameter, value: int, subject: int = -1):
    """As a bill or an operator would."""
    outcome = await engine.execute(SetParameter(parameter=parameter, value=value, subject=subject))
    assert outcome.events[0].reason == 0, outcome
