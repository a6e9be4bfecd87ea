"""What exchangeInfo says is what the exchange does."""

from decimal import Decimal

import pytest

from excraft.parameters import MarketState, Parameter
from tests.gateway.clients import limit, set_parameter

pytestmark = pytest.mark.anyio
INFO = "/api/v3/exchangeInfo"


def filters(info: dict, symbol: str = "EXTUSD") -> dict:
    shown = next(s for s in info["symbols"] if s["symbol"] == symbol)
    return {f["filterType"]: f for f in shown["filters"]}


async def test_fields(venue):
    info = await venue.public.ok("GET", INFO)
    assert set(info) == {"timezone", "serverTime", "rateLimits", "exchangeFilters", "symbols"}
    assert {(r["rateLimitType"], r["interval"], r["intervalNum"], r["limit"])
            for r in info["rateLimits"]} == {
        ("REQUEST_WEIGHT", "MINUTE", 1, 6000), ("RAW_REQUESTS", "MINUTE", 5, 300_000),
        ("ORDERS", "SECOND", 10, 100), ("ORDERS", "DAY", 1, 200_000),
    }  # fmt: skip
    assert info["exchangeFilters"] == [
        {"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 10_000}
    ]
    ext, eth = info["symbols"]
    assert set(ext) == {
        "symbol", "status", "baseAsset", "baseAssetPrecision", "quoteAsset", "quotePrecision",
        "quoteAssetPrecision", "baseCommissionPrecision", "quoteCommissionPrecision", "orderTypes",
        "icebergAllowed", "ocoAllowed", "otoAllowed", "opoAllowed", "quoteOrderQtyMarketAllowed",
        "allowTrailingStop", "cancelReplaceAllowed", "amendAllowed", "pegInstructionsAllowed",
        "isSpotTradingAllowed", "isMarginTradingAllowed", "filters", "permissions",
        "permissionSets", "defaultSelfTradePreventionMode", "allowedSelfTradePreventionModes",
    }  # fmt: skip
    assert ext["filters"][0] == {
        "filterType": "PRICE_FILTER", "minPrice": "0.01000000",
        "maxPrice": "10000000000.00000000", "tickSize": "0.01000000",
    }  # fmt: skip
    assert (eth["baseAssetPrecision"], eth["quoteAssetPrecision"]) == (18, 8)
    assert ext["permissionSets"] == [["SPOT"]]
    shown = await venue.public.ok("GET", INFO, symbol="EXTUSD", showPermissionSets="false")
    assert "permissionSets" not in shown["symbols"][0]


async def test_which_symbols(venue):
    async def symbols(**values) -> list[str]:
        info = await venue.public.ok("GET", INFO, **values)
        return [s["symbol"] for s in info["symbols"]]

    assert await symbols(symbol="ETHUSD") == ["ETHUSD"]
    assert await symbols(symbols='["ETHUSD","EXTUSD"]') == ["ETHUSD", "EXTUSD"]
    assert await symbols(permissions="SPOT") == ["EXTUSD", "ETHUSD"]
    assert await symbols(permissions='["SPOT","MARGIN"]') == ["EXTUSD", "ETHUSD"]
    assert await symbols(permissions="MARGIN") == []
    assert (await venue.public.error("GET", INFO, permissions="[1]"))[1] == -1130
    await set_parameter(venue.engine, Parameter.MARKET_STATE, MarketState.BREAK, 0)
    assert await symbols(symbolStatus="BREAK") == ["EXTUSD"]
    assert await symbols(symbolStatus="TRADING") == ["ETHUSD"]
    for bad in ({"symbol": "EXTUSD", "symbols": '["ETHUSD"]'},
                {"symbol": "EXTUSD", "symbolStatus": "BREAK"}):  # fmt: skip
        assert (await venue.public.error("GET", INFO, **bad))[1] == -1128


async def test_filters_are_obeyed_to_the_unit(venue):
    """At each bound an order passes, one step beyond it does not."""
    for parameter, value in (
        (Parameter.MIN_PRICE_TICKS, 100), (Parameter.MAX_PRICE_TICKS, 2_000),
        (Parameter.MIN_LOTS, 200), (Parameter.MAX_LOTS, 9_000),
        (Parameter.MAX_MARKET_LOTS, 4_000), (Parameter.MIN_NOTIONAL_ATOMS, 2_000_000),
    ):  # fmt: skip
        await set_parameter(venue.engine, parameter, value, 0)
    found = filters(await venue.public.ok("GET", INFO))
    price, lot, at_market = found["PRICE_FILTER"], found["LOT_SIZE"], found["MARKET_LOT_SIZE"]
    assert found["NOTIONAL"]["minNotional"] == "2.00000000"

    def beyond(text: str, step: str, sign: int) -> str:
        return f"{Decimal(text) + sign * Decimal(step):f}"

    async def code(**values) -> str:
        reply = await venue.alice.call(
            "POST", "/api/v3/order/test", **limit("BUY", "3", "10") | values
        )
        return reply.json().get("msg", "")

    for name, bound, step, sign, failure in (
        ("price", price["minPrice"], price["tickSize"], -1, "PRICE_FILTER"),
        ("price", price["maxPrice"], price["tickSize"], 1, "PRICE_FILTER"),
        ("quantity", lot["minQty"], lot["stepSize"], -1, "LOT_SIZE"),
        ("quantity", lot["maxQty"], lot["stepSize"], 1, "LOT_SIZE"),
    ):
        assert await code(**{name: bound}) == "", (name, bound)
        assert await code(**{name: beyond(bound, step, sign)}) == f"Filter failure: {failure}"
    assert await code(price="1.00", quantity="2.000") == ""
    assert await code(price="1.00", quantity="1.999") == "Filter failure: NOTIONAL"
    market = {"symbol": "EXTUSD", "side": "BUY", "type": "MARKET"}
    await venue.alice.ok("POST", "/api/v3/order/test", **market, quantity=at_market["maxQty"])
    over = beyond(at_market["maxQty"], at_market["stepSize"], 1)
    refused = await venue.alice.error("POST", "/api/v3/order/test", **market, quantity=over)
    assert refused == (400, -1013, "Filter failure: MARKET_LOT_SIZE")


async def test_time_and_ping(venue):
    assert await venue.public.ok("GET", "/api/v3/ping") == {}
    for version in ("v1", "v3"):
        found = await venue.public.ok("GET", f"/api/{version}/time")
        assert abs(found["serverTime"] - venue.exchange.now_ms) < 2_000
    assert await venue.public.ok("GET", "/api/v1/depth", symbol="EXTUSD") == {
        "lastUpdateId": 0, "bids": [], "asks": [],
    }  # fmt: skip
