"""Phase 1: check a trading command against the account and the market, and hold what it can cost.

The checks stand in the order of docs/reference/kernel-rules.md; after the last one nothing fails.
"""

from excraft.kernel.compiled import compiled, i64, nth
from excraft.kernel.funds import (
    add_client,
    balance_key,
    find_balance,
    find_client,
    open_balance,
    partition_of,
)
from excraft.kernel.layout import (
    BOOK_PARTITIONS,
    MARK_BY_AMOUNT,
    NO_BUDGET,
    NO_LIMIT,
)
from excraft.messages.commands import CommandKind, OrderType, TimeInForce
from excraft.messages.reasons import Reason
from excraft.parameters import LOTS_MAX as LOTS_MAX_RULE
from excraft.parameters import AccountState, MarketState, Parameter
from excraft.units import AMOUNT_MAX, PPM

CANCEL_ORDER, CANCEL_ALL = int(CommandKind.CANCEL_ORDER), int(CommandKind.CANCEL_ALL)
PLACE_ORDER, AMEND_ORDER = int(CommandKind.PLACE_ORDER), int(CommandKind.AMEND_ORDER)
LIMIT, MARKET_ORDER, LIMIT_MAKER = (
    int(OrderType.LIMIT),
    int(OrderType.MARKET),
    int(OrderType.LIMIT_MAKER),
)
STOP_LOSS, STOP_LOSS_LIMIT = int(OrderType.STOP_LOSS), int(OrderType.STOP_LOSS_LIMIT)
TAKE_PROFIT, TAKE_PROFIT_LIMIT = int(OrderType.TAKE_PROFIT), int(OrderType.TAKE_PROFIT_LIMIT)
GTC, FOK = int(TimeInForce.GTC), int(TimeInForce.FOK)
FROZEN = int(AccountState.FROZEN)
TRADING = int(MarketState.TRADING)
MAX_OPEN_ORDERS, MAX_BALANCES = int(Parameter.MAX_OPEN_ORDERS), int(Parameter.MAX_BALANCES)
MAX_OPEN_ORDERS_PER_ACCOUNT = int(Parameter.MAX_OPEN_ORDERS_PER_ACCOUNT)

OK = int(Reason.NONE)
UNKNOWN_COMMAND, UNKNOWN_ACCOUNT = int(Reason.UNKNOWN_COMMAND), int(Reason.UNKNOWN_ACCOUNT)
ACCOUNT_FROZEN, UNKNOWN_MARKET = int(Reason.ACCOUNT_FROZEN), int(Reason.UNKNOWN_MARKET)
MARKET_NOT_TRADING, NOT_A_MEMBER = int(Reason.MARKET_NOT_TRADING), int(Reason.NOT_A_MEMBER)
MALFORMED_ORDER = int(Reason.MALFORMED_ORDER)
PRICE_OUT_OF_RANGE = int(Reason.PRICE_OUT_OF_RANGE)
QUANTITY_OUT_OF_RANGE = int(Reason.QUANTITY_OUT_OF_RANGE)
NOTIONAL_TOO_LARGE, NOTIONAL_TOO_SMALL = (
    int(Reason.NOTIONAL_TOO_LARGE),
    int(Reason.NOTIONAL_TOO_SMALL),
)
EXCHANGE_FULL, TOO_MANY_OPEN_ORDERS = int(Reason.EXCHANGE_FULL), int(Reason.TOO_MANY_OPEN_ORDERS)
DUPLICATE_CLIENT_ID = int(Reason.DUPLICATE_CLIENT_ID)
INSUFFICIENT_FUNDS, UNKNOWN_ORDER = int(Reason.INSUFFICIENT_FUNDS), int(Reason.UNKNOWN_ORDER)
NOT_VERIFIED = int(Reason.NOT_VERIFIED)
UNVERIFIED_MAY_TRADE = int(Parameter.UNVERIFIED_MAY_TRADE)
UNVERIFIED_OPEN_ORDERS_MAX = int(Parameter.UNVERIFIED_OPEN_ORDERS_MAX)
LOTS_MAX = int(LOTS_MAX_RULE)
SMALL = 1 << 30

# words of Batch.limits after the 64 exchange parameters
ACCOUNTS, MARKETS, OPEN_AT_START, BALANCES_AT_START, SEQUENCE = 64, 65, 66, 67, 68
LIMIT_WORDS = 72


@compiled
def is_limit(kind):
    """LIMIT, LIMIT_MAKER, STOP_LOSS_LIMIT, TAKE_PROFIT_LIMIT name their own price."""
    return (
        kind == LIMIT or kind == LIMIT_MAKER or kind == STOP_LOSS_LIMIT or kind == TAKE_PROFIT_LIMIT
    )


@compiled
def is_stop(kind):
    """The four types that wait for a stop price."""
    return kind >= STOP_LOSS


@compiled
def well_formed(c):
    """Enumerations in range and only the numbers that the type uses."""
    kind = i64(c.order_type)
    if c.side > 1 or kind < 1 or kind > 7 or c.time_in_force < 1 or c.time_in_force > 3:
        return False
    if c.self_trade > 4 or (c.stop_price != 0) != (kind >= STOP_LOSS):
        return False
    gtc = c.time_in_force == GTC
    if kind == MARKET_ORDER:
        return c.price == 0 and gtc and (c.quantity != 0) != (c.amount != 0)
    if kind == STOP_LOSS or kind == TAKE_PROFIT:
        return c.price == 0 and c.amount == 0 and gtc
    return c.amount == 0 and (gtc or kind != LIMIT_MAKER)


@compiled
def product_within(a, b, c, bound):
    """Whether a x b x c <= bound, for a x b <= 2^62, a, b, c >= 1, without overflow.
    Numbers below 2^30 need no division, as bounds are 2^62."""
    unit = a * b
    return unit | c < SMALL or c <= bound // unit


@compiled
def move(price, band_ppm):
    """price x band / 10^6 rounded down, for prices to 10^12 and bands to 10^7."""
    whole = price // PPM
    return whole * band_ppm + (price - whole * PPM) * band_ppm // PPM


@compiled
def best_price(books, market, side):
    """Best price of a side in ticks, 0 when it is empty."""
    queue = books.queues[nth(market * 4 + side)]
    if queue.count == 0:
        return 0
    key = i64(
        books.levels[nth(market & (BOOK_PARTITIONS - 1))][
            i64(queue.offset) + i64(queue.count) - 1
        ].key
    )
    return key if side == 0 else -key


@compiled
def check_numbers(c, m):
    """Checks 7 and 8: price and quantity within the market's bounds."""
    kind = i64(c.order_type)
    if is_limit(kind) and (c.price < m.min_price or c.price > m.max_price):
        return PRICE_OUT_OF_RANGE
    if is_stop(kind) and (c.stop_price < m.min_price or c.stop_price > m.max_price):
        return PRICE_OUT_OF_RANGE
    if c.amount != 0:
        if c.amount < 1 or c.amount > AMOUNT_MAX:
            return QUANTITY_OUT_OF_RANGE
    elif c.quantity < m.min_lots or c.quantity > m.max_lots:
        return QUANTITY_OUT_OF_RANGE
    elif not is_limit(kind) and c.quantity > m.max_market_lots:
        return QUANTITY_OUT_OF_RANGE
    return OK


@compiled
def check_notional(c, m, reference):
    """Checks 9 and 10: price x quantity neither too large nor too small."""
    unit = i64(m.unit_atoms)
    least = i64(m.min_notional)
    if c.amount != 0:
        return NOTIONAL_TOO_SMALL if c.amount < least else OK
    price = i64(c.price)
    if not is_limit(i64(c.order_type)):
        price = reference
    elif not product_within(price, unit, i64(c.quantity), AMOUNT_MAX):
        return NOTIONAL_TOO_LARGE
    if (
        least > 0
        and price > 0
        and product_within(price, unit, i64(c.quantity), AMOUNT_MAX)
        and price * unit * i64(c.quantity) < least
    ):
        return NOTIONAL_TOO_SMALL
    return OK


@compiled
def check_room(owner, index, limits):
    """Checks 11 and 12: open orders and balances, of the exchange and of the account."""
    if limits[OPEN_AT_START] + index >= limits[MAX_OPEN_ORDERS]:
        return EXCHANGE_FULL
    if limits[BALANCES_AT_START] + 2 * index + 2 > limits[MAX_BALANCES]:
        return EXCHANGE_FULL
    if owner.open_orders >= limits[MAX_OPEN_ORDERS_PER_ACCOUNT]:
        return TOO_MANY_OPEN_ORDERS
    if owner.level == 0 and owner.open_orders >= limits[UNVERIFIED_OPEN_ORDERS_MAX]:
        return TOO_MANY_OPEN_ORDERS
    return OK


@compiled
def measure_hold(c, m, reference, free, work):
    """Check 14: fills in cap, left, budget and held of `work`; a Reason when funds do not do."""
    buy = c.side == 0
    kind = i64(c.order_type)
    unit, lot = i64(m.unit_atoms), i64(m.lot_atoms)
    quantity, amount = i64(c.quantity), i64(c.amount)
    work.left = quantity
    work.budget = NO_BUDGET
    if is_limit(kind):
        work.cap = c.price
        work.held = i64(c.price) * unit * quantity if buy else quantity * lot
        return INSUFFICIENT_FUNDS if free < work.held else OK
    cap = 0
    if reference > 0:
        step = move(reference, i64(m.band_ppm))
        cap = reference + step if buy else max(1, reference - step)
    work.cap = cap
    if amount == 0 and not buy:
        work.held = quantity * lot
        return INSUFFICIENT_FUNDS if free < work.held else OK
    if amount == 0:
        held = 0
        if cap > 0:
            enough = cap <= AMOUNT_MAX // unit and product_within(cap, unit, quantity, AMOUNT_MAX)
            held = min(free, cap * unit * quantity) if enough else free
            if held == 0:
                return INSUFFICIENT_FUNDS
        work.held = held
        work.budget = held
        return OK
    work.budget = amount
    if buy:
        work.left = NO_LIMIT
        work.held = amount
        return INSUFFICIENT_FUNDS if free < amount else OK
    lots = 0
    if cap > 0:
        lots = amount // (cap * unit) if cap <= AMOUNT_MAX // unit else 0
        if lots == 0:
            return NOTIONAL_TOO_SMALL
        lots = min(lots, LOTS_MAX, free // lot)
        if lots == 0:
            return INSUFFICIENT_FUNDS
    work.left = lots
    work.held = lots * lot
    return OK


@compiled
def take_order(c, order_id, work):
    """What the order says of itself."""
    work.id = order_id
    work.price = c.price
    work.quantity = c.quantity
    work.stop_price = c.stop_price
    work.client_key = c.client_key
    work.order_type = c.order_type
    work.tif = c.time_in_force
    work.stp = c.self_trade
    work.marks = MARK_BY_AMOUNT if c.amount != 0 else 0


@compiled
def reserve_place(funds, books, c, index, limits, work):
    """The reason of a refusal, or OK with the hold taken and `work` filled."""
    account, market = i64(c.account), i64(c.market)
    if account < 0 or account >= limits[ACCOUNTS]:
        return UNKNOWN_ACCOUNT
    owner = funds.accounts[nth(account)]
    if owner.state == FROZEN:
        return ACCOUNT_FROZEN
    if owner.level == 0 and limits[UNVERIFIED_MAY_TRADE] == 0:
        return NOT_VERIFIED
    if market < 0 or market >= limits[MARKETS]:
        return UNKNOWN_MARKET
    m = books.markets[nth(market)]
    if m.state != TRADING:
        return MARKET_NOT_TRADING
    if m.pool != 0 and m.pool != owner.pool:
        return NOT_A_MEMBER
    if not well_formed(c):
        return MALFORMED_ORDER
    reason = check_numbers(c, m)
    if reason != OK:
        return reason
    reference = i64(c.stop_price)
    if c.order_type == MARKET_ORDER:
        reference = best_price(books, market, 1 - i64(c.side))
        if reference == 0:
            reference = i64(m.last_price)
    reason = check_notional(c, m, reference)
    if reason != OK:
        return reason
    reason = check_room(owner, index, limits)
    if reason != OK:
        return reason
    partition = partition_of(account)
    key = i64(c.client_key)
    if key != 0 and find_client(funds.clients[partition], account, key) >= 0:
        return DUPLICATE_CLIENT_ID
    slots = funds.balances[nth(partition)]
    buy = c.side == 0
    pays = balance_key(account, m.quote_asset if buy else m.base_asset)
    pay = find_balance(slots, pays)
    reason = measure_hold(c, m, reference, i64(slots[nth(pay)].free) if pay >= 0 else 0, work)
    if reason != OK:
        return reason
    if pay < 0:
        pay = open_balance(slots, funds.balance_count, partition, pays)
    receives = balance_key(account, m.base_asset if buy else m.quote_asset)
    take_order(c, limits[SEQUENCE] + index, work)
    work.pay = pay
    work.receive = open_balance(slots, funds.balance_count, partition, receives)
    work.group = owner.group
    slots[nth(pay)].free -= work.held
    slots[nth(pay)].held += work.held
    owner.open_orders += 1
    if key != 0:
        add_client(funds.clients[partition], account, key, market, i64(work.id))
        funds.client_count[partition] += 1
    return OK


@compiled
def reserve_other(funds, books, c, limits, work):
    """Cancels and amendments: find the order that is meant; nothing is held."""
    kind = i64(c.kind)
    if kind < CANCEL_ORDER or kind > AMEND_ORDER:
        return UNKNOWN_COMMAND
    account, market = i64(c.account), i64(c.market)
    everybody = kind == CANCEL_ALL and account == -1
    if not everybody and (account < 0 or account >= limits[ACCOUNTS]):
        return UNKNOWN_ACCOUNT
    if kind == AMEND_ORDER and funds.accounts[nth(account)].state == FROZEN:
        return ACCOUNT_FROZEN
    if market < 0 or market >= limits[MARKETS]:
        return UNKNOWN_MARKET
    if kind == CANCEL_ALL:
        return OK
    if kind == AMEND_ORDER:
        if books.markets[nth(market)].state != TRADING:
            return MARKET_NOT_TRADING
        if c.quantity < 1:
            return QUANTITY_OUT_OF_RANGE
    target = i64(c.order_id)
    if target == 0:
        slots = funds.clients[partition_of(account)]
        at = find_client(slots, account, i64(c.client_key)) if c.client_key != 0 else -1
        if at < 0 or slots[nth(at)].market != market:
            return UNKNOWN_ORDER
        target = i64(slots[nth(at)].order_id)
    work.id = target
    work.quantity = c.quantity
    work.restriction = c.restriction
    return OK
