"""Makers and takers. A maker keeps a few orders on both sides of a price that wanders; a taker
crosses the spread now and then. They see the exchange as any client does.
"""

import asyncio
import math
import random
from collections import deque
from decimal import Decimal

from excraft.demo.client import ApiError, Connection
from excraft.demo.table import MAKERS_PER_MARKET, MARKETS, DemoMarket

ACTIONS_PER_S = 30.0
OPEN_PER_MAKER = 16  # orders of one maker, both sides together
STEP = 0.0004  # standard deviation of one step of the walk, as a fraction of the price
HOME = 0.01  # how strongly the walk is drawn back to where it began
SPREAD = 0.0006  # of a maker's nearest order from the middle, as a fraction of the price
QUIET_CODES = {-2010, -2011, -1013, -1003, -1015}  # refusals that a bot takes in its stride


class Market:
    """The demo's opinion of one market: a random walk in the logarithm of the price."""

    def __init__(self, listed: DemoMarket, makers: list[dict], chance: random.Random):
        self.symbol = listed.symbol
        self.makers = makers
        self._tick, self._lot = Decimal(listed.tick), Decimal(listed.lot)
        self._home = math.log(float(listed.price))
        self._typical = float(listed.typical)
        self._at = self._home
        self._chance = chance
        self.open: dict[str, deque[int]] = {m["name"]: deque() for m in makers}

    def wander(self) -> None:
        """One step of the walk."""
        self._at += self._chance.gauss(0.0, STEP) + HOME * (self._home - self._at) * STEP

    def price(self, side: str, depth: float) -> str:
        """A limit price `depth` (a fraction) away from the middle, on the tick."""
        away = -depth if side == "BUY" else depth
        ticks = Decimal(math.exp(self._at + away)) / self._tick
        return f"{max(1, int(ticks)) * self._tick:f}"

    def quantity(self, share: float) -> str:
        """About `share` typical orders, on the lot."""
        lots = Decimal(self._typical * share * self._chance.lognormvariate(0.0, 0.6)) / self._lot
        return f"{max(1, int(lots)) * self._lot:f}"


class Bots:
    """All of them. `seed` makes two runs take the same decisions."""

    def __init__(self, connection: Connection, members: list[dict], seed: int = 1):
        self._connection = connection
        self._chance = random.Random(seed)
        makers = [m for m in members if m["name"].startswith("maker-")]
        self._takers = [m for m in members if m["name"].startswith("taker-")]
        self._markets = [
            Market(
                listed, makers[i * MAKERS_PER_MARKET : (i + 1) * MAKERS_PER_MARKET], self._chance
            )
            for i, listed in enumerate(MARKETS)
        ]
        self.refused = 0

    async def run(self) -> None:
        """Clear what an earlier run left, fill the books, then trade until cancelled."""
        for market in self._markets:
            for maker in market.makers:
                await self._try("openOrders.cancelAll", maker, symbol=market.symbol)
        for level in range(OPEN_PER_MAKER // 2):
            for market in self._markets:
                for maker in market.makers:
                    for side in ("BUY", "SELL"):
                        await self._quote(market, maker, side, level)
        while True:
            await asyncio.sleep(self._chance.expovariate(ACTIONS_PER_S))
            # Zipf: the first market trades most, the last is quiet.
            weights = [1 / (rank + 1) for rank in range(len(self._markets))]
            market = self._chance.choices(self._markets, weights)[0]
            market.wander()
            if self._chance.random() < 0.25:
                await self._take(market)
            else:
                await self._requote(market)

    async def _requote(self, market: Market) -> None:
        """Place one order, and take the oldest away when there are enough."""
        maker = self._chance.choice(market.makers)
        mine = market.open[maker["name"]]
        if len(mine) >= OPEN_PER_MAKER:
            await self._try("order.cancel", maker, symbol=market.symbol, orderId=mine.popleft())
        side = self._chance.choice(("BUY", "SELL"))
        await self._quote(market, maker, side, self._chance.randrange(OPEN_PER_MAKER // 2))

    async def _quote(self, market: Market, maker: dict, side: str, level: int) -> None:
        depth = SPREAD * (1 + level) * self._chance.uniform(0.7, 1.3)
        placed = await self._try(
            "order.place", maker, symbol=market.symbol, side=side, type="LIMIT", timeInForce="GTC",
            price=market.price(side, depth), quantity=market.quantity(1 + level / 2),
            newOrderRespType="ACK",
        )  # fmt: skip
        if placed:
            market.open[maker["name"]].append(placed["orderId"])

    async def _take(self, market: Market) -> None:
        taker = self._chance.choice(self._takers)
        side = self._chance.choice(("BUY", "SELL"))
        order = {"symbol": market.symbol, "side": side, "quantity": market.quantity(0.5)}
        if self._chance.random() < 0.5:
            order |= {"type": "MARKET"}
        else:
            price = market.price(side, -3 * SPREAD)
            order |= {"type": "LIMIT", "timeInForce": "IOC", "price": price}
        await self._try("order.place", taker, newOrderRespType="ACK", **order)

    async def _try(self, method: str, member: dict, **params) -> dict | None:
        """The result, or None when the exchange refuses in an ordinary way."""
        try:
            return await self._connection.call(method, member, **params)
        except ApiError as error:
            if error.code not in QUIET_CODES:
                raise
            self.refused += 1
            if error.code in (-1003, -1015):  # asked for too much: wait as a client should
                await asyncio.sleep(5)
            return None
