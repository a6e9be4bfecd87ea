"""A whole exchange behind its real application: engine, twin, history, keys, market data."""

import threading
import time
from types import SimpleNamespace

import httpx
import pytest

from excraft.accounts.api_keys import ApiKeys
from excraft.accounts.members import Members
from excraft.accounts.referral_earnings import ReferralEarnings
from excraft.accounts.secret_box import SecretBox
from excraft.cli.folder import Folder
from excraft.cli.rounds import RoundService
from excraft.engine.service import Engine
from excraft.gateway.app import Gateway
from excraft.gateway.exchange import Exchange, Settings
from excraft.kernel.reference import Reference
from excraft.log import MemoryLog
from excraft.marketdata import MarketData
from excraft.merit.state import Merit
from excraft.messages.commands import Cause, Credit, OpenAccount
from excraft.parameters import Parameter
from excraft.store.database import Database
from excraft.store.history import History
from tests.gateway.clients import Client, set_parameter

ASSETS = (("EXT", 8), ("USD", 6), ("ETH", 18))
FUNDS = {0: 10**12, 1: 10**12, 2: 10**18}  # 10,000 EXT, 1,000,000 USD, 1 ETH
MEMBERS = ("alice", "bob", "carol")


@pytest.fixture
def anyio_backend():
    return "asyncio"


class TestLog(MemoryLog):
    """A log in memory that can be full, or keep everybody waiting."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__()
        self.room = True
        self.gate = threading.Event()
        self.gate.set()

    def append(self, partition, record, *, urgent=False):
        self.gate.wait(10)
        return super().append(partition, record, urgent=urgent)


@pytest.fixture
async def venue(tmp_path):
    """exchange, engine, log, app, http, public, alice, bob, carol; default parameters."""
    log = TestLog()
    database = Database(f"sqlite:///{tmp_path / 'excraft.db'}")
    history = History(database)
    history.start()
    engine = Engine(log, Reference())
    marketdata = MarketData()
    engine.subscribe(lambda record, events, _: marketdata.apply(record, events), columns=True)
    engine.subscribe(
        lambda record, events, _: history.enqueue(record, events),
        mark=lambda: history.mark, columns=True,
    )  # fmt: skip
    api_keys = ApiKeys(database, SecretBox.open(tmp_path / "secret.key"))
    earnings = ReferralEarnings()
    engine.subscribe(lambda record, events, _: earnings.apply(record, events), columns=True)
    merit = Merit(tmp_path / "merit" / "fills")
    engine.subscribe(lambda record, events, _: merit.apply(record, events), columns=True)
    exchange = Exchange(
        engine=engine, marketdata=marketdata, history=history, api_keys=api_keys,
        members=Members(database), settings=Settings(outcome_timeout_s=2.0),
        merit=merit, dataset=tmp_path / "merit",
    )  # fmt: skip
    exchange.rounds = RoundService(exchange, merit, Folder(tmp_path), time.time_ns)
    await engine.start()
    await _list(engine)
    app = Gateway(exchange, [])
    transport = httpx.ASGITransport(app=app, client=("192.0.2.1", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://exchange") as http:
        clients = {name: await _member(exchange, http, name) for name in MEMBERS}
        yield SimpleNamespace(
            exchange=exchange,
            engine=engine,
            log=log,
            app=app,
            http=http,
            earnings=earnings,
            public=Client(http),
            **clients,
        )
    log.gate.set()
    await engine.stop()
    history.stop()


async def _list(engine: Engine) -> None:
    for symbol, decimals in ASSETS:
        await engine.list_asset(symbol, symbol.title(), decimals)
    await engine.list_market("EXTUSD", ("EXT", "USD"), "0.01", "0.001")
    await engine.list_market("ETHUSD", ("ETH", "USD"), "0.10", "0.0001")
    for market in (0, 1):
        await set_parameter(engine, Parameter.MIN_NOTIONAL_ATOMS, 1_000_000, market)  # 1 USD


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
