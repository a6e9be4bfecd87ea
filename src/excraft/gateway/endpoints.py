"""Every REST endpoint: method, path, who may, weight, parameters, function. The one list.

docs/reference/trading-api.md is generated from it; app.py serves it.
"""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from excraft.gateway import auth
from excraft.gateway.spot import (
    account,
    depositing,
    exchange_info,
    market,
    replacing,
    trading,
    wallet,
    withdrawing,
)
from excraft.gateway.spot.orders import PLACE
from excraft.gateway.spot.params import NOTHING, SYMBOL_ONLY, Spec
from excraft.gateway.spot.refused import LIST_ORDERS, unsupported


class Security(StrEnum):
    """Who may call: anybody, or a signed request of a key that may read, trade or withdraw."""

    NONE = "NONE"
    USER_DATA = "USER_DATA"
    TRADE = "TRADE"
    WITHDRAW = "WITHDRAW"


PERMISSION = {
    Security.USER_DATA: auth.READ,
    Security.TRADE: auth.TRADE,
    Security.WITHDRAW: auth.WITHDRAW,
}


class Endpoint(NamedTuple):
    """One row. `weight` is a number or a function of the texts sent; `free` gives it back on
    success; `counts`: the reply carries the order counts."""

    method: str
    path: str
    security: Security
    weight: int | Callable[[Mapping[str, str]], int]
    spec: Spec
    run: Callable[[Any, Any, dict], Awaitable[Any]]
    free: bool = False
    counts: bool = False
    weight_shown: str = ""


def _public(path: str, weight, spec: Spec, run, shown: str = "") -> Endpoint:
    return Endpoint("GET", path, Security.NONE, weight, spec, run, weight_shown=shown)


def _own(path: str, weight, spec: Spec, run, shown: str = "") -> Endpoint:
    return Endpoint("GET", path, Security.USER_DATA, weight, spec, run, weight_shown=shown)


def _trade(method: str, path: str, spec: Spec, run, weight=1, counts: bool = False) -> Endpoint:
    return Endpoint(method, path, Security.TRADE, weight, spec, run, weight == 1, counts)


def _test_weight(sent: Mapping[str, str]) -> int:
    return 20 if sent.get("computeCommissionRates", "").lower() == "true" else 1


V3, SAPI = "/api/v3", "/sapi/v1"
_DEPTH = "5 up to 100 levels, 25 up to 500, 50 up to 1000, 250 up to 5000"
_DAY = "2 for a symbol or up to 20, 40 up to 100, 80 above and for all"
_PRICE = "2 for a symbol, 4 for several or all"
_WINDOW = "4 for each symbol, at most 200"

PUBLIC = [
    _public(f"{V3}/ping", 1, NOTHING, exchange_info.ping),
    _public(f"{V3}/time", 1, NOTHING, exchange_info.server_time),
    _public(
        f"{V3}/exchangeInfo", 20, exchange_info.EXCHANGE_INFO, exchange_info.exchange_info
    ),
    _public(f"{V3}/depth", market.depth_weight, market.DEPTH, market.depth, _DEPTH),
    _public(f"{V3}/trades", 25, market.TRADES, market.trades),
    _public(f"{V3}/historicalTrades", 25, market.OLD_TRADES, market.trades),
    _public(f"{V3}/aggTrades", 4, market.AGG_TRADES, market.agg_trades),
    _public(f"{V3}/klines", 2, market.KLINES, market.klines),
    _public(f"{V3}/uiKlines", 2, market.KLINES, market.klines),
    _public(f"{V3}/avgPrice", 2, SYMBOL_ONLY, market.average_price),
    _public(f"{V3}/ticker/24hr", market.day_weight, market.TICKER_24H, market.ticker_24h, _DAY),
    _public(
        f"{V3}/ticker/tradingDay", market.window_weight, market.TICKER_DAY, market.ticker_day,
        _WINDOW,
    ),
    _public(
        f"{V3}/ticker", market.window_weight, market.TICKER_WINDOW, market.ticker_window, _WINDOW
    ),
    _public(
        f"{V3}/ticker/price", market.price_weight, market.SYMBOLS, market.ticker_price, _PRICE
    ),
    _public(
        f"{V3}/ticker/bookTicker", market.price_weight, market.SYMBOLS, market.ticker_book, _PRICE
    ),
    _public("/api/v1/ping", 1, NOTHING, exchange_info.ping),
    _public("/api/v1/time", 1, NOTHING, exchange_info.server_time),
    _public("/api/v1/depth", market.depth_weight, market.DEPTH, market.depth, _DEPTH),
    _public(f"{SAPI}/system/status", 1, NOTHING, wallet.system_status),
]  # fmt: skip

TRADING = [
    _trade("POST", f"{V3}/order", PLACE, trading.place_order, counts=True),
    Endpoint(
        "POST", f"{V3}/order/test", Security.TRADE, _test_weight, trading.TEST,
        trading.test_order, weight_shown="1, with computeCommissionRates 20",
    ),
    _trade("DELETE", f"{V3}/order", trading.CANCEL, trading.cancel_order),
    _trade("DELETE", f"{V3}/openOrders", SYMBOL_ONLY, trading.cancel_all),
    _trade(
        "POST", f"{V3}/order/cancelReplace", replacing.REPLACE, replacing.replace_order,
        counts=True,
    ),
    _trade("PUT", f"{V3}/order/amend/keepPriority", trading.AMEND, trading.amend_order, 4),
]  # fmt: skip

ACCOUNT = [
    _own(f"{V3}/account", 20, account.ACCOUNT, account.account),
    _own(f"{V3}/order", 4, account.QUERY, account.query_order),
    _own(
        f"{V3}/openOrders", lambda sent: 6 if "symbol" in sent else 80, account.OPEN_ORDERS,
        account.open_orders, "6 for a symbol, 80 for all",
    ),
    _own(f"{V3}/allOrders", 20, account.ALL_ORDERS, account.all_orders),
    _own(
        f"{V3}/myTrades", lambda sent: 5 if "orderId" in sent else 20, account.MY_TRADES,
        account.my_trades, "20, with orderId 5",
    ),
    _own(f"{V3}/rateLimit/order", 40, NOTHING, account.order_limits),
    _own(f"{V3}/account/commission", 20, SYMBOL_ONLY, account.commission),
    _own(f"{V3}/myFilters", 40, SYMBOL_ONLY, account.my_filters),
    _own(f"{V3}/orderList", 4, account.ORDER_LIST, account.no_order_list),
    _own(f"{V3}/allOrderList", 20, account.ALL_ORDER_LISTS, account.no_rows),
    _own(f"{V3}/openOrderList", 6, NOTHING, account.no_rows),
    _own(f"{V3}/myAllocations", 20, account.MY_ALLOCATIONS, account.no_rows),
]  # fmt: skip

WALLET = [
    _own(f"{SAPI}/capital/config/getall", 10, NOTHING, wallet.coins),
    _own(f"{SAPI}/asset/tradeFee", 1, wallet.TRADE_FEE, wallet.trade_fee),
    _own(f"{SAPI}/asset/assetDetail", 1, wallet.ASSETS, wallet.asset_detail),
    Endpoint(
        "POST", "/sapi/v3/asset/getUserAsset", Security.USER_DATA, 5, wallet.ASSETS,
        wallet.user_assets,
    ),
    _own(f"{SAPI}/account/status", 1, NOTHING, wallet.account_status),
    _own(f"{SAPI}/account/apiTradingStatus", 1, NOTHING, wallet.trading_status),
    _own(f"{SAPI}/account/apiRestrictions", 1, NOTHING, wallet.key_permissions),
    _own(f"{SAPI}/capital/deposit/address", 10, depositing.ADDRESS, depositing.address),
    _own(f"{SAPI}/capital/deposit/address/list", 10, depositing.ADDRESS, depositing.addresses),
    _own(f"{SAPI}/capital/deposit/hisrec", 1, depositing.HISTORY, depositing.history),
    _own(f"{SAPI}/capital/withdraw/history", 1, withdrawing.HISTORY, withdrawing.history),
    Endpoint(
        "POST", f"{SAPI}/capital/withdraw/apply", Security.WITHDRAW, 100, withdrawing.APPLY,
        withdrawing.apply,
    ),
    _own(f"{SAPI}/spot/delist-schedule", 100, NOTHING, wallet.delistings),
]  # fmt: skip

UNSUPPORTED = [
    Endpoint(method, f"{V3}/{path}", Security.TRADE, 1, LIST_ORDERS, unsupported(text))
    for method, path, text in (
        ("POST", "order/oco", "OCO orders are not supported for this symbol"),
        ("POST", "orderList/oco", "OCO orders are not supported for this symbol"),
        ("POST", "orderList/oto", "OTO orders are not supported for this symbol."),
        ("POST", "orderList/otoco", "OTO orders are not supported for this symbol."),
        ("POST", "orderList/opo", "OPO orders are not supported for this symbol."),
        ("POST", "orderList/opoco", "OPO orders are not supported for this symbol."),
        ("DELETE", "orderList", "Unknown order list sent."),
        ("POST", "sor/order", "SOR is not supported for this symbol."),
        ("POST", "sor/order/test", "SOR is not supported for this symbol."),
    )
]

ENDPOINTS: list[Endpoint] = [*PUBLIC, *TRADING, *ACCOUNT, *WALLET, *UNSUPPORTED]
