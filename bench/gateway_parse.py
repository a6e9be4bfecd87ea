"""What the gateway itself costs per signed order: all but the socket, the log and the kernel.

The same signed POST /api/v3/order goes through the real application by direct ASGI calls, with an
engine that answers at once (the accepted order, resting). Beside it the floor: a bare Starlette
handler that reads the query, checks one HMAC and answers ``{}``.

    python bench/gateway_parse.py [--orders 20000] [--json]
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import time
from types import SimpleNamespace

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from excraft.accounts.credentials import ApiKey, Kind
from excraft.engine.listings import Listings, Market
from excraft.engine.orders import Order, Report
from excraft.engine.outcomes import Outcome
from excraft.gateway.app import Gateway
from excraft.gateway.exchange import Exchange
from excraft.messages.events import Event, EventKind
from excraft.parameters import RULES, Parameter, Scope

KEY, SECRET = "K" * 64, b"S" * 64


class InstantEngine:
    """Takes every order into the book at once; keeps nothing."""

    def __init__(self) -> None:
        self.listings = _listings()
        self.sequence = 0

    def watch_orders(self, watcher) -> None:
        """Nobody is told."""

    def submit(self, row: bytes, text: str = "") -> asyncio.Future[Outcome]:
        """An outcome with one ORDER_ACCEPTED, of fixed price and quantity."""
        self.sequence += 1
        number = self.sequence
        event = Event(
            0, EventKind.ORDER_ACCEPTED, 0, 0, 0, 0, 0, number, 4_200_000, 150, 150, 1, 0, 0
        )
        order = Order(number, 0, 0, 0, 1, 1, 0, 4_200_000, 150, 0, 0, text or f"x-{number}", 150,
                      1, 1, 1, 1)  # fmt: skip
        report = Report(event, order, 0, order.status, 0, 0)
        future = asyncio.get_running_loop().create_future()
        outcome = Outcome(number, time.time_ns(), number, [event], [report])
        asyncio.get_running_loop().call_soon(future.set_result, outcome)
        return future


def _listings() -> Listings:
    listings = Listings()
    for parameter in (Parameter.REQUEST_WEIGHT_PER_MINUTE, Parameter.RAW_REQUESTS_PER_5_MINUTES,
                      Parameter.ORDERS_PER_10_SECONDS, Parameter.ORDERS_PER_DAY):  # fmt: skip
        listings.parameters[parameter] = RULES[parameter].high
    parameters = {p: r.default for p, r in RULES.items() if r.scope is Scope.MARKET}
    market = Market(0, "EXTUSD", 0, 1, 8, 8, 1_000_000, 100_000, 100_000, 1_000, parameters,
                    [(1_000, 1_000)] * 16)  # fmt: skip
    listings.markets.append(market)
    listings._market_of["EXTUSD"] = market
    listings.assets.extend([SimpleNamespace(symbol="EXT"), SimpleNamespace(symbol="USD")])
    return listings


def gateway() -> Gateway:
    """The real application before an engine that answers at once."""
    key = ApiKey(KEY, (1, 0), Kind.HMAC, permissions=frozenset(("READ", "TRADE")), ips=(),
                 proof=SECRET)  # fmt: skip
    keys = SimpleNamespace(find={KEY: key}.get)
    return Gateway(
        Exchange(engine=InstantEngine(), marketdata=None, history=None, api_keys=keys), []
    )


def bare() -> Starlette:
    """The floor: one HMAC and an empty answer."""

    async def handle(request: Request) -> JSONResponse:
        query, _, signature = request.scope["query_string"].rpartition(b"&signature=")
        made = hmac.digest(SECRET, query, "sha256").hex().encode()
        return JSONResponse({}, 200 if hmac.compare_digest(made, signature) else 401)

    return Starlette(routes=[Route("/api/v3/order", handle, methods=["POST"])])


def scope_of(number: int) -> dict:
    """A signed order as uvicorn hands it over."""
    query = (
        "symbol=EXTUSD&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.150&price=42000.00"
        f"&newClientOrderId=bench-{number}&newOrderRespType=RESULT&recvWindow=60000"
        f"&timestamp={time.time_ns() // 1_000_000}"
    ).encode()
    signature = hmac.new(SECRET, query, hashlib.sha256).hexdigest().encode()
    return {
        "type": "http", "method": "POST", "path": "/api/v3/order", "http_version": "1.1",
        "query_string": query + b"&signature=" + signature, "client": ("127.0.0.1", 40_000),
        "headers": [(b"host", b"localhost"), (b"x-mbx-apikey", KEY.encode()),
                    (b"user-agent", b"bench"), (b"content-length", b"0")],
        "root_path": "", "scheme": "http", "server": ("127.0.0.1", 8080),
    }  # fmt: skip


async def microseconds(app, orders: int) -> float:
    """Per order, one after the other, all of them answered with 200."""
    scopes = [scope_of(i) for i in range(orders)]
    statuses: list[int] = []

    async def receive() -> dict:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    started = time.perf_counter()
    for scope in scopes:
        await app(scope, receive, send)
    elapsed = time.perf_counter() - started
    if statuses != [200] * orders:
        raise SystemExit(f"{orders - statuses.count(200)} of {orders} requests failed")
    return elapsed / orders * 1e6


async def measure(orders: int) -> dict:
    """Both, after a warm-up."""
    found = {}
    for name, app in (("bare_starlette_us", bare()), ("gateway_us", gateway())):
        await microseconds(app, 500)
        found[name] = round(await microseconds(app, orders), 1)
    return {"orders": orders, **found}


def main() -> None:
    """Print what was measured."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--orders", type=int, default=20_000)
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    found = asyncio.run(measure(given.orders))
    if given.json:
        print(json.dumps(found))
    else:
        print(f"per order: gateway {found['gateway_us']} us, "
              f"bare Starlette with an HMAC {found['bare_starlette_us']} us")  # fmt: skip


if __name__ == "__main__":
    main()
