"""The orders against a recount from all events, and the states that traders know."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.engine.listings import Listings
from excraft.engine.orders import Orders, OrderStatus
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
from excraft.messages.events import Event, EventKind, Flag
from excraft.messages.reasons import Reason

OPENING = [
    ListAsset(decimals=8, text='{"symbol":"EXT"}'),
    ListAsset(decimals=6, text='{"symbol":"USD"}'),
    *(
        ListMarket(
            base=0,
            quote=1,
            base_atoms_per_lot=100,
            quote_atoms_per_tick_lot=q,
            text=f'{{"symbol":"M{q}","tick":"0.01","lot":"0.000001"}}',
        )  # fmt: skip
        for q in (1, 3)
    ),
    *(OpenAccount() for _ in range(3)),
    *(
        Credit(account=account, asset=asset, amount=10**6, cause=Cause.DEPOSIT)
        for account in range(3)
        for asset in range(2)
    ),
]


class Books:
    """Kernel, listings and orders that follow the same records, and every event so far."""

    def __init__(self) -> None:
        self.kernel, self.listings = Reference(), Listings()
        self.orders = Orders(self.listings)
        self.history: dict[int, list[Event]] = defaultdict(list)
        self.commands: dict[int, PlaceOrder] = {}
        self.run(OPENING)

    def run(self, commands: list):
        record = record_of(
            commands,
            position=self.kernel.position + 1,
            sequence=self.kernel.sequence,
            time_ns=self.kernel.time_ns + 1000,
        )
        events = self.kernel.step(record)
        rows = list(map(Event._make, events.tolist()))
        self.listings.apply(record, events)
        for event in rows:
            if EventKind.ORDER_ACCEPTED <= event.kind <= EventKind.TRADE_PREVENTED:
                self.history[event.order_id].append(event)
        for i, command in enumerate(commands):
            self.commands[record.sequence + i] = command
        return record, self.orders.apply(record, rows)

    def recount(self, number: int) -> dict:
        """What an order must look like, from its own events alone."""
        events, placed = self.history[number], self.commands[number]
        fills = [e for e in events if e.kind == EventKind.ORDER_FILLED]
        of = self.listings.markets[placed.market]
        taken = [e.quantity for e in events if e.kind == EventKind.ORDER_AMENDED]
        lost = [e.quantity for e in events if e.kind == EventKind.TRADE_PREVENTED]
        filled, closed = sum(e.quantity for e in fills), bool(events[-1].flags & Flag.CLOSED)
        left = 0 if closed or placed.amount else placed.quantity - filled - sum(taken) - sum(lost)
        return {
            "quantity": placed.quantity - sum(taken),
            "filled": filled,
            "quote": sum(of.value(e.price, e.quantity) for e in fills),
            "prevented": sum(lost),
            "left": left,
            "open": not closed,
            "status": _status(placed, events, filled),
            "client_id": placed.client_id or f"x-{number}",
        }


def _status(placed: PlaceOrder, events: list[Event], filled: int) -> OrderStatus:
    last = events[-1]
    if not last.flags & Flag.CLOSED:
        return OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.NEW
    if last.kind == EventKind.ORDER_FILLED:
        return OrderStatus.FILLED
    if last.kind == EventKind.ORDER_CANCELED:
        return OrderStatus.CANCELED
    if last.kind == EventKind.TRADE_PREVENTED or last.reason == Reason.SELF_TRADE:
        return OrderStatus.EXPIRED_IN_MATCH
    spent = placed.amount and filled and last.reason == Reason.BUDGET_SPENT
    return OrderStatus.FILLED if spent else OrderStatus.EXPIRED


@st.composite
def placements(draw):
    kind = draw(st.sampled_from(OrderType))
    limit = kind in (OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.STOP_LOSS_LIMIT,
                     OrderType.TAKE_PROFIT_LIMIT)  # fmt: skip
    stop = kind >= OrderType.STOP_LOSS
    by_amount = kind == OrderType.MARKET and draw(st.booleans())
    own_time = limit and kind != OrderType.LIMIT_MAKER
    return PlaceOrder(
        account=draw(st.integers(0, 2)),
        market=draw(st.integers(0, 1)),
        side=draw(st.sampled_from(Side)),
        order_type=kind,
        time_in_force=draw(st.sampled_from(TimeInForce)) if own_time else TimeInForce.GTC,
        self_trade=draw(st.sampled_from(SelfTrade)),
        price=draw(st.integers(95, 105)) if limit else 0,
        quantity=0 if by_amount else draw(st.integers(1, 20)),
        amount=draw(st.integers(1, 3000)) if by_amount else 0,
        stop_price=draw(st.integers(95, 105)) if stop else 0,
        client_id=draw(st.sampled_from(["", "a", "b"])),
    )


ids = st.integers(len(OPENING) + 1, len(OPENING) + 60)
who = {"account": st.integers(0, 2), "market": st.integers(0, 1)}
commands = st.one_of(
    placements(),
    placements(),
    placements(),
    st.builds(CancelOrder, order_id=ids, **who),
    st.builds(CancelOrder, client_id=st.sampled_from(["a", "b"]), **who),
    st.builds(AmendOrder, order_id=ids, quantity=st.integers(1, 10), **who),
    st.builds(CancelAll, **who),
)


@given(st.lists(st.lists(commands, min_size=1, max_size=12), min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_orders_equal_a_recount_from_their_events(records):
    books = Books()
    for batch in records:
        record, reports = books.run(batch)
        for number in books.history:
            placed = books.commands[number]
            order = books.orders.get(placed.account, placed.market, number)
            want = books.recount(number)
            assert {name: getattr(order, name) for name in want} == want
            assert order.open == (order in books.orders.open(placed.account))
        told = [(r.event, r.command) for r in reports]
        assert told == sorted(told, key=lambda pair: pair[1])
        for report in reports:
            assert report.order.position == record.position
    open_now = [n for n, events in books.history.items() if not events[-1].flags & Flag.CLOSED]
    assert books.orders.open_count == len(open_now)
    copy = Orders(books.listings)
    copy.load(books.orders.dump())
    assert copy.dump() == books.orders.dump()
    for account in range(3):
        assert copy.open(account) == books.orders.open(account)
        for name in ("a", "b"):
            for market in range(2):
                assert copy.by_client(account, market, name) == books.orders.by_client(
                    account, market, name
                )
    books.orders.forget(books.kernel.position)
    assert books.orders.closed_count == 0 and books.orders.open_count == len(open_now)


@pytest.fixture
def books() -> Books:
    return Books()


def limit(account: int, side: Side, lots: int, price: int, **more) -> PlaceOrder:
    return PlaceOrder(account=account, market=0, side=side, order_type=OrderType.LIMIT,
                      quantity=lots, price=price, **more)  # fmt: skip


def test_a_report_shows_the_order_as_it_was_right_after_its_event(books):
    books.run([limit(0, Side.SELL, 2, 100), limit(0, Side.SELL, 3, 101)])
    _, reports = books.run([limit(1, Side.BUY, 4, 101)])
    taker = [(r.status, r.filled, r.quote) for r in reports if r.order.account == 1]
    assert taker == [("NEW", 0, 0), ("PARTIALLY_FILLED", 2, 200), ("FILLED", 4, 402)]
    assert [r.status for r in reports if r.order.account == 0] == ["FILLED", "PARTIALLY_FILLED"]


def test_a_market_order_by_amount_is_filled_when_its_amount_is_spent(books):
    books.run([limit(0, Side.SELL, 5, 100)])
    market = PlaceOrder(account=1, market=0, side=Side.BUY, order_type=OrderType.MARKET, amount=250)
    _, reports = books.run([market])
    order = reports[-1].order
    assert (order.status, order.filled, order.quote, order.amount) == ("FILLED", 2, 200, 250)
    _, reports = books.run([PlaceOrder(account=1, market=0, side=Side.BUY,
                                       order_type=OrderType.MARKET, amount=2000)])  # fmt: skip
    assert (reports[-1].status, reports[-1].filled) == ("EXPIRED", 3)


def test_a_stop_order_works_from_its_trigger_on(books):
    stop = PlaceOrder(account=0, market=0, side=Side.BUY, order_type=OrderType.STOP_LOSS_LIMIT,
                      quantity=5, price=103, stop_price=102)  # fmt: skip
    record, reports = books.run([stop])
    order = reports[0].order
    assert (order.working_ns, order.left, order.stop_price) == (0, 5, 102)
    books.run([limit(1, Side.SELL, 1, 102)])
    record, reports = books.run([limit(2, Side.BUY, 1, 102)])
    assert order.working_ns == order.updated_ns == record.time_ns
    assert (order.status, order.left, order.open) == ("NEW", 5, True)
    assert reports[-1].event.kind == EventKind.ORDER_TRIGGERED and reports[-1].order is order


def test_client_ids_name_the_latest_order_and_generated_ones_its_number(books):
    _, (first,) = books.run([limit(0, Side.SELL, 2, 100, client_id="a")])
    books.run([CancelOrder(account=0, market=0, order_id=first.order.id)])
    assert books.orders.by_client(0, 0, "a") is first.order
    _, (second,) = books.run([limit(0, Side.SELL, 3, 100, client_id="a")])
    assert books.orders.by_client(0, 0, "a") is second.order
    books.orders.forget(books.kernel.position)
    assert books.orders.by_client(0, 0, "a") is second.order
    assert books.orders.get(0, 0, first.order.id) is None
    _, (third,) = books.run([limit(0, Side.SELL, 1, 100)])
    name = f"x-{third.order.id}"
    assert third.order.client_id == name
    assert books.orders.by_client(0, 0, name) is third.order
    for account, market, wrong in ((1, 0, name), (0, 1, name), (0, 0, "x-0"), (0, 0, "x-²"),
                                   (0, 0, f"x-{second.order.id}")):  # fmt: skip
        assert books.orders.by_client(account, market, wrong) is None


def test_nobody_sees_the_order_of_another_account_or_market(books):
    _, (report,) = books.run([limit(0, Side.SELL, 2, 100)])
    assert books.orders.get(0, 0, report.order.id) is report.order
    assert books.orders.get(1, 0, report.order.id) is None
    assert books.orders.get(0, 1, report.order.id) is None
    assert books.orders.open(0, 1) == [] and books.orders.open(1) == []
