"""Every test of the store runs on SQLite and PostgreSQL; the events are the plain kernel's."""

import json
import random

import pytest

from excraft.kernel.reference import Reference
from excraft.messages.codec import record_of
from excraft.messages.commands import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    Cause,
    Credit,
    Debit,
    ListAsset,
    ListMarket,
    OpenAccount,
    OrderType,
    PlaceOrder,
    SelfTrade,
    SetParameter,
    Side,
    TimeInForce,
)
from excraft.parameters import Parameter
from excraft.store.batch import Taken
from excraft.store.database import Database
from excraft.testing.postgresql import Cluster

LISTED = '{"symbol": "%s", "tick": "1", "lot": "1"}'
START_NS = 1_790_000_000_000_000_000


@pytest.fixture(scope="session")
def cluster():
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'excraft.db'}"
    return request.getfixturevalue("cluster").new_database()


@pytest.fixture
def database(url):
    database = Database(url)
    database.migrate()
    yield database
    database.close()


class Exchange:
    """A plain kernel with two markets of two assets and what it was told so far."""

    assets, accounts, markets = 3, 4, 2

    def __init__(self) -> None:
        self.kernel = Reference()
        self.taken: list[Taken] = []
        self.tell(
            *(ListAsset(decimals=8, text=json.dumps({"symbol": s, "name": s})) for s in "ABC"),
            ListMarket(
                base=0,
                quote=1,
                base_atoms_per_lot=10,
                quote_atoms_per_tick_lot=3,
                text=LISTED % "AB",
            ),
            ListMarket(
                base=2,
                quote=1,
                base_atoms_per_lot=7,
                quote_atoms_per_tick_lot=1,
                text=LISTED % "CB",
            ),
            *(OpenAccount(reference=f"member {i}") for i in range(self.accounts)),
            SetParameter(parameter=Parameter.TRADE_GROUP, subject=2, value=9),
            SetParameter(parameter=Parameter.TRADE_GROUP, subject=3, value=9),
        )
        self.tell(
            *(
                Credit(account=n, asset=a, amount=10**6, cause=Cause.DEPOSIT, reference=f"in {n}")
                for n in range(self.accounts)
                for a in range(self.assets)
            )
        )

    def tell(self, *commands) -> Taken:
        """The next record; returns it with its events."""
        kernel = self.kernel
        record = record_of(
            list(commands), position=kernel.position + 1, sequence=kernel.sequence,
            time_ns=START_NS + kernel.position * 400_000_000,
        )  # fmt: skip
        self.taken.append(Taken(record, kernel.step(record)))
        return self.taken[-1]

    def trade_by_chance(self, seed: int, records: int, most: int = 12) -> None:
        """Records of random commands of every kind, most of which are accepted."""
        chance = random.Random(seed)
        for _ in range(records):
            self.tell(*(self._any(chance) for _ in range(chance.randint(1, most))))

    def _any(self, chance: random.Random):
        who = {"account": chance.randrange(self.accounts), "market": chance.randrange(self.markets)}
        which = {
            "order_id": chance.randint(max(1, self.kernel.sequence - 40), self.kernel.sequence)
        }
        match chance.randrange(14):
            case 0 | 1:
                return CancelOrder(**who, **which)
            case 2:
                return AmendOrder(**who, **which, quantity=chance.randint(1, 20))
            case 3 if chance.random() < 0.2:
                return CancelAll(**who)
            case 4:
                kind = chance.choice([Credit, Debit])
                return kind(account=who["account"], asset=chance.randrange(self.assets),
                            amount=chance.randint(1, 5000), cause=Cause.CORRECTION,
                            reference="é'\"")  # fmt: skip
        return self._place(chance, who)

    def _place(self, chance: random.Random, who: dict) -> PlaceOrder:
        kind = chance.choice([*OrderType, OrderType.LIMIT, OrderType.LIMIT, OrderType.LIMIT])
        terms = {"quantity": chance.randint(1, 30)}
        if kind not in (OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT):
            terms["price"] = chance.randint(95, 105)
        if kind is OrderType.MARKET and chance.random() < 0.5:
            terms = {"amount": chance.randint(100, 6000)}
        if kind not in (OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT_MAKER):
            terms["stop_price"] = chance.randint(95, 105)
        if kind is OrderType.LIMIT or kind in (
            OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT
        ):  # fmt: skip
            terms["time_in_force"] = chance.choice([*TimeInForce, TimeInForce.GTC])
        name = f"n{chance.randrange(10**6)}" if chance.random() < 0.5 else ""
        return PlaceOrder(**who, **terms, side=chance.choice(list(Side)), order_type=kind,
                          self_trade=chance.choice(list(SelfTrade)), client_id=name)  # fmt: skip


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()
