"""What the recorder stores is what the kernel did: orders, fills and every atom of money."""

import random
from collections import Counter

import pytest
from sqlalchemy import func, select

from excraft.engine.listings import Listings
from excraft.engine.orders import Orders
from excraft.kernel.reference import Reference
from excraft.messages.commands import Cause, Credit, OrderType, PlaceOrder, Side
from excraft.messages.events import Event, EventKind
from excraft.store import queries, schema
from excraft.store.batch import Taken
from excraft.store.recorder import HistoryGap, MarkMoved, Recorder
from excraft.store.recount import recount
from excraft.store.schema import Bucket
from excraft.testing.workload import Seeded, Size, Workload


def stored(database, taken, seed=0, most=6) -> Recorder:
    """A recorder that was given the records in batches of chance sizes."""
    recorder, chance, at = Recorder(database), random.Random(seed), 0
    while at < len(taken):
        size = chance.randint(1, most)
        recorder.store(taken[at : at + size])
        at += size
    return recorder


def expected_orders(taken) -> dict[int, object]:
    """The orders as the engine follows them, event by event."""
    listings = Listings()
    orders, seen = Orders(listings), {}
    for record, events in taken:
        listings.apply(record, events)
        for report in orders.apply(record, [Event._make(row) for row in events.tolist()]):
            seen[report.order.id] = report.order
    return seen


def balances_of(kernel, accounts: int) -> dict:
    """What recount must find, from the kernel's own state."""
    found = Counter()
    for account in range(accounts):
        for asset, (free, held) in kernel.balances(account).items():
            found[account, Bucket.FREE, asset] = free
            found[account, Bucket.HELD, asset] = held
        for (asset, _), atoms in kernel.reserved(account).items():
            found[account, Bucket.RESERVED, asset] += atoms
    return {key: amount for key, amount in found.items() if amount}


@pytest.mark.parametrize("seed", range(4))
def test_orders_are_those_the_engine_follows(database, exchange, seed):
    exchange.trade_by_chance(seed, records=120)
    stored(database, exchange.taken, seed)
    expected = expected_orders(exchange.taken)
    assert {o.status for o in expected.values()} == set(queries.OrderStatus)
    with database.read() as connection:
        count = connection.execute(select(func.count()).select_from(schema.orders)).scalar_one()
        assert count == len(expected)
        for order in expected.values():
            found = queries.order(connection, order.account, order.market, order.id)
            names = queries.StoredOrder.__struct_fields__
            assert {n: getattr(found, n) for n in names} == {n: getattr(order, n) for n in names}


@pytest.mark.parametrize("seed", range(4))
def test_recount_finds_every_atom_where_the_kernel_has_it(database, exchange, seed):
    exchange.trade_by_chance(seed, records=120)
    stored(database, exchange.taken, seed)
    with database.read() as connection:
        counted = recount(connection)
    members = {key: amount for key, amount in counted.items() if key[0] >= 0}
    assert members == balances_of(exchange.kernel, exchange.accounts)
    fees = {asset: 0 for asset in range(exchange.assets)}
    brought = dict(fees)
    for _, events in exchange.taken:
        for event in map(Event._make, events.tolist()):
            if event.kind == EventKind.ORDER_FILLED:
                base, quote = ((0, 1), (2, 1))[event.market]
                fees[base if event.side == Side.BUY else quote] += event.amount
            if event.kind in (EventKind.CREDITED, EventKind.DEBITED):
                sign = 1 if event.kind == EventKind.CREDITED else -1
                brought[event.market] += sign * event.amount
    for asset in range(exchange.assets):
        assert counted.get((-1, Bucket.FEES, asset), 0) == fees[asset]
        assert counted[-1, Bucket.OUTSIDE, asset] == -brought[asset]
    assert not any(bucket in (Bucket.FEES, Bucket.OUTSIDE) for _, bucket, _ in members)


@pytest.mark.parametrize("seed", range(3))
def test_recount_holds_under_spoiled_and_extreme_commands(database, seed):
    kernel, taken = Reference(), []
    workload = Workload(Seeded(seed), Size(accounts=5))
    for count in range(80):
        record = workload.record(25) if count else workload.opening()
        taken.append(Taken(record, kernel.step(record)))
        workload.learn(taken[-1].events)
    stored(database, taken, seed)
    accounts = sum(int((t.events["kind"] == EventKind.ACCOUNT_OPENED).sum()) for t in taken)
    with database.read() as connection:
        counted = recount(connection)
    assert {k: v for k, v in counted.items() if k[0] >= 0} == balances_of(kernel, accounts)
    for asset in {asset for _, _, asset in counted}:
        assert sum(v for k, v in counted.items() if k[2] == asset) == 0


def test_entries_never_take_what_is_not_there(database, exchange):
    exchange.trade_by_chance(5, records=120)
    stored(database, exchange.taken)
    there = {}
    with database.read() as connection:
        rows = connection.execute(select(schema.entries).order_by(schema.entries.c.id)).all()
    assert [row.id for row in rows] == list(range(1, len(rows) + 1))
    for row in rows:
        giver = (row.from_account, row.from_bucket, row.asset)
        taker = (row.to_account, row.to_bucket, row.asset)
        there[giver] = there.get(giver, 0) - row.amount
        there[taker] = there.get(taker, 0) + row.amount
        assert row.amount > 0
        assert there[giver] >= 0 or row.from_bucket == Bucket.OUTSIDE


def test_credits_keep_their_cause_and_reference(database, exchange):
    stored(database, exchange.taken)
    with database.read() as connection:
        (entry,) = queries.entries_of(connection, 2, 1, 10)
    assert (entry.amount, entry.cause, entry.reference) == (10**6, Cause.DEPOSIT, "in 2")
    assert (entry.from_account, entry.from_bucket) == (-1, Bucket.OUTSIDE)


def test_records_already_stored_are_ignored_exactly(database, exchange):
    exchange.trade_by_chance(1, records=40)
    recorder = stored(database, exchange.taken)
    with database.read() as connection:
        before = recount(connection)
    recorder.store(exchange.taken)
    again = Recorder(database)
    again.store(exchange.taken[-5:])
    assert again.mark == recorder.mark == exchange.kernel.position
    exchange.trade_by_chance(2, records=1)
    again.store(exchange.taken[-8:])
    assert again.mark == exchange.kernel.position
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(schema.orders)).scalar_one()
        assert before and recount(connection)[0, Bucket.FREE, 0] == exchange.kernel.balance(0, 0)[0]


def test_a_restart_knows_the_markets(database, exchange):
    stored(database, exchange.taken)
    exchange.trade_by_chance(3, records=30)
    stored(database, exchange.taken[2:])
    with database.read() as connection:
        members = {k: v for k, v in recount(connection).items() if k[0] >= 0}
    assert members == balances_of(exchange.kernel, exchange.accounts)


def test_a_gap_is_refused(database, exchange):
    exchange.trade_by_chance(1, records=3)
    recorder = Recorder(database)
    recorder.store(exchange.taken[:2])
    with pytest.raises(HistoryGap, match="record 4 came, but 3 is the next"):
        recorder.store(exchange.taken[3:])


def test_two_writers_cannot_both_store_a_record(database, exchange):
    exchange.trade_by_chance(1, records=10)
    one, two = Recorder(database), Recorder(database)
    one.store(exchange.taken[:3])
    two.load()
    one.store(exchange.taken[3:5])
    with pytest.raises(Exception, match="UNIQUE|unique|no longer") as refused:
        two.store(exchange.taken[3:5])
    assert refused.type is MarkMoved or "ntegrity" in refused.type.__name__
    two.store(exchange.taken[3:])
    assert two.mark == exchange.kernel.position
    with database.read() as connection:
        members = {k: v for k, v in recount(connection).items() if k[0] >= 0}
    assert members == balances_of(exchange.kernel, exchange.accounts)


def test_the_largest_amounts_are_exact(database, exchange):
    for account in (0, 1):
        for asset in (0, 1):
            exchange.tell(Credit(account=account, asset=asset, amount=2**60, cause=Cause.DEPOSIT))
    price, lots = 10**9, 3 * 10**7
    place = {"market": 0, "order_type": OrderType.LIMIT, "price": price, "quantity": lots}
    exchange.tell(PlaceOrder(account=0, side=Side.SELL, **place))
    exchange.tell(PlaceOrder(account=1, side=Side.BUY, **place))
    stored(database, exchange.taken)
    with database.read() as connection:
        (fill,) = queries.fills_of(connection, 1, 0, None, queries.Span())
        members = {k: v for k, v in recount(connection).items() if k[0] >= 0}
    assert fill.quote == price * lots * 3
    assert members == balances_of(exchange.kernel, exchange.accounts)


def test_a_nul_in_a_client_id_does_not_stop_history(database, exchange):
    exchange.tell(
        PlaceOrder(account=0, market=0, side=Side.SELL, order_type=OrderType.LIMIT, price=100,
                   quantity=1, client_id="a\0b")
    )  # fmt: skip
    recorder = stored(database, exchange.taken)
    assert recorder.mark == exchange.kernel.position
