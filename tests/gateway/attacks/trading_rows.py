"""The trading API: for each place who may call it, with what, and what another member gets.

`{order}` and `{client}` become the number and client id of a fresh order of Vera's, the other
braces what else is hers.
"""

from typing import NamedTuple

from tests.gateway.attacks.places import Place
from tests.gateway.withdrawing import BOB

PUBLIC, READ, TRADE, WITHDRAW = "", "READ", "TRADE", "WITHDRAW"
OWN = 0  # the same call of another member is about what is theirs, and good
UNKNOWN_ORDER, NO_ORDER, REPLACE_FAILED, UNSUPPORTED = -2011, -2013, -2022, -1013


class Row(NamedTuple):
    """`theirs`: the code that another member gets. `rightful`: the code that Vera gets."""

    may: str
    values: dict[str, str] = {}
    theirs: int = OWN
    rightful: int = 0


SYMBOL = {"symbol": "EXTUSD"}
PLACED = SYMBOL | {
    "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "500",
}  # fmt: skip
CANDLES = SYMBOL | {"interval": "1m"}
BY_NUMBER, BY_NAME = SYMBOL | {"orderId": "{order}"}, SYMBOL | {"origClientOrderId": "{client}"}
REPLACED = PLACED | {"cancelReplaceMode": "STOP_ON_FAILURE"}
PAID = {"coin": "EXT", "network": "ETH", "address": BOB, "amount": "1"}
NO_LISTS = Row(TRADE, SYMBOL, UNSUPPORTED, UNSUPPORTED)

V3, SAPI = "/api/v3", "/sapi/v1"
_OPEN = {
    f"{V3}/ping": {}, f"{V3}/time": {}, f"{V3}/exchangeInfo": {}, f"{V3}/depth": SYMBOL,
    f"{V3}/trades": SYMBOL, f"{V3}/historicalTrades": SYMBOL, f"{V3}/aggTrades": SYMBOL,
    f"{V3}/klines": CANDLES, f"{V3}/uiKlines": CANDLES, f"{V3}/avgPrice": SYMBOL,
    f"{V3}/ticker/24hr": SYMBOL, f"{V3}/ticker/tradingDay": SYMBOL, f"{V3}/ticker": SYMBOL,
    f"{V3}/ticker/price": SYMBOL, f"{V3}/ticker/bookTicker": SYMBOL, "/api/v1/ping": {},
    "/api/v1/time": {}, "/api/v1/depth": SYMBOL, f"{SAPI}/system/status": {},
}  # fmt: skip
_READ: dict[str, list[Row]] = {
    f"{V3}/account": [Row(READ)],
    f"{V3}/order": [Row(READ, BY_NUMBER, NO_ORDER), Row(READ, BY_NAME, NO_ORDER)],
    f"{V3}/openOrders": [Row(READ), Row(READ, SYMBOL)],
    f"{V3}/allOrders": [Row(READ, SYMBOL), Row(READ, BY_NUMBER)],
    f"{V3}/myTrades": [Row(READ, SYMBOL), Row(READ, SYMBOL | {"orderId": "{traded}"})],
    f"{V3}/rateLimit/order": [Row(READ)],
    f"{V3}/account/commission": [Row(READ, SYMBOL)],
    f"{V3}/myFilters": [Row(READ, SYMBOL)],
    f"{V3}/orderList": [Row(READ, {"orderListId": "{order}"}, NO_ORDER, NO_ORDER)],
    f"{V3}/allOrderList": [Row(READ)],
    f"{V3}/openOrderList": [Row(READ)],
    f"{V3}/myAllocations": [Row(READ, BY_NUMBER)],
    f"{SAPI}/capital/config/getall": [Row(READ)],
    f"{SAPI}/asset/tradeFee": [Row(READ)],
    f"{SAPI}/asset/assetDetail": [Row(READ)],
    f"{SAPI}/account/status": [Row(READ)],
    f"{SAPI}/account/apiTradingStatus": [Row(READ)],
    f"{SAPI}/account/apiRestrictions": [Row(READ)],
    f"{SAPI}/capital/deposit/address": [Row(READ, {"coin": "EXT"})],
    f"{SAPI}/capital/deposit/address/list": [Row(READ, {"coin": "EXT"})],
    f"{SAPI}/capital/deposit/hisrec": [Row(READ), Row(READ, {"txId": "{transaction}"})],
    f"{SAPI}/capital/withdraw/history": [
        Row(READ), Row(READ, {"idList": "{withdrawal}"}),
        Row(READ, {"withdrawOrderId": "veramark-paid"}),
    ],
    f"{SAPI}/spot/delist-schedule": [Row(READ)],
}  # fmt: skip
REST: dict[Place, list[Row]] = {
    **{Place("rest", "GET", path): [Row(PUBLIC, values)] for path, values in _OPEN.items()},
    **{Place("rest", "GET", path): rows for path, rows in _READ.items()},
    Place("rest", "POST", "/sapi/v3/asset/getUserAsset"): [Row(READ)],
    Place("rest", "POST", f"{V3}/order"): [
        Row(TRADE, PLACED), Row(TRADE, PLACED | {"newClientOrderId": "{fresh}"}),
    ],
    Place("rest", "POST", f"{V3}/order/test"): [Row(TRADE, PLACED)],
    Place("rest", "DELETE", f"{V3}/order"): [
        Row(TRADE, BY_NUMBER, UNKNOWN_ORDER), Row(TRADE, BY_NAME, UNKNOWN_ORDER),
    ],
    Place("rest", "DELETE", f"{V3}/openOrders"): [Row(TRADE, SYMBOL)],
    Place("rest", "POST", f"{V3}/order/cancelReplace"): [
        Row(TRADE, REPLACED | {"cancelOrderId": "{order}"}, REPLACE_FAILED),
        Row(TRADE, REPLACED | {"cancelOrigClientOrderId": "{client}"}, REPLACE_FAILED),
    ],
    Place("rest", "PUT", f"{V3}/order/amend/keepPriority"): [
        Row(TRADE, BY_NUMBER | {"newQty": "0.5"}, -2038),
        Row(TRADE, BY_NAME | {"newQty": "0.5"}, -2038),
    ],
    Place("rest", "POST", f"{SAPI}/capital/withdraw/apply"): [
        Row(WITHDRAW, PAID | {"withdrawOrderId": "{fresh}"}),
    ],
    **{
        Place("rest", "POST", f"{V3}/{path}"): [NO_LISTS]
        for path in ("order/oco", "orderList/oco", "orderList/oto", "orderList/otoco",
                     "orderList/opo", "orderList/opoco", "sor/order", "sor/order/test")
    },
    Place("rest", "DELETE", f"{V3}/orderList"): [
        Row(TRADE, SYMBOL, UNKNOWN_ORDER, UNKNOWN_ORDER),
    ],
}  # fmt: skip

# Methods of the WebSocket API, each with the REST place whose rows are its own, too.
_SAME = {
    "ping": "GET /ping", "time": "GET /time", "exchangeInfo": "GET /exchangeInfo",
    "depth": "GET /depth", "trades.recent": "GET /trades",
    "trades.historical": "GET /historicalTrades", "trades.aggregate": "GET /aggTrades",
    "klines": "GET /klines", "uiKlines": "GET /uiKlines", "avgPrice": "GET /avgPrice",
    "ticker": "GET /ticker", "ticker.24hr": "GET /ticker/24hr",
    "ticker.tradingDay": "GET /ticker/tradingDay", "ticker.price": "GET /ticker/price",
    "ticker.book": "GET /ticker/bookTicker", "order.place": "POST /order",
    "order.cancel": "DELETE /order", "order.cancelReplace": "POST /order/cancelReplace",
    "order.amend.keepPriority": "PUT /order/amend/keepPriority",
    "openOrders.cancelAll": "DELETE /openOrders", "order.test": "POST /order/test",
    "order.status": "GET /order", "openOrders.status": "GET /openOrders",
    "allOrders": "GET /allOrders", "myTrades": "GET /myTrades", "account.status": "GET /account",
    "account.commission": "GET /account/commission",
    "account.rateLimits.orders": "GET /rateLimit/order", "myFilters": "GET /myFilters",
    "orderList.status": "GET /orderList", "openOrderLists.status": "GET /openOrderList",
    "allOrderLists": "GET /allOrderList", "myAllocations": "GET /myAllocations",
}  # fmt: skip
# About the connection itself. -1002: nobody is logged on; -2036: there is no subscription;
# -4056: only Ed25519 keys log on.
_SESSION = {
    "session.logon": Row(READ, {}, -4056, -4056),
    "session.status": Row(PUBLIC),
    "session.logout": Row(PUBLIC),
    "session.subscriptions": Row(PUBLIC),
    "userDataStream.subscribe": Row(PUBLIC, {}, -1002, -1002),
    "userDataStream.unsubscribe": Row(PUBLIC, {"subscriptionId": "0"}, -2036, -2036),
    "userDataStream.subscribe.signature": Row(READ),
}


def _rows_of(same: str) -> list[Row]:
    method, path = same.split()
    return REST[Place("rest", method, V3 + path)]


WS: dict[Place, list[Row]] = {
    **{Place("ws-api", "", name): _rows_of(same) for name, same in _SAME.items()},
    **{Place("ws-api", "", name): [row] for name, row in _SESSION.items()},
}
