"""A whole exchange behind its real application: engine, kernel's twin, history, keys, market data."""

import hashlib
import hmac
import time
from types import SimpleNamespace
from urllib.parse import urlencode

import httpx
import msgspec
import pytest

from excraft.accounts.api_keys import ApiKeys
from excraft.accounts.members import Members
from excraft.accounts.secret_box import SecretBox
from excraft.engine.service import Engine
from excraft.gateway.app import Gateway
from excraft.gateway.exchange import Exchange, Settings
from excraft.kernel.reference import Reference
from excraft.log import MemoryLog
from excraft.marketdata import MarketData
from excraft.messages.commands import Cause, Credit, OpenAccount, SetParameter
from excraft.parameters import Parameter
from excraft.store.database import Database
from excraft.store.history import History

ASSETS = (("EXT", 8), ("USD", 6), ("ETH", 18))
FUNDS = {0: 10**12, 1: 10**12, 2: 10**18}  # 10,000 EXT, 1,000,000 USD, 1 ETH
MEMBERS = ("alice", "bob", "carol")


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Client:
    """A member with an HMAC key, or nobody, over the real application."""

    def __init__(self, http: httpx.AsyncClient, key: str = "", secret: str = "") -> None:
        self.http, self.key, self.secret = http, key, secret

    def signed(self, values: dict) -> str:
        """The query string with timestamp and signature."""
        query = urlencode({**values, "timestamp": values.get("timestamp", _now_ms())})
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

    async def limit(self, side: str, quantity: str, price: str, **more):
        """A LIMIT GTC order; the JSON of its reply."""
        return await self.ok("POST", "/api/v3/order", **limit(side, quantity, price, **more))


def limit(side: str, quantity: str, price: str, **more) -> dict:
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


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
async def venue(tmp_path):
    """exchange, app, http, public, alice, bob, carol; limits are those of the defaults."""
    database = Database(f"sqlite:///{tmp_path / 'excraft.db'}")
    history = History(database)
    history.start()
    engine = Engine(MemoryLog(), Reference())
    marketdata = MarketData()
    engine.subscribe(lambda record, events, _: marketdata.apply(record, events), columns=True)
    engine.subscribe(
        lambda record, events, _: history.enqueue(record, events),
        mark=lambda: history.mark, columns=True,
    )  # fmt: skip
    api_keys = ApiKeys(database, SecretBox.open(tmp_path / "secret.key"))
    exchange = Exchange(
        engine=engine, marketdata=marketdata, history=history, api_keys=api_keys,
        members=Members(database), settings=Settings(outcome_timeout_s=5.0),
    )  # fmt: skip
    await engine.start()
    await _list(engine)
    app = Gateway(exchange, [])
    transport = httpx.ASGITransport(app=app, client=("192.0.2.1", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://exchange") as http:
        clients = {name: await _member(exchange, http, name) for name in MEMBERS}
        yield SimpleNamespace(
            exchange=exchange, engine=engine, app=app, http=http, public=Client(http), **clients
        )
    await engine.stop()
    history.stop()


async def _list(engine: Engine) -> None:
    for symbol, decimals in ASSETS:
        await engine.list_asset(symbol, symbol.title(), decimals)
    await engine.list_market("EXTUSD", ("EXT", "USD"), "0.01", "0.001")
    await engine.list_market("ETHUSD", ("ETH", "USD"), "0.10", "0.0001")
    for market in (0, 1):
        await set_parameter(engine, Parameter.MIN_NOTIONAL_ATOMS, 1_000_000, market)  # 1 USD


async def set_parameter(engine: Engine, parameter: Parameter, value: int, subject: int = -1):
    """As a bill or an operator would."""
    outcome = await engine.execute(SetParameter(parameter=parameter, value=value, subject=subject))
    assert outcome.events[0].reason == 0, outcome


async def _member(exchange: Exchange, http: httpx.AsyncClient, name: str) -> Client:
    outcome = await exchange.engine.execute(OpenAccount(reference=name))
    account = outcome.events[0].account
    for asset, amount in FUNDS.items():
        await exchange.engine.execute(
            Credit(account=account, asset=asset, amount=amount, cause=Cause.DEPOSIT)
        )
    member = exchange.members.add(name, account)
    made = exchange.api_keys.create(member, "HMAC", permissions=["READ", "TRADE"])
    client = Client(http, made.key, made.secret)
    client.member, client.account = member, account
    return client


def decoded(raw: bytes):
    """JSON as clients read it."""
    return msgspec.json.decode(raw)
