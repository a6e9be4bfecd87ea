"""The demo fills an exchange once; a second time it changes nothing."""

import asyncio
import json
import random
import stat
from decimal import Decimal

from excraft.cli.folder import Folder
from excraft.cli.wiring import opened
from excraft.demo.bots import Market
from excraft.demo.setup import fill
from excraft.demo.table import ASSETS, MARKETS, NAMES, VISITOR_NAMES


def test_the_demo_fills_an_exchange_once(tmp_path):
    folder = Folder.make(tmp_path / "data")
    members, bots = folder.demo_members, folder.root / "demo_bots.json"

    async def filled() -> tuple[int, str]:
        async with opened(folder) as exchange:
            await fill(exchange, members, bots)
            for member in exchange.members.all():
                owned = exchange.engine.balances(member.account)
                assert len(owned) == len(ASSETS)
            assert [m.name for m in exchange.members.all()] == NAMES
            return exchange.engine.position, members.read_text()

    first = asyncio.run(filled())
    assert asyncio.run(filled()) == first
    assert [m["name"] for m in json.loads(first[1])] == VISITOR_NAMES
    assert all({"name", "api_key", "secret"} == m.keys() for m in json.loads(first[1]))
    for file in (members, bots):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not {m["name"] for m in json.loads(bots.read_text())} & set(VISITOR_NAMES)


def test_a_dozen_assets_twenty_markets_a_hundred_members():
    assert len(ASSETS) == 12 and ASSETS[0].symbol == "EXT"
    assert len(MARKETS) == len({m.symbol for m in MARKETS}) == 20
    assert len(NAMES) == len(set(NAMES)) == 100
    assert len(VISITOR_NAMES) >= 10


def test_bots_quote_whole_ticks_and_lots_around_a_wandering_price():
    for listed in MARKETS:
        market = Market(listed, [{"name": "maker-01"}], random.Random(7))
        for _ in range(200):
            market.wander()
            bid, ask = Decimal(market.price("BUY", 0.01)), Decimal(market.price("SELL", 0.01))
            assert bid < ask
            assert bid % Decimal(listed.tick) == 0 == ask % Decimal(listed.tick)
            assert Decimal(market.quantity(1)) % Decimal(listed.lot) == 0
            assert abs(bid / Decimal(listed.price) - 1) < Decimal("0.2")
