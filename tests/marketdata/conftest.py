"""Random trading through the plain kernel, and the obvious recount of what came of it."""

import random
from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import pytest

from excraft.kernel.reference import Reference
from excraft.messages.codec import record_of
from excraft.messages.commands import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    Cause,
    Credit,
    ListAsset,
    ListMarket,
    OpenAccount,
    OrderType,
    PlaceOrder,
    SelfTrade,
    Side,
    TimeInForce,
)
from excraft.messages.events import EVENT, Event, EventKind, Flag

MARKETS, ACCOUNTS = 3, 4
QUOTE_ATOMS = (7, 1, 1_000)  # worth of one lot x one tick
START_NS = 1_767_225_599_000_000_000  # one second before 2026
GAPS_NS = [0, 0, 1, 10**6, 3 * 10**8, 10**9, 7 * 10**9, 10**11, 4 * 10**12, 10**14]


def opening() -> list:
    """Accounts, assets, markets and money."""
    commands = [OpenAccount() for _ in range(ACCOUNTS)]
    commands += [ListAsset(decimals=8) for _ in range(MARKETS + 1)]
    commands += [
        ListMarket(base=m + 1, quote=0, base_atoms_per_lot=10, quote_atoms_per_tick_lot=worth)
        for m, worth in enumerate(QUOTE_ATOMS)
    ]
    commands += [
        Credit(account=account, asset=asset, amount=10**12, cause=Cause.DEMO)
        for account in range(ACCOUNTS)
        for asset in range(MARKETS + 1)
    ]
    return commands


def command(chance: random.Random, next_id: int):
    """One trading command, mostly sensible."""
    kind, account, market = chance.random(), chance.randrange(ACCOUNTS), chance.randrange(MARKETS)
    if kind < 0.2:
        return CancelOrder(account=account, market=market, order_id=chance.randint(1, next_id))
    if kind < 0.25:
        return AmendOrder(account=account, market=market, quantity=chance.randint(1, 20),
                          order_id=chance.randint(1, next_id))  # fmt: skip
    if kind < 0.26:
        return CancelAll(account=account, market=market)
    side, place = chance.choice(list(Side)), {"account": account, "market": market}
    place |= {"side": side, "self_trade": chance.choice(list(SelfTrade))}
    if kind < 0.33:
        amount = {"quantity": chance.randint(1, 30)} if kind < 0.3 else {"amount": 40_000}
        return PlaceOrder(order_type=OrderType.MARKET, **amount, **place)
    price = 100 + chance.randint(-8, 8) + (-2 if side == Side.BUY else 2)
    if kind < 0.38:
        stop = chance.choice([OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT])
        return PlaceOrder(order_type=stop, price=price, stop_price=price + chance.randint(-2, 2),
                          quantity=chance.randint(1, 20), **place)  # fmt: skip
    time_in_force = chance.choices(list(TimeInForce), (8, 1, 1))[0]
    return PlaceOrder(order_type=OrderType.LIMIT, price=price, quantity=chance.randint(1, 20),
                      time_in_force=time_in_force, **place)  # fmt: skip


@pytest.fixture(scope="session")
def flow():
    """flow(seed, sizes) -> the kernel and its (record, events), one record of each size."""

    def run(seed: int, sizes: list[int], gaps_ns: list[int] = GAPS_NS):
        chance, kernel, found, now = random.Random(seed), Reference(), [], START_NS
        for size in [0, *sizes]:
            now += chance.choice(gaps_ns) if size else 0
            commands = [command(chance, kernel.sequence + size) for _ in range(size)] or opening()
            record = record_of(commands, position=kernel.position + 1, sequence=kernel.sequence,
                               time_ns=now)  # fmt: skip
            found.append((record, kernel.step(record)))
        return SimpleNamespace(kernel=kernel, records=found)

    return run


@pytest.fixture(scope="session")
def traded():
    """traded([(time_ns, price, lots, taker side)]) -> (record, events), one record per trade."""

    def run(trades: list[tuple], worth: int = 1):
        listing = [ListMarket(base=0, quote=1, base_atoms_per_lot=1,
                              quote_atoms_per_tick_lot=worth)]  # fmt: skip
        record = record_of(listing, position=1, sequence=1, time_ns=0)
        listed = np.zeros(1, EVENT)
        listed["kind"] = EventKind.MARKET_LISTED
        found = [(record, listed)]
        for i, (time_ns, price, lots, side) in enumerate(trades, 1):
            rows = np.zeros(2, EVENT)
            rows["kind"], rows["price"], rows["quantity"] = EventKind.ORDER_FILLED, price, lots
            rows["trade_id"], rows["order_id"], rows["side"] = i, [i, 0], [side, 1 - side]
            rows["flags"] = [0, Flag.MAKER]  # the maker's level is left out: no book here
            cancel = [CancelOrder(account=0, market=0, order_id=1)]
            record = record_of(cancel, position=i + 1, sequence=i + 1, time_ns=time_ns)
            found.append((record, rows))
        return found

    return run


class Recount:
    """What market data must answer, taken from the raw events in the most obvious way."""

    def __init__(self):
        self.levels = defaultdict(int)  # (market, side, price) -> lots
        self.trades = defaultdict(list)  # market -> [(id, price, lots, time_ns, taker side)]
        self.aggs = defaultdict(list)  # market -> [[order id, price, lots, first, last, ns, side]]
        self.updates = defaultdict(int)

    def apply(self, record, events):
        takers = set()
        for event in map(Event._make, events.tolist()):
            place = (event.market, event.side, event.price)
            if event.flags & Flag.RESTING:
                self.levels[place] -= event.quantity
                self.updates[event.market] += 1
            rests = event.kind in (EventKind.ORDER_ACCEPTED, EventKind.ORDER_TRIGGERED)
            if rests and event.left:
                self.levels[place] += event.left
                self.updates[event.market] += 1
            if event.kind == EventKind.ORDER_FILLED and not event.flags & Flag.MAKER:
                self.fill(record, event, takers)

    def fill(self, record, event, takers):
        trade = (event.trade_id, event.price, event.quantity, record.time_ns, event.side)
        self.trades[event.market].append(trade)
        aggs, taker = self.aggs[event.market], (event.market, event.order_id)
        if taker in takers and aggs[-1][:2] == [event.order_id, event.price]:
            aggs[-1][2] += event.quantity
            aggs[-1][4] = event.trade_id
        else:
            takers.add(taker)
            aggs.append([event.order_id, event.price, event.quantity, event.trade_id,
                         event.trade_id, record.time_ns, event.side])  # fmt: skip

    def book(self, market):
        bids, asks = (
            sorted((p, n) for (m, s, p), n in self.levels.items() if n and (m, s) == (market, side))
            for side in (0, 1)
        )
        return bids[::-1], asks


@pytest.fixture(scope="session")
def recount():
    return Recount
