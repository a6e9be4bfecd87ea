"""What happened: one row of an EVENT array each, ordered by (command, position in the command).

Columns (all integers; unused ones are 0, `market` and `account` -1 when they do not apply):

command   index of the causing command within its record
kind      EventKind;  side  Side;  reason  Reason;  flags  Flag bits
market    market index (the asset index in events about money and ASSET_LISTED); the pool in
          MERIT_ACTED
account   whose order or money it is; in REFERRAL_PAID the referrer; in TRANSFERRED who gave
order_id  the order it is about; in REFERRAL_PAID the account whose fees are shared; in TRANSFERRED
          who got it; in MERIT_ACTED the other account, or -1
price     ticks: limit price (0 for market orders); in ORDER_FILLED the price of the trade;
          in SPENT the atoms that became fees
quantity  lots this event is about (see EventKind)
left      lots of the order that remain after it
amount    atoms: hold (ORDER_ACCEPTED), fee (ORDER_FILLED), money moved (CREDITED, DEBITED,
          RESERVED, RELEASED, REFERRAL_PAID, TRANSFERRED; in SPENT what left the exchange) or
          approved; value (PARAMETER_SET, MERIT_ACTED)
released  atoms that went from held back to free by this event
trade_id  number of the trade within its market (ORDER_FILLED); parameter number (PARAMETER_SET);
          Cause (RESERVED, RELEASED, SPENT, TRANSFERRED); Verb (MERIT_ACTED)

An order's hold is therefore amount(ORDER_ACCEPTED) - what its fills paid - sum of `released`.
Depth changes by +left on ORDER_ACCEPTED and ORDER_TRIGGERED, and by -quantity on every event with
Flag.RESTING, at (market, side, price); for a maker's ORDER_FILLED the price of the trade is the
maker's own, so the rule needs no exception.
"""

from enum import IntEnum, IntFlag
from typing import NamedTuple

import numpy as np


class EventKind(IntEnum):
    """Past tense; numbered once, for ever."""

    REFUSED = 1  # the command changed nothing; reason says why
    ORDER_ACCEPTED = 2  # quantity: whole order (0 by amount); left: lots resting after this command
    ORDER_TRIGGERED = 3  # a stop order became active; left: lots resting after its matching
    ORDER_FILLED = 4  # one side of a trade, the taker's row directly before the maker's
    ORDER_CANCELED = 5  # quantity: lots that were left
    ORDER_EXPIRED = 6  # ended by rule; quantity: lots that were left (0 by amount)
    ORDER_AMENDED = 7  # quantity: lots taken away; left: lots remaining
    TRADE_PREVENTED = 8  # self-trade DECREMENT, taker's row before maker's; quantity: lots taken
    CREDITED = 20
    DEBITED = 21
    ACCOUNT_OPENED = 22
    ASSET_LISTED = 23
    MARKET_LISTED = 24
    PARAMETER_SET = 25
    RESERVED = 26
    RELEASED = 27
    SPENT = 28
    WITHDRAWAL_APPROVED = 29
    REFERRAL_PAID = 30
    TRANSFERRED = 31
    MERIT_ACTED = 32


class Flag(IntFlag):
    """Bits of the `flags` column."""

    MAKER = 1  # ORDER_FILLED, TRADE_PREVENTED: this side was resting
    RESTING = 2  # `quantity` was visible in the book before this event
    PENDING = 4  # the order waits (or waited) for its stop price
    CLOSED = 8  # the order is closed by this event
    BY_AMOUNT = 16  # market order given by quote amount


EVENT = np.dtype(
    [
        ("command", "<i4"),
        ("kind", "u1"),
        ("side", "u1"),
        ("reason", "u1"),
        ("flags", "u1"),
        ("market", "<i4"),
        ("account", "<i4"),
        ("order_id", "<i8"),
        ("price", "<i8"),
        ("quantity", "<i8"),
        ("left", "<i8"),
        ("amount", "<i8"),
        ("released", "<i8"),
        ("trade_id", "<i8"),
    ]
)


class Event(NamedTuple):
    """One row as Python integers: ``Event._make(row.tolist())``."""

    command: int
    kind: int
    side: int
    reason: int
    flags: int
    market: int
    account: int
    order_id: int
    price: int
    quantity: int
    left: int
    amount: int
    released: int
    trade_id: int
