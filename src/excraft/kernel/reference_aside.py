"""Phase 0 of the plain twin: money set aside, spent and approved; referrals paid."""

from excraft.kernel.reference_state import State
from excraft.messages.commands import Cause, CommandKind
from excraft.messages.events import EventKind
from excraft.messages.reasons import Reason
from excraft.parameters import AccountState, Parameter
from excraft.units import AMOUNT_MAX


def set_aside(state: State, c) -> tuple[EventKind, dict[str, int]] | Reason:
    """RESERVE, RELEASE, SPEND, APPROVE_WITHDRAWAL."""
    approves = c.kind == CommandKind.APPROVE_WITHDRAWAL
    cause = Cause.WITHDRAWAL if approves else c.number
    if c.account not in range(len(state.accounts)):
        return Reason.UNKNOWN_ACCOUNT
    if c.market not in range(len(state.assets)):
        return Reason.UNKNOWN_ASSET
    if cause not in (Cause.WITHDRAWAL, Cause.STAKE):
        return Reason.UNKNOWN_CAUSE
    if not 1 <= c.amount <= AMOUNT_MAX:
        return Reason.AMOUNT_OUT_OF_RANGE
    columns = {"market": c.market, "account": c.account, "amount": c.amount, "trade_id": cause}
    match c.kind:
        case CommandKind.RESERVE:
            return _reserve(state, c, cause) or (EventKind.RESERVED, columns)
        case CommandKind.RELEASE:
            return _release(state, c, cause) or (EventKind.RELEASED, columns)
        case CommandKind.SPEND:
            return _spend(state, c, cause) or (EventKind.SPENT, columns | {"price": c.price})
        case CommandKind.APPROVE_WITHDRAWAL:
            return _approve(state, c) or (EventKind.WITHDRAWAL_APPROVED, columns)


def _frozen(state: State, account: int) -> bool:
    return state.accounts[account].parameters[Parameter.ACCOUNT_STATE] == AccountState.FROZEN


def _reserve(state: State, c, cause: int) -> Reason | None:
    if cause == Cause.WITHDRAWAL:
        if _frozen(state, c.account):
            return Reason.ACCOUNT_FROZEN
        level = state.accounts[c.account].parameters[Parameter.KYC_LEVEL]
        if level == 0 and not state.parameters[Parameter.UNVERIFIED_MAY_WITHDRAW]:
            return Reason.NOT_VERIFIED
    if c.amount > state.free.get((c.account, c.market), 0):
        return Reason.INSUFFICIENT_FUNDS
    state.free[c.account, c.market] -= c.amount
    state.reserved[c.account, c.market, cause] += c.amount
    return None


def _release(state: State, c, cause: int) -> Reason | None:
    if c.amount > state.reserved[c.account, c.market, cause]:
        return Reason.NOT_RESERVED
    state.reserved[c.account, c.market, cause] -= c.amount
    state.free[c.account, c.market] += c.amount
    return None


def _spend(state: State, c, cause: int) -> Reason | None:
    fee = c.price
    if fee < 0 or c.amount + fee > AMOUNT_MAX:
        return Reason.AMOUNT_OUT_OF_RANGE
    if c.amount + fee > state.reserved[c.account, c.market, cause]:
        return Reason.NOT_RESERVED
    state.reserved[c.account, c.market, cause] -= c.amount + fee
    state.assets[c.market].fees += fee
    state.assets[c.market].supply -= c.amount
    return None


def _approve(state: State, c) -> Reason | None:
    if _frozen(state, c.account):
        return Reason.ACCOUNT_FROZEN
    if c.amount > state.reserved[c.account, c.market, Cause.WITHDRAWAL]:
        return Reason.NOT_RESERVED
    return None


def pay_referral(state: State, c) -> tuple[EventKind, dict[str, int]] | Reason:
    """PAY_REFERRAL: what is owed, from the fees to the referrer as of now."""
    payer, asset = c.account, c.market
    if payer not in range(len(state.accounts)):
        return Reason.UNKNOWN_ACCOUNT
    if asset not in range(len(state.assets)):
        return Reason.UNKNOWN_ASSET
    referrer = state.accounts[payer].parameters[Parameter.REFERRER] - 1
    owed = state.owed.get((payer, asset), 0)
    if referrer < 0 or not owed:
        return Reason.NOTHING_OWED
    state.touch(referrer, asset)
    state.free[referrer, asset] += owed
    state.assets[asset].fees -= owed
    state.owed[payer, asset] = 0
    columns = {"market": asset, "account": referrer, "order_id": payer, "amount": owed}
    return EventKind.REFERRAL_PAID, columns


def transfer(state: State, c) -> tuple[EventKind, dict[str, int]] | Reason:
    """TRANSFER: from one account's free to another's."""
    accounts = range(len(state.accounts))
    if c.account not in accounts or c.order_id not in accounts or c.account == c.order_id:
        return Reason.UNKNOWN_ACCOUNT
    if c.market not in range(len(state.assets)):
        return Reason.UNKNOWN_ASSET
    if c.number != Cause.REWARD:
        return Reason.UNKNOWN_CAUSE
    if not 1 <= c.amount <= AMOUNT_MAX:
        return Reason.AMOUNT_OUT_OF_RANGE
    if c.amount > state.free.get((c.account, c.market), 0):
        return Reason.INSUFFICIENT_FUNDS
    state.touch(c.order_id, c.market)
    state.free[c.account, c.market] -= c.amount
    state.free[c.order_id, c.market] += c.amount
    columns = {"market": c.market, "account": c.account, "order_id": c.order_id}
    return EventKind.TRANSFERRED, columns | {"amount": c.amount, "trade_id": Cause.REWARD}


def merit_act(state: State, c) -> tuple[EventKind, dict[str, int]] | Reason:
    """MERIT_ACT: only whose it is."""
    known = range(-1, len(state.accounts))
    if c.account not in known or c.order_id not in known:
        return Reason.UNKNOWN_ACCOUNT
    columns = {"market": c.market, "account": c.account, "order_id": c.order_id}
    return EventKind.MERIT_ACTED, columns | {"amount": c.amount, "trade_id": c.number}
