"""Every number a bill may change: number, scope, bounds, default, who reads it."""

from enum import IntEnum
from typing import NamedTuple

TIERS = 16  # fee tiers of every market, 0 is the ordinary one


class Scope(IntEnum):
    """What a parameter belongs to."""

    EXCHANGE = 0
    MARKET = 1
    MARKET_TIER = 2
    ACCOUNT = 3
    MERIT = 4  # of the whole exchange; the kernel checks its bounds and keeps nothing
    MERIT_MARKET = 5  # the same, of a market


class MarketState(IntEnum):
    """Only TRADING takes new orders and amendments; cancels pass in every state."""

    TRADING = 1
    HALT = 2
    BREAK = 3
    CANCEL_ONLY = 4
    END_OF_DAY = 5


class AccountState(IntEnum):
    """A frozen account places nothing; it may cancel."""

    ACTIVE = 1
    FROZEN = 2


class Parameter(IntEnum):
    """Numbered once, for ever."""

    MAX_OPEN_ORDERS = 1
    MAX_BALANCES = 2
    MAX_ACCOUNTS = 3
    MAX_ASSETS = 4
    MAX_MARKETS = 5
    MAX_OPEN_ORDERS_PER_ACCOUNT = 6
    REQUEST_WEIGHT_PER_MINUTE = 7
    RAW_REQUESTS_PER_5_MINUTES = 8
    ORDERS_PER_10_SECONDS = 9
    ORDERS_PER_DAY = 10
    UNVERIFIED_MAY_TRADE = 11
    UNVERIFIED_OPEN_ORDERS_MAX = 12
    UNVERIFIED_MAY_WITHDRAW = 13
    NEW_REFERRAL_SHARE_PPM = 14
    MARKET_STATE = 20
    MARKET_POOL = 21
    MIN_PRICE_TICKS = 22
    MAX_PRICE_TICKS = 23
    MIN_LOTS = 24
    MAX_LOTS = 25
    MAX_MARKET_LOTS = 26
    MIN_NOTIONAL_ATOMS = 27
    MARKET_BAND_PPM = 28
    MAKER_FEE_PPM = 40
    TAKER_FEE_PPM = 41
    KYC_LEVEL = 56
    REFERRER = 57
    REFERRAL_SHARE_PPM = 58
    ACCOUNT_STATE = 60
    ACCOUNT_POOL = 61
    TRADE_GROUP = 62
    FEE_TIER = 63
    REWARD_DAY_S = 100
    ROUND_DAYS = 101
    REFERENCE_ASSET = 102
    EXT_ASSET = 103
    POE_BP = 104
    STAKE_BP = 105
    CAP_POE_BP = 106
    CAP_POOLS_BP = 107
    CAP_REVENUE_BP = 108
    EMISSION_FIRST = 109
    EMISSION_HALVING = 110
    EMISSION_SUPPLY = 111
    MAX_REBATE_PPM = 112
    MAX_REFERRAL_PPM = 113
    BASE_FEE_PPM = 114
    PRICE_MOVE_BP = 115
    POOL_VERIFIED_MIN = 116
    UNSTAKE_DELAY_S = 117
    FIRST_PRICE = 118
    POE_WEIGHT = 160
    PRICE_SOURCE = 161


class Rule(NamedTuple):
    """Bounds are inclusive and above governance; `reader` is the layer that obeys the number."""

    scope: Scope
    low: int
    high: int
    default: int
    reader: str
    meaning: str


PRICE_MAX = 10**12  # ticks
LOTS_MAX = 10**15

RULES: dict[Parameter, Rule] = {
    Parameter.MAX_OPEN_ORDERS: Rule(
        Scope.EXCHANGE, 1, 50_000_000, 10_000_000, "kernel", "open orders of the whole exchange"
    ),
    Parameter.MAX_BALANCES: Rule(
        Scope.EXCHANGE,
        1,
        100_000_000,
        20_000_000,
        "kernel",
        "balances (account x asset) that were ever touched",
    ),
    Parameter.MAX_ACCOUNTS: Rule(Scope.EXCHANGE, 1, 20_000_000, 5_000_000, "kernel", "accounts"),
    Parameter.MAX_ASSETS: Rule(Scope.EXCHANGE, 1, 20_000, 10_000, "kernel", "assets"),
    Parameter.MAX_MARKETS: Rule(Scope.EXCHANGE, 1, 20_000, 10_000, "kernel", "markets"),
    Parameter.MAX_OPEN_ORDERS_PER_ACCOUNT: Rule(
        Scope.EXCHANGE, 1, 1_000_000, 10_000, "kernel", "open orders of one account"
    ),
    Parameter.REQUEST_WEIGHT_PER_MINUTE: Rule(
        Scope.EXCHANGE, 100, 10_000_000, 6_000, "gateway", "request weight per address and minute"
    ),
    Parameter.RAW_REQUESTS_PER_5_MINUTES: Rule(
        Scope.EXCHANGE,
        1_000,
        1_000_000_000,
        300_000,
        "gateway",
        "requests per address and 5 minutes",
    ),
    Parameter.ORDERS_PER_10_SECONDS: Rule(
        Scope.EXCHANGE,
        10,
        1_000_000_000,
        100,
        "gateway",
        "unfilled orders per account and 10 seconds",
    ),
    Parameter.ORDERS_PER_DAY: Rule(
        Scope.EXCHANGE,
        100,
        1_000_000_000,
        200_000,
        "gateway",
        "unfilled orders per account and day",
    ),
    Parameter.UNVERIFIED_MAY_TRADE: Rule(
        Scope.EXCHANGE, 0, 1, 1, "kernel", "1: accounts of KYC level 0 may place orders"
    ),
    Parameter.UNVERIFIED_OPEN_ORDERS_MAX: Rule(
        Scope.EXCHANGE,
        0,
        1_000_000,
        1_000_000,
        "kernel",
        "open orders of an account of KYC level 0",
    ),
    Parameter.UNVERIFIED_MAY_WITHDRAW: Rule(
        Scope.EXCHANGE, 0, 1, 0, "kernel", "1: accounts of KYC level 0 may withdraw"
    ),
    Parameter.NEW_REFERRAL_SHARE_PPM: Rule(
        Scope.EXCHANGE,
        0,
        500_000,
        0,
        "gateway",
        "share of the fees of who signs up with a code that is owed to the referrer",
    ),
    Parameter.MARKET_STATE: Rule(
        Scope.MARKET,
        1,
        5,
        MarketState.TRADING,
        "kernel",
        "1 TRADING, 2 HALT, 3 BREAK, 4 CANCEL_ONLY, 5 END_OF_DAY",
    ),
    Parameter.MARKET_POOL: Rule(
        Scope.MARKET, 0, 2**31 - 1, 0, "kernel", "pool whose members alone may trade; 0 everybody"
    ),
    Parameter.MIN_PRICE_TICKS: Rule(
        Scope.MARKET, 1, PRICE_MAX, 1, "kernel", "lowest limit and stop price"
    ),
    Parameter.MAX_PRICE_TICKS: Rule(
        Scope.MARKET, 1, PRICE_MAX, PRICE_MAX, "kernel", "highest limit and stop price"
    ),
    Parameter.MIN_LOTS: Rule(
        Scope.MARKET, 1, LOTS_MAX, 1, "kernel", "smallest quantity of an order"
    ),
    Parameter.MAX_LOTS: Rule(
        Scope.MARKET, 1, LOTS_MAX, LOTS_MAX, "kernel", "largest quantity of an order"
    ),
    Parameter.MAX_MARKET_LOTS: Rule(
        Scope.MARKET, 1, LOTS_MAX, LOTS_MAX, "kernel", "largest quantity of a market order"
    ),
    Parameter.MIN_NOTIONAL_ATOMS: Rule(
        Scope.MARKET,
        0,
        1 << 62,
        0,
        "kernel",
        "smallest price x quantity of an order, in quote atoms",
    ),
    Parameter.MARKET_BAND_PPM: Rule(
        Scope.MARKET,
        0,
        10_000_000,
        100_000,
        "kernel",
        "how far a market order may move from the best price",
    ),
    Parameter.MAKER_FEE_PPM: Rule(
        Scope.MARKET_TIER, 0, 100_000, 1_000, "kernel", "fee on what a resting side receives"
    ),
    Parameter.TAKER_FEE_PPM: Rule(
        Scope.MARKET_TIER, 0, 100_000, 1_000, "kernel", "fee on what a taking side receives"
    ),
    Parameter.KYC_LEVEL: Rule(
        Scope.ACCOUNT, 0, 3, 0, "kernel", "how well the owner is known; 0 not verified"
    ),
    Parameter.REFERRER: Rule(
        Scope.ACCOUNT, 0, 2**31 - 1, 0, "kernel", "account that referred this one, plus 1; 0 none"
    ),
    Parameter.REFERRAL_SHARE_PPM: Rule(
        Scope.ACCOUNT, 0, 500_000, 0, "kernel", "share of its fees that is owed to its referrer"
    ),
    Parameter.ACCOUNT_STATE: Rule(
        Scope.ACCOUNT, 1, 2, AccountState.ACTIVE, "kernel", "1 ACTIVE, 2 FROZEN"
    ),
    Parameter.ACCOUNT_POOL: Rule(
        Scope.ACCOUNT, 0, 2**31 - 1, 0, "kernel", "pool the account belongs to; 0 none"
    ),
    Parameter.TRADE_GROUP: Rule(
        Scope.ACCOUNT,
        0,
        2**31 - 1,
        0,
        "kernel",
        "accounts of one group do not trade with each other; 0 none",
    ),
    Parameter.FEE_TIER: Rule(
        Scope.ACCOUNT, 0, TIERS - 1, 0, "kernel", "column of the market's fee table"
    ),
    # What merit reads. Money here is whole EXT, or atoms of the reference asset.
    Parameter.REWARD_DAY_S: Rule(
        Scope.MERIT, 10, 86_400, 86_400, "merit", "seconds of a reward day; of the next one on"
    ),
    Parameter.ROUND_DAYS: Rule(
        Scope.MERIT, 1, 31, 7, "merit", "reward days of a round; of the next one on"
    ),
    Parameter.REFERENCE_ASSET: Rule(
        Scope.MERIT, 0, 2**31 - 1, 0, "merit", "asset that PoE is counted in, plus 1; 0 none"
    ),
    Parameter.EXT_ASSET: Rule(
        Scope.MERIT, 0, 2**31 - 1, 0, "merit", "asset that is staked and rewarded, plus 1; 0 none"
    ),
    Parameter.POE_BP: Rule(Scope.MERIT, 0, 10_000, 5_000, "merit", "emission for PoE"),
    Parameter.STAKE_BP: Rule(Scope.MERIT, 0, 10_000, 2_000, "merit", "emission for stake"),
    Parameter.CAP_POE_BP: Rule(
        Scope.MERIT, 0, 9_000, 5_000, "merit", "the most that the reward for PoE is worth, of PoE"
    ),
    Parameter.CAP_POOLS_BP: Rule(
        Scope.MERIT, 0, 9_000, 3_000, "merit", "the most that pools' rewards are worth, of PoE"
    ),
    Parameter.CAP_REVENUE_BP: Rule(
        Scope.MERIT, 0, 9_000, 0, "merit", "what other programs give of fees"
    ),
    Parameter.EMISSION_FIRST: Rule(
        Scope.MERIT, 0, 10**9, 100_000, "merit", "whole EXT of the first reward day"
    ),
    Parameter.EMISSION_HALVING: Rule(
        Scope.MERIT, 0, 36_500, 730, "merit", "days after which emission is half; 0 never"
    ),
    Parameter.EMISSION_SUPPLY: Rule(
        Scope.MERIT, 0, 10**9, 200_000_000, "merit", "whole EXT of all days together"
    ),
    Parameter.MAX_REBATE_PPM: Rule(
        Scope.MERIT, 0, 100_000, 0, "merit", "the largest rebate of a maker, of the notional"
    ),
    Parameter.MAX_REFERRAL_PPM: Rule(
        Scope.MERIT, 0, 1_000_000, 500_000, "merit", "the largest share of a referrer, of the fee"
    ),
    Parameter.BASE_FEE_PPM: Rule(
        Scope.MERIT, 1, 100_000, 1_000, "merit", "the ordinary fee, to show PoE as volume"
    ),
    Parameter.PRICE_MOVE_BP: Rule(
        Scope.MERIT, 1, 10_000, 2_500, "merit", "the most that the price of EXT moves in a day"
    ),
    Parameter.POOL_VERIFIED_MIN: Rule(
        Scope.MERIT, 2, 10_000, 100, "merit", "verified members of a pool that may get a reward"
    ),
    Parameter.UNSTAKE_DELAY_S: Rule(
        Scope.MERIT, 0, 90 * 86_400, 7 * 86_400, "merit", "seconds from unstaking to free again"
    ),
    Parameter.FIRST_PRICE: Rule(
        Scope.MERIT, 1, 10**15, 10**7, "merit", "atoms for one EXT, before anybody traded it"
    ),
    Parameter.POE_WEIGHT: Rule(
        Scope.MERIT_MARKET, 0, 10_000, 10_000, "merit", "what a fill counts, of 10,000"
    ),
    Parameter.PRICE_SOURCE: Rule(
        Scope.MERIT_MARKET, 0, 1, 0, "merit", "1: strangers trade here, prices count"
    ),
}
