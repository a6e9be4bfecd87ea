"""The demo's pools: three of 120 verified members each, who stake and trade, and two who trade with
each other for show. They act inside the exchange; the bots use it as any client does."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

from excraft.beside import beside
from excraft.demo.setup import all_done
from excraft.messages.commands import (
    Cause,
    Command,
    Credit,
    MeritAct,
    OpenAccount,
    OrderType,
    PlaceOrder,
    Reserve,
    SetParameter,
    Side,
    TimeInForce,
)
from excraft.messages.merit import Verb
from excraft.parameters import Parameter

POOLS, EACH = ("Aurora", "Borealis", "Corona"), 120
WASH = ("wash-1", "wash-2")
REWARDS = "rewards"
DAY_S, ROUND_DAYS = 60, 3
COIN = 10**8
FUNDS = {"EXT": 20_000 * COIN, "USDT": 50_000 * COIN}
FOR_REWARDS = 10_000_000 * COIN
SYMBOL, EVERY_S, AT_ONCE = "EXTUSDT", 1.0, 6
CROSSES = 0.01  # so far beyond the last price an order goes, to be filled
_LOGGER = logging.getLogger(__name__)


def names() -> list[str]:
    """All members of the pools, those of one pool together; the first of each is its master."""
    return [f"{pool.lower()}-{n:03d}" for pool in POOLS for n in range(1, EACH + 1)]


async def settle(exchange: Any) -> None:
    """Rounds of three minutes, the crowd and its pools; safe to run again."""
    engine, listings = exchange.engine, exchange.engine.listings
    wanted = {
        Parameter.REWARD_DAY_S: DAY_S, Parameter.ROUND_DAYS: ROUND_DAYS,
        Parameter.EXT_ASSET: listings.asset("EXT").number + 1,
        Parameter.REFERENCE_ASSET: listings.asset("USDT").number + 1,
        Parameter.FIRST_PRICE: 5 * COIN // 2, Parameter.UNSTAKE_DELAY_S: 2 * DAY_S,
    }  # fmt: skip
    await _all(engine, [
        SetParameter(parameter=parameter, value=value)
        for parameter, value in wanted.items() if listings.parameters[parameter] != value
    ] + [
        SetParameter(parameter=Parameter.PRICE_SOURCE, value=1, subject=market.number)
        for market in listings.markets if not market.parameters[Parameter.PRICE_SOURCE]
    ])  # fmt: skip
    everybody = [*names(), *WASH, REWARDS]
    missing = [name for name in everybody if exchange.members.by_name(name) is None]
    opened = await _all(engine, [OpenAccount(reference=name) for name in missing])
    for name, event in zip(missing, opened, strict=True):
        await asyncio.to_thread(exchange.members.add, name, event.account)
    accounts = {name: exchange.members.by_name(name).account for name in everybody}
    await _fund(exchange, accounts)
    await _join(exchange, accounts)


async def _fund(exchange: Any, accounts: dict[str, int]) -> None:
    engine, level = exchange.engine, Parameter.KYC_LEVEL
    commands: list[Command] = []
    for name, account in accounts.items():
        if engine.listings.account_parameter(account, level):
            continue
        for symbol, atoms in FUNDS.items():
            amount = FOR_REWARDS if (name, symbol) == (REWARDS, "EXT") else atoms
            commands.append(
                Credit(account=account, asset=engine.listings.asset(symbol).number, amount=amount,
                       cause=Cause.DEMO, reference="demo")
            )  # fmt: skip
        commands.append(SetParameter(parameter=level, value=2, subject=account))
    await _all(engine, commands)


async def _join(exchange: Any, accounts: dict[str, int]) -> None:
    """Pools are founded, everybody is in theirs, and half of them stake."""
    engine, pools = exchange.engine, exchange.merit.pools
    ext, chance = engine.listings.asset("EXT").number, random.Random(7)
    for number, pool in enumerate(POOLS):
        if pools.named(pool) is not None:
            continue
        mine = [accounts[name] for name in names()[number * EACH : (number + 1) * EACH]]
        found = MeritAct(verb=Verb.FOUND_POOL, account=mine[0], text=pool, value=500 * number)
        await _all(engine, [found])
        made = exchange.merit.pools.named(pool)
        commands: list[Command] = [
            MeritAct(verb=Verb.SET_DOOR, account=mine[0], pool=made.number, value=1)
        ]
        for account in mine[1:]:
            commands.append(MeritAct(verb=Verb.APPLY, account=account, pool=made.number))
        for account in mine:  # an address of nobody: a seat needs one
            commands.append(MeritAct(verb=Verb.CHOOSE, account=account, text=address(account)))
        for account in mine[::2]:
            amount = chance.randrange(100, 5_000) * COIN
            commands.append(Reserve(account=account, asset=ext, amount=amount, cause=Cause.STAKE))
        await _all(engine, commands)


def address(account: int) -> str:
    """One that nobody has the key of."""
    return f"0x{sha256(f'demo {account}'.encode()).hexdigest()[:40]}"


async def _all(engine: Any, commands: list[Command]) -> list[Any]:
    return await all_done([engine.execute(command) for command in commands])


@asynccontextmanager
async def trading(exchange: Any) -> AsyncIterator[None]:
    """The crowd trades beside what is inside."""
    async with beside(_trade(exchange), "crowd"):
        yield


async def _trade(exchange: Any) -> None:
    chance, members = random.Random(11), exchange.members
    crowd = [members.by_name(name).account for name in names()]
    wash = [members.by_name(name).account for name in WASH]
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            await _look(exchange, chance, crowd, wash)
        except Exception:  # the exchange is busy, or ends
            _LOGGER.warning("the demo's crowd did not trade", exc_info=True)


async def _look(exchange: Any, chance: random.Random, crowd: list[int], wash: list[int]) -> None:
    """Some of the crowd take what is offered; the two sell to each other at one price."""
    engine = exchange.engine
    market = engine.listings.market(SYMBOL)
    last = exchange.marketdata.trades(market.number, 1)
    if not last:
        return
    price = last[0].price
    lots = 10 * COIN // market.base_atoms_per_lot
    for account in chance.sample(crowd, AT_ONCE):
        side = chance.choice((Side.BUY, Side.SELL))
        away = 1 + CROSSES if side == Side.BUY else 1 - CROSSES
        await engine.execute(_order(account, market, side, int(price * away), lots))
    seller, buyer = chance.sample(wash, 2)  # now the one, now the other: both stay able to
    for account, side in ((seller, Side.SELL), (buyer, Side.BUY)):
        kind = TimeInForce.GTC if side == Side.SELL else TimeInForce.IOC
        await engine.execute(_order(account, market, side, price, 100 * lots, kind))


def _order(
    account: int, market: Any, side: Side, price: int, lots: int,
    kind: TimeInForce = TimeInForce.IOC,
) -> PlaceOrder:  # fmt: skip
    return PlaceOrder(
        account=account, market=market.number, side=side, order_type=OrderType.LIMIT,
        time_in_force=kind, price=max(1, price), quantity=lots,
    )  # fmt: skip
