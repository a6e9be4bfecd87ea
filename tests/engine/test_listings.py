"""Listings follow the record: units, parameters, and their way through bytes."""

import pytest

from excraft.engine.listings import Listings, OffStep
from excraft.kernel.reference import Reference
from excraft.messages.codec import record_of
from excraft.messages.commands import ListAsset, ListMarket, OpenAccount, SetParameter
from excraft.parameters import RULES, AccountState, MarketState, Parameter
from excraft.units import NotExact

OPENING = [
    ListAsset(decimals=8, text='{"symbol":"EXT","name":"ExCraft token"}'),
    ListAsset(decimals=18, text='{"symbol":"ETH"}'),
    ListMarket(base=0, quote=1, base_atoms_per_lot=10**5, quote_atoms_per_tick_lot=10**13,
               text='{"symbol":"EXTETH","tick":"0.01","lot":"0.001"}'),
    OpenAccount(),
    OpenAccount(),
]  # fmt: skip


@pytest.fixture
def follow():
    """Carry out commands in the kernel and in the listings; the listings."""
    kernel, listings = Reference(), Listings()

    def run(commands: list) -> Listings:
        record = record_of(commands, position=kernel.position + 1, sequence=kernel.sequence,
                           time_ns=1)  # fmt: skip
        listings.apply(record, kernel.step(record))
        return listings

    return run


def test_assets_and_markets_are_found_by_number_and_symbol(follow):
    listings = follow(OPENING)
    assert [a.symbol for a in listings.assets] == ["EXT", "ETH"]
    assert listings.asset("EXT").name == "ExCraft token" and listings.asset("BTC") is None
    market = listings.market("EXTETH")
    assert market is listings.markets[0] and listings.market("ETHEXT") is None
    assert (market.base, market.quote, market.tick_e8, market.lot_e8) == (0, 1, 10**6, 10**5)
    assert listings.accounts == 2


def test_texts_are_exact(follow):
    market = follow(OPENING).markets[0]
    assert market.price_text(12_345) == "123.45000000"
    assert market.quantity_text(7) == "0.00700000"
    assert market.quote_text(1) == "0.000000000000000001"
    assert market.base_text(1) == "0.00000001"
    assert market.ticks("123.45") == 12_345 and market.lots("0.0070") == 7
    assert market.quote_text(market.value(12_345, 7)) == "0.864150000000000000"
    with pytest.raises(OffStep, match="price 1.001 is no multiple of the tick 0.01"):
        market.ticks("1.001")
    with pytest.raises(OffStep):
        market.lots("0.0001")
    for wrong in ("", "-1", "1e3", "nan", "1.123456789"):
        with pytest.raises(NotExact):
            market.ticks(wrong)


def test_a_market_begins_with_bounds_that_its_units_allow(follow):
    parameters = follow(OPENING).markets[0].parameters
    assert parameters[Parameter.MAX_PRICE_TICKS] == 2**62 // 10**13
    assert parameters[Parameter.MAX_LOTS] == parameters[Parameter.MAX_MARKET_LOTS]
    assert parameters[Parameter.MAX_LOTS] == 2**62 // 10**5
    assert parameters[Parameter.MARKET_STATE] == MarketState.TRADING


def test_parameters_follow_only_what_was_set(follow):
    follow(OPENING)
    listings = follow([
        SetParameter(parameter=Parameter.ORDERS_PER_10_SECONDS, value=50),
        SetParameter(parameter=Parameter.MARKET_STATE, value=MarketState.HALT, subject=0),
        SetParameter(parameter=Parameter.TAKER_FEE_PPM, value=77, subject=0, tier=3),
        SetParameter(parameter=Parameter.ACCOUNT_STATE, value=AccountState.FROZEN, subject=1),
        SetParameter(parameter=Parameter.MARKET_STATE, value=99, subject=0),  # refused
        SetParameter(parameter=Parameter.MARKET_STATE, value=MarketState.HALT, subject=5),
    ])  # fmt: skip
    assert listings.parameters[Parameter.ORDERS_PER_10_SECONDS] == 50
    market = listings.markets[0]
    assert market.parameters[Parameter.MARKET_STATE] == MarketState.HALT
    assert market.fee_ppm(3) == (RULES[Parameter.MAKER_FEE_PPM].default, 77)
    assert market.fee_ppm(2)[1] == RULES[Parameter.TAKER_FEE_PPM].default
    assert listings.account_parameter(1, Parameter.ACCOUNT_STATE) == AccountState.FROZEN
    assert listings.account_parameter(0, Parameter.ACCOUNT_STATE) == AccountState.ACTIVE
    copy = Listings()
    copy.load(listings.dump())
    assert copy.dump() == listings.dump()
    assert copy.market("EXTETH") == market and copy.market("EXTETH") is copy.markets[0]


def test_a_listing_without_a_readable_text_is_an_error(follow):
    for text in ("", "{}", '{"symbol":1}'):
        with pytest.raises(ValueError, match="listing"):
            follow([ListAsset(decimals=8, text=text)])
