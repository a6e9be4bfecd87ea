"""What merit has to know of accounts, markets and numbers, from the events that set it."""

from collections.abc import Mapping
from copy import copy
from typing import Any

import msgspec
import numpy as np

from excraft.merit.fills import Markets
from excraft.messages.commands import CommandKind
from excraft.messages.events import Event, EventKind
from excraft.parameters import RULES, AccountState, Parameter, Scope

_COLUMNS = ("base", "quote", "base_atoms", "quote_atoms")


class Known(msgspec.Struct, dict=True):
    """By account, what is not the default; by market, rows; parameters of merit by number."""

    accounts: int = 0
    levels: dict[int, int] = msgspec.field(default_factory=dict)
    groups: dict[int, int] = msgspec.field(default_factory=dict)
    shares: dict[int, int] = msgspec.field(default_factory=dict)  # of fees, to the referrer
    frozen: set[int] = msgspec.field(default_factory=set)
    houses: set[int] = msgspec.field(default_factory=set)
    flagged: set[tuple[int, int]] = msgspec.field(default_factory=set)
    addresses: dict[int, str] = msgspec.field(default_factory=dict)
    on_chain: set[int] = msgspec.field(default_factory=set)  # who claims there
    claimed: set[int] = msgspec.field(default_factory=set)  # who ever chose that: address fixed
    decimals: list[int] = msgspec.field(default_factory=list)
    markets: list[dict[str, int]] = msgspec.field(default_factory=list)
    numbers: dict[int, int] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        self._owned: dict[int, set[int]] | None = None  # accounts by group, once somebody asks

    def copy(self) -> "Known":
        """As it is now, whatever comes; a moment also for a million accounts."""
        tables = {name: copy(getattr(self, name)) for name in self.__struct_fields__}
        return Known(**tables | {"markets": [dict(row) for row in self.markets]})

    def number(self, parameter: Parameter) -> int:
        """A parameter of merit as it is now."""
        return self.numbers.get(int(parameter), RULES[parameter].default)

    def learn(self, event: Event, commands: Any) -> bool:
        """Take over an event about what there is; whether markets changed."""
        if event.kind == EventKind.ACCOUNT_OPENED:
            self.accounts = event.account + 1
        elif event.kind == EventKind.ASSET_LISTED:
            self.decimals.append(event.amount)
        elif event.kind == EventKind.MARKET_LISTED:
            row = commands[event.command]
            assert row["kind"] == CommandKind.LIST_MARKET
            self.markets.append(
                {
                    "base": int(row["order_id"]), "quote": int(row["stop_price"]),
                    "base_atoms": int(row["quantity"]), "quote_atoms": int(row["price"]),
                    "weight": RULES[Parameter.POE_WEIGHT].default, "pool": 0,
                    "source": RULES[Parameter.PRICE_SOURCE].default,
                }
            )  # fmt: skip
            return True
        elif event.kind == EventKind.PARAMETER_SET:
            return self._set(Parameter(event.trade_id), event)
        return False

    def _set(self, parameter: Parameter, event: Event) -> bool:
        value = event.amount
        match parameter:
            case Parameter.KYC_LEVEL:
                _keep(self.levels, event.account, value)
            case Parameter.TRADE_GROUP:
                self._regroup(event.account, value)
            case Parameter.REFERRAL_SHARE_PPM:
                _keep(self.shares, event.account, value)
            case Parameter.ACCOUNT_STATE:
                change = self.frozen.add if value == AccountState.FROZEN else self.frozen.discard
                change(event.account)
            case Parameter.POE_WEIGHT:
                self.markets[event.market]["weight"] = value
                return True
            case Parameter.PRICE_SOURCE:
                self.markets[event.market]["source"] = value
                return True
            case Parameter.MARKET_POOL:
                self.markets[event.market]["pool"] = value
                return True
            case _ if RULES[parameter].scope is Scope.MERIT:
                self.numbers[int(parameter)] = value
        return False

    def _regroup(self, account: int, group: int) -> None:
        if self._owned is not None:
            self._owned.get(self.groups.get(account, 0), set()).discard(account)
            if group:
                self._owned.setdefault(group, set()).add(account)
        _keep(self.groups, account, group)

    def arrays(self) -> Markets:
        """Of all markets, for their fills."""
        columns = [[row[name] for row in self.markets] for name in _COLUMNS]
        counted = [counts(row) for row in self.markets]
        # Who has a market to themselves gives its coin any price: a buyer's fee, which is in that
        # coin, may have cost nothing.
        buyers = [weight if source else 0 for weight, source in counted]
        columns.append([buyers, [weight for weight, _ in counted]])
        return Markets(*(np.array(column, np.int64) for column in columns))

    def referral_ppm(self) -> int:
        """The most of a fee that a referrer may get: as set, or the largest share there is."""
        return max(self.number(Parameter.MAX_REFERRAL_PPM), *self.shares.values(), 0)

    def verified(self, account: int) -> bool:
        return self.levels.get(account, 0) > 0

    def owned_with(self, account: int) -> list[int]:
        """Other accounts of the same owner, ascending."""
        self.index()
        return sorted((self._owned or {}).get(self.groups.get(account, 0), set()) - {account})

    def index(self) -> None:
        """Make what is looked up, before the first act needs it; copies of a day do without."""
        if self._owned is None:
            self._owned = self._by_group()

    def _by_group(self) -> dict[int, set[int]]:
        found: dict[int, set[int]] = {}
        for account, group in self.groups.items():
            found.setdefault(group, set()).add(account)
        return found

    def invariant(self) -> None:
        """Raises AssertionError unless what is looked up is what a recount finds."""
        if self._owned is not None:
            there = {group: accounts for group, accounts in self._owned.items() if accounts}
            assert there == self._by_group()

    def ext(self) -> int | None:
        """The asset that is staked and rewarded."""
        return self.number(Parameter.EXT_ASSET) - 1 if self.number(Parameter.EXT_ASSET) else None

    def unit(self) -> int:
        """Units of 10^-18 EXT of one atom of it."""
        ext = self.ext()
        return 1 if ext is None else 10 ** (18 - self.decimals[ext])


def counts(market: Mapping[str, int]) -> tuple[int, bool]:
    """The weight of a market's fills, and whether it is a price source; a pool's market is
    neither. `market`: a row of `Known.markets`."""
    return (0, False) if market["pool"] else (market["weight"], bool(market["source"]))


def _keep(table: dict[int, int], account: int, value: int) -> None:
    if value:
        table[account] = value
    else:
        table.pop(account, None)
