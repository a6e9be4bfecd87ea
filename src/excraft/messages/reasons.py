"""Why a command was refused or an order ended; numbered once, for ever."""

from enum import IntEnum


class Reason(IntEnum):
    """0 is none; 1..99 refusals in the order of their checks; 100.. ends of accepted orders."""

    NONE = 0
    # refusals of trading commands, in the order in which they are checked
    UNKNOWN_COMMAND = 1
    UNKNOWN_ACCOUNT = 2
    ACCOUNT_FROZEN = 3
    UNKNOWN_MARKET = 4
    MARKET_NOT_TRADING = 5
    NOT_A_MEMBER = 6
    MALFORMED_ORDER = 7
    PRICE_OUT_OF_RANGE = 8
    QUANTITY_OUT_OF_RANGE = 9
    NOTIONAL_TOO_LARGE = 10
    NOTIONAL_TOO_SMALL = 11
    EXCHANGE_FULL = 12
    TOO_MANY_OPEN_ORDERS = 13
    DUPLICATE_CLIENT_ID = 14
    INSUFFICIENT_FUNDS = 15
    NOT_VERIFIED = 16  # checked after ACCOUNT_FROZEN
    # refusals decided while matching
    UNKNOWN_ORDER = 20
    RESTRICTION_NOT_MET = 21
    WOULD_TAKE = 22
    WOULD_TRIGGER = 23
    AMEND_NOT_SMALLER = 24
    AMEND_BELOW_FILLED = 25
    NOT_AMENDABLE = 26
    # refusals of administrative commands
    UNKNOWN_ASSET = 40
    AMOUNT_OUT_OF_RANGE = 41
    UNKNOWN_PARAMETER = 42
    PARAMETER_OUT_OF_BOUNDS = 43
    TABLE_FULL = 44
    MALFORMED_MARKET = 45
    UNKNOWN_CAUSE = 46
    NOT_RESERVED = 47
    NOTHING_OWED = 48
    # why an accepted order ended without being filled
    CANCELED_BY_MEMBER = 100
    CANCELED_BY_OPERATOR = 101
    IOC_UNFILLED = 102
    FOK_UNFILLED = 103
    NO_LIQUIDITY = 104
    BUDGET_SPENT = 105
    SELF_TRADE = 106
