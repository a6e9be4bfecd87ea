"""Phase 1 of the plain twin: check each trading command and hold what it can cost at most."""

from dataclasses import dataclass

from excraft.kernel.reference_state import ASKS, BIDS, LIMIT_TYPES, STOP_TYPES, Market, Order, State
from excraft.messages.commands import OrderType, SelfTrade, Side, TimeInForce
from excraft.messages.reasons import Reason
from excraft.parameters import LOTS_MAX, AccountState, MarketState, Parameter
from excraft.units import AMOUNT_MAX, band

UNLIMITED = 1 << 80  # lots: more than any market can hold


@dataclass(frozen=True, slots=True)
class Start:
    """What the capacity checks count as of the record's start, taken after phase 0."""

    open_orders: int
    balances: int


def reserve(state: State, start: Start, index: int, c) -> Order | Reason:
    """Accept the PLACE_ORDER at `index` of the record and hold its cost, or say why not."""
    reason = _admission(state, c)
    if reason:
        return reason
    market = state.markets[c.market]
    if _malformed(c):
        return Reason.MALFORMED_ORDER
    reference = _reference(market, c)
    reason = _filters(market, c, reference) or _capacity(state, start, index, c)
    if reason:
        return reason
    order = _order(state, market, index, c, reference)
    paid, received = (market.quote, market.base) if c.side == Side.BUY else (
        market.base, market.quote)  # fmt: skip
    reason = _hold(order, market, reference, state.free.get((c.account, paid), 0), c.amount)
    if reason:
        return reason
    state.touch(c.account, paid)
    state.touch(c.account, received)
    state.free[c.account, paid] -= order.hold
    state.held[c.account, paid] += order.hold
    account = state.accounts[c.account]
    account.open_orders += 1
    if order.client_key:
        account.by_key[order.client_key] = order
    state.orders[order.id] = order
    return order


def _admission(state: State, c) -> Reason:
    """Checks 1 to 5."""
    if c.account not in range(len(state.accounts)):
        return Reason.UNKNOWN_ACCOUNT
    account = state.accounts[c.account].parameters
    if account[Parameter.ACCOUNT_STATE] == AccountState.FROZEN:
        return Reason.ACCOUNT_FROZEN
    unverified = account[Parameter.KYC_LEVEL] == 0
    if unverified and not state.parameters[Parameter.UNVERIFIED_MAY_TRADE]:
        return Reason.NOT_VERIFIED
    if c.market not in range(len(state.markets)):
        return Reason.UNKNOWN_MARKET
    market = state.markets[c.market].parameters
    if market[Parameter.MARKET_STATE] != MarketState.TRADING:
        return Reason.MARKET_NOT_TRADING
    if market[Parameter.MARKET_POOL] not in (0, account[Parameter.ACCOUNT_POOL]):
        return Reason.NOT_A_MEMBER
    return Reason.NONE


def _malformed(c) -> bool:
    """Check 6."""
    if (
        c.side not in set(Side)
        or c.order_type not in set(OrderType)
        or c.time_in_force not in set(TimeInForce)
        or c.self_trade not in set(SelfTrade)
    ):
        return True
    if (c.stop_price == 0) == (c.order_type in STOP_TYPES):
        return True
    match c.order_type:
        case OrderType.LIMIT | OrderType.STOP_LOSS_LIMIT | OrderType.TAKE_PROFIT_LIMIT:
            return c.amount != 0
        case OrderType.LIMIT_MAKER:
            return c.amount != 0 or c.time_in_force != TimeInForce.GTC
        case OrderType.MARKET:
            one = (c.quantity != 0) != (c.amount != 0)
            return c.price != 0 or c.time_in_force != TimeInForce.GTC or not one
        case OrderType.STOP_LOSS | OrderType.TAKE_PROFIT:
            return c.price != 0 or c.amount != 0 or c.time_in_force != TimeInForce.GTC


def _reference(market: Market, c) -> int:
    """Price from which the band of an order without a limit is measured; 0: there is none."""
    if c.order_type in (OrderType.STOP_LOSS, OrderType.TAKE_PROFIT):
        return c.stop_price
    best = market.sides[ASKS if c.side == Side.BUY else BIDS].first()
    return best.price if best else market.last_price


def _cap(market: Market, c, reference: int) -> int:
    """Worst price the order may trade at."""
    if c.order_type in LIMIT_TYPES:
        return c.price
    move = band(reference, market.parameters[Parameter.MARKET_BAND_PPM])
    return reference + move if c.side == Side.BUY else max(1, reference - move)


def _filters(market: Market, c, reference: int) -> Reason:
    """Checks 7 to 10."""
    limits, q = market.parameters, market.quote_atoms_per_tick_lot
    prices = range(limits[Parameter.MIN_PRICE_TICKS], limits[Parameter.MAX_PRICE_TICKS] + 1)
    if c.order_type in LIMIT_TYPES and c.price not in prices:
        return Reason.PRICE_OUT_OF_RANGE
    if c.order_type in STOP_TYPES and c.stop_price not in prices:
        return Reason.PRICE_OUT_OF_RANGE
    least = limits[Parameter.MIN_NOTIONAL_ATOMS]
    if c.order_type == OrderType.MARKET and c.amount:
        if not 1 <= c.amount <= AMOUNT_MAX:
            return Reason.QUANTITY_OUT_OF_RANGE
        return Reason.NOTIONAL_TOO_SMALL if c.amount < least else Reason.NONE
    if not limits[Parameter.MIN_LOTS] <= c.quantity <= limits[Parameter.MAX_LOTS]:
        return Reason.QUANTITY_OUT_OF_RANGE
    if c.order_type not in LIMIT_TYPES and c.quantity > limits[Parameter.MAX_MARKET_LOTS]:
        return Reason.QUANTITY_OUT_OF_RANGE
    price = c.price if c.order_type in LIMIT_TYPES else reference
    if c.order_type in LIMIT_TYPES and price * c.quantity * q > AMOUNT_MAX:
        return Reason.NOTIONAL_TOO_LARGE
    if price != 0 and price * c.quantity * q < least:
        return Reason.NOTIONAL_TOO_SMALL
    return Reason.NONE


def _capacity(state: State, start: Start, index: int, c) -> Reason:
    """Checks 11 to 13."""
    limits, account = state.parameters, state.accounts[c.account]
    if (
        start.open_orders + index >= limits[Parameter.MAX_OPEN_ORDERS]
        or start.balances + 2 * index + 2 > limits[Parameter.MAX_BALANCES]
    ):
        return Reason.EXCHANGE_FULL
    most = limits[Parameter.MAX_OPEN_ORDERS_PER_ACCOUNT]
    if account.parameters[Parameter.KYC_LEVEL] == 0:
        most = min(most, limits[Parameter.UNVERIFIED_OPEN_ORDERS_MAX])
    if account.open_orders >= most:
        return Reason.TOO_MANY_OPEN_ORDERS
    if c.client_key and c.client_key in account.by_key:
        return Reason.DUPLICATE_CLIENT_ID
    return Reason.NONE


def _order(state: State, market: Market, index: int, c, reference: int) -> Order:
    """The order as asked for; its hold and budget are still open."""
    return Order(
        id=state.sequence + index,
        account=c.account,
        market=c.market,
        group=state.accounts[c.account].parameters[Parameter.TRADE_GROUP],
        side=c.side,
        type=c.order_type,
        time_in_force=c.time_in_force,
        self_trade=c.self_trade,
        price=c.price,
        quantity=c.quantity,
        left=c.quantity,
        stop_price=c.stop_price,
        client_key=c.client_key,
        by_amount=c.amount != 0,
        hold=0,
        budget=None,
        cap=None if reference == 0 and c.order_type == OrderType.MARKET
        else _cap(market, c, reference),
    )  # fmt: skip


def _hold(order: Order, market: Market, reference: int, free: int, amount: int) -> Reason:
    """Check 14, and for MARKET SELL by amount the end of check 10: sets hold, left and budget."""
    q, lot = market.quote_atoms_per_tick_lot, market.base_atoms_per_lot
    if order.by_amount and order.side == Side.BUY:
        order.hold = order.budget = amount
        order.left = UNLIMITED
    elif order.by_amount:
        order.budget, order.left = amount, 0
        if order.cap is not None:
            lots = amount // (order.cap * q)
            if lots == 0:
                return Reason.NOTIONAL_TOO_SMALL
            order.left = min(lots, LOTS_MAX, free // lot)
            if order.left == 0:
                return Reason.INSUFFICIENT_FUNDS
        order.hold = order.left * lot
    elif order.side == Side.SELL or order.type in LIMIT_TYPES:
        order.hold = order.pays(order.quantity, order.price, market)
    elif order.cap is None:
        order.budget = 0
    else:
        order.hold = order.budget = min(free, order.pays(order.quantity, order.cap, market))
        if order.hold == 0:
            return Reason.INSUFFICIENT_FUNDS
    return Reason.INSUFFICIENT_FUNDS if order.hold > free else Reason.NONE
