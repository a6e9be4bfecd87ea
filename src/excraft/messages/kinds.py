"""The small numbers of commands: kinds, sides, types, causes."""

from enum import IntEnum


class CommandKind(IntEnum):
    """Imperative; numbered once, for ever. Below 20 trading, from 20 administrative."""

    PLACE_ORDER = 1
    CANCEL_ORDER = 2
    CANCEL_ALL = 3
    AMEND_ORDER = 4
    CREDIT = 20
    DEBIT = 21
    OPEN_ACCOUNT = 22
    LIST_ASSET = 23
    LIST_MARKET = 24
    SET_PARAMETER = 25
    RESERVE = 26
    RELEASE = 27
    SPEND = 28
    APPROVE_WITHDRAWAL = 29
    PAY_REFERRAL = 30
    TRANSFER = 31
    MERIT_ACT = 32


class Side(IntEnum):
    BUY = 0
    SELL = 1


class OrderType(IntEnum):
    LIMIT = 1
    MARKET = 2
    LIMIT_MAKER = 3
    STOP_LOSS = 4
    STOP_LOSS_LIMIT = 5
    TAKE_PROFIT = 6
    TAKE_PROFIT_LIMIT = 7


class TimeInForce(IntEnum):
    GTC = 1
    IOC = 2
    FOK = 3


class SelfTrade(IntEnum):
    """Self-trade prevention; the taker's mode decides."""

    NONE = 0
    EXPIRE_TAKER = 1
    EXPIRE_MAKER = 2
    EXPIRE_BOTH = 3
    DECREMENT = 4


class Restriction(IntEnum):
    """Which orders a cancel may touch."""

    NONE = 0
    ONLY_NEW = 1
    ONLY_PARTIALLY_FILLED = 2


class Cause(IntEnum):
    """Why money enters or leaves; numbered once, for ever."""

    DEPOSIT = 1
    WITHDRAWAL = 2
    DEMO = 3
    CORRECTION = 4
    REWARD = 5
    STAKE = 6
