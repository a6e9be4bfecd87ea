"""What must hold after every record, checked from the state's plain arrays and nothing else."""

from collections import Counter

import numpy as np

from excraft.kernel.administer import BOUNDS
from excraft.parameters import RULES, Parameter, Scope


def broken_invariants(kernel) -> list[str]:
    """Sentences, empty when all holds: the list at the end of docs/reference/kernel-rules.md."""
    rows = kernel.snapshot()
    orders = rows["orders"]
    return [
        *_broken_books(orders, rows["markets"]),
        *_broken_money(rows, orders),
        *_broken_accounts(kernel, rows["accounts"], orders),
        *_broken_bounds(rows),
    ]


def _broken_books(orders: np.ndarray, markets: np.ndarray) -> list[str]:
    """Crossed markets, levels out of order, empty orders, stops that should have fired."""
    broken = []
    if (orders[:, 11] < 1).any() or (orders[:, 11] > orders[:, 10]).any():
        broken.append("an open order has no lots left, or more than its quantity")
    for market in np.unique(orders[:, 0]):
        mine = orders[orders[:, 0] == market]
        last = int(markets[market][13])
        best = {}
        for queue in range(4):
            part = mine[mine[:, 1] == queue]
            prices = part[:, 9] if queue < 2 else part[:, 12]
            keys = prices if queue & 1 else -prices
            if (np.diff(keys) < 0).any():
                broken.append(f"market {market}: queue {queue} is not sorted by price")
            best[queue] = int(prices[0]) if len(prices) else None
        if best[0] is not None and best[1] is not None and best[0] >= best[1]:
            broken.append(f"market {market} is crossed: bid {best[0]} >= ask {best[1]}")
        if last and best[2] is not None and last <= best[2]:
            broken.append(f"market {market}: the stop at {best[2]} should have fired at {last}")
        if last and best[3] is not None and last >= best[3]:
            broken.append(f"market {market}: the stop at {best[3]} should have fired at {last}")
    return broken


def _broken_money(rows: dict[str, np.ndarray], orders: np.ndarray) -> list[str]:
    """Negative balances, holds that no order explains, money from nowhere."""
    broken = []
    balances, markets = rows["balances"], rows["markets"]
    held: Counter = Counter()
    for order in orders.tolist():
        asset = int(markets[order[0]][1 if order[5] == 0 else 0])
        held[order[3], asset] += order[13]
    total: Counter = Counter()
    for account, asset, free, hold in balances.tolist():
        total[asset] += free + hold
        if free < 0 or hold < 0:
            broken.append(f"account {account} asset {asset}: free {free}, held {hold}")
        if hold != held.pop((account, asset), 0):
            broken.append(f"account {account} asset {asset}: held {hold} is not what orders hold")
    broken += [f"orders of account {a} hold asset {x} it has no balance of" for a, x in held]
    for account, asset, cause, atoms in rows["reserves"].tolist():
        total[asset] += atoms
        if atoms < 0:
            broken.append(f"account {account} asset {asset}: {atoms} reserved for cause {cause}")
    owed: Counter = Counter()
    for account, asset, atoms in rows["owed"].tolist():
        owed[asset] += atoms
        if atoms < 0:
            broken.append(f"account {account} asset {asset}: {atoms} owed to its referrer")
    for asset, (_, supply, fees) in enumerate(rows["assets"].tolist()):
        if total[asset] + fees != supply:
            broken.append(
                f"asset {asset}: balances {total[asset]} + fees {fees} are not the supply {supply}"
            )
        if owed[asset] > fees:
            broken.append(f"asset {asset}: {owed[asset]} owed to referrers of {fees} fees")
    return broken


def _broken_accounts(kernel, accounts: np.ndarray, orders: np.ndarray) -> list[str]:
    """Order counts and client keys that do not agree with the open orders."""
    broken = []
    counted = np.bincount(orders[:, 3], minlength=len(accounts))
    for account in np.flatnonzero(counted != accounts[:, 4]):
        broken.append(f"account {account} counts {accounts[account][4]} open orders, not "
                      f"{counted[account]}")  # fmt: skip
    slots = kernel.tables.funds.clients.view(np.ndarray)
    slots = slots[slots["order_id"] != 0]
    kept = {tuple(row) for row in slots[["account", "key", "market", "order_id"]].tolist()}
    wanted = {(row[3], row[14], row[0], row[2]) for row in orders.tolist() if row[14]}
    if kept != wanted or len(slots) != len(wanted):
        broken.append(f"client keys do not match the open orders: {sorted(kept ^ wanted)[:3]}")
    return broken


def _broken_bounds(rows: dict[str, np.ndarray]) -> list[str]:
    """Parameters outside their bounds."""
    broken = []
    for parameter, rule in RULES.items():
        if rule.scope in (Scope.MERIT, Scope.MERIT_MARKET):
            continue  # not kept
        if rule.scope == Scope.MARKET:
            values = rows["markets"][:, 4 + parameter - Parameter.MARKET_STATE]
        elif rule.scope == Scope.ACCOUNT and parameter >= Parameter.ACCOUNT_STATE:
            values = rows["accounts"][:, parameter - Parameter.ACCOUNT_STATE]
        elif rule.scope == Scope.ACCOUNT:
            values = rows["members"][:, 1 + parameter - Parameter.KYC_LEVEL]
        elif rule.scope == Scope.MARKET_TIER:
            values = rows["rates"][:, parameter - Parameter.MAKER_FEE_PPM :: 2]
        else:
            values = rows["parameters"][int(parameter)]
        low, high = BOUNDS[parameter, 1], BOUNDS[parameter, 2]
        if np.any(values < low) or np.any(values > high):
            broken.append(f"{parameter.name} lies outside {low}..{high}")
    return broken
