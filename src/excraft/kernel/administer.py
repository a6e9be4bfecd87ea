"""Phase 0: money in and out, accounts, assets, markets and parameters, one after the other."""

import numpy as np

from excraft.kernel.compiled import compiled, i64
from excraft.kernel.funds import balance_key, find_balance, open_balance
from excraft.kernel.layout import FUNDS_PARTITIONS
from excraft.kernel.reserve import (
    ACCOUNTS,
    INSUFFICIENT_FUNDS,
    MARKETS,
    UNKNOWN_ACCOUNT,
    UNKNOWN_COMMAND,
    UNKNOWN_MARKET,
)
from excraft.kernel.rows import new_event, refuse
from excraft.kernel.set_aside import ASSETS, MERIT_ACT, UNKNOWN_ASSET, set_aside_one
from excraft.messages.commands import CommandKind
from excraft.messages.events import EventKind
from excraft.messages.reasons import Reason
from excraft.parameters import LOTS_MAX as LOTS_MAX_RULE
from excraft.parameters import PRICE_MAX as PRICE_MAX_RULE
from excraft.parameters import RULES, TIERS, Parameter, Scope
from excraft.units import AMOUNT_MAX

CREDIT, DEBIT = int(CommandKind.CREDIT), int(CommandKind.DEBIT)
OPEN_ACCOUNT, LIST_ASSET = int(CommandKind.OPEN_ACCOUNT), int(CommandKind.LIST_ASSET)
LIST_MARKET, SET_PARAMETER = int(CommandKind.LIST_MARKET), int(CommandKind.SET_PARAMETER)
FIRST_ADMINISTRATIVE = CREDIT
CREDITED, DEBITED = int(EventKind.CREDITED), int(EventKind.DEBITED)
ACCOUNT_OPENED, ASSET_LISTED = int(EventKind.ACCOUNT_OPENED), int(EventKind.ASSET_LISTED)
MARKET_LISTED, PARAMETER_SET = int(EventKind.MARKET_LISTED), int(EventKind.PARAMETER_SET)
TABLE_FULL = int(Reason.TABLE_FULL)
AMOUNT_OUT_OF_RANGE = int(Reason.AMOUNT_OUT_OF_RANGE)
UNKNOWN_PARAMETER = int(Reason.UNKNOWN_PARAMETER)
PARAMETER_OUT_OF_BOUNDS = int(Reason.PARAMETER_OUT_OF_BOUNDS)
MALFORMED_MARKET = int(Reason.MALFORMED_MARKET)
EXCHANGE, MARKET, MARKET_TIER, ACCOUNT, MERIT, MERIT_MARKET = (int(scope) for scope in Scope)
PRICE_MAX, LOTS_MAX = int(PRICE_MAX_RULE), int(LOTS_MAX_RULE)
MAX_ACCOUNTS, MAX_ASSETS = int(Parameter.MAX_ACCOUNTS), int(Parameter.MAX_ASSETS)
MAX_MARKETS = int(Parameter.MAX_MARKETS)
MARKET_STATE, MARKET_POOL = int(Parameter.MARKET_STATE), int(Parameter.MARKET_POOL)
MIN_PRICE, MAX_PRICE = int(Parameter.MIN_PRICE_TICKS), int(Parameter.MAX_PRICE_TICKS)
MIN_LOTS, MAX_LOTS = int(Parameter.MIN_LOTS), int(Parameter.MAX_LOTS)
MAX_MARKET_LOTS = int(Parameter.MAX_MARKET_LOTS)
MIN_NOTIONAL = int(Parameter.MIN_NOTIONAL_ATOMS)
MARKET_BAND, MAKER_FEE = int(Parameter.MARKET_BAND_PPM), int(Parameter.MAKER_FEE_PPM)
TAKER_FEE = int(Parameter.TAKER_FEE_PPM)
ACCOUNT_STATE, ACCOUNT_POOL = int(Parameter.ACCOUNT_STATE), int(Parameter.ACCOUNT_POOL)
TRADE_GROUP, FEE_TIER = int(Parameter.TRADE_GROUP), int(Parameter.FEE_TIER)
KYC_LEVEL, REFERRER = int(Parameter.KYC_LEVEL), int(Parameter.REFERRER)
REFERRAL_SHARE = int(Parameter.REFERRAL_SHARE_PPM)
ATOMS_MAX = 10**18

PARAMETERS = 64  # words; the numbers of parameters that the kernel keeps are below this
NUMBERS = 192  # and those of all
BOUNDS = np.zeros((NUMBERS, 4), np.int64)  # scope (-1: no such parameter), low, high, default
BOUNDS[:, 0] = -1
for _number, _rule in RULES.items():
    BOUNDS[_number] = (_rule.scope, _rule.low, _rule.high, _rule.default)


@compiled
def open_account(funds, limits, row):
    """The next account, active, in no pool and no group."""
    account = i64(limits[ACCOUNTS])
    if account >= limits[MAX_ACCOUNTS]:
        return TABLE_FULL
    limits[ACCOUNTS] = account + 1
    funds.accounts[account].state = BOUNDS[ACCOUNT_STATE, 3]
    row.account = account
    return 0


@compiled
def list_asset(assets, c, limits, row):
    """The next asset."""
    asset = i64(limits[ASSETS])
    if asset >= limits[MAX_ASSETS]:
        return TABLE_FULL
    if c.amount < 0 or c.amount > 18:
        return MALFORMED_MARKET
    limits[ASSETS] = asset + 1
    assets.decimals[asset] = c.amount
    row.market = asset
    row.amount = c.amount
    return 0


@compiled
def list_market(books, c, limits, row):
    """The next market, trading, with default parameters."""
    market = i64(limits[MARKETS])
    if market >= limits[MAX_MARKETS]:
        return TABLE_FULL
    base, quote = i64(c.order_id), i64(c.stop_price)
    lot, unit = i64(c.quantity), i64(c.price)
    known = i64(limits[ASSETS])
    if base < 0 or base >= known or quote < 0 or quote >= known:
        return UNKNOWN_ASSET
    if base == quote or lot < 1 or lot > ATOMS_MAX or unit < 1 or unit > ATOMS_MAX:
        return MALFORMED_MARKET
    limits[MARKETS] = market + 1
    m = books.markets[market]
    m.base_asset = base
    m.quote_asset = quote
    m.lot_atoms = lot
    m.unit_atoms = unit
    m.state = BOUNDS[MARKET_STATE, 3]
    m.pool = BOUNDS[MARKET_POOL, 3]
    m.min_price = BOUNDS[MIN_PRICE, 3]
    m.max_price = min(PRICE_MAX, AMOUNT_MAX // unit)
    m.min_lots = BOUNDS[MIN_LOTS, 3]
    m.max_lots = min(LOTS_MAX, AMOUNT_MAX // lot)
    m.max_market_lots = min(LOTS_MAX, AMOUNT_MAX // lot)
    m.min_notional = BOUNDS[MIN_NOTIONAL, 3]
    m.band_ppm = BOUNDS[MARKET_BAND, 3]
    for tier in range(TIERS):
        books.rates[market, tier, 0] = BOUNDS[MAKER_FEE, 3]
        books.rates[market, tier, 1] = BOUNDS[TAKER_FEE, 3]
    row.market = market
    return 0


@compiled
def may_refer(funds, account, referrer, limits):
    """Whether there is such an account, another one, that this one does not refer in turn."""
    if referrer < 0:
        return True
    if referrer >= limits[ACCOUNTS] or referrer == account:
        return False
    return funds.accounts[referrer].referrer != account + 1


@compiled
def check_parameter(funds, books, c, limits):
    """0, or why the parameter cannot be set."""
    number, subject, tier = i64(c.number), i64(c.account), i64(c.order_id)
    if number >= NUMBERS or BOUNDS[number, 0] < 0:
        return UNKNOWN_PARAMETER
    scope = BOUNDS[number, 0]
    if (scope == EXCHANGE or scope == MERIT) and subject != -1:
        return UNKNOWN_PARAMETER
    of_market = scope == MARKET or scope == MARKET_TIER or scope == MERIT_MARKET
    if of_market and (subject < 0 or subject >= limits[MARKETS]):
        return UNKNOWN_MARKET
    if scope == ACCOUNT and (subject < 0 or subject >= limits[ACCOUNTS]):
        return UNKNOWN_ACCOUNT
    if tier < 0 or tier >= (TIERS if scope == MARKET_TIER else 1):
        return PARAMETER_OUT_OF_BOUNDS
    value = i64(c.amount)
    if value < BOUNDS[number, 1] or value > BOUNDS[number, 2]:
        return PARAMETER_OUT_OF_BOUNDS
    if number == MAX_PRICE and value > AMOUNT_MAX // i64(books.markets[subject].unit_atoms):
        return PARAMETER_OUT_OF_BOUNDS
    if number == MAX_LOTS or number == MAX_MARKET_LOTS:
        if value > AMOUNT_MAX // i64(books.markets[subject].lot_atoms):
            return PARAMETER_OUT_OF_BOUNDS
    if number == REFERRER and not may_refer(funds, subject, value - 1, limits):
        return PARAMETER_OUT_OF_BOUNDS
    return 0


@compiled
def set_market(m, number, value):
    """One parameter of a market."""
    if number == MARKET_STATE:
        m.state = value
    elif number == MARKET_POOL:
        m.pool = value
    elif number == MIN_PRICE:
        m.min_price = value
    elif number == MAX_PRICE:
        m.max_price = value
    elif number == MIN_LOTS:
        m.min_lots = value
    elif number == MAX_LOTS:
        m.max_lots = value
    elif number == MAX_MARKET_LOTS:
        m.max_market_lots = value
    elif number == MIN_NOTIONAL:
        m.min_notional = value
    elif number == MARKET_BAND:
        m.band_ppm = value


@compiled
def set_account(owner, number, value):
    """One parameter of an account."""
    if number == ACCOUNT_STATE:
        owner.state = value
    elif number == ACCOUNT_POOL:
        owner.pool = value
    elif number == TRADE_GROUP:
        owner.group = value
    elif number == FEE_TIER:
        owner.tier = value
    elif number == KYC_LEVEL:
        owner.level = value
    elif number == REFERRER:
        owner.referrer = value
    elif number == REFERRAL_SHARE:
        owner.share = value


@compiled
def set_parameter(funds, books, c, limits, row):
    """Any parameter, within its bounds."""
    reason = check_parameter(funds, books, c, limits)
    if reason != 0:
        return reason
    number, subject, value = i64(c.number), i64(c.account), i64(c.amount)
    scope = BOUNDS[number, 0]
    if scope == EXCHANGE:
        limits[number] = value
    elif scope == MARKET:
        set_market(books.markets[subject], number, value)
        row.market = subject
    elif scope == MARKET_TIER:
        books.rates[subject, i64(c.order_id), 0 if number == MAKER_FEE else 1] = value
        row.market = subject
    elif scope == MERIT_MARKET:
        row.market = subject
    elif scope == ACCOUNT:
        set_account(funds.accounts[subject], number, value)
        row.account = subject
    row.trade_id = number
    row.amount = value
    row.order_id = c.order_id
    return 0


@compiled
def move_money(funds, assets, c, limits, row):
    """CREDIT and DEBIT: the only ways into and out of the exchange."""
    account, asset, amount = i64(c.account), i64(c.market), i64(c.amount)
    if account < 0 or account >= limits[ACCOUNTS]:
        return UNKNOWN_ACCOUNT
    if asset < 0 or asset >= limits[ASSETS]:
        return UNKNOWN_ASSET
    partition = account % FUNDS_PARTITIONS
    slots = funds.balances[partition]
    key = balance_key(account, asset)
    if c.kind == CREDIT:
        if amount < 1 or amount > AMOUNT_MAX - i64(assets.supply[asset]):
            return AMOUNT_OUT_OF_RANGE
        at = open_balance(slots, funds.balance_count, partition, key)
    else:
        if amount < 1:
            return AMOUNT_OUT_OF_RANGE
        at = find_balance(slots, key)
        if at < 0 or slots[at].free < amount:
            return INSUFFICIENT_FUNDS
        amount = -amount
    slots[at].free += amount
    assets.supply[asset] += amount
    row.market = asset
    row.account = account
    row.amount = c.amount
    return 0


@compiled
def administer_one(funds, books, assets, c, limits, events, tops):
    """One administrative command: one event row."""
    kind = i64(c.kind)
    if kind < CREDIT or kind > MERIT_ACT:
        refuse(events, tops, c, UNKNOWN_COMMAND)
        return
    row = new_event(events, tops, kind, 0)  # the event has the command's number, in past tense
    if kind == OPEN_ACCOUNT:
        reason = open_account(funds, limits, row)
    elif kind == LIST_ASSET:
        reason = list_asset(assets, c, limits, row)
    elif kind == LIST_MARKET:
        reason = list_market(books, c, limits, row)
    elif kind == SET_PARAMETER:
        reason = set_parameter(funds, books, c, limits, row)
    elif kind > SET_PARAMETER:
        reason = set_aside_one(funds, assets, c, limits, row)
    else:
        reason = move_money(funds, assets, c, limits, row)
    if reason != 0:
        tops[0] -= 1
        refuse(events, tops, c, reason)
