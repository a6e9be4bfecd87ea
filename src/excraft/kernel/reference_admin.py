"""Phase 0 of the plain twin: money, accounts, listings and parameters."""

from excraft.kernel.reference_aside import merit_act, pay_referral, set_aside, transfer
from excraft.kernel.reference_state import Account, Asset, Market, State
from excraft.messages.commands import CommandKind
from excraft.messages.events import EventKind
from excraft.messages.reasons import Reason
from excraft.parameters import LOTS_MAX, PRICE_MAX, RULES, TIERS, Parameter, Scope
from excraft.units import AMOUNT_MAX

ATOMS_MAX = 10**18  # in one lot, and in one tick times one lot


def administer(state: State, c) -> tuple[EventKind, dict[str, int]] | Reason:
    """Carry out one administrative command: the kind and columns of its event, or why not."""
    match c.kind:
        case CommandKind.OPEN_ACCOUNT:
            return _open_account(state)
        case CommandKind.LIST_ASSET:
            return _list_asset(state, decimals=c.amount)
        case CommandKind.LIST_MARKET:
            return _list_market(state, Market(c.order_id, c.stop_price, c.quantity, c.price))
        case CommandKind.SET_PARAMETER:
            return _set_parameter(state, c)
        case CommandKind.CREDIT | CommandKind.DEBIT:
            return _move_money(state, c)
        case CommandKind.PAY_REFERRAL:
            return pay_referral(state, c)
        case CommandKind.TRANSFER:
            return transfer(state, c)
        case CommandKind.MERIT_ACT:
            return merit_act(state, c)
        case (
            CommandKind.RESERVE
            | CommandKind.RELEASE
            | CommandKind.SPEND
            | CommandKind.APPROVE_WITHDRAWAL
        ):
            return set_aside(state, c)
        case _:
            return Reason.UNKNOWN_COMMAND


def _open_account(state: State):
    if len(state.accounts) >= state.parameters[Parameter.MAX_ACCOUNTS]:
        return Reason.TABLE_FULL
    state.accounts.append(Account())
    return EventKind.ACCOUNT_OPENED, {"account": len(state.accounts) - 1}


def _list_asset(state: State, decimals: int):
    if len(state.assets) >= state.parameters[Parameter.MAX_ASSETS]:
        return Reason.TABLE_FULL
    if not 0 <= decimals <= 18:
        return Reason.MALFORMED_MARKET
    state.assets.append(Asset(decimals))
    return EventKind.ASSET_LISTED, {"market": len(state.assets) - 1, "amount": decimals}


def _list_market(state: State, market: Market):
    if len(state.markets) >= state.parameters[Parameter.MAX_MARKETS]:
        return Reason.TABLE_FULL
    known = range(len(state.assets))
    if market.base not in known or market.quote not in known:
        return Reason.UNKNOWN_ASSET
    if (
        market.base == market.quote
        or not 1 <= market.base_atoms_per_lot <= ATOMS_MAX
        or not 1 <= market.quote_atoms_per_tick_lot <= ATOMS_MAX
    ):
        return Reason.MALFORMED_MARKET
    most_lots = min(LOTS_MAX, AMOUNT_MAX // market.base_atoms_per_lot)
    market.parameters[Parameter.MAX_PRICE_TICKS] = min(
        PRICE_MAX, AMOUNT_MAX // market.quote_atoms_per_tick_lot
    )
    market.parameters[Parameter.MAX_LOTS] = most_lots
    market.parameters[Parameter.MAX_MARKET_LOTS] = most_lots
    state.markets.append(market)
    return EventKind.MARKET_LISTED, {"market": len(state.markets) - 1}


def _set_parameter(state: State, c):
    number, value, subject, tier = c.number, c.amount, c.account, c.order_id
    if number not in RULES:
        return Reason.UNKNOWN_PARAMETER
    rule = RULES[Parameter(number)]
    columns = {"trade_id": number, "amount": value, "order_id": tier}
    match rule.scope:
        case Scope.EXCHANGE | Scope.MERIT:
            if subject != -1:
                return Reason.UNKNOWN_PARAMETER
            table = state.parameters if rule.scope == Scope.EXCHANGE else {}
        case Scope.ACCOUNT:
            if subject not in range(len(state.accounts)):
                return Reason.UNKNOWN_ACCOUNT
            table = state.accounts[subject].parameters
            columns["account"] = subject
        case Scope.MARKET | Scope.MARKET_TIER:
            if subject not in range(len(state.markets)):
                return Reason.UNKNOWN_MARKET
            table = state.markets[subject].parameters
            columns["market"] = subject
        case Scope.MERIT_MARKET:
            if subject not in range(len(state.markets)):
                return Reason.UNKNOWN_MARKET
            table, columns["market"] = {}, subject
    if tier not in range(TIERS if rule.scope == Scope.MARKET_TIER else 1):
        return Reason.PARAMETER_OUT_OF_BOUNDS
    if rule.scope == Scope.MARKET_TIER:
        table = state.markets[subject].fees[tier]
    if not rule.low <= value <= rule.high or value * _atoms(state, number, subject) > AMOUNT_MAX:
        return Reason.PARAMETER_OUT_OF_BOUNDS
    if number == Parameter.REFERRER and not _may_refer(state, subject, value - 1):
        return Reason.PARAMETER_OUT_OF_BOUNDS
    table[Parameter(number)] = value
    return EventKind.PARAMETER_SET, columns


def _may_refer(state: State, account: int, referrer: int) -> bool:
    """-1 is nobody; otherwise another account that this one does not refer in turn."""
    if referrer < 0:
        return True
    if referrer == account or referrer >= len(state.accounts):
        return False
    return state.accounts[referrer].parameters[Parameter.REFERRER] != account + 1


def _atoms(state: State, number: int, subject: int) -> int:
    """Atoms in one unit of a price or quantity bound; 0 for parameters that count no atoms."""
    match number:
        case Parameter.MAX_PRICE_TICKS:
            return state.markets[subject].quote_atoms_per_tick_lot
        case Parameter.MAX_LOTS | Parameter.MAX_MARKET_LOTS:
            return state.markets[subject].base_atoms_per_lot
        case _:
            return 0


def _move_money(state: State, c):
    account, number, amount = c.account, c.market, c.amount
    if account not in range(len(state.accounts)):
        return Reason.UNKNOWN_ACCOUNT
    if number not in range(len(state.assets)):
        return Reason.UNKNOWN_ASSET
    asset = state.assets[number]
    columns = {"market": number, "account": account, "amount": amount}
    if c.kind == CommandKind.CREDIT:
        if amount < 1 or asset.supply + amount > AMOUNT_MAX:
            return Reason.AMOUNT_OUT_OF_RANGE
        state.touch(account, number)
        asset.supply += amount
        state.free[account, number] += amount
        return EventKind.CREDITED, columns
    if amount < 1:
        return Reason.AMOUNT_OUT_OF_RANGE
    if amount > state.free.get((account, number), 0):
        return Reason.INSUFFICIENT_FUNDS
    asset.supply -= amount
    state.free[account, number] -= amount
    return EventKind.DEBITED, columns
