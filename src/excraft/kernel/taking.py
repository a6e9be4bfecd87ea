"""Matching one incoming order against the opposite queue: price first, then time.

The taker stands in the work row of the command, lane.taker, whether it has just arrived or was
triggered by it.
"""

from excraft.kernel.book import enqueue, find_order, index_add, remove, sign_of, take_slot
from excraft.kernel.compiled import compiled, i64, nth, outlined
from excraft.kernel.layout import (
    DOES_MAKE,
    DOES_TRADE,
    MARK_BY_AMOUNT,
    MARK_CLIENT,
    MARK_FILLED,
    MARK_PENDING,
    NO_BUDGET,
)
from excraft.kernel.reserve import FOK, GTC, is_limit
from excraft.kernel.rows import (
    BY_AMOUNT,
    about,
    about_taker,
    close_maker,
    close_taker,
    new_settlement,
)
from excraft.messages.commands import SelfTrade
from excraft.messages.events import EventKind, Flag
from excraft.messages.reasons import Reason

EXPIRE_TAKER, EXPIRE_MAKER = int(SelfTrade.EXPIRE_TAKER), int(SelfTrade.EXPIRE_MAKER)
EXPIRE_BOTH, DECREMENT = int(SelfTrade.EXPIRE_BOTH), int(SelfTrade.DECREMENT)
NO_STP = int(SelfTrade.NONE)
ORDER_FILLED, ORDER_EXPIRED = int(EventKind.ORDER_FILLED), int(EventKind.ORDER_EXPIRED)
TRADE_PREVENTED = int(EventKind.TRADE_PREVENTED)
MAKER, RESTING, CLOSED = int(Flag.MAKER), int(Flag.RESTING), int(Flag.CLOSED)
SELF_TRADE, BUDGET_SPENT = int(Reason.SELF_TRADE), int(Reason.BUDGET_SPENT)
IOC_UNFILLED, FOK_UNFILLED = int(Reason.IOC_UNFILLED), int(Reason.FOK_UNFILLED)
NO_LIQUIDITY = int(Reason.NO_LIQUIDITY)


@compiled
def best_order(lane, number):
    """Slot of the first order of a queue, -1 when it is empty."""
    queue = lane.queues[nth(number)]
    count = i64(queue.count)
    if count == 0:
        return -1
    return i64(lane.levels[nth(i64(queue.offset) + count - 1)].head)


@compiled
def first_match(lane):
    """Slot of the best opposite order that the taker's price accepts, -1 when there is none."""
    taker = lane.taker
    opposite = 1 - i64(taker.side)
    queue = lane.queues[nth(i64(taker.market) * 4 + opposite)]
    count = i64(queue.count)
    if count == 0 or taker.cap == 0:
        return -1
    level = lane.levels[nth(i64(queue.offset) + count - 1)]
    if level.key < sign_of(opposite) * i64(taker.cap):
        return -1
    return i64(level.head)


@compiled
def same_owner(taker, maker):
    """Whether self-trade prevention separates the two."""
    if taker.stp == NO_STP:
        return False
    return taker.account == maker.account or (taker.group != 0 and taker.group == maker.group)


@compiled
def hold_of(lane, order, slot, lots):
    """Atoms that `lots` of an order of the pool hold; a pending order's budget is held whole."""
    if order.marks & MARK_PENDING and not is_limit(i64(order.order_type)):
        return i64(lane.extras[nth(slot)].hold)
    market = lane.markets[nth(i64(order.market))]
    if order.side == 0:
        return i64(order.price) * i64(market.unit_atoms) * lots
    return lots * i64(market.lot_atoms)


@compiled
def taker_need(taker, market, held):
    """Atoms that the taker must go on holding out of `held` for what it has left."""
    if taker.marks & MARK_BY_AMOUNT:
        return held
    left = i64(taker.left)
    if taker.side == 1:
        return left * i64(market.lot_atoms)
    if taker.budget != NO_BUDGET:
        return held if left > 0 else 0
    return i64(taker.cap) * i64(market.unit_atoms) * left


@outlined
def can_fill(lane):
    """FOK: whether the whole quantity can be had within the limit, own orders not counted."""
    taker = lane.taker
    opposite = 1 - i64(taker.side)
    queue = lane.queues[nth(i64(taker.market) * 4 + opposite)]
    worst = sign_of(opposite) * i64(taker.cap)
    total = 0
    at = i64(queue.offset) + i64(queue.count) - 1
    while at >= i64(queue.offset) and lane.levels[nth(at)].key >= worst:
        slot = i64(lane.levels[nth(at)].head)
        while slot >= 0:
            maker = lane.orders[nth(slot)]
            if not same_owner(taker, maker):
                total += i64(maker.left)
                if total >= i64(taker.left):
                    return True
            elif taker.stp != EXPIRE_MAKER:
                return False
            slot = i64(maker.next)
        at -= 1
    return False


@compiled
def affordable(taker, maker, unit):
    """Lots the two can trade at the maker's price; 0 when the budget is too small for one."""
    lots = min(i64(taker.left), i64(maker.left))
    if taker.budget != NO_BUDGET:
        lots = min(lots, i64(taker.budget) // (i64(maker.price) * unit))
    return lots


@compiled
def trade(lane, slot, lots):
    """One trade with the order in `slot`: two event rows, two settlement rows. The caller removes
    a maker that has nothing left, here and in `expire_maker` and `prevent`."""
    taker, maker = lane.taker, lane.orders[nth(slot)]
    market = lane.markets[nth(i64(taker.market))]
    price = i64(maker.price)
    notional = price * i64(market.unit_atoms) * lots
    base = lots * i64(market.lot_atoms)
    market.trades += 1
    market.last_price = price
    buy = taker.side == 0
    paid = notional if buy else base
    taker.left -= lots
    if taker.budget != NO_BUDGET:
        taker.budget -= notional
    held = i64(taker.held) - paid
    need = taker_need(taker, market, held)
    taker.held = need
    row = about_taker(lane, ORDER_FILLED, 0)
    row.price = price
    row.quantity = lots
    row.trade_id = market.trades
    row.released = held - need
    money = new_settlement(lane, taker, DOES_TRADE)
    money.paid = paid
    money.back = held - need
    money.gross = base if buy else notional
    if not taker.marks & MARK_BY_AMOUNT:
        row.left = taker.left
        if taker.left == 0:
            row.flags = CLOSED
            close_taker(lane, money)
    taker.marks |= MARK_FILLED

    maker.left -= lots
    row = about(lane, ORDER_FILLED, 0, maker)
    row.quantity = lots
    row.left = maker.left
    row.trade_id = market.trades
    row.flags = MAKER | RESTING
    money = new_settlement(lane, maker, DOES_TRADE | DOES_MAKE)
    money.paid = base if buy else notional
    money.gross = notional if buy else base
    if maker.left == 0:
        row.flags = MAKER | RESTING | CLOSED
        close_maker(lane, money, maker, slot)
    maker.marks |= MARK_FILLED


@outlined
def expire_maker(lane, slot):
    """Self-trade prevention ends a resting order."""
    maker = lane.orders[nth(slot)]
    hold = hold_of(lane, maker, slot, i64(maker.left))
    row = about(lane, ORDER_EXPIRED, SELF_TRADE, maker)
    row.flags = RESTING | CLOSED
    row.quantity = maker.left
    row.released = hold
    money = new_settlement(lane, maker, 0)
    money.back = hold
    close_maker(lane, money, maker, slot)
    maker.left = 0


@outlined
def prevent(lane, slot, lots):
    """Self-trade prevention by DECREMENT: both orders lose `lots`, nothing is traded."""
    taker, maker = lane.taker, lane.orders[nth(slot)]
    market = lane.markets[nth(i64(taker.market))]
    taker.left -= lots
    if taker.budget != NO_BUDGET:
        taker.budget -= i64(maker.price) * i64(market.unit_atoms) * lots
    held = i64(taker.held)
    need = taker_need(taker, market, held)
    taker.held = need
    row = about_taker(lane, TRADE_PREVENTED, SELF_TRADE)
    row.price = maker.price
    row.quantity = lots
    row.released = held - need
    money = new_settlement(lane, taker, 0)
    money.back = held - need
    if not taker.marks & MARK_BY_AMOUNT:
        row.left = taker.left
        if taker.left == 0:
            row.flags = CLOSED
            close_taker(lane, money)

    hold = hold_of(lane, maker, slot, lots)
    maker.left -= lots
    row = about(lane, TRADE_PREVENTED, SELF_TRADE, maker)
    row.quantity = lots
    row.left = maker.left
    row.released = hold
    row.flags = MAKER | RESTING
    money = new_settlement(lane, maker, 0)
    money.back = hold
    if maker.left == 0:
        row.flags = MAKER | RESTING | CLOSED
        close_maker(lane, money, maker, slot)


@compiled
def match_all(lane):
    """Trade while the price allows; why it stopped, 0 when nothing acceptable is left."""
    taker = lane.taker
    unit = i64(lane.markets[nth(i64(taker.market))].unit_atoms)
    while taker.left > 0 and taker.budget != 0:
        slot = first_match(lane)
        if slot < 0:
            return 0
        maker = lane.orders[nth(slot)]
        own = same_owner(taker, maker)
        if own and taker.stp != DECREMENT:
            if taker.stp == EXPIRE_TAKER:
                return SELF_TRADE
            expire_maker(lane, slot)
        else:
            lots = affordable(taker, maker, unit)
            if lots == 0:
                return BUDGET_SPENT
            if own:
                prevent(lane, slot, lots)
            else:
                trade(lane, slot, lots)
        if maker.left == 0:
            remove(lane, slot)
        if own and taker.stp == EXPIRE_BOTH:
            return SELF_TRADE
    return BUDGET_SPENT if taker.cap > 0 else 0


@compiled
def expire_taker(lane, reason):
    """The order ends unfilled or partly filled; everything it still holds is released."""
    taker = lane.taker
    row = about_taker(lane, ORDER_EXPIRED, reason)
    row.flags = CLOSED | BY_AMOUNT
    if not taker.marks & MARK_BY_AMOUNT:
        row.quantity = taker.left
        row.flags = CLOSED
    row.released = taker.held
    money = new_settlement(lane, taker, 0)
    money.back = taker.held
    close_taker(lane, money)


@compiled
def store(lane, key, queue):
    """Put the taker into the pool, the index and a queue."""
    taker = lane.taker
    slot = take_slot(lane)
    order = lane.orders[nth(slot)]
    order.id = taker.id
    order.left = taker.left
    order.price = taker.price
    order.quantity = taker.quantity
    order.account = taker.account
    order.group = taker.group
    order.pay = taker.pay
    order.receive = taker.receive
    order.market = taker.market
    order.side = taker.side
    order.order_type = taker.order_type
    order.modes = i64(taker.tif) + 16 * i64(taker.stp)
    order.marks = taker.marks
    extra = lane.extras[nth(slot)]
    if taker.client_key != 0 or taker.stop_price != 0:
        order.marks |= MARK_CLIENT
        extra.client_key = taker.client_key
        extra.stop_price = taker.stop_price
        extra.hold = taker.held
        extra.cap = taker.cap
    index_add(lane.index, i64(taker.id), slot)
    enqueue(lane, i64(taker.market) * 4 + queue, slot, key)


@compiled
def execute(lane, born):
    """Take, then rest or expire; `born` is the number of the row whose `left` tells what rests."""
    taker = lane.taker
    kind = i64(taker.order_type)
    by_amount = taker.marks & MARK_BY_AMOUNT
    if taker.tif == FOK and not can_fill(lane):
        expire_taker(lane, FOK_UNFILLED)
        return
    stopped = match_all(lane)
    if taker.left == 0 and not by_amount:
        return
    if is_limit(kind) and taker.tif == GTC and stopped != SELF_TRADE:
        lane.events[nth(born)].left = taker.left
        side = i64(taker.side)
        store(lane, sign_of(side) * i64(taker.price), side)
        return
    if stopped == 0:
        stopped = IOC_UNFILLED if is_limit(kind) else NO_LIQUIDITY
    expire_taker(lane, stopped)


@compiled
def open_order(lane, market, account, order_id):
    """Slot of the account's open order in the market, -1 when there is none."""
    slot = find_order(lane.index, lane.orders, order_id)
    if slot < 0:
        return -1
    order = lane.orders[nth(slot)]
    if order.market != market or order.account != account:
        return -1
    return slot
