"""A chain, a database, a ledger that can be stopped at any step, and the watcher between them."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from excraft.chain.anvil import Anvil
from excraft.custody.addresses import Addresses
from excraft.custody.book import Book
from excraft.custody.deposit import Asset, ChainSettings, Status
from excraft.custody.deposits import Deposits
from excraft.custody.errors import CreditFailed, CreditRefused
from excraft.custody.extended_key import parse
from excraft.custody.limits import Setting
from excraft.custody.sweeps import Sweeper
from excraft.store.database import Database
from excraft.testing.postgresql import Cluster
from tests.chain.local import HONEST, Chain
from tests.custody import withdrawal_desk

# m/44'/60'/0' of the mnemonic `test ... junk`; test_extended_key derives it again.
XPUB = (
    "xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd"
    "54JoNXVsXFYSYwHsnJxqP"
)
COIN = Asset(number=3, decimals=8, chain_decimals=18, minimum=1000)
ETHER = 10**18


class Ledger:
    """Takes credits; `stop`: before or after the next one is in the log it stops answering."""

    def __init__(self) -> None:
        self.credits: list[tuple[int, int, int, str]] = []
        self.stop, self.refuses, self.looks = "", "", 0

    async def credit(self, account: int, asset: int, atoms: int, reference: str) -> int:
        if self.refuses:
            raise CreditRefused(self.refuses)
        if self.stop == "before":
            raise CreditFailed("stopped before")
        self.credits.append((account, asset, atoms, reference))
        if self.stop == "after":
            raise CreditFailed("stopped after")
        return len(self.credits)

    async def find(self, references) -> dict[str, int]:
        self.looks += 1
        asked = set(references)
        return {c[3]: i for i, c in enumerate(self.credits, 1) if c[3] in asked}

    @property
    def total(self) -> int:
        return sum(atoms for _, _, atoms, _ in self.credits)


class Desk:
    """What a test works with."""

    def __init__(self, chain: Chain, database: Database) -> None:
        self.chain, self.database, self.ledger = chain, database, Ledger()
        self.addresses = Addresses(database, XPUB, clock=lambda: 5)
        self.watch()

    def watch(self, **settings) -> Deposits:
        """A new watcher, as after a restart."""
        settings = {"confirmations": 3, "first_block": 1, "range_blocks": 50} | settings
        self.settings = ChainSettings(self.chain.node.chain_id, COIN, **settings)
        self.book = Book(self.database, self.settings, clock=lambda: 7)
        self.deposits = Deposits(
            self.chain.node, self.book, self.settings, self.ledger, self.addresses.all
        )
        return self.deposits

    async def poll(self) -> None:
        await self.deposits.poll()

    async def deposit(self, account: int, units: int) -> str:
        return await self.chain.send(self.addresses.of(account), units)

    def states(self) -> list[str]:
        return [Status(row.status).name for row in reversed(self.book.deposits())]


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def cluster():
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture
def database(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'excraft.db'}")
    database.migrate()
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database(request, tmp_path):
    url = f"sqlite:///{tmp_path / 'any.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("cluster").new_database()
    database = Database(url)
    database.migrate()
    yield database
    database.close()


@pytest.fixture
async def chain(anyio_backend):
    anvil = await asyncio.to_thread(Anvil, mining=False)
    chain = Chain(anvil)
    yield chain
    await chain.node.close()
    await asyncio.to_thread(anvil.stop)


@pytest.fixture
def desk(chain, database):
    return Desk(chain, database)


@pytest.fixture(scope="module")
def shared_anvil():
    anvil = Anvil(mining=False)
    yield anvil
    anvil.stop()


@pytest.fixture
async def payer(tmp_path, shared_anvil, database, anyio_backend):
    """Withdrawals over a chain that the tests of a file share; no rule stands in the way."""
    async with paying(tmp_path, shared_anvil, database) as payer:
        yield payer


@asynccontextmanager
async def paying(tmp_path, shared_anvil, database):
    """What `payer` is, over any database."""
    chain = Chain(shared_anvil)
    token = await chain.deploy(HONEST, 10**12)
    payer = withdrawal_desk.Desk(tmp_path, chain, database, token.address)
    payer.token_contract = token
    for asset in (withdrawal_desk.COIN, withdrawal_desk.USDT):
        payer.set(Setting.APPROVE_ABOVE, 1 << 61, asset=asset)
        payer.ledger.free[4, asset] = {withdrawal_desk.COIN: 5 * 10**8}.get(asset, 10**9)
    payer.set(Setting.NEW_ADDRESS_DELAY_S, 0)
    await payer.fill()
    yield payer
    payer.invariant()
    await payer.close()
    await chain.node.close()


@pytest.fixture
def sweeper(payer):
    payer.addresses = Addresses(payer.database, XPUB, clock=lambda: 5)
    return Sweeper(payer.database, payer.sender, parse(XPUB).id, payer.routes)
