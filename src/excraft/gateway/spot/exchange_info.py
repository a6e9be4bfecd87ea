"""What is traded, in which steps and bounds: exchangeInfo, computed from the listings."""

from typing import Any

import msgspec

from excraft.engine.listings import Listings, Market
from excraft.gateway import errors, limits
from excraft.gateway.exchange import Exchange
from excraft.gateway.spot import params
from excraft.gateway.spot.orders import DEFAULT_SELF_TRADE, market_of
from excraft.gateway.spot.params import Param, Spec
from excraft.messages.commands import OrderType, SelfTrade
from excraft.parameters import MarketState, Parameter
from excraft.units import AMOUNT_MAX, SCALE

EXCHANGE_INFO = Spec(
    Param("symbol", params.SYMBOL),
    Param("symbols", params.SYMBOLS),
    Param("permissions", params.NAME),
    Param("showPermissionSets", params.TRUTH),
    Param("symbolStatus", params.STATUS),
)
_ORDER_TYPES = sorted(t.name for t in OrderType)
_SELF_TRADES = [s.name for s in SelfTrade]


def status_of(market: Market) -> str:
    """TRADING, HALT, BREAK, CANCEL_ONLY or END_OF_DAY."""
    return MarketState(market.parameters[Parameter.MARKET_STATE]).name


def symbol_filters(market: Market) -> list[dict]:
    """The filters of one market, PRICE_FILTER first."""
    limits_of = market.parameters
    lot = market.quantity_text(1)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": market.price_text(limits_of[Parameter.MIN_PRICE_TICKS]),
            "maxPrice": market.price_text(limits_of[Parameter.MAX_PRICE_TICKS]),
            "tickSize": market.price_text(1),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": market.quantity_text(limits_of[Parameter.MIN_LOTS]),
            "maxQty": market.quantity_text(limits_of[Parameter.MAX_LOTS]),
            "stepSize": lot,
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": market.quantity_text(limits_of[Parameter.MIN_LOTS]),
            "maxQty": market.quantity_text(limits_of[Parameter.MAX_MARKET_LOTS]),
            "stepSize": lot,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": market.quote_text(limits_of[Parameter.MIN_NOTIONAL_ATOMS]),
            "applyMinToMarket": True,
            "maxNotional": market.quote_text(AMOUNT_MAX),
            "applyMaxToMarket": False,
            "avgPriceMins": 0,
        },
    ]


def exchange_filters(listings: Listings) -> list[dict]:
    """Filters over all markets together."""
    most = listings.parameters[Parameter.MAX_OPEN_ORDERS_PER_ACCOUNT]
    return [{"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": most}]


def symbol_shown(listings: Listings, market: Market, permission_sets: bool = True) -> dict:
    """One market as exchangeInfo shows it."""
    base, quote = listings.assets[market.base], listings.assets[market.quote]
    base_precision, quote_precision = max(SCALE, base.decimals), max(SCALE, quote.decimals)
    shown = {
        "symbol": market.symbol,
        "status": status_of(market),
        "baseAsset": base.symbol,
        "baseAssetPrecision": base_precision,
        "quoteAsset": quote.symbol,
        "quotePrecision": quote_precision,
        "quoteAssetPrecision": quote_precision,
        "baseCommissionPrecision": base_precision,
        "quoteCommissionPrecision": quote_precision,
        "orderTypes": _ORDER_TYPES,
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": symbol_filters(market),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": DEFAULT_SELF_TRADE.name,
        "allowedSelfTradePreventionModes": _SELF_TRADES,
    }
    if not permission_sets:
        del shown["permissionSets"]
    return shown


async def exchange_info(exchange: Exchange, caller: Any, values: dict) -> dict:
    """GET exchangeInfo, exchangeInfo."""
    listings = exchange.engine.listings
    chosen = _chosen(listings, values)
    permission_sets = values.get("showPermissionSets", True)
    return {
        "timezone": "UTC",
        "serverTime": exchange.now_ms,
        "rateLimits": exchange.limits.shown(
            limits.WEIGHT, limits.ORDERS_10S, limits.ORDERS_1D, limits.RAW
        ),
        "exchangeFilters": exchange_filters(listings),
        "symbols": [symbol_shown(listings, market, permission_sets) for market in chosen],
    }


def _chosen(listings: Listings, values: dict) -> list[Market]:
    ways = [name for name in ("symbol", "symbols", "permissions") if name in values]
    if len(ways) > 1 or ("symbolStatus" in values and {"symbol", "symbols"} & set(ways)):
        raise errors.bad_combination()
    if "symbol" in values:
        return [market_of(listings, values["symbol"])]
    if "symbols" in values:
        return [market_of(listings, symbol) for symbol in values["symbols"]]
    if "permissions" in values and "SPOT" not in _permissions(values["permissions"]):
        return []
    wanted = values.get("symbolStatus")
    return [m for m in listings.markets if wanted is None or status_of(m) == wanted]


def _permissions(text: str) -> list[str]:
    """``SPOT`` or ``["SPOT","MARGIN"]``; raises BadParameter."""
    if not text.startswith("["):
        return [text]
    try:
        return msgspec.json.decode(text, type=list[str])
    except msgspec.DecodeError:
        raise errors.invalid("permissions") from None


async def ping(exchange: Exchange, caller: Any, values: dict) -> dict:
    """GET ping, ping."""
    return {}


async def server_time(exchange: Exchange, caller: Any, values: dict) -> dict:
    """GET time, time."""
    return {"serverTime": exchange.now_ms}
