"""A book kept from the stream alone never has a gap and is in the end what REST shows."""

import asyncio
import json
import random
from decimal import Decimal

import pytest

from excraft.parameters import Parameter
from tests.gateway.clients import limit, set_parameter

pytestmark = pytest.mark.anyio
SECONDS = 20


class LocalBook:
    """As the documentation tells clients to keep one."""

    def __init__(self, snapshot: dict) -> None:
        self.last = snapshot["lastUpdateId"]
        self.sides = {side: dict(snapshot[side]) for side in ("bids", "asks")}
        self.begun = False

    def apply(self, update: dict) -> None:
        assert "pu" not in update and update["U"] <= update["u"]
        if update["u"] <= self.last:
            return
        if self.begun:
            assert update["U"] == self.last + 1, "a gap"
        else:
            assert update["U"] <= self.last + 1 <= update["u"], "no way to begin"
            self.begun = True
        self.last = update["u"]
        for side, levels in (("bids", update["b"]), ("asks", update["a"])):
            for price, quantity in levels:
                if Decimal(quantity):
                    self.sides[side][price] = quantity
                else:
                    self.sides[side].pop(price, None)

    def levels(self, side: str) -> list[list[str]]:
        found = sorted(self.sides[side].items(), key=lambda level: Decimal(level[0]))
        return [list(level) for level in (reversed(found) if side == "bids" else found)]


async def act(venue, until: float, generator: random.Random) -> None:
    """Random trading of three members."""
    clients = [venue.alice, venue.bob, venue.carol]
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        client = generator.choice(clients)
        if generator.random() < 0.1:
            await client.call("DELETE", "/api/v3/openOrders", symbol="EXTUSD")
        price = f"{generator.randrange(950, 1051) / 100:.2f}"
        side = generator.choice(["BUY", "SELL"])
        await client.call("POST", "/api/v3/order", **limit(side, "0.5", price))
        await asyncio.sleep(generator.random() * 0.03)


async def follow(venue, socket, end: asyncio.Event) -> LocalBook:
    book = None
    while (
        not end.is_set()
        or book is None
        or book.last < venue.exchange.marketdata.depth(0, 1).last_update_id
    ):
        update = json.loads(await asyncio.wait_for(socket.recv(), 5))
        if book is None:  # the snapshot comes after the first update, as documented
            book = LocalBook(await depth(venue))
        book.apply(update)
    return book


async def depth(venue) -> dict:
    return await venue.public.ok("GET", "/api/v3/depth", symbol="EXTUSD", limit=5000)


async def test_books_from_both_cadences_never_gap_and_end_as_rest_shows(venue, peer):
    for parameter in (Parameter.ORDERS_PER_10_SECONDS, Parameter.ORDERS_PER_DAY):
        await set_parameter(venue.engine, parameter, 1_000_000)
    await set_parameter(venue.engine, Parameter.REQUEST_WEIGHT_PER_MINUTE, 1_000_000)
    end = asyncio.Event()
    async with (
        peer.connect("/ws/extusd@depth@100ms") as fast,
        peer.connect("/ws/extusd@depth") as slow,
        peer.connect("/ws/extusd@depth20@100ms") as partial,
    ):
        books = [asyncio.create_task(follow(venue, socket, end)) for socket in (fast, slow)]
        until = asyncio.get_running_loop().time() + SECONDS
        await asyncio.gather(*(act(venue, until, random.Random(seed)) for seed in range(3)))
        await venue.alice.limit("BUY", "1", "1.00")  # so that both hear once more
        end.set()
        found = await asyncio.gather(*books)
        shown = await depth(venue)
        while (
            json.loads(top := await asyncio.wait_for(partial.recv(), 5))["lastUpdateId"]
            < shown["lastUpdateId"]
        ):
            pass
    for book in found:
        assert book.last == shown["lastUpdateId"] > 100
        assert [book.levels(side) for side in ("bids", "asks")] == [shown["bids"], shown["asks"]]
    top = json.loads(top)
    assert (top["bids"], top["asks"]) == (shown["bids"][:20], shown["asks"][:20])
