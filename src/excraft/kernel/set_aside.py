"""Phase 0, money that is set aside: reserved, released, spent, approved; referrals, transfers.

What is reserved stands in a table of its own, by account, asset and cause, so that the balances,
which every order touches, stay as small as they are.
"""

from excraft.kernel.compiled import compiled, entry, i64
from excraft.kernel.funds import (
    balance_key,
    find_balance,
    look_up,
    open_balance,
    partition_of,
)
from excraft.kernel.reserve import (
    ACCOUNT_FROZEN,
    ACCOUNTS,
    FROZEN,
    INSUFFICIENT_FUNDS,
    NOT_VERIFIED,
    UNKNOWN_ACCOUNT,
)
from excraft.messages.commands import Cause, CommandKind
from excraft.messages.reasons import Reason
from excraft.parameters import Parameter
from excraft.units import AMOUNT_MAX

RESERVE, RELEASE = int(CommandKind.RESERVE), int(CommandKind.RELEASE)
SPEND, APPROVE_WITHDRAWAL = int(CommandKind.SPEND), int(CommandKind.APPROVE_WITHDRAWAL)
PAY_REFERRAL, TRANSFER = int(CommandKind.PAY_REFERRAL), int(CommandKind.TRANSFER)
MERIT_ACT = int(CommandKind.MERIT_ACT)
WITHDRAWAL, STAKE, REWARD = int(Cause.WITHDRAWAL), int(Cause.STAKE), int(Cause.REWARD)
UNKNOWN_ASSET, UNKNOWN_CAUSE = int(Reason.UNKNOWN_ASSET), int(Reason.UNKNOWN_CAUSE)
AMOUNT_OUT_OF_RANGE = int(Reason.AMOUNT_OUT_OF_RANGE)
NOT_RESERVED, NOTHING_OWED = int(Reason.NOT_RESERVED), int(Reason.NOTHING_OWED)
UNVERIFIED_MAY_WITHDRAW = int(Parameter.UNVERIFIED_MAY_WITHDRAW)
ASSETS = 69  # word of Batch.limits: number of assets
CAUSE_BITS = 24  # of the key: asset numbers are below 2^24


@compiled
def reserve_key(account, asset, cause):
    """Never 0, which marks an empty slot."""
    return balance_key(account, i64(asset) | (i64(cause) << CAUSE_BITS))


@entry
def look_up_reserved(reserves, account, asset, cause):
    """Atoms of one reserved sum, 0 when there never was one."""
    at = find_balance(reserves, reserve_key(account, asset, cause))
    return 0 if at < 0 else i64(reserves[at].amount)


@entry
def look_up_shown(balances, reserves, account, asset):
    """(free, locked) of one balance: locked is what orders hold and what is reserved."""
    free, locked = look_up(balances, account, asset)
    for cause in (WITHDRAWAL, STAKE):
        at = find_balance(reserves, reserve_key(account, asset, cause))
        locked += 0 if at < 0 else i64(reserves[at].amount)
    return free, locked


@compiled
def check_aside(c, cause, limits):
    """What every command here asks first; 0 or a reason."""
    if c.account < 0 or c.account >= limits[ACCOUNTS]:
        return UNKNOWN_ACCOUNT
    if c.market < 0 or c.market >= limits[ASSETS]:
        return UNKNOWN_ASSET
    if cause != WITHDRAWAL and cause != STAKE:
        return UNKNOWN_CAUSE
    if c.amount < 1 or c.amount > AMOUNT_MAX:
        return AMOUNT_OUT_OF_RANGE
    return 0


@compiled
def reserve_money(funds, c, limits):
    """RESERVE: free -> reserved."""
    cause = i64(c.number)
    reason = check_aside(c, cause, limits)
    if reason != 0:
        return reason
    owner = funds.accounts[i64(c.account)]
    if cause == WITHDRAWAL:
        if owner.state == FROZEN:
            return ACCOUNT_FROZEN
        if owner.level == 0 and limits[UNVERIFIED_MAY_WITHDRAW] == 0:
            return NOT_VERIFIED
    slots = funds.balances[partition_of(i64(c.account))]
    at = find_balance(slots, balance_key(c.account, c.market))
    if at < 0 or slots[at].free < c.amount:
        return INSUFFICIENT_FUNDS
    key = reserve_key(c.account, c.market, cause)
    kept = open_balance(funds.reserves, funds.reserve_count, 0, key)
    slots[at].free -= c.amount
    funds.reserves[kept].amount += c.amount
    return 0


@compiled
def find_reserved(funds, c, cause, atoms):
    """Slot of the reserved sum, -1 when it is smaller than `atoms`."""
    at = find_balance(funds.reserves, reserve_key(c.account, c.market, cause))
    if at < 0 or funds.reserves[at].amount < atoms:
        return -1
    return at


@compiled
def release_money(funds, c, limits):
    """RELEASE: reserved -> free, whatever the state of the account."""
    cause = i64(c.number)
    reason = check_aside(c, cause, limits)
    if reason != 0:
        return reason
    kept = find_reserved(funds, c, cause, i64(c.amount))
    if kept < 0:
        return NOT_RESERVED
    slots = funds.balances[partition_of(i64(c.account))]
    at = find_balance(slots, balance_key(c.account, c.market))
    funds.reserves[kept].amount -= c.amount
    slots[at].free += c.amount
    return 0


@compiled
def spend_money(funds, assets, c, limits):
    """SPEND: reserved -> outside, and the fee (the command's `price`) -> fees."""
    cause, fee = i64(c.number), i64(c.price)
    reason = check_aside(c, cause, limits)
    if reason != 0:
        return reason
    if fee < 0 or fee > AMOUNT_MAX - i64(c.amount):
        return AMOUNT_OUT_OF_RANGE
    kept = find_reserved(funds, c, cause, i64(c.amount) + fee)
    if kept < 0:
        return NOT_RESERVED
    funds.reserves[kept].amount -= c.amount + fee
    funds.fees[i64(c.market), partition_of(i64(c.account))] += fee
    assets.supply[i64(c.market)] -= c.amount
    return 0


@compiled
def approve_withdrawal(funds, c, limits):
    """APPROVE_WITHDRAWAL: changes nothing."""
    reason = check_aside(c, WITHDRAWAL, limits)
    if reason != 0:
        return reason
    if funds.accounts[i64(c.account)].state == FROZEN:
        return ACCOUNT_FROZEN
    return 0 if find_reserved(funds, c, WITHDRAWAL, i64(c.amount)) >= 0 else NOT_RESERVED


@compiled
def pay_referral(funds, c, limits, row):
    """PAY_REFERRAL: what the account's fees owe, from the fees to its referrer."""
    payer, asset = i64(c.account), i64(c.market)
    if payer < 0 or payer >= limits[ACCOUNTS]:
        return UNKNOWN_ACCOUNT
    if asset < 0 or asset >= limits[ASSETS]:
        return UNKNOWN_ASSET
    referrer = i64(funds.accounts[payer].referrer) - 1
    slots = funds.balances[partition_of(payer)]
    at = find_balance(slots, balance_key(payer, asset))
    if referrer < 0 or at < 0 or slots[at].owed == 0:
        return NOTHING_OWED
    owed = i64(slots[at].owed)
    partition = partition_of(referrer)
    theirs = funds.balances[partition]
    key = balance_key(referrer, asset)
    theirs[open_balance(theirs, funds.balance_count, partition, key)].free += owed
    funds.fees[asset, partition_of(payer)] -= owed
    slots[at].owed = 0
    row.account = referrer
    row.market = asset
    row.order_id = payer
    row.amount = owed
    return 0


@compiled
def transfer(funds, c, limits, row):
    """TRANSFER: free of one account -> free of another."""
    giver, taker, asset = i64(c.account), i64(c.order_id), i64(c.market)
    if giver < 0 or giver >= limits[ACCOUNTS] or taker < 0 or taker >= limits[ACCOUNTS]:
        return UNKNOWN_ACCOUNT
    if giver == taker:
        return UNKNOWN_ACCOUNT
    if asset < 0 or asset >= limits[ASSETS]:
        return UNKNOWN_ASSET
    if c.number != REWARD:
        return UNKNOWN_CAUSE
    if c.amount < 1 or c.amount > AMOUNT_MAX:
        return AMOUNT_OUT_OF_RANGE
    slots = funds.balances[partition_of(giver)]
    at = find_balance(slots, balance_key(giver, asset))
    if at < 0 or slots[at].free < c.amount:
        return INSUFFICIENT_FUNDS
    partition = partition_of(taker)
    theirs = funds.balances[partition]
    there = open_balance(theirs, funds.balance_count, partition, balance_key(taker, asset))
    slots[at].free -= c.amount
    theirs[there].free += c.amount
    row.account = giver
    row.order_id = taker
    row.market = asset
    row.amount = c.amount
    row.trade_id = REWARD
    return 0


@compiled
def merit_act(c, limits, row):
    """MERIT_ACT: changes nothing here."""
    if c.account < -1 or c.account >= limits[ACCOUNTS]:
        return UNKNOWN_ACCOUNT
    if c.order_id < -1 or c.order_id >= limits[ACCOUNTS]:
        return UNKNOWN_ACCOUNT
    row.account = c.account
    row.market = c.market
    row.order_id = c.order_id
    row.amount = c.amount
    row.trade_id = i64(c.number)
    return 0


@compiled
def set_aside_one(funds, assets, c, limits, row):
    """Any command of this file; 0 with its event row filled, or a reason."""
    kind = i64(c.kind)
    if kind == PAY_REFERRAL:
        return pay_referral(funds, c, limits, row)
    if kind == TRANSFER:
        return transfer(funds, c, limits, row)
    if kind == MERIT_ACT:
        return merit_act(c, limits, row)
    if kind == RESERVE:
        reason = reserve_money(funds, c, limits)
    elif kind == RELEASE:
        reason = release_money(funds, c, limits)
    elif kind == SPEND:
        reason = spend_money(funds, assets, c, limits)
        row.price = c.price
    else:
        reason = approve_withdrawal(funds, c, limits)
    row.account = c.account
    row.market = c.market
    row.amount = c.amount
    row.trade_id = WITHDRAWAL if kind == APPROVE_WITHDRAWAL else i64(c.number)
    return reason
