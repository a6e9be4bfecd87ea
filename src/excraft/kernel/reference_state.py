"""What the plain twin knows: accounts, assets, markets, books; their hash and their invariants."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np

from excraft.messages.commands import OrderType, Side
from excraft.parameters import RULES, TIERS, Parameter, Scope

BIDS, ASKS, FALLING, RISING = range(4)  # the four sides of a market; the last two hold stops
LIMIT_TYPES = (
    OrderType.LIMIT,
    OrderType.LIMIT_MAKER,
    OrderType.STOP_LOSS_LIMIT,
    OrderType.TAKE_PROFIT_LIMIT,
)
STOP_TYPES = (
    OrderType.STOP_LOSS,
    OrderType.STOP_LOSS_LIMIT,
    OrderType.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_LIMIT,
)


def defaults(scope: Scope) -> dict[Parameter, int]:
    """The parameters of one scope at their defaults."""
    return {p: rule.default for p, rule in RULES.items() if rule.scope == scope}


@dataclass(slots=True, eq=False)
class Order:
    """An order from its acceptance in phase 1 to its end."""

    id: int
    account: int
    market: int
    group: int
    side: int
    type: int
    time_in_force: int
    self_trade: int
    price: int
    quantity: int  # as ordered, less amendments
    left: int
    stop_price: int
    client_key: int
    by_amount: bool
    hold: int
    budget: int | None  # quote atoms that matching may still use; None: no such bound
    cap: int | None  # worst price it may trade at; None: it must not match
    filled: bool = False  # whether it has a fill
    place: int | None = None  # the side of the market it waits in

    def pays(self, lots: int, price: int, market: "Market") -> int:
        """Atoms that `lots` at `price` cost this order: quote for BUY, base for SELL."""
        if self.side == Side.BUY:
            return price * lots * market.quote_atoms_per_tick_lot
        return lots * market.base_atoms_per_lot

    def within(self, price: int) -> bool:
        """Whether it may trade at `price`."""
        if self.cap is None:
            return False
        return price <= self.cap if self.side == Side.BUY else price >= self.cap


class Ladder:
    """One side of a market: orders by price, best price first, first come first."""

    def __init__(self, sign: int):
        self.sign = sign  # of the price in the sort key: 1 lowest price first, -1 highest first
        self.keys: list[int] = []
        self.levels: dict[int, dict[int, Order]] = {}

    def add(self, price: int, order: Order) -> None:
        key = self.sign * price
        if key not in self.levels:
            insort(self.keys, key)
            self.levels[key] = {}
        self.levels[key][order.id] = order

    def remove(self, price: int, order: Order) -> None:
        key = self.sign * price
        del self.levels[key][order.id]
        if not self.levels[key]:
            del self.levels[key]
            del self.keys[bisect_left(self.keys, key)]

    def first(self) -> Order | None:
        return next(iter(self.levels[self.keys[0]].values())) if self.keys else None

    def __iter__(self) -> Iterator[Order]:
        for key in self.keys:
            yield from self.levels[key].values()


@dataclass(slots=True, eq=False)
class Account:
    parameters: dict[Parameter, int] = field(default_factory=lambda: defaults(Scope.ACCOUNT))
    open_orders: int = 0
    by_key: dict[int, Order] = field(default_factory=dict)  # client keys in use


@dataclass(slots=True, eq=False)
class Asset:
    decimals: int
    supply: int = 0
    fees: int = 0


@dataclass(slots=True, eq=False)
class Market:
    base: int
    quote: int
    base_atoms_per_lot: int
    quote_atoms_per_tick_lot: int
    parameters: dict[Parameter, int] = field(default_factory=lambda: defaults(Scope.MARKET))
    fees: list[dict[Parameter, int]] = field(
        default_factory=lambda: [defaults(Scope.MARKET_TIER) for _ in range(TIERS)]
    )
    last_price: int = 0  # 0: nothing traded yet
    last_trade_id: int = 0
    sides: tuple[Ladder, ...] = field(
        default_factory=lambda: (Ladder(-1), Ladder(1), Ladder(-1), Ladder(1))
    )

    def wait(self, place: int, order: Order) -> None:
        """Put the order at the end of the queue of its price in the side `place`."""
        order.place = place
        self.sides[place].add(order.price if place in (BIDS, ASKS) else order.stop_price, order)

    def leave(self, order: Order) -> None:
        """Take a waiting order off."""
        price = order.price if order.place in (BIDS, ASKS) else order.stop_price
        self.sides[order.place].remove(price, order)
        order.place = None

    def triggers(self, place: int, stop_price: int) -> bool:
        """Whether the last price triggers a stop of side `place`."""
        if self.last_price == 0:
            return False
        return self.last_price >= stop_price if place == RISING else self.last_price <= stop_price


class State:
    """Everything the rules know. Numbers of accounts, assets and markets are list indexes."""

    def __init__(self):
        self.position = 0
        self.sequence = 1
        self.time_ns = 0
        self.parameters = defaults(Scope.EXCHANGE)
        self.accounts: list[Account] = []
        self.assets: list[Asset] = []
        self.markets: list[Market] = []
        self.orders: dict[int, Order] = {}  # open ones by id
        self.free: dict[tuple[int, int], int] = {}  # by (account, asset); an entry, even of 0,
        self.held: dict[tuple[int, int], int] = {}  # is a balance that was ever created
        self.reserved: dict[tuple[int, int, int], int] = defaultdict(int)  # account, asset, cause
        self.owed: dict[tuple[int, int], int] = defaultdict(int)  # to the account's referrer

    def touch(self, account: int, asset: int) -> None:
        """Create the balance if it is not there."""
        self.free.setdefault((account, asset), 0)
        self.held.setdefault((account, asset), 0)

    def hash(self) -> str:
        """SHA-256 as kernel-rules.md defines it."""
        sections = [[[self.position, self.sequence, self.time_ns, len(self.free)]]]
        sections.append(
            [
                [n, v]
                for n, v in sorted(self.parameters.items())
                if n <= Parameter.ORDERS_PER_DAY or v != RULES[n].default
            ]
        )
        sections.append([[i, a.decimals, a.supply, a.fees] for i, a in enumerate(self.assets)])
        sections.append([_market_words(i, m) for i, m in enumerate(self.markets)])
        sections.append(
            [
                [i, *(a.parameters[n] for n in _ACCOUNT_WORDS), a.open_orders]
                for i, a in enumerate(self.accounts)
            ]
        )
        pairs = sorted(pair for pair in self.free if self.free[pair] or self.held[pair])
        sections.append([[*pair, self.free[pair], self.held[pair]] for pair in pairs])
        sections.append(
            [
                _order_words(i, place, order)
                for i, market in enumerate(self.markets)
                for place, side in enumerate(market.sides)
                for order in side
            ]
        )
        sections += self._later_sections()
        words = []
        for number, rows in enumerate(sections):
            if number > 6 and not rows:
                continue  # what old logs know nothing of leaves their hash as it was
            words += [number, len(rows)]
            for row in rows:
                words += row
        return sha256(np.array(words, dtype="<i8").tobytes()).hexdigest()

    def _later_sections(self) -> list[list[list[int]]]:
        members = [
            [i, *(a.parameters[n] for n in _MEMBER_WORDS)] for i, a in enumerate(self.accounts)
        ]
        return [
            [row for row in members if any(row[1:])],
            [[*key, atoms] for key, atoms in sorted(self.reserved.items()) if atoms],
            [[*key, atoms] for key, atoms in sorted(self.owed.items()) if atoms],
        ]

    def invariant(self) -> list[str]:
        """A sentence for everything that does not hold; empty when all is well."""
        return [*self._broken_books(), *self._broken_money(), *self._broken_accounts()]

    def _broken_books(self) -> Iterator[str]:
        for number, market in enumerate(self.markets):
            bid, ask = market.sides[BIDS].first(), market.sides[ASKS].first()
            if bid and ask and bid.price >= ask.price:
                yield f"market {number} is crossed: bid {bid.price} >= ask {ask.price}"
            for place, side in enumerate(market.sides):
                if any(a >= b for a, b in zip(side.keys, side.keys[1:], strict=False)):
                    yield f"market {number} side {place}: levels are not in strict order"
                if sorted(side.levels) != side.keys or not all(side.levels.values()):
                    yield f"market {number} side {place}: a level is empty or missing"
                for order in side:
                    if order.left < 1 or order.place != place or self.orders.get(order.id) != order:
                        yield f"order {order.id} in market {number} side {place} is not open there"
                    if place >= FALLING and market.triggers(place, order.stop_price):
                        yield f"stop order {order.id} should have been triggered"
        waiting = sum(1 for m in self.markets for side in m.sides for _ in side)
        if waiting != len(self.orders):
            yield f"{waiting} orders wait in books, {len(self.orders)} are open"

    def _broken_money(self) -> Iterator[str]:
        holds: dict[tuple[int, int], int] = defaultdict(int)
        for order in self.orders.values():
            market = self.markets[order.market]
            holds[order.account, market.quote if order.side == Side.BUY else market.base] += (
                order.hold
            )
        sums = [asset.fees for asset in self.assets]
        for (account, asset), free in self.free.items():
            held = self.held[account, asset]
            sums[asset] += free + held
            if free < 0 or held < 0:
                yield f"account {account} asset {asset}: free {free}, held {held}"
            if held != holds[account, asset]:
                yield (
                    f"account {account} asset {asset}: held {held}, "
                    f"its open orders hold {holds[account, asset]}"
                )
        for (account, asset, cause), atoms in self.reserved.items():
            sums[asset] += atoms
            if atoms < 0:
                yield f"account {account} asset {asset}: {atoms} reserved for cause {cause}"
        for number, asset in enumerate(self.assets):
            if sums[number] != asset.supply:
                yield f"asset {number}: balances and fees {sums[number]}, supply {asset.supply}"
            owed = sum(atoms for (_, of), atoms in self.owed.items() if of == number)
            if not 0 <= owed <= asset.fees:
                yield f"asset {number}: {owed} owed to referrers of {asset.fees} fees"

    def _broken_accounts(self) -> Iterator[str]:
        for number, account in enumerate(self.accounts):
            own = [order for order in self.orders.values() if order.account == number]
            if len(own) != account.open_orders:
                yield f"account {number}: {len(own)} open orders, counted {account.open_orders}"
            if {o.client_key: o for o in own if o.client_key} != account.by_key:
                yield f"account {number}: client keys do not agree with its open orders"
        tables = [self.parameters, *(a.parameters for a in self.accounts)]
        tables += [m.parameters for m in self.markets]
        tables += [tier for m in self.markets for tier in m.fees]
        for table in tables:
            for parameter, value in table.items():
                if not RULES[parameter].low <= value <= RULES[parameter].high:
                    yield f"parameter {parameter.name} is {value}, out of its bounds"


_ACCOUNT_WORDS = (
    Parameter.ACCOUNT_STATE,
    Parameter.ACCOUNT_POOL,
    Parameter.TRADE_GROUP,
    Parameter.FEE_TIER,
)
_MEMBER_WORDS = (Parameter.KYC_LEVEL, Parameter.REFERRER, Parameter.REFERRAL_SHARE_PPM)
_MARKET_WORDS = (
    Parameter.MARKET_STATE,
    Parameter.MARKET_POOL,
    Parameter.MIN_PRICE_TICKS,
    Parameter.MAX_PRICE_TICKS,
    Parameter.MIN_LOTS,
    Parameter.MAX_LOTS,
    Parameter.MAX_MARKET_LOTS,
    Parameter.MIN_NOTIONAL_ATOMS,
    Parameter.MARKET_BAND_PPM,
)


def _market_words(number: int, m: Market) -> list[int]:
    words = [number, m.base, m.quote, m.base_atoms_per_lot, m.quote_atoms_per_tick_lot]
    words += [m.parameters[name] for name in _MARKET_WORDS]
    words += [m.last_price, m.last_trade_id]
    for tier in m.fees:
        words += [tier[Parameter.MAKER_FEE_PPM], tier[Parameter.TAKER_FEE_PPM]]
    return words


def _order_words(market: int, place: int, o: Order) -> list[int]:
    words = [market, place, o.id, o.account, o.group, o.side, o.type, o.time_in_force]
    words += [o.self_trade, o.price, o.quantity, o.left, o.stop_price, o.hold, o.client_key]
    waits_for_market = o.place in (FALLING, RISING) and o.type not in LIMIT_TYPES
    return [*words, int(o.filled), o.cap if waits_for_market else 0]
