"""Orders through the whole exchange: replies, fills, refusals with their exact texts."""

import pytest

from excraft.parameters import AccountState, MarketState, Parameter
from tests.gateway.clients import limit, set_parameter

pytestmark = pytest.mark.anyio
ORDER = "/api/v3/order"
ACK = {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
RESULT = ACK | {
    "price", "origQty", "executedQty", "origQuoteOrderQty", "cummulativeQuoteQty", "status",
    "timeInForce", "type", "side", "workingTime", "selfTradePreventionMode",
}  # fmt: skip
FULL = RESULT | {"fills"}


async def balance(client, asset: str) -> tuple[str, str]:
    account = await client.ok("GET", "/api/v3/account")
    found = next(b for b in account["balances"] if b["asset"] == asset)
    return found["free"], found["locked"]


# ---- what a reply holds


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        ({}, FULL),
        ({"newOrderRespType": "ACK"}, ACK),
        ({"newOrderRespType": "RESULT"}, RESULT),
        ({"newOrderRespType": "FULL"}, FULL),
    ],
)
async def test_limit_order_rests(venue, more, fields):
    reply = await venue.alice.limit("BUY", "1.5", "10.25", newClientOrderId="one", **more)
    assert set(reply) == fields
    assert reply["orderListId"] == -1 and reply["clientOrderId"] == "one"
    if "status" in fields:
        assert reply["status"] == "NEW" and reply["origQty"] == "1.50000000"
        assert reply["price"] == "10.25000000" and reply["executedQty"] == "0.00000000"
        assert reply["workingTime"] == reply["transactTime"]
    assert reply.get("fills", []) == []
    assert await balance(venue.alice, "USD") == ("999984.62500000", "15.37500000")


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("LIMIT_MAKER", {"price": "9.00"}),
        ("STOP_LOSS", {"stopPrice": "9.00"}),
        ("TAKE_PROFIT", {"stopPrice": "9.00"}),
        ("STOP_LOSS_LIMIT", {"stopPrice": "9", "price": "8", "timeInForce": "GTC"}),
        ("TAKE_PROFIT_LIMIT", {"stopPrice": "9", "price": "8", "timeInForce": "GTC"}),
    ],
)
async def test_other_types_answer_with_an_ack(venue, kind, more):
    values = {"symbol": "EXTUSD", "side": "BUY", "type": kind, "quantity": "1", **more}
    assert set(await venue.alice.ok("POST", ORDER, **values)) == ACK
    reply = await venue.alice.ok("POST", ORDER, **values, newOrderRespType="RESULT")
    stops = "stopPrice" in more
    assert set(reply) == RESULT | ({"stopPrice"} if stops else set())
    assert reply["status"] == "NEW" and reply["type"] == kind
    if stops:
        assert reply["workingTime"] == -1 and reply["stopPrice"] == "9.00000000"


async def test_fills_of_a_taker(venue):
    first = await venue.alice.limit("SELL", "1", "10.00")
    second = await venue.alice.limit("SELL", "2", "10.01")
    reply = await venue.bob.limit("BUY", "4", "10.01")
    assert reply["status"] == "PARTIALLY_FILLED" and reply["executedQty"] == "3.00000000"
    assert reply["cummulativeQuoteQty"] == "30.02000000"
    assert [(f["price"], f["qty"]) for f in reply["fills"]] == [
        ("10.00000000", "1.00000000"), ("10.01000000", "2.00000000"),
    ]  # fmt: skip
    assert reply["fills"][0] == {
        "price": "10.00000000", "qty": "1.00000000", "commission": "0.00100000",
        "commissionAsset": "EXT", "tradeId": 1,
    }  # fmt: skip
    for order in (first, second):
        found = await venue.alice.ok("GET", ORDER, symbol="EXTUSD", orderId=order["orderId"])
        assert found["status"] == "FILLED"
    assert await balance(venue.bob, "EXT") == ("10002.99700000", "0.00000000")
    assert await balance(venue.bob, "USD") == ("999959.97000000", "10.01000000")
    assert await balance(venue.alice, "USD") == ("1000029.98998000", "0.00000000")


@pytest.mark.parametrize(
    ("side", "values", "status", "quantity", "spent"),
    [
        ("BUY", {"quantity": "1"}, "FILLED", "1.00000000", "10.00000000"),
        ("BUY", {"quantity": "9"}, "EXPIRED", "9.00000000", "50.00000000"),
        ("BUY", {"quoteOrderQty": "20"}, "FILLED", "2.00000000", "20.00000000"),
        ("BUY", {"quoteOrderQty": "20.005"}, "FILLED", "2.00000000", "20.00000000"),
        ("SELL", {"quoteOrderQty": "18"}, "FILLED", "2.00000000", "18.00000000"),
        ("SELL", {"quantity": "3"}, "FILLED", "3.00000000", "27.00000000"),
    ],
)
async def test_market_orders(venue, side, values, status, quantity, spent):
    await venue.alice.limit("SELL", "5", "10.00")
    await venue.alice.limit("BUY", "5", "9.00")
    reply = await venue.bob.ok("POST", ORDER, symbol="EXTUSD", side=side, type="MARKET", **values)
    assert reply["status"] == status and reply["origQty"] == quantity
    assert reply["cummulativeQuoteQty"] == spent and reply["price"] == "0.00000000"
    asked = values.get("quoteOrderQty", "0")
    assert float(reply["origQuoteOrderQty"]) == float(asked)
    assert set(reply) == FULL
    asset = "EXT" if side == "BUY" else "USD"
    assert {fill["commissionAsset"] for fill in reply["fills"]} == {asset}
    found = await venue.bob.ok("GET", ORDER, symbol="EXTUSD", orderId=reply["orderId"])
    for name in ("status", "origQty", "executedQty", "cummulativeQuoteQty", "origQuoteOrderQty"):
        assert found[name] == reply[name], name


async def test_market_order_on_an_empty_book_expires(venue):
    reply = await venue.bob.ok(
        "POST", ORDER, symbol="EXTUSD", side="BUY", type="MARKET", quantity="1"
    )
    assert reply["status"] == "EXPIRED" and reply["fills"] == []


@pytest.mark.parametrize(
    ("force", "status"), [("IOC", "EXPIRED"), ("FOK", "EXPIRED"), ("GTC", "PARTIALLY_FILLED")]
)
async def test_time_in_force(venue, force, status):
    await venue.alice.limit("SELL", "1", "10.00")
    reply = await venue.bob.limit("BUY", "2", "10.00", timeInForce=force)
    assert reply["status"] == status and reply["timeInForce"] == force
    assert reply["executedQty"] == ("0.00000000" if force == "FOK" else "1.00000000")


@pytest.mark.parametrize(
    ("mode", "status"),
    [
        ("NONE", "FILLED"),
        ("EXPIRE_TAKER", "EXPIRED_IN_MATCH"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH"),
        ("EXPIRE_MAKER", "NEW"),
        ("DECREMENT", "EXPIRED_IN_MATCH"),
    ],
)
async def test_self_trade_prevention(venue, mode, status):
    await venue.alice.limit("SELL", "1", "10.00")
    reply = await venue.alice.limit("BUY", "1", "10.00", selfTradePreventionMode=mode)
    assert reply["status"] == status and reply["selfTradePreventionMode"] == mode
    assert ("preventedQuantity" in reply) == (mode == "DECREMENT")


# ---- refusals


def market(side: str, **values) -> dict:
    return {"symbol": "EXTUSD", "side": side, "type": "MARKET", **values}


def typed(kind: str, **values) -> dict:
    return {"symbol": "EXTUSD", "side": "BUY", "type": kind, "quantity": "1", **values}


FILTER = "Filter failure: {}"
NEEDS = "Mandatory parameter '{}' was not sent, was empty/null, or malformed."
NOT_NEEDED = "Parameter '{}' sent when not required."
REFUSALS = [
    (limit("BUY", "1", "10.005"), -1013, FILTER.format("PRICE_FILTER")),
    (limit("BUY", "1", "10000000000.01"), -1013, FILTER.format("PRICE_FILTER")),
    (limit("BUY", "1", "99999999999999999999"), -1013, FILTER.format("PRICE_FILTER")),
    (limit("BUY", "1", "0"), -1013, "Invalid price."),
    (limit("BUY", "1", "1.000000001"), -1111, "Parameter 'price' has too much precision."),
    (limit("BUY", "1.0000000001", "1"), -1111, "Parameter 'quantity' has too much precision."),
    (limit("BUY", "1.0005", "10"), -1013, FILTER.format("LOT_SIZE")),
    (limit("BUY", "99999999999999999999", "10"), -1013, FILTER.format("LOT_SIZE")),
    (limit("BUY", "0", "10"), -1013, "Invalid quantity."),
    (limit("BUY", "0.099", "10"), -1013, FILTER.format("NOTIONAL")),
    (limit("BUY", "46116860184.273", "10000000000"), -1013, FILTER.format("NOTIONAL")),
    (limit("BUY", "1000000", "10"), -2010,
     "Account has insufficient balance for requested action."),
    (limit("SELL", "1000000", "10"), -2010,
     "Account has insufficient balance for requested action."),
    (market("BUY", quantity="1", price="1"), -1106, NOT_NEEDED.format("price")),
    (market("BUY", quantity="1", timeInForce="GTC"), -1106, NOT_NEEDED.format("timeInForce")),
    (market("BUY"), -1102,
     "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!"),
    (market("BUY", quantity="1", quoteOrderQty="1"), -1128,
     "Combination of optional parameters invalid."),
    (market("BUY", quoteOrderQty="0.5"), -1013, FILTER.format("NOTIONAL")),
    (market("BUY", quoteOrderQty="0"), -1013, "Invalid quote order qty."),
    (market("BUY", quoteOrderQty="9.0000001"), -1111,
     "Parameter 'quoteOrderQty' has too much precision."),
    (market("BUY", quoteOrderQty="99999999999999999999"), -1013, FILTER.format("NOTIONAL")),
    (typed("LIMIT", price="1"), -1102, NEEDS.format("timeInForce")),
    (typed("LIMIT", timeInForce="GTC"), -1102, NEEDS.format("price")),
    (typed("LIMIT", timeInForce="GTC", price="9", stopPrice="9"), -1106,
     NOT_NEEDED.format("stopPrice")),
    (typed("LIMIT_MAKER", price="9", timeInForce="GTC"), -1106, NOT_NEEDED.format("timeInForce")),
    (typed("LIMIT_MAKER"), -1102, NEEDS.format("price")),
    (typed("STOP_LOSS"), -1102,
     "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!"),
    (typed("STOP_LOSS", stopPrice="9", price="9"), -1106, NOT_NEEDED.format("price")),
    (typed("STOP_LOSS", stopPrice="9.001"), -1013, FILTER.format("PRICE_FILTER")),
    (typed("STOP_LOSS", stopPrice="0"), -1013, "Invalid stopPrice."),
    (typed("STOP_LOSS_LIMIT", price="9", stopPrice="9"), -1102, NEEDS.format("timeInForce")),
    (limit("BUY", "1", "9", icebergQty="0.5"), -1013,
     "Iceberg orders are not supported for this symbol."),
    (typed("STOP_LOSS", trailingDelta="100"), -1013,
     "Trailing stop orders are not supported for this symbol."),
    (limit("BUY", "1", "9", pegPriceType="PRIMARY_PEG"), -1013,
     "Pegged orders are not supported for this symbol."),
    (limit("BUY", "1", "9", strategyType="999999"), -1134,
     "strategyType was less than 1000000."),
    (limit("BUY", "1", "9", symbol="NOPE"), -1121, "Invalid symbol."),
    (limit("BUY", "1", "9", side="HOLD"), -1117, "Invalid side."),
    (limit("BUY", "1", "9", type="ICEBERG"), -1116, "Invalid orderType."),
    (limit("BUY", "1", "9", timeInForce="GTD"), -1115, "Invalid timeInForce."),
    (limit("BUY", "1", "9", selfTradePreventionMode="TRANSFER"), -1130,
     "Data sent for parameter 'selfTradePreventionMode' is not valid."),
]  # fmt: skip


async def test_refusals_say_what_is_wrong_and_change_nothing(venue):
    for values, code, text in REFUSALS:
        _, *found = await venue.carol.error("POST", ORDER, **values)
        assert found == [code, text], values
        if code > -2000:  # everything that needs no state: the test endpoint says the same
            _, *tested = await venue.carol.error("POST", f"{ORDER}/test", **values)
            assert tested == found, values
    # Only funds are the kernel's to refuse, and a refusal is a record that changes no money.
    assert venue.engine.orders.open(venue.carol.account) == []
    free = {a: f for a, (f, _) in venue.engine.balances(venue.carol.account).items()}
    assert free == {0: 10**12, 1: 10**12, 2: 10**18}
    assert venue.engine.orders.open_count == 0


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (typed("LIMIT_MAKER", price="10"), "Order would immediately match and take."),
        (typed("STOP_LOSS", stopPrice="9"), "Stop price would trigger immediately."),
        (typed("TAKE_PROFIT", stopPrice="11"), "Stop price would trigger immediately."),
    ],
)
async def test_what_only_the_book_knows(venue, values, text):
    await venue.alice.limit("SELL", "5", "10.00")
    await venue.bob.limit("BUY", "1", "10.00")
    assert await venue.carol.error("POST", ORDER, **values) == (400, -2010, text)


async def test_one_client_id_at_a_time(venue):
    first = await venue.alice.limit("BUY", "1", "9", newClientOrderId="mine")
    again = limit("BUY", "1", "8", newClientOrderId="mine")
    assert await venue.alice.error("POST", ORDER, **again) == (400, -2010, "Duplicate order sent.")
    await venue.bob.limit("BUY", "1", "9", newClientOrderId="mine")  # another account's own names
    await venue.alice.ok("DELETE", ORDER, symbol="EXTUSD", orderId=first["orderId"])
    assert (await venue.alice.ok("POST", ORDER, **again))["orderId"] > first["orderId"]


async def test_closed_markets_frozen_accounts_and_members_only(venue):
    order = await venue.alice.limit("BUY", "1", "9")
    values = limit("BUY", "1", "9")
    await set_parameter(venue.engine, Parameter.MARKET_STATE, MarketState.HALT, 0)
    assert await venue.alice.error("POST", ORDER, **values) == (400, -2010, "Market is closed.")
    await venue.alice.ok("DELETE", ORDER, symbol="EXTUSD", orderId=order["orderId"])
    await set_parameter(venue.engine, Parameter.MARKET_STATE, MarketState.TRADING, 0)
    await set_parameter(venue.engine, Parameter.MARKET_POOL, 7, 0)
    refusal = (400, -2010, "This symbol is not permitted for this account.")
    assert await venue.alice.error("POST", ORDER, **values) == refusal
    shown = await venue.public.ok("GET", "/api/v3/exchangeInfo", symbol="EXTUSD")
    assert shown["symbols"][0]["symbol"] == "EXTUSD"
    await set_parameter(venue.engine, Parameter.ACCOUNT_POOL, 7, venue.alice.account)
    await venue.alice.limit("BUY", "1", "9")
    frozen = AccountState.FROZEN
    await set_parameter(venue.engine, Parameter.ACCOUNT_STATE, frozen, venue.alice.account)
    refusal = (400, -2010, "This account may not place or cancel orders.")
    assert await venue.alice.error("POST", ORDER, **values) == refusal
    assert (await venue.alice.ok("GET", "/api/v3/account"))["canTrade"] is False


async def test_too_many_open_orders(venue):
    await set_parameter(venue.engine, Parameter.MAX_OPEN_ORDERS_PER_ACCOUNT, 1)
    await venue.alice.limit("BUY", "1", "9")
    found = await venue.alice.error("POST", ORDER, **limit("BUY", "1", "9"))
    assert found == (400, -1013, "Filter failure: EXCHANGE_MAX_NUM_ORDERS")


# ---- cancelling and amending


async def test_cancel_by_either_id(venue):
    for by in ("orderId", "origClientOrderId"):
        placed = await venue.alice.limit("BUY", "2", "9", newClientOrderId="mine")
        name = {"orderId": placed["orderId"], "origClientOrderId": "mine"}[by]
        reply = await venue.alice.ok(
            "DELETE", ORDER, symbol="EXTUSD", newClientOrderId="gone", **{by: name}
        )
        assert reply["status"] == "CANCELED" and reply["origClientOrderId"] == "mine"
        assert reply["clientOrderId"] == "gone" and reply["orderId"] == placed["orderId"]
        assert set(reply) == (RESULT - {"workingTime"}) | {"origClientOrderId"}
    assert await balance(venue.alice, "USD") == ("1000000.00000000", "0.00000000")


async def test_cancel_of_a_generated_name(venue):
    placed = await venue.alice.limit("BUY", "2", "9")
    reply = await venue.alice.ok(
        "DELETE", ORDER, symbol="EXTUSD", origClientOrderId=placed["clientOrderId"]
    )
    assert reply["orderId"] == placed["orderId"]
    assert reply["clientOrderId"] not in ("", placed["clientOrderId"])


async def test_what_cannot_be_cancelled(venue):
    mine = (await venue.alice.limit("BUY", "1", "9", newClientOrderId="mine"))["orderId"]
    unknown = (400, -2011, "Unknown order sent.")
    for values in ({"orderId": 10**9}, {"orderId": 0}, {"origClientOrderId": "no"}):
        assert await venue.alice.error("DELETE", ORDER, symbol="EXTUSD", **values) == unknown
    found = await venue.alice.error("DELETE", ORDER, symbol="ETHUSD", orderId=mine)
    assert found == unknown
    for values in ({"orderId": mine}, {"origClientOrderId": "mine"}):
        assert await venue.bob.error("DELETE", ORDER, symbol="EXTUSD", **values) == unknown
    found = await venue.alice.error(
        "DELETE", ORDER, symbol="EXTUSD", orderId=mine, origClientOrderId="other"
    )
    assert found == (400, -2039, "Client order ID is not correct for this order ID.")
    found = await venue.alice.error("DELETE", ORDER, symbol="EXTUSD")
    assert found[1] == -1102 and "'orderId'" in found[2]
    found = await venue.alice.error("DELETE", "/api/v3/openOrders", symbol="ETHUSD")
    assert found == unknown


async def test_cancel_restrictions(venue):
    order = (await venue.alice.limit("SELL", "2", "10"))["orderId"]
    values = {"symbol": "EXTUSD", "orderId": order}
    refusal = (400, -2011, "Order was not canceled due to cancel restrictions.")
    only = {"cancelRestrictions": "ONLY_PARTIALLY_FILLED"}
    assert await venue.alice.error("DELETE", ORDER, **values, **only) == refusal
    await venue.bob.limit("BUY", "1", "10")
    found = await venue.alice.error("DELETE", ORDER, **values, cancelRestrictions="ONLY_NEW")
    assert found == refusal
    reply = await venue.alice.ok("DELETE", ORDER, **values, **only)
    assert reply["executedQty"] == "1.00000000"


async def test_cancel_all(venue):
    await venue.alice.limit("BUY", "1", "9")
    await venue.alice.limit("BUY", "1", "8")
    await venue.bob.limit("BUY", "1", "7")
    reply = await venue.alice.ok("DELETE", "/api/v3/openOrders", symbol="EXTUSD")
    assert [r["price"] for r in reply] == ["9.00000000", "8.00000000"]
    assert {r["status"] for r in reply} == {"CANCELED"}
    assert len(await venue.bob.ok("GET", "/api/v3/openOrders")) == 1


async def test_amend_keeps_the_place(venue):
    path = "/api/v3/order/amend/keepPriority"
    first = await venue.alice.limit("SELL", "5", "10", newClientOrderId="first")
    await venue.bob.limit("SELL", "5", "10")
    values = {"symbol": "EXTUSD", "orderId": first["orderId"]}
    reply = await venue.alice.ok("PUT", path, **values, newQty="3")
    shown = reply["amendedOrder"]
    assert shown["qty"] == "3.00000000" and shown["clientOrderId"] == "first"
    assert {"transactTime", "executionId", "amendedOrder"} == set(reply)
    taken = await venue.carol.limit("BUY", "3", "10")
    assert taken["status"] == "FILLED"
    found = await venue.alice.ok("GET", ORDER, **values)
    assert found["status"] == "FILLED" and found["origQty"] == "3.00000000"
    assert await venue.alice.error("PUT", path, **values, newQty="1") == (
        400, -2038, "Unknown order sent.",
    )  # fmt: skip


async def test_what_cannot_be_amended(venue):
    path = "/api/v3/order/amend/keepPriority"
    order = (await venue.alice.limit("SELL", "5", "10"))["orderId"]
    await venue.bob.limit("BUY", "2", "10")
    values = {"symbol": "EXTUSD", "orderId": order}
    for quantity, code, text in (
        ("6", -2038, "Order amend (quantity increase) is not supported."),
        ("5", -2038, "The requested action would change no state; rejecting."),
        ("2", -2038, "Order amend (quantity not above what is filled) is not supported."),
        ("0", -1013, "Invalid quantity."),
        ("1.0001", -1013, "Filter failure: LOT_SIZE"),
    ):
        found = await venue.alice.error("PUT", path, **values, newQty=quantity)
        assert found == (400, code, text)
    found = await venue.alice.error("PUT", path, **values, newQty="4", newClientOrderId="other")
    assert found[1] == -1130
    found = await venue.bob.error("PUT", path, **values, newQty="4")
    assert found == (400, -2038, "Unknown order sent.")
