"""Records of every kind of command for two kernels to be compared on: few of everything, so that
all collides; mostly sensible, often wrong, sometimes absurd.

`Workload` asks a `Dice` for each choice: `Seeded` rolls a numpy Generator (long runs, a seed
replays), `Drawn` draws from Hypothesis (short runs that shrink; the smallest choice comes first).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from excraft.messages.codec import Record
from excraft.messages.commands import (
    COMMAND,
    Cause,
    CommandKind,
    OrderType,
    Side,
    TimeInForce,
)
from excraft.messages.events import EVENT, EventKind, Flag
from excraft.parameters import RULES, Parameter, Scope

EXTREMES = (0, 1, -1, 2, 7, 255, 10**6, 2**31 - 1, -(2**31), 10**12, 10**12 + 1, 10**15,
            10**15 + 1, 10**18, 2**62, 2**62 + 1, -(2**62), 2**63 - 1, -(2**63))  # fmt: skip
LISTINGS = (  # (base, quote, base atoms per lot, quote atoms per tick and lot)
    (0, 1, 1, 1),
    (1, 2, 10, 3),
    (2, 0, 10**9, 10**13),
    (1, 0, 7, 10**18),
    (0, 2, 10**18, 1),
)
REMEMBERED = 64  # orders that cancels choose from
MOSTS = (Parameter.MAX_PRICE_TICKS, Parameter.MAX_LOTS, Parameter.MAX_MARKET_LOTS)
OF_MERIT = tuple(p for p, rule in RULES.items() if rule.scope in (Scope.MERIT, Scope.MERIT_MARKET))
OF_THE_KERNEL = tuple(p for p in RULES if p not in OF_MERIT)
HARMLESS = (
    Parameter.MARKET_BAND_PPM,
    Parameter.TRADE_GROUP,
    Parameter.FEE_TIER,
    Parameter.KYC_LEVEL,
    Parameter.REFERRER,
    Parameter.REFERRAL_SHARE_PPM,
    Parameter.UNVERIFIED_MAY_WITHDRAW,
)
ASIDE = (
    CommandKind.RESERVE,
    CommandKind.RESERVE,
    CommandKind.RELEASE,
    CommandKind.SPEND,
    CommandKind.APPROVE_WITHDRAWAL,
)
VALUES = {
    **dict.fromkeys((Parameter.MAX_OPEN_ORDERS, Parameter.MAX_BALANCES), (12, 40, 200)),
    **dict.fromkeys((Parameter.MAX_ACCOUNTS, Parameter.MAX_ASSETS), (4, 6, 12)),
    Parameter.MAX_MARKETS: (4, 6, 12),
    Parameter.ACCOUNT_STATE: (2,),
    Parameter.UNVERIFIED_MAY_TRADE: (0,),
    Parameter.UNVERIFIED_MAY_WITHDRAW: (1,),
    Parameter.REFERRAL_SHARE_PPM: (1, 999, 200_000, 500_000),
    **dict.fromkeys(MOSTS, (4, 6, 100, 105)),
    Parameter.MIN_NOTIONAL_ATOMS: (1, 300, 10**14, 2**62),
    Parameter.MARKET_BAND_PPM: (0, 1, 999, 20_000, 100_000, 10_000_000),
    **dict.fromkeys((Parameter.MAKER_FEE_PPM, Parameter.TAKER_FEE_PPM), (0, 1, 999, 100_000)),
}


class Seeded:
    """Choices of a numpy Generator."""

    def __init__(self, seed: int):
        self._random = np.random.default_rng(seed)

    def below(self, count: int) -> int:
        """A number from 0 to count - 1."""
        return int(self._random.integers(count))

    def between(self, low: int, high: int) -> int:
        """A number from low to high, both included."""
        return int(self._random.integers(low, high, endpoint=True))


class Drawn:
    """Choices of Hypothesis: give it `data.draw` and the `integers` strategy."""

    def __init__(self, draw: Callable, integers: Callable):
        self._draw, self._integers = draw, integers

    def below(self, count: int) -> int:
        return self._draw(self._integers(0, count - 1))

    def between(self, low: int, high: int) -> int:
        return self._draw(self._integers(low, high))


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is of everything, and how often a command is spoiled (in 1000)."""

    accounts: int = 5
    markets: int = 3
    spoiled: int = 40
    keys: int = 6  # different client keys
    spread: int = 8  # ticks to either side of the middle that prices are taken from
    administrative: int = 80  # in 1000 commands
    stops: int = 380  # in 1000 orders


class Workload:
    """The records of a made-up exchange, one after the other; `learn` after each keeps them apt."""

    def __init__(self, dice, size: Size | None = None):
        self.dice = dice
        self.size = size or Size()
        self.position, self.sequence, self.time_ns = 0, 1, 0
        self._open: list[tuple[int, int, int]] = []  # (account, market, order id)
        self._new: list[tuple[int, int, int]] = []  # of the newest record, maybe never accepted

    def opening(self) -> Record:
        """The first record: assets, markets, accounts with money, some verified and referred."""
        size, rows = self.size, []
        for decimals in (8, 6, 18):
            rows.append(_row(kind=CommandKind.LIST_ASSET, amount=decimals))
        for market in range(size.markets):
            base, quote, lot, unit = LISTINGS[market % len(LISTINGS)]
            rows.append(_row(kind=CommandKind.LIST_MARKET, order_id=base, stop_price=quote,
                             quantity=lot, price=unit))  # fmt: skip
        rows += [_row(kind=CommandKind.OPEN_ACCOUNT) for _ in range(size.accounts)]
        for account in range(size.accounts):
            for asset in range(3):
                rows.append(self._money(CommandKind.CREDIT, account, asset))
        for account in range(1, size.accounts, 2):  # every other one is verified and was referred
            for parameter, value in (
                (Parameter.KYC_LEVEL, 1),
                (Parameter.REFERRER, account),
                (Parameter.REFERRAL_SHARE_PPM, 200_000),
            ):
                rows.append(_row(kind=CommandKind.SET_PARAMETER, account=account, market=account,
                                 number=parameter, amount=value))  # fmt: skip
        return self._record(rows)

    def record(self, count: int) -> Record:
        """A record of `count` commands."""
        return self._record([self._command(index) for index in range(count)])

    def learn(self, events: np.ndarray) -> None:
        """Take the events of the newest record, so that cancels aim at what is open."""
        accepted = events["order_id"][events["kind"] == EventKind.ORDER_ACCEPTED].tolist()
        closed = events["order_id"][(events["flags"] & Flag.CLOSED) != 0].tolist()
        alive = {order[2] for order in self._open}.union(accepted).difference(closed)
        known = [order for order in self._open + self._new if order[2] in alive]
        self._open, self._new = known[-REMEMBERED:], []

    def _record(self, rows: list[tuple]) -> Record:
        self.position += 1
        self.time_ns += self.dice.below(3)
        sequence, self.sequence = self.sequence, self.sequence + len(rows)
        return Record(self.position, sequence, self.time_ns, np.array(rows, dtype=COMMAND))

    def _pick(self, options: Sequence):
        return options[self.dice.below(len(options))]

    def _chance(self, per_mille: int) -> bool:
        return self.dice.below(1000) >= 1000 - per_mille

    def _command(self, index: int) -> tuple:
        if self._chance(self.size.administrative):
            row = self._administrative()
        else:
            kind = self.dice.below(100)
            if kind < 66 or not self._open + self._new:
                row = self._place(index)
            elif kind < 86:
                row = self._touch(CommandKind.CANCEL_ORDER)
            elif kind < 98:
                row = self._touch(CommandKind.AMEND_ORDER)
            else:
                row = self._cancel_all()
        return self._spoil(row) if self._chance(self.size.spoiled) else row

    def _middle(self, market: int) -> int:
        """Price around which orders of a market are given."""
        return 3 if LISTINGS[market % len(LISTINGS)][3] == 10**18 else 100

    def _price(self, market: int) -> int:
        middle = self._middle(market)
        width = min(self.size.spread, middle - 1)
        return middle + self.dice.between(-width, width)

    def _lots(self, market: int) -> int:
        if self._chance(30):
            return self._pick((10**6, 10**9, 10**15, 5000))
        return 1 + self.dice.below(2 if self._middle(market) < 10 else 12)

    def _place(self, index: int) -> tuple:
        dice, size = self.dice, self.size
        account, market = dice.below(size.accounts), dice.below(size.markets)
        kind = self._pick((4, 5, 5, 6, 7) if self._chance(size.stops) else (1, 1, 1, 1, 1, 3, 2, 2))
        row = {"kind": CommandKind.PLACE_ORDER, "account": account, "market": market,
               "side": dice.below(2), "order_type": kind, "time_in_force": TimeInForce.GTC,
               "self_trade": self._pick((0, 0, 1, 2, 3, 4))}  # fmt: skip
        row["quantity"] = self._lots(market)
        if kind in (OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT):
            row["time_in_force"] = self._pick((1, 1, 1, 2, 3))
        if kind not in (OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT):
            row["price"] = self._price(market)
        if kind >= OrderType.STOP_LOSS:
            falling = (kind <= OrderType.STOP_LOSS_LIMIT) == (row["side"] == Side.SELL)
            away = dice.below(2 * size.spread)
            row["stop_price"] = max(1, self._middle(market) + (-away if falling else away))
        if kind == OrderType.MARKET and self._chance(500):
            unit = LISTINGS[market % len(LISTINGS)][3]
            row["amount"] = min(2**62, unit * (1 + dice.below(1500)) + dice.below(2))
            row["quantity"] = 0
        if self._chance(350):
            row["client_key"] = dice.below(size.keys) - 2
        self._new.append((account, market, self.sequence + index))
        return _row(**row)

    def _touch(self, kind: CommandKind) -> tuple:
        """A cancel or amendment, mostly of an order of that account in that market."""
        dice, size = self.dice, self.size
        young = not self._open or (self._new and self._chance(250))
        account, market, order_id = self._pick(self._new if young else self._open)
        row = {"kind": kind, "account": account, "market": market, "order_id": order_id,
               "quantity": 0}  # fmt: skip
        if self._chance(200):
            row |= {"order_id": 0, "client_key": dice.below(size.keys) - 2}
        if self._chance(50):
            row["account"] = dice.below(size.accounts)
        if self._chance(50):
            row["market"] = dice.below(size.markets)
        if kind == CommandKind.CANCEL_ORDER:
            row["restriction"] = self._pick((0, 0, 0, 1, 2))
        else:
            row["quantity"] = 1 + dice.below(10)
        return _row(**row)

    def _cancel_all(self) -> tuple:
        everybody = self._chance(150)
        account = -1 if everybody else self.dice.below(self.size.accounts)
        return _row(kind=CommandKind.CANCEL_ALL, account=account,
                    market=self.dice.below(self.size.markets))  # fmt: skip

    def _administrative(self) -> tuple:
        dice, size = self.dice, self.size
        kind = dice.below(100)
        if kind < 40:
            debits = kind >= 28
            return self._money(CommandKind.DEBIT if debits else CommandKind.CREDIT,
                               dice.below(size.accounts), dice.below(3))  # fmt: skip
        if kind < 55:
            return self._aside()
        if kind < 57:
            return _row(kind=CommandKind.PAY_REFERRAL, account=dice.below(size.accounts),
                        market=dice.below(3))  # fmt: skip
        if kind < 59:
            amount = 1 + dice.below(10 ** self._pick((1, 2, 4, 11)))
            return _row(kind=CommandKind.TRANSFER, account=dice.below(size.accounts),
                        order_id=dice.below(size.accounts), market=dice.below(3), amount=amount,
                        number=self._pick((Cause.REWARD, Cause.REWARD, 1)))  # fmt: skip
        if kind < 60:
            return _row(kind=CommandKind.MERIT_ACT, account=dice.below(size.accounts + 1) - 1,
                        market=dice.below(9), order_id=dice.below(size.accounts + 2) - 1,
                        number=dice.below(20), amount=dice.below(10))  # fmt: skip
        if kind < 92:
            return self._setting()
        if kind < 96:
            return _row(kind=CommandKind.OPEN_ACCOUNT)
        if kind < 98:
            return _row(kind=CommandKind.LIST_ASSET, amount=dice.below(19))
        base, quote, lot, unit = self._pick(LISTINGS)
        return _row(kind=CommandKind.LIST_MARKET, order_id=base, stop_price=quote, quantity=lot,
                    price=unit)  # fmt: skip

    def _money(self, kind: CommandKind, account: int, asset: int) -> tuple:
        amount = 1 + self.dice.below(10 ** self._pick((2, 4, 6, 11, 16, 18)))
        return _row(kind=kind, account=account, market=asset, amount=amount, number=1)

    def _aside(self) -> tuple:
        """Money reserved, released, spent or approved, often more than there is."""
        dice = self.dice
        amount = 1 + dice.below(10 ** self._pick((1, 2, 4, 11)))
        return _row(kind=self._pick(ASIDE), account=dice.below(self.size.accounts),
                    market=dice.below(3), amount=amount, price=dice.below(3),
                    number=self._pick((Cause.WITHDRAWAL, Cause.STAKE)))  # fmt: skip

    def _setting(self) -> tuple:
        """A parameter; those that stop trade are mostly set back to their default."""
        parameter = self._pick(OF_MERIT if self._chance(50) else OF_THE_KERNEL)
        rule = RULES[parameter]
        subject = -1
        if rule.scope == Scope.ACCOUNT:
            subject = self.dice.below(self.size.accounts)
        elif rule.scope not in (Scope.EXCHANGE, Scope.MERIT):
            subject = self.dice.below(self.size.markets)
        tier = self.dice.below(3) if rule.scope == Scope.MARKET_TIER else 0
        harmless = rule.scope == Scope.MARKET_TIER or parameter in HARMLESS
        value = rule.default
        if self._chance(800 if harmless else 100):
            value = self._pick(VALUES.get(parameter) or (0, 1, 2, 3))
            value = min(rule.high, max(rule.low, value))
        elif parameter in MOSTS:
            value = self._pick((10**6, rule.high))
        return _row(kind=CommandKind.SET_PARAMETER, account=subject, market=subject,
                    number=parameter, order_id=tier, amount=value)  # fmt: skip

    def _spoil(self, row: tuple) -> tuple:
        """The command with one column changed to something that may be absurd."""
        column = self.dice.below(len(COMMAND.names))
        kind = COMMAND[COMMAND.names[column]]
        low, high = int(np.iinfo(kind).min), int(np.iinfo(kind).max)
        value = min(high, max(low, self._pick(EXTREMES)))
        return (*row[:column], value, *row[column + 1 :])


def _row(**columns: int) -> tuple:
    """A COMMAND row with these columns; account and market -1, all others 0, when not given."""
    plain = dict.fromkeys(COMMAND.names, 0) | {"account": -1, "market": -1}
    return tuple((plain | columns).values())


def difference(record: Record, one: np.ndarray, two: np.ndarray) -> str:
    """Where two kernels' events of a record part: the commands and the first differing rows."""
    at = 0
    while at < min(len(one), len(two)) and one[at] == two[at]:
        at += 1
    if at == len(one) == len(two):
        return ""
    index = int(min((e["command"][at] for e in (one, two) if at < len(e)), default=0))
    lines = [f"record {record.position} of {len(record.commands)} commands, {len(one)} and "
             f"{len(two)} events; they part at row {at}, command {index}:"]  # fmt: skip
    lines.append(f"  command {show(record.commands[index])}")
    for name, events in (("first ", one), ("second", two)):
        rows = events[events["command"] == index]
        lines += [f"  {name} {show(row)}" for row in rows] or [f"  {name} nothing"]
    return "\n".join(lines)


def show(row: np.void) -> str:
    """The columns of a row that are not 0, with names instead of numbers where there are any."""
    words = [_kind(row).name]
    for name in row.dtype.names:
        value = int(row[name])
        if name != "kind" and value:
            words.append(f"{name}={value}")
    return " ".join(words)


def _kind(row: np.void):
    kinds = EventKind if row.dtype == EVENT else CommandKind
    number = int(row["kind"])
    return kinds(number) if number in set(kinds) else _Unknown(number)


@dataclass(frozen=True)
class _Unknown:
    number: int

    @property
    def name(self) -> str:
        return f"kind={self.number}"
