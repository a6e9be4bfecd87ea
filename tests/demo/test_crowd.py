"""The demo's crowd: three pools of 120, and two who wash trade and lose by it."""

import random

import pytest

from excraft.cli.salts import salt_of
from excraft.dataset.days import open_day
from excraft.dataset.ids import member_id
from excraft.demo import crowd
from excraft.marketdata import MarketData
from excraft.messages.commands import OrderType, PlaceOrder, Side, TimeInForce
from tests.cli.test_rounds import SECOND, Town

pytestmark = pytest.mark.anyio


@pytest.fixture
async def town(tmp_path):
    town = Town(tmp_path / "data")
    marketdata = MarketData()
    town.engine.subscribe(lambda record, events, _: marketdata.apply(record, events), columns=True)
    await town.engine.start()
    for symbol in ("EXT", "USDT"):
        await town.engine.list_asset(symbol, symbol, 8)
    await town.engine.list_market("EXTUSDT", ("EXT", "USDT"), "0.0001", "0.1")
    town.exchange.marketdata, town.exchange.merit = marketdata, town.merit
    yield town
    await town.close()


async def rest(town, account, side, price):
    """Much of it, for the crowd to take."""
    order = PlaceOrder(
        account=account, market=0, side=side, order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC, price=price, quantity=50_000,
    )  # fmt: skip
    await town.engine.execute(order)


async def test_pools_of_120_and_wash_traders_who_lose(town):
    await crowd.settle(town.exchange)
    await crowd.settle(town.exchange)  # once more changes nothing
    assert len(town.members.rows) == 3 * 120 + 3
    account = {name: member.account for name, member in town.members.rows.items()}
    people, wash = [account[n] for n in crowd.names()], [account[n] for n in crowd.WASH]
    for _ in range(crowd.ROUND_DAYS):
        await town.next_day()
        await town.service.step()
    assert {(p.members, p.verified, p.active) for p in town.merit.pools.pools.values()} == {
        (120, 120, True)
    }
    await rest(town, people[0], Side.SELL, 25_000)
    await rest(town, people[1], Side.BUY, 24_990)
    await rest(town, people[2], Side.BUY, 25_000)  # the first trade
    chance = random.Random(5)
    for _ in range(15):
        await crowd._look(town.exchange, chance, people, wash)
        town.now += SECOND
    await town.next_day()
    await town.service.step()
    day = open_day(town.folder.dataset, crowd.ROUND_DAYS)
    ids = {member_id(salt_of(town.folder.dataset, day.facts.round), one) for one in wash}
    fees = sum(row.fee for row in day.rows("fills") if row.id in ids)
    results = [row for row in day.rows("results") if row.id in ids]
    price = day.results.price
    units = sum(r.reward_poe + r.reward_stake + r.reward_pool for r in results)
    worth = units * price.numerator // price.denominator
    assert fees > 0 and 0 < worth < fees
    assert sum(row.units for row in day.rows("pool_results")) == day.results.pools > 0
