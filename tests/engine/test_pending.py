"""A listing is checked before it is appended, and its symbol is given once."""

import asyncio

import pytest

from excraft.engine.errors import ListingRefused
from excraft.messages.commands import (
    ListMarket,
    pack,
)


def test_a_symbol_is_listed_once(desk, run):
    async def story():
        d = desk()
        await d.open()
        position = d.engine.position
        with pytest.raises(ListingRefused, match="asset EXT is listed already"):
            await d.engine.list_asset("EXT", "", 2)
        with pytest.raises(ListingRefused, match="market EXTUSD is listed already"):
            await d.engine.list_market("EXTUSD", ("EXT", "USD"), "0.1", "0.1")
        assert d.log.end(0) == position
        twice = await asyncio.gather(
            d.engine.list_asset("NEW", "", 8), d.engine.list_asset("NEW", "", 8),
            return_exceptions=True,
        )  # fmt: skip
        assert isinstance(twice[1], ListingRefused) and twice[0].position == position + 1
        await d.engine.stop()

    run(story())


def test_a_symbol_stays_claimed_when_who_asked_goes_away(desk, run):
    async def story():
        d = desk()
        await d.open()
        d.log.gate.clear()
        asking = asyncio.create_task(d.engine.list_asset("NEW", "", 8))
        await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.sleep(0.01)
        with pytest.raises(ListingRefused):
            await d.engine.list_asset("NEW", "", 8)
        d.log.gate.set()
        await d.engine.stop()
        assert [a.symbol for a in d.engine.listings.assets] == ["EXT", "USD", "NEW"]

    run(story())


def test_a_listing_must_come_through_execute_and_fit_its_text(desk, run):
    async def story():
        d = desk()
        await d.open()
        row, text = pack(ListMarket(base=0, quote=1, base_atoms_per_lot=1,
                                    quote_atoms_per_tick_lot=1,
                                    text='{"symbol":"B","tick":"0.01","lot":"0.001"}'))  # fmt: skip
        with pytest.raises(ValueError, match="execute"):
            d.engine.submit(row, text)
        with pytest.raises(ValueError, match="execute"):
            d.engine.submit_many(row * 2, 2)
        for wrong in ("", "{}", '{"symbol":"B","tick":"0.01","lot":"0.001"}'):
            command = ListMarket(base=0, quote=1, base_atoms_per_lot=1,
                                 quote_atoms_per_tick_lot=1, text=wrong)  # fmt: skip
            with pytest.raises(ListingRefused):
                await d.engine.execute(command)
        for symbol in ("lower", "", "A" * 21, "Ä"):
            with pytest.raises(ListingRefused, match="1 to 20"):
                await d.engine.list_asset(symbol, "", 8)
        assert len(d.engine.listings.markets) == 1
        await d.engine.stop()

    run(story())
