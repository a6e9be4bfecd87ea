"""From parameters to a command: which parameters an order type needs, and the market's filters.

Everything that needs no state is checked here, in the order in which a client would fix it; what
needs state (funds, members, open orders) is the kernel's to refuse.
"""

from typing import Any, NamedTuple

from excraft.engine.listings import Market
from excraft.gateway import errors
from excraft.gateway.spot import params
from excraft.gateway.spot.params import Param, Spec
from excraft.messages.commands import OrderType, SelfTrade, TimeInForce, pack_place
from excraft.parameters import Parameter
from excraft.units import AMOUNT_MAX, SCALE

PLACE = Spec(
    Param("symbol", params.SYMBOL, True),
    Param("side", params.SIDE, True),
    Param("type", params.ORDER_TYPE, True),
    Param("timeInForce", params.TIME_IN_FORCE),
    Param("quantity", params.DECIMAL),
    Param("quoteOrderQty", params.DECIMAL),
    Param("price", params.DECIMAL),
    Param("newClientOrderId", params.CLIENT_ID),
    Param("stopPrice", params.DECIMAL),
    Param("newOrderRespType", params.RESPONSE),
    Param("selfTradePreventionMode", params.SELF_TRADE),
    Param("strategyId", params.LONG),
    Param("strategyType", params.STRATEGY_TYPE),
    Param("icebergQty", params.DECIMAL),
    Param("trailingDelta", params.LONG),
    Param("pegPriceType", params.PEG_PRICE),
    Param("pegOffsetType", params.PEG_OFFSET),
    Param("pegOffsetValue", params.bounded(0, 100)),
)
DEFAULT_SELF_TRADE = SelfTrade.NONE

# Per type: (needed, not allowed). quantity of MARKET and stopPrice have rules of their own.
_TYPES: dict[OrderType, tuple[tuple[str, ...], tuple[str, ...]]] = {
    OrderType.LIMIT: (("timeInForce", "quantity", "price"), ("quoteOrderQty", "stopPrice")),
    OrderType.MARKET: ((), ("price", "timeInForce", "stopPrice")),
    OrderType.LIMIT_MAKER: (("quantity", "price"), ("timeInForce", "quoteOrderQty", "stopPrice")),
    OrderType.STOP_LOSS: (("quantity",), ("price", "timeInForce", "quoteOrderQty")),
    OrderType.STOP_LOSS_LIMIT: (("timeInForce", "quantity", "price"), ("quoteOrderQty",)),
    OrderType.TAKE_PROFIT: (("quantity",), ("price", "timeInForce", "quoteOrderQty")),
    OrderType.TAKE_PROFIT_LIMIT: (("timeInForce", "quantity", "price"), ("quoteOrderQty",)),
}
_STOPS = frozenset(t for t in OrderType if t >= OrderType.STOP_LOSS)
_AT_MARKET = frozenset((OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT))
_UNSUPPORTED = (
    ("icebergQty", "Iceberg orders are not supported for this symbol."),
    ("trailingDelta", "Trailing stop orders are not supported for this symbol."),
    ("pegPriceType", "Pegged orders are not supported for this symbol."),
    ("pegOffsetType", "Pegged orders are not supported for this symbol."),
    ("pegOffsetValue", "Pegged orders are not supported for this symbol."),
)
_UNSUPPORTED_NAMES = frozenset(name for name, _ in _UNSUPPORTED)


class Prepared(NamedTuple):
    """An order that passed every check which needs no state."""

    market: Market
    row: bytes
    client_id: str
    order_type: OrderType
    side: int


def market_of(listings: Any, symbol: str) -> Market:
    """The market of a symbol; raises BadParameter."""
    market = listings.market(symbol)
    if market is None:
        raise errors.bad_symbol()
    return market


def prepare(listings: Any, account: int, values: dict) -> Prepared:
    """The command row of a PLACE_ORDER; raises ApiError when anything is wrong with it."""
    market = market_of(listings, values["symbol"])
    kind = values["type"]
    _check_combination(kind, values)
    price = stop_price = quantity = amount = 0
    if "price" in values:
        price = price_ticks(market, values["price"], "price")
    if kind in _STOPS:
        stop_price = price_ticks(market, values["stopPrice"], "stopPrice")
    if "quoteOrderQty" in values:
        amount = _amount_atoms(market, values["quoteOrderQty"])
    else:
        quantity = _quantity_lots(market, values["quantity"], kind in _AT_MARKET)
        _check_notional(market, price or stop_price, quantity, limited=price > 0)
    client_id = values.get("newClientOrderId", "")
    row = pack_place(
        account, market.number, values["side"], kind, values.get("timeInForce", TimeInForce.GTC),
        values.get("selfTradePreventionMode", DEFAULT_SELF_TRADE), price, quantity, amount,
        stop_price, client_id,
    )  # fmt: skip
    return Prepared(market, row, client_id, kind, values["side"])


def _check_combination(kind: OrderType, values: dict) -> None:
    needed, forbidden = _TYPES[kind]
    for name in needed:
        if name not in values:
            raise errors.missing(name)
    if not _UNSUPPORTED_NAMES.isdisjoint(values):
        raise next(errors.not_supported(text) for name, text in _UNSUPPORTED if name in values)
    for name in forbidden:
        if name in values:
            raise errors.not_required(name)
    if kind is OrderType.MARKET:
        if "quantity" not in values and "quoteOrderQty" not in values:
            raise errors.either("quantity", "quoteOrderQty")
        if "quantity" in values and "quoteOrderQty" in values:
            raise errors.bad_combination()
    elif kind in _STOPS and "stopPrice" not in values:
        raise errors.either("stopPrice", "trailingDelta")


def price_ticks(market: Market, price_e8: int, name: str) -> int:
    """Ticks of a price; raises Refused when zero, between two ticks or outside the limits."""
    if price_e8 == 0:
        raise errors.Refused(-1013, f"Invalid {name}.")
    ticks, rest = divmod(price_e8, market.tick_e8)
    limits = market.parameters
    if rest or not limits[Parameter.MIN_PRICE_TICKS] <= ticks <= limits[Parameter.MAX_PRICE_TICKS]:
        raise errors.filter_failure("PRICE_FILTER")
    return ticks


def _quantity_lots(market: Market, quantity_e8: int, at_market: bool) -> int:
    if quantity_e8 == 0:
        raise errors.Refused(-1013, "Invalid quantity.")
    lots, rest = divmod(quantity_e8, market.lot_e8)
    limits = market.parameters
    if rest or not limits[Parameter.MIN_LOTS] <= lots <= limits[Parameter.MAX_LOTS]:
        raise errors.filter_failure("LOT_SIZE")
    if at_market and lots > limits[Parameter.MAX_MARKET_LOTS]:
        raise errors.filter_failure("MARKET_LOT_SIZE")
    return lots


def _amount_atoms(market: Market, amount_e8: int) -> int:
    """Quote atoms of quoteOrderQty, which has 8 decimals whatever the asset has."""
    if amount_e8 == 0:
        raise errors.Refused(-1013, "Invalid quote order qty.")
    more = market.quote_decimals - SCALE
    atoms, rest = amount_e8 * 10**more if more >= 0 else 0, 0
    if more < 0:
        atoms, rest = divmod(amount_e8, 10**-more)
    if rest:
        raise errors.too_precise("quoteOrderQty")
    if not market.parameters[Parameter.MIN_NOTIONAL_ATOMS] <= atoms <= AMOUNT_MAX:
        raise errors.filter_failure("NOTIONAL")
    return atoms


def _check_notional(market: Market, ticks: int, lots: int, *, limited: bool) -> None:
    """`limited`: the price is a limit, so the value may not pass what money can hold."""
    if not ticks:
        return  # a market order: the kernel knows the price it would get
    value = ticks * lots * market.quote_atoms_per_tick_lot
    if value < market.parameters[Parameter.MIN_NOTIONAL_ATOMS] or (limited and value > AMOUNT_MAX):
        raise errors.filter_failure("NOTIONAL")


def new_lots(market: Market, quantity_e8: int) -> int:
    """Lots of an amendment's new quantity: on the step, within bounds; the kernel does the rest."""
    if quantity_e8 == 0:
        raise errors.Refused(-1013, "Invalid quantity.")
    lots, rest = divmod(quantity_e8, market.lot_e8)
    limits = market.parameters
    if rest or not limits[Parameter.MIN_LOTS] <= lots <= limits[Parameter.MAX_LOTS]:
        raise errors.filter_failure("LOT_SIZE")
    return lots
