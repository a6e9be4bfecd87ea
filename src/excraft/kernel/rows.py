"""Writing event and settlement rows: every column of a row is set, since buffers are used again."""

from excraft.kernel.compiled import compiled, i64, nth
from excraft.kernel.funds import thread_of
from excraft.kernel.layout import (
    DOES_CLOSE,
    EVENT_ROWS,
    MARK_BY_AMOUNT,
    MARK_CLIENT,
    OWN_ROWS,
)
from excraft.messages.commands import CommandKind
from excraft.messages.events import EventKind, Flag

REFUSED = int(EventKind.REFUSED)
PLACE_ORDER = int(CommandKind.PLACE_ORDER)
BY_AMOUNT, CLOSED = int(Flag.BY_AMOUNT), int(Flag.CLOSED)


@compiled
def new_event(events, tops, kind, reason):
    """The next event row, with all numbers 0."""
    at = tops[EVENT_ROWS]
    tops[EVENT_ROWS] = at + 1
    row = events[nth(at)]
    row.kind = kind
    row.reason = reason
    row.command = 0
    row.side = 0
    row.flags = 0
    row.market = -1
    row.account = -1
    row.order_id = 0
    row.price = 0
    row.quantity = 0
    row.left = 0
    row.amount = 0
    row.released = 0
    row.trade_id = 0
    return row


@compiled
def refuse(events, tops, c, reason):
    """REFUSED for a command: it changed nothing."""
    row = new_event(events, tops, REFUSED, reason)
    row.market = c.market
    row.account = c.account
    row.side = c.side
    if c.kind != PLACE_ORDER:  # which has no order to name
        row.order_id = c.order_id


@compiled
def refuse_waiting(lane, reason):
    """REFUSED for the command that is being matched. Its work row says what the event says: the
    command itself would be one more line to wait for."""
    work = lane.taker
    row = new_event(lane.events, lane.tops, REFUSED, reason)
    row.market = work.market
    row.account = work.account
    row.side = work.side
    row.order_id = work.named


@compiled
def about(lane, kind, reason, order):
    """Event row about an order of the pool."""
    row = new_event(lane.events, lane.tops, kind, reason)
    row.side = order.side
    row.market = order.market
    row.account = order.account
    row.order_id = order.id
    row.price = order.price
    return row


@compiled
def about_taker(lane, kind, reason):
    """Event row about the order that is being executed."""
    taker = lane.taker
    row = new_event(lane.events, lane.tops, kind, reason)
    row.side = taker.side
    row.market = taker.market
    row.account = taker.account
    row.order_id = taker.id
    row.price = taker.price
    if taker.marks & MARK_BY_AMOUNT:
        row.flags = BY_AMOUNT
    return row


@compiled
def new_settlement(lane, order, does):
    """Settlement row of an order (of the pool or the taker), linked to the newest event row."""
    other = 0
    if lane.threads > 1:
        other = 0 if thread_of(i64(order.account), lane.threads) == lane.thread else 1
    at = lane.tops[OWN_ROWS + other]
    lane.tops[OWN_ROWS + other] = at + 1
    row = lane.settlements[nth(other)][nth(at)]
    row.pay = order.pay
    row.receive = order.receive
    row.account = order.account
    row.market = order.market
    row.event = lane.tops[EVENT_ROWS] - 1
    row.does = does
    row.paid = 0
    row.back = 0
    row.gross = 0
    row.client_key = 0
    return row


@compiled
def close_maker(lane, row, order, slot):
    """Let a settlement row also close the order of the pool."""
    row.does = i64(row.does) | DOES_CLOSE
    if order.marks & MARK_CLIENT:
        row.client_key = lane.extras[nth(slot)].client_key


@compiled
def close_taker(lane, row):
    """Let a settlement row also close the order that is being executed."""
    row.does = i64(row.does) | DOES_CLOSE
    row.client_key = lane.taker.client_key
