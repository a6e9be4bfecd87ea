"""Balances, orders and trades of the own account, and nobody else's."""

import pytest

from excraft.parameters import Parameter
from tests.gateway.clients import error_of, now_ms, set_parameter

pytestmark = pytest.mark.anyio
ORDER, TRADES, ALL = "/api/v3/order", "/api/v3/myTrades", "/api/v3/allOrders"
SHOWN = {
    "symbol", "orderId", "orderListId", "clientOrderId", "price", "origQty", "executedQty",
    "cummulativeQuoteQty", "status", "timeInForce", "type", "side", "stopPrice", "icebergQty",
    "time", "updateTime", "isWorking", "workingTime", "origQuoteOrderQty",
    "selfTradePreventionMode",
}  # fmt: skip
TRADE = {
    "symbol", "id", "orderId", "orderListId", "price", "qty", "quoteQty", "commission",
    "commissionAsset", "time", "isBuyer", "isMaker", "isBestMatch",
}  # fmt: skip


async def test_account(venue):
    await venue.alice.limit("SELL", "1.5", "10")
    found = await venue.alice.ok("GET", "/api/v3/account")
    assert set(found) == {
        "makerCommission", "takerCommission", "buyerCommission", "sellerCommission",
        "commissionRates", "canTrade", "canWithdraw", "canDeposit", "brokered",
        "requireSelfTradePrevention", "preventSor", "updateTime", "accountType", "balances",
        "permissions", "uid",
    }  # fmt: skip
    assert found["balances"][0] == {
        "asset": "EXT", "free": "9998.50000000", "locked": "1.50000000",
    }  # fmt: skip
    assert found["uid"] == venue.alice.member.id and found["makerCommission"] == 10
    assert found["commissionRates"]["taker"] == "0.00100000"
    await venue.engine.list_asset("NIL", "Nothing", 8)
    shown = await venue.alice.ok("GET", "/api/v3/account")
    assert "NIL" in {b["asset"] for b in shown["balances"]}
    shown = await venue.alice.ok("GET", "/api/v3/account", omitZeroBalances="true")
    assert {b["asset"] for b in shown["balances"]} == {"EXT", "USD", "ETH"}


async def test_an_order_through_its_life(venue):
    placed = await venue.alice.limit("SELL", "2", "10", newClientOrderId="mine")
    where = {"symbol": "EXTUSD", "orderId": placed["orderId"]}
    found = await venue.alice.ok("GET", ORDER, **where)
    assert set(found) == SHOWN and found["status"] == "NEW" and found["isWorking"] is True
    assert found["time"] == found["workingTime"] == placed["transactTime"]
    await venue.bob.limit("BUY", "1", "10")
    found = await venue.alice.ok("GET", ORDER, symbol="EXTUSD", origClientOrderId="mine")
    assert (found["status"], found["executedQty"]) == ("PARTIALLY_FILLED", "1.00000000")
    assert await venue.alice.ok("GET", "/api/v3/openOrders") == [found]
    await venue.alice.ok("DELETE", ORDER, **where)
    found = await venue.alice.ok("GET", ORDER, **where, origClientOrderId="mine")
    assert (found["status"], found["executedQty"]) == ("CANCELED", "1.00000000")
    assert await venue.alice.ok("GET", ALL, symbol="EXTUSD") == [found]
    assert await venue.alice.ok("GET", "/api/v3/openOrders", symbol="EXTUSD") == []
    venue.engine.orders.forget(venue.engine.position)  # from here on it is history's
    assert await venue.alice.ok("GET", ORDER, **where) == found
    by_name = await venue.alice.ok("GET", ORDER, symbol="EXTUSD", origClientOrderId="mine")
    assert by_name == found


async def test_a_pending_stop_order(venue):
    await venue.alice.limit("SELL", "1", "10")
    await venue.bob.limit("BUY", "1", "10")
    values = {"symbol": "EXTUSD", "side": "SELL", "type": "STOP_LOSS", "quantity": "1"}
    placed = await venue.bob.ok("POST", ORDER, **values, stopPrice="9")
    found = await venue.bob.ok("GET", ORDER, symbol="EXTUSD", orderId=placed["orderId"])
    assert (found["isWorking"], found["workingTime"]) == (False, -1)
    assert (found["stopPrice"], found["price"]) == ("9.00000000", "0.00000000")


async def test_orders_of_others_look_like_none(venue):
    mine = (await venue.alice.limit("BUY", "1", "9", newClientOrderId="mine"))["orderId"]
    nothing = (400, -2013, "Order does not exist.")
    for who, values in (
        (venue.bob, {"orderId": mine}),
        (venue.bob, {"origClientOrderId": "mine"}),
        (venue.alice, {"orderId": 10**9}),
        (venue.alice, {"origClientOrderId": "x-1"}),
        (venue.alice, {"origClientOrderId": "other"}),
    ):
        assert await who.error("GET", ORDER, symbol="EXTUSD", **values) == nothing
    assert await venue.alice.error("GET", ORDER, symbol="ETHUSD", orderId=mine) == nothing
    for path in ("/api/v3/openOrders", ALL, TRADES):
        assert await venue.bob.ok("GET", path, symbol="EXTUSD") == []
    found = await venue.alice.error(
        "GET", ORDER, symbol="EXTUSD", orderId=mine, origClientOrderId="other"
    )
    assert found[1] == -2039
    assert (await venue.alice.error("GET", ORDER, symbol="EXTUSD"))[1] == -1102


async def test_my_trades(venue):
    sold = await venue.alice.limit("SELL", "1", "10")
    await venue.alice.limit("SELL", "1", "11")
    bought = await venue.bob.limit("BUY", "2", "11")
    found = await venue.bob.ok("GET", TRADES, symbol="EXTUSD")
    assert all(set(trade) == TRADE for trade in found)
    assert [(t["id"], t["price"], t["isBuyer"], t["isMaker"]) for t in found] == [
        (1, "10.00000000", True, False), (2, "11.00000000", True, False),
    ]  # fmt: skip
    assert {t["orderId"] for t in found} == {bought["orderId"]}
    for trade, fill in zip(found, bought["fills"], strict=True):
        assert (trade["commission"], trade["commissionAsset"]) == (
            fill["commission"], fill["commissionAsset"],
        )  # fmt: skip
    mine = await venue.alice.ok("GET", TRADES, symbol="EXTUSD", orderId=sold["orderId"])
    assert [(t["isMaker"], t["commissionAsset"], t["commission"]) for t in mine] == [
        (True, "USD", "0.01000000")
    ]
    assert len(await venue.bob.ok("GET", TRADES, symbol="EXTUSD", limit=1)) == 1
    assert [t["id"] for t in await venue.bob.ok("GET", TRADES, symbol="EXTUSD", fromId=2)] == [2]
    assert len(await venue.bob.ok("GET", TRADES, symbol="EXTUSD", limit=5000)) == 2
    now = now_ms()
    around = {"startTime": now - 60_000, "endTime": now + 60_000}
    assert len(await venue.bob.ok("GET", TRADES, symbol="EXTUSD", **around)) == 2
    micros = {name: time * 1000 for name, time in around.items()}
    assert len(await venue.bob.ok("GET", TRADES, symbol="EXTUSD", **micros)) == 2
    assert await venue.bob.ok("GET", TRADES, symbol="EXTUSD", startTime=now + 60_000) == []
    found = await venue.bob.error("GET", TRADES, symbol="EXTUSD", fromId=1, startTime=1)
    assert found[1] == -1128


@pytest.mark.parametrize("path", [ALL, TRADES])
async def test_spans_of_time(venue, path):
    day = 86_400_000
    await venue.alice.ok("GET", path, symbol="EXTUSD", startTime=1, endTime=1 + day)
    found = await venue.alice.error("GET", path, symbol="EXTUSD", startTime=1, endTime=2 + day)
    assert found == (400, -1127, "More than 24 hours between startTime and endTime.")
    found = await venue.alice.error("GET", path, symbol="EXTUSD", startTime=2, endTime=1)
    assert found[1] == -1128


async def test_all_orders_from_an_id(venue):
    ids = [(await venue.alice.limit("BUY", "1", "9"))["orderId"] for _ in range(3)]

    async def asked(**values) -> list[int]:
        found = await venue.alice.ok("GET", ALL, symbol="EXTUSD", **values)
        return [order["orderId"] for order in found]

    assert await asked() == ids
    assert await asked(limit=2) == ids[1:]
    assert await asked(orderId=ids[1]) == ids[1:]
    assert await asked(orderId=ids[0], limit=2) == ids[:2]


async def test_open_orders_of_all_markets(venue):
    await venue.alice.limit("BUY", "1", "9")
    await venue.alice.ok("POST", ORDER, symbol="ETHUSD", side="BUY", type="LIMIT",
                         timeInForce="GTC", quantity="0.1", price="2000.1")  # fmt: skip
    found = await venue.alice.ok("GET", "/api/v3/openOrders")
    assert [order["symbol"] for order in found] == ["EXTUSD", "ETHUSD"]
    assert found[1]["price"] == "2000.10000000"


async def test_commission_by_tier(venue):
    await set_parameter(venue.engine, Parameter.FEE_TIER, 3, venue.bob.account)
    from excraft.messages.commands import SetParameter

    for parameter, value in ((Parameter.MAKER_FEE_PPM, 0), (Parameter.TAKER_FEE_PPM, 250)):
        await venue.engine.execute(
            SetParameter(parameter=parameter, value=value, subject=0, tier=3)
        )
    found = await venue.bob.ok("GET", "/api/v3/account/commission", symbol="EXTUSD")
    assert set(found) == {
        "symbol", "standardCommission", "specialCommission", "taxCommission", "discount",
    }  # fmt: skip
    assert found["standardCommission"]["maker"] == "0.00000000"
    assert found["standardCommission"]["taker"] == "0.00025000"
    await venue.alice.limit("SELL", "1", "10")
    reply = await venue.bob.limit("BUY", "1", "10")
    assert reply["fills"][0]["commission"] == "0.00025000"
    tested = await venue.bob.ok(
        "POST", "/api/v3/order/test", symbol="EXTUSD", side="BUY", type="LIMIT", price="9",
        timeInForce="GTC", quantity="1", computeCommissionRates="true",
    )  # fmt: skip
    assert tested["standardCommissionForOrder"] == {"maker": "0.00000000", "taker": "0.00025000"}


async def test_lists_there_are_none(venue):
    for path in ("allOrderList", "openOrderList"):
        assert await venue.alice.ok("GET", f"/api/v3/{path}") == []
    found = await venue.alice.error("GET", "/api/v3/orderList", orderListId=1)
    assert found == (400, -2013, "Order list does not exist.")
    found = await venue.alice.error("POST", "/api/v3/orderList/oco", symbol="EXTUSD", side="BUY")
    assert found == (400, -1013, "OCO orders are not supported for this symbol")
    found = await venue.alice.error("DELETE", "/api/v3/orderList", symbol="EXTUSD", orderListId=1)
    assert found == (400, -2011, "Unknown order list sent.")


async def test_filters_of_mine(venue):
    found = await venue.alice.ok("GET", "/api/v3/myFilters", symbol="EXTUSD")
    info = await venue.public.ok("GET", "/api/v3/exchangeInfo", symbol="EXTUSD")
    assert found == {
        "exchangeFilters": info["exchangeFilters"],
        "symbolFilters": info["symbols"][0]["filters"],
        "assetFilters": [],
    }


async def test_a_history_that_is_behind(venue, monkeypatch):
    async def late(position, timeout_s):
        raise TimeoutError(f"not yet at {position}")

    monkeypatch.setattr(venue.exchange.history, "wait", late)
    for path, values in ((ALL, {}), (TRADES, {}), (ORDER, {"orderId": 10**9})):
        reply = await venue.alice.call("GET", path, symbol="EXTUSD", **values)
        assert error_of(reply)[:2] == (503, -1001)
