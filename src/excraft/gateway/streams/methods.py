"""The methods of the WebSocket API, each with the request function that REST uses, too."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from excraft.gateway import auth
from excraft.gateway.exchange import Exchange
from excraft.gateway.spot import account, exchange_info, market, orders, replacing, trading
from excraft.gateway.spot.params import NOTHING, SYMBOL_ONLY, Spec

Function = Callable[[Exchange, Any, dict], Awaitable[Any]]
Weight = int | Callable[[Mapping[str, str]], int]


class Method(NamedTuple):
    """`permission` None: for everybody. `orders`: its replies show the order limits.

    `free`: the weight is given back when it succeeds.
    """

    function: Function
    spec: Spec
    weight: Weight
    permission: str | None = None
    orders: bool = False
    free: bool = False


def _open_orders_weight(sent: Mapping[str, str]) -> int:
    return 6 if "symbol" in sent else 80


def _my_trades_weight(sent: Mapping[str, str]) -> int:
    return 5 if "orderId" in sent else 20


def _test_weight(sent: Mapping[str, str]) -> int:
    return 20 if sent.get("computeCommissionRates") == "true" else 1


def _trade(function: Function, spec: Spec, weight: Weight = 1) -> Method:
    return Method(function, spec, weight, auth.TRADE, orders=True, free=True)


def _own(function: Function, spec: Spec, weight: Weight) -> Method:
    return Method(function, spec, weight, auth.READ)


METHODS: dict[str, Method] = {
    "ping": Method(exchange_info.ping, NOTHING, 1),
    "time": Method(exchange_info.server_time, NOTHING, 1),
    "exchangeInfo": Method(exchange_info.exchange_info, exchange_info.EXCHANGE_INFO, 20),
    "depth": Method(market.depth, market.DEPTH, market.depth_weight),
    "trades.recent": Method(market.trades, market.TRADES, 25),
    "trades.historical": Method(market.trades, market.OLD_TRADES, 25),
    "trades.aggregate": Method(market.agg_trades, market.AGG_TRADES, 4),
    "klines": Method(market.klines, market.KLINES, 2),
    "uiKlines": Method(market.klines, market.KLINES, 2),
    "avgPrice": Method(market.average_price, SYMBOL_ONLY, 2),
    "ticker": Method(market.ticker_window, market.TICKER_WINDOW, market.window_weight),
    "ticker.24hr": Method(market.ticker_24h, market.TICKER_24H, market.day_weight),
    "ticker.tradingDay": Method(market.ticker_day, market.TICKER_DAY, market.window_weight),
    "ticker.price": Method(market.ticker_price, market.SYMBOLS, market.price_weight),
    "ticker.book": Method(market.ticker_book, market.SYMBOLS, market.price_weight),
    "order.place": _trade(trading.place_order, orders.PLACE),
    "order.cancel": _trade(trading.cancel_order, trading.CANCEL),
    "order.cancelReplace": _trade(replacing.replace_order, replacing.REPLACE),
    "order.amend.keepPriority": _trade(trading.amend_order, trading.AMEND, 4),
    "openOrders.cancelAll": _trade(trading.cancel_all, SYMBOL_ONLY),
    "order.test": Method(trading.test_order, trading.TEST, _test_weight, auth.TRADE),
    "order.status": _own(account.query_order, account.QUERY, 4),
    "openOrders.status": _own(account.open_orders, account.OPEN_ORDERS, _open_orders_weight),
    "allOrders": _own(account.all_orders, account.ALL_ORDERS, 20),
    "myTrades": _own(account.my_trades, account.MY_TRADES, _my_trades_weight),
    "account.status": _own(account.account, account.ACCOUNT, 20),
    "account.commission": _own(account.commission, SYMBOL_ONLY, 20),
    "account.rateLimits.orders": _own(account.order_limits, NOTHING, 40),
    "myFilters": _own(account.my_filters, SYMBOL_ONLY, 40),
    "orderList.status": _own(account.no_order_list, account.ORDER_LIST, 4),
    "openOrderLists.status": _own(account.no_rows, NOTHING, 6),
    "allOrderLists": _own(account.no_rows, account.ALL_ORDER_LISTS, 20),
    "myAllocations": _own(account.no_rows, account.MY_ALLOCATIONS, 20),
}
