"""Phase 2, one command at a time: place, cancel, cancel all, amend, and the stops they set off."""

from excraft.kernel.book import remove, sign_of, stop_queue
from excraft.kernel.compiled import compiled, i64, nth, outlined
from excraft.kernel.layout import (
    EVENT_ROWS,
    MARK_CLIENT,
    MARK_FILLED,
    MARK_PENDING,
    NO_BUDGET,
)
from excraft.kernel.reserve import (
    AMEND_ORDER,
    CANCEL_ORDER,
    LIMIT_MAKER,
    PLACE_ORDER,
    UNKNOWN_ORDER,
    is_limit,
    is_stop,
)
from excraft.kernel.rows import (
    about,
    about_taker,
    close_maker,
    close_taker,
    new_settlement,
    refuse_waiting,
)
from excraft.kernel.taking import best_order, execute, first_match, hold_of, open_order, store
from excraft.messages.commands import Restriction
from excraft.messages.events import EventKind, Flag
from excraft.messages.reasons import Reason

ORDER_ACCEPTED, ORDER_TRIGGERED = int(EventKind.ORDER_ACCEPTED), int(EventKind.ORDER_TRIGGERED)
ORDER_CANCELED, ORDER_AMENDED = int(EventKind.ORDER_CANCELED), int(EventKind.ORDER_AMENDED)
RESTING, PENDING, CLOSED = int(Flag.RESTING), int(Flag.PENDING), int(Flag.CLOSED)
WOULD_TAKE, WOULD_TRIGGER = int(Reason.WOULD_TAKE), int(Reason.WOULD_TRIGGER)
RESTRICTION_NOT_MET = int(Reason.RESTRICTION_NOT_MET)
BY_MEMBER, BY_OPERATOR = int(Reason.CANCELED_BY_MEMBER), int(Reason.CANCELED_BY_OPERATOR)
AMEND_NOT_SMALLER, NOT_AMENDABLE = int(Reason.AMEND_NOT_SMALLER), int(Reason.NOT_AMENDABLE)
AMEND_BELOW_FILLED = int(Reason.AMEND_BELOW_FILLED)
ONLY_NEW, ONLY_PARTIALLY_FILLED = int(Restriction.ONLY_NEW), int(Restriction.ONLY_PARTIALLY_FILLED)


@compiled
def refuse_taker(lane, reason):
    """Give the hold back; the refusal shows nothing of it, as it was never announced."""
    taker = lane.taker
    refuse_waiting(lane, reason)
    money = new_settlement(lane, taker, 0)
    money.back = taker.held
    close_taker(lane, money)


@compiled
def accept(lane):
    """ORDER_ACCEPTED for the taker."""
    taker = lane.taker
    row = about_taker(lane, ORDER_ACCEPTED, 0)
    row.quantity = taker.quantity
    row.amount = taker.held
    return row


@compiled
def triggered_by(queue, stop_price, last_price):
    """Whether the last price reaches the stop; a market that never traded triggers nothing."""
    if last_price == 0:
        return False
    return last_price >= stop_price if queue == 3 else last_price <= stop_price


@compiled
def place(lane):
    """PLACE_ORDER with what was reserved for it."""
    taker = lane.taker
    kind = i64(taker.order_type)
    if is_stop(kind):
        queue = stop_queue(kind, i64(taker.side))
        last = i64(lane.markets[nth(i64(taker.market))].last_price)
        if triggered_by(queue, i64(taker.stop_price), last):
            refuse_taker(lane, WOULD_TRIGGER)
            return
        accept(lane).flags = PENDING
        taker.marks = MARK_PENDING
        store(lane, sign_of(queue) * i64(taker.stop_price), queue)
        return
    if kind == LIMIT_MAKER and first_match(lane) >= 0:
        refuse_taker(lane, WOULD_TAKE)
        return
    born = i64(lane.tops[EVENT_ROWS])
    accept(lane)
    while born >= 0:
        execute(lane, born)
        born = fire_stop(lane, i64(taker.market))


@compiled
def next_stop(lane, market, queue):
    """Slot of the first stop of queue 2 or 3 that the last price triggers, -1 when none."""
    slot = best_order(lane, market * 4 + queue)
    if slot < 0:
        return -1
    last = i64(lane.markets[nth(market)].last_price)
    return slot if triggered_by(queue, i64(lane.extras[nth(slot)].stop_price), last) else -1


@compiled
def fire_stop(lane, market):
    """Make the next stop that the last price triggers the taker, rising ones first. Returns the
    number of its ORDER_TRIGGERED row, -1 when there is none."""
    slot = next_stop(lane, market, 3)
    if slot < 0:
        slot = next_stop(lane, market, 2)
    return fire(lane, slot) if slot >= 0 else -1


@outlined
def fire(lane, slot):
    """Take one stop order off its queue and make it the taker."""
    order, extra, taker = lane.orders[nth(slot)], lane.extras[nth(slot)], lane.taker
    kind = i64(order.order_type)
    taker.id = order.id
    taker.left = order.left
    taker.held = hold_of(lane, order, slot, i64(order.left))
    taker.cap = order.price if is_limit(kind) else extra.cap
    taker.budget = NO_BUDGET
    if not is_limit(kind) and order.side == 0:
        taker.budget = taker.held
    taker.price = order.price
    taker.quantity = order.quantity
    taker.stop_price = extra.stop_price
    taker.client_key = extra.client_key
    taker.account = order.account
    taker.group = order.group
    taker.pay = order.pay
    taker.receive = order.receive
    taker.market = order.market
    taker.side = order.side
    taker.order_type = order.order_type
    taker.tif = i64(order.modes) & 15
    taker.stp = i64(order.modes) >> 4
    taker.marks = i64(order.marks) & ~(MARK_PENDING | MARK_CLIENT)
    born = i64(lane.tops[EVENT_ROWS])
    row = about(lane, ORDER_TRIGGERED, 0, order)
    row.quantity = order.left
    row.flags = PENDING
    remove(lane, slot)
    return born


@compiled
def end_order(lane, slot, reason):
    """Cancel one open order."""
    order = lane.orders[nth(slot)]
    hold = hold_of(lane, order, slot, i64(order.left))
    row = about(lane, ORDER_CANCELED, reason, order)
    row.flags = (PENDING if order.marks & MARK_PENDING else RESTING) | CLOSED
    row.quantity = order.left
    row.released = hold
    money = new_settlement(lane, order, 0)
    money.back = hold
    close_maker(lane, money, order, slot)
    remove(lane, slot)


@compiled
def cancel(lane):
    """CANCEL_ORDER."""
    work = lane.taker
    slot = open_order(lane, work.market, work.account, i64(work.id))
    if slot < 0:
        refuse_waiting(lane, UNKNOWN_ORDER)
        return
    filled = lane.orders[nth(slot)].marks & MARK_FILLED != 0
    wanted = i64(work.restriction)
    if (wanted == ONLY_NEW and filled) or (wanted == ONLY_PARTIALLY_FILLED and not filled):
        refuse_waiting(lane, RESTRICTION_NOT_MET)
        return
    end_order(lane, slot, BY_MEMBER)


@outlined
def cancel_all(lane):
    """CANCEL_ALL: walks the whole book of the market, so it costs as much as the book is deep."""
    market, account = i64(lane.taker.market), i64(lane.taker.account)
    reason = BY_OPERATOR if account == -1 else BY_MEMBER
    before = i64(lane.tops[EVENT_ROWS])
    for number in range(market * 4, market * 4 + 4):
        queue = lane.queues[nth(number)]
        level = i64(queue.count) - 1
        while level >= 0:
            slot = i64(lane.levels[nth(i64(queue.offset) + level)].head)
            while slot >= 0:
                after = i64(lane.orders[nth(slot)].next)
                if account == -1 or lane.orders[nth(slot)].account == account:
                    end_order(lane, slot, reason)
                slot = after
            level -= 1
    if lane.tops[EVENT_ROWS] == before:
        refuse_waiting(lane, UNKNOWN_ORDER)


@outlined
def amend(lane):
    """AMEND_ORDER: fewer lots at the same place in the queue."""
    work = lane.taker
    slot = open_order(lane, work.market, work.account, i64(work.id))
    reason, taken = 0, 0
    if slot < 0:
        reason = UNKNOWN_ORDER
    else:
        order = lane.orders[nth(slot)]
        taken = i64(order.quantity) - i64(work.quantity)
        if order.marks & MARK_PENDING and not is_limit(i64(order.order_type)):
            reason = NOT_AMENDABLE
        elif taken <= 0:
            reason = AMEND_NOT_SMALLER
        elif taken >= i64(order.left):
            reason = AMEND_BELOW_FILLED
    if reason != 0:
        refuse_waiting(lane, reason)
        return
    order = lane.orders[nth(slot)]
    hold = hold_of(lane, order, slot, taken)
    order.quantity -= taken
    order.left -= taken
    row = about(lane, ORDER_AMENDED, 0, order)
    row.flags = PENDING if order.marks & MARK_PENDING else RESTING
    row.quantity = taken
    row.left = order.left
    row.released = hold
    new_settlement(lane, order, 0).back = hold


@compiled
def match_one(lane):
    """Carry out one command that passed phase 1."""
    kind = i64(lane.taker.kind)
    if kind == PLACE_ORDER:
        place(lane)
    elif kind == CANCEL_ORDER:
        cancel(lane)
    elif kind == AMEND_ORDER:
        amend(lane)
    else:
        cancel_all(lane)
