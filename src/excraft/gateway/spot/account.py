"""What a member may ask about the own account: balances, orders, trades, fees, limits."""

from excraft.gateway import errors
from excraft.gateway.auth import Caller
from excraft.gateway.exchange import Exchange
from excraft.gateway.spot import params, shapes
from excraft.gateway.spot.exchange_info import exchange_filters, symbol_filters
from excraft.gateway.spot.orders import market_of
from excraft.gateway.spot.params import Param, Spec
from excraft.gateway.spot.trading import commission_rates, no_discount, rate_text
from excraft.parameters import RULES, AccountState, Parameter
from excraft.store.history import HistoryUnavailable

DAY_MS = 86_400_000
ROWS = params.bounded(1, clamp=1000)
ACCOUNT = Spec(Param("omitZeroBalances", params.TRUTH))
QUERY = Spec(
    Param("symbol", params.SYMBOL, True),
    Param("orderId", params.LONG),
    Param("origClientOrderId", params.CLIENT_ID),
)
OPEN_ORDERS = Spec(Param("symbol", params.SYMBOL))
ALL_ORDERS = Spec(
    Param("symbol", params.SYMBOL, True),
    Param("orderId", params.LONG),
    Param("startTime", params.TIME),
    Param("endTime", params.TIME),
    Param("limit", ROWS),
)
MY_TRADES = ALL_ORDERS + Spec(Param("fromId", params.LONG))
ORDER_LIST = Spec(Param("orderListId", params.LONG), Param("origClientOrderId", params.CLIENT_ID))
ALL_ORDER_LISTS = Spec(
    Param("fromId", params.LONG),
    Param("startTime", params.TIME),
    Param("endTime", params.TIME),
    Param("limit", ROWS),
)
MY_ALLOCATIONS = Spec(
    Param("symbol", params.SYMBOL, True),
    Param("startTime", params.TIME),
    Param("endTime", params.TIME),
    Param("fromAllocationId", params.LONG),
    Param("limit", ROWS),
    Param("orderId", params.LONG),
)


async def account(exchange: Exchange, caller: Caller, values: dict) -> dict:
    """GET account, account.status. Rates are those of the first market for the caller's tier;
    account/commission tells them market by market."""
    engine = exchange.engine
    listings, balances = engine.listings, engine.all_shown(caller.account)
    rates = _account_rates(exchange, caller)
    omit = values.get("omitZeroBalances", False)
    shown = []
    for asset, (free, locked) in zip(listings.assets, balances, strict=True):
        if not omit or free or locked:
            shown.append(
                {"asset": asset.symbol, "free": asset.text(free), "locked": asset.text(locked)}
            )
    state = listings.account_parameter(caller.account, Parameter.ACCOUNT_STATE)
    return {
        "makerCommission": -(-rates[0] // 100),
        "takerCommission": -(-rates[1] // 100),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": _four_rates(rate_text(rates[0]), rate_text(rates[1])),
        "canTrade": state == AccountState.ACTIVE,
        "canWithdraw": exchange.withdrawals is not None and state == AccountState.ACTIVE,
        "canDeposit": exchange.custody is not None,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": exchange.now_ms,
        "accountType": "SPOT",
        "balances": shown,
        "permissions": ["SPOT"],
        "uid": caller.member_id,
    }


def _account_rates(exchange: Exchange, caller: Caller) -> tuple[int, int]:
    """(maker, taker) parts per million."""
    listings = exchange.engine.listings
    if not listings.markets:
        return RULES[Parameter.MAKER_FEE_PPM].default, RULES[Parameter.TAKER_FEE_PPM].default
    tier = listings.account_parameter(caller.account, Parameter.FEE_TIER)
    return listings.markets[0].fee_ppm(tier)


def _four_rates(maker: str, taker: str) -> dict:
    return {"maker": maker, "taker": taker, "buyer": shapes.ZERO, "seller": shapes.ZERO}


async def commission(exchange: Exchange, caller: Caller, values: dict) -> dict:
    """GET account/commission, account.commission."""
    market = market_of(exchange.engine.listings, values["symbol"])
    rates = commission_rates(exchange, caller, market)
    return {
        "symbol": market.symbol,
        "standardCommission": _four_rates(rates["maker"], rates["taker"]),
        "specialCommission": _four_rates(shapes.ZERO, shapes.ZERO),
        "taxCommission": _four_rates(shapes.ZERO, shapes.ZERO),
        "discount": no_discount(),
    }


async def order_limits(exchange: Exchange, caller: Caller, values: dict) -> list[dict]:
    """GET rateLimit/order, account.rateLimits.orders."""
    return exchange.limits.order_usage(caller.account)


async def my_filters(exchange: Exchange, caller: Caller, values: dict) -> dict:
    """GET myFilters, myFilters: nobody has filters of the own."""
    market = market_of(exchange.engine.listings, values["symbol"])
    return {
        "exchangeFilters": exchange_filters(exchange.engine.listings),
        "symbolFilters": symbol_filters(market),
        "assetFilters": [],
    }


# ---- orders and trades


async def caught_up(exchange: Exchange) -> None:
    """Wait until history knows everything that was acknowledged; raises Unavailable."""
    try:
        await exchange.history.wait(
            exchange.engine.position, timeout_s=exchange.settings.history_timeout_s
        )
    except TimeoutError:
        raise errors.history_behind() from None


async def query_order(exchange: Exchange, caller: Caller, values: dict) -> dict:
    """GET order, order.status: from memory when it is open or newly closed, else from history."""
    market = market_of(exchange.engine.listings, values["symbol"])
    order_id, client_id = values.get("orderId"), values.get("origClientOrderId", "")
    if order_id is None and not client_id:
        raise errors.either("origClientOrderId", "orderId")
    where, known, history = (
        (caller.account, market.number),
        exchange.engine.orders,
        exchange.history,
    )
    if order_id is not None:
        order = known.get(*where, order_id)
        if order is None:
            order = await _from_history(exchange, history.order, *where, order_id)
        if order is not None and client_id and order.client_id != client_id:
            raise errors.wrong_client_id()
    else:
        order = known.by_client(*where, client_id)
        if order is None:
            order = await _from_history(exchange, history.order_by_client, *where, client_id)
    if order is None:
        raise errors.no_such_order()
    return shapes.order_shown(market, order)


async def _from_history(exchange: Exchange, question, *arguments, **span):
    await caught_up(exchange)
    try:
        return await question(*arguments, **span)
    except HistoryUnavailable:
        raise errors.history_behind() from None


async def open_orders(exchange: Exchange, caller: Caller, values: dict) -> list[dict]:
    """GET openOrders, openOrders.status."""
    listings, market = exchange.engine.listings, None
    if "symbol" in values:
        market = market_of(listings, values["symbol"]).number
    found = exchange.engine.orders.open(caller.account, market)
    return [shapes.order_shown(listings.markets[order.market], order) for order in found]


async def all_orders(exchange: Exchange, caller: Caller, values: dict) -> list[dict]:
    """GET allOrders, allOrders."""
    market = market_of(exchange.engine.listings, values["symbol"])
    found = await _from_history(
        exchange, exchange.history.orders, caller.account, market.number,
        from_id=values.get("orderId"), limit=values.get("limit", 500), **_times(values),
    )  # fmt: skip
    return [shapes.order_shown(market, order) for order in found]


async def my_trades(exchange: Exchange, caller: Caller, values: dict) -> list[dict]:
    """GET myTrades, myTrades."""
    listings = exchange.engine.listings
    market = market_of(listings, values["symbol"])
    if "fromId" in values and ("startTime" in values or "endTime" in values):
        raise errors.bad_combination()
    found = await _from_history(
        exchange, exchange.history.fills, caller.account, market.number,
        order_id=values.get("orderId"), from_id=values.get("fromId"),
        limit=values.get("limit", 500), **_times(values),
    )  # fmt: skip
    return [shapes.my_trade(market, fill, listings.assets[fill.fee_asset]) for fill in found]


def _times(values: dict) -> dict:
    """start_ms and end_ms; raises BadParameter over 24 hours or backwards."""
    start, end = values.get("startTime"), values.get("endTime")
    if start is not None and end is not None:
        if start > end:
            raise errors.bad_combination()
        if end - start > DAY_MS:
            raise errors.BadParameter(-1127, "More than 24 hours between startTime and endTime.")
    return {"start_ms": start, "end_ms": end}


# ---- order lists and allocations: there are none yet, and that is what is told


async def no_rows(exchange: Exchange, caller: Caller, values: dict) -> list:
    """allOrderList, openOrderList, myAllocations."""
    if "symbol" in values:
        market_of(exchange.engine.listings, values["symbol"])
    return []


async def no_order_list(exchange: Exchange, caller: Caller, values: dict) -> dict:
    """GET orderList."""
    if not values:
        raise errors.either("origClientOrderId", "orderListId")
    raise errors.Refused(-2013, "Order list does not exist.")
