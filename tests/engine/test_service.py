"""The engine answers after the append, in order, once, or says why not."""

import asyncio

import pytest

from excraft.engine.errors import Busy, Stopped
from excraft.engine.queue import Limits
from excraft.log import LogBroken, LogFull
from excraft.messages.commands import (
    CancelOrder,
    OrderType,
    PlaceOrder,
    SetParameter,
    Side,
    pack,
)
from excraft.messages.events import EventKind
from excraft.messages.reasons import Reason
from excraft.parameters import MarketState, Parameter


def test_nothing_is_answered_or_visible_before_the_append_is_durable(desk, run):
    async def story():
        d = desk()
        await d.open()
        before, hash_before = d.engine.position, d.engine.state_hash()
        d.log.gate.clear()
        order = d.place(0, Side.SELL, 5, 100)
        await asyncio.sleep(0.05)
        assert not order.done()
        assert (d.engine.position, d.engine.state_hash()) == (before, hash_before)
        assert d.engine.orders.open(0) == []
        d.log.gate.set()
        assert (await order).position == before + 1
        assert len(d.engine.orders.open(0)) == 1
        await d.engine.stop()

    run(story())


def test_what_arrives_during_an_append_forms_the_next_record(desk, run):
    async def story():
        d = desk()
        await d.open()
        d.log.gate.clear()
        first = d.place(0, Side.SELL, 1, 100)
        await asyncio.sleep(0.02)
        rest = [d.place(0, Side.SELL, 1, 100 + i) for i in range(50)]
        await asyncio.sleep(0.02)
        d.log.gate.set()
        outcomes = await asyncio.gather(first, *rest)
        assert {o.position for o in outcomes[1:]} == {outcomes[0].position + 1}
        assert [o.sequence for o in outcomes] == list(
            range(outcomes[0].sequence, outcomes[0].sequence + 51)
        )
        await d.engine.stop()

    run(story())


def test_consumers_see_each_record_once_in_order_and_before_the_answers(desk, run):
    async def story():
        d = desk()
        seen, answered = [], []
        d.engine.subscribe(lambda record, events, rows: seen.append(record.position))
        d.engine.watch_orders(lambda record, reports: seen.append(-record.position))
        await d.open()
        orders = []
        for burst in range(30):
            for i in range(burst % 4 + 1):
                order = d.place(i % 3, Side.BUY, 1, 50 + i)
                order.add_done_callback(lambda o: answered.append((o.result().position, len(seen))))
                orders.append(order)
            await asyncio.sleep(0.001 * (burst % 3))
        await asyncio.gather(*orders)
        await d.engine.stop()
        positions = range(1, d.engine.position + 1)
        assert seen == [p for position in positions for p in (position, -position)]
        assert all(told >= 2 * position for position, told in answered)
        assert [p for p, _ in answered] == sorted(p for p, _ in answered)
        assert len(answered) == len(orders)

    run(story())


def test_a_repeated_client_id_takes_effect_once(desk, run):
    async def story():
        d = desk()
        await d.open()
        first, again = d.place(0, Side.SELL, 5, 100, "a"), d.place(0, Side.BUY, 9, 90, "a")
        later = await d.place(0, Side.SELL, 5, 100, "a")
        assert (await first).events[0].kind == EventKind.ORDER_ACCEPTED
        for outcome in (await again, later):
            assert [e.reason for e in outcome.events] == [Reason.DUPLICATE_CLIENT_ID]
            assert outcome.reports == []
        assert [(o.side, o.left) for o in d.engine.orders.open(0)] == [(Side.SELL, 5)]
        await d.engine.stop()

    run(story())


def test_one_who_goes_away_leaves_the_order_and_nothing_else(desk, run):
    async def story():
        d = desk()
        await d.open()
        order, other = d.place(0, Side.SELL, 5, 100), d.place(1, Side.BUY, 5, 90)
        order.cancel()
        assert (await other).events[0].kind == EventKind.ORDER_ACCEPTED
        assert len(d.engine.orders.open(0)) == 1
        assert d.engine.waiting == 0
        await d.engine.stop()

    run(story())


def test_time_never_goes_back(desk, run):
    async def story():
        times = iter([5, 9, 7, 1, 12] + [12] * 20)
        d = desk(clock=lambda: next(times))
        await d.open(accounts=0)
        halt = SetParameter(parameter=Parameter.MARKET_STATE, value=MarketState.HALT, subject=0)
        assert (await d.engine.execute(halt)).time_ns == 9
        assert (await d.engine.execute(halt)).time_ns == 12
        await d.engine.stop()

    run(story())


def test_overload_sheds_orders_first_and_cancels_last(desk, run):
    async def story():
        d = desk(limits=Limits(waiting_max=20, cancels_extra=5))
        await d.open()
        resting = (await d.place(0, Side.SELL, 1, 100)).sequence
        d.log.gate.clear()
        orders = [d.place(1, Side.BUY, 1, 50) for _ in range(20)]
        with pytest.raises(Busy, match="20 commands wait"):
            d.place(1, Side.BUY, 1, 50)
        cancels = [d.cancel(0, resting) for _ in range(5)]
        with pytest.raises(Busy):
            d.cancel(0, resting)
        d.log.gate.set()
        outcomes = await asyncio.gather(*orders, *cancels)
        assert all(o.events[0].kind == EventKind.ORDER_ACCEPTED for o in outcomes[:20])
        assert outcomes[20].events[0].kind == EventKind.ORDER_CANCELED
        assert d.engine.waiting == 0
        assert (await d.place(1, Side.BUY, 1, 50)).events[0].kind == EventKind.ORDER_ACCEPTED
        await d.engine.stop()

    run(story())


def test_a_consumer_far_behind_lets_only_cancels_pass(desk, run):
    async def story():
        backlog = 0
        d = desk()
        d.engine.subscribe(
            lambda *_: None, name="the history", backlog=lambda: backlog, backlog_max=10
        )
        await d.open()
        resting = (await d.place(0, Side.SELL, 1, 100)).sequence
        backlog = 11
        order, cancel = d.place(1, Side.BUY, 1, 50), d.cancel(0, resting)
        with pytest.raises(Busy, match="the history is 11 behind, at most 10"):
            await order
        assert (await cancel).events[0].kind == EventKind.ORDER_CANCELED
        backlog = 10
        assert (await d.place(1, Side.BUY, 1, 50)).events[0].kind == EventKind.ORDER_ACCEPTED
        await d.engine.stop()

    run(story())


@pytest.mark.parametrize("known_before", [True, False])
def test_a_full_disk_refuses_orders_takes_cancels_and_recovers(desk, run, known_before):
    """Whether `room` says it or the append itself."""

    def mixed_rows() -> bytes:
        place = PlaceOrder(account=1, market=0, side=Side.BUY, order_type=OrderType.LIMIT,
                           price=50, quantity=1)  # fmt: skip
        return pack(place)[0] + pack(CancelOrder(account=0, market=0, order_id=1))[0]

    async def story():
        d = desk()
        await d.open()
        a, b = [(await d.place(0, Side.SELL, 1, 100 + i)).sequence for i in range(2)]
        texts = []
        d.engine.subscribe(lambda record, *_: texts.append(record.texts()))
        mixed = [d.place(1, Side.BUY, 1, 50, "x"), d.cancel(0, a, "echo-a"),
                 d.place(1, Side.BUY, 1, 50, "y"), d.cancel(0, b, "echo-b")]  # fmt: skip
        many = d.engine.submit_many(mixed_rows(), 2)
        d.log.refuses, d.log.room = True, not known_before
        for order in (mixed[0], mixed[2], many):
            with pytest.raises(LogFull):
                await order
        outcomes = [await mixed[1], await mixed[3]]
        assert [o.events[0].order_id for o in outcomes] == [a, b]
        assert {o.position for o in outcomes} == {d.engine.position}
        assert d.log.urgent[-1] is True
        assert texts == [{0: "echo-a", 1: "echo-b"}]
        with pytest.raises(LogFull):
            await d.place(1, Side.BUY, 1, 50)
        d.log.room, d.log.refuses = True, False
        assert (await d.place(1, Side.BUY, 1, 50)).events[0].kind == EventKind.ORDER_ACCEPTED
        assert d.engine.waiting == 0 and not d.engine.failure
        await d.engine.stop()

    run(story())


def test_a_disk_without_any_room_refuses_cancels_too(desk, run):
    async def story():
        d = desk()
        await d.open()
        resting = (await d.place(0, Side.SELL, 1, 100)).sequence
        d.log.full_for_all = True
        with pytest.raises(LogFull):
            await d.cancel(0, resting)
        d.log.full_for_all = False
        assert (await d.cancel(0, resting)).events[0].kind == EventKind.ORDER_CANCELED
        await d.engine.stop()

    run(story())


def test_a_broken_log_stops_the_engine_and_says_where(desk, run):
    async def story():
        d = desk()
        await d.open()
        position = d.engine.position
        d.log.gate.clear()
        orders = [d.place(0, Side.SELL, 1, 100)]
        await asyncio.sleep(0.02)
        orders += [d.place(0, Side.SELL, 1, 100) for _ in range(3)]
        orders[-1].cancel()
        d.log.broken = LogBroken("fdatasync failed: EIO")
        d.log.gate.set()
        for order in orders[:-1]:
            with pytest.raises(Stopped, match=f"after position {position}: LogBroken: fdatasync"):
                await order
        assert d.engine.failure and d.engine.ended.is_set() and d.engine.waiting == 0
        with pytest.raises(Stopped, match="fdatasync failed"):
            d.place(0, Side.SELL, 1, 100)
        with pytest.raises(Stopped):
            await d.engine.list_asset("NEW", "", 8)
        await d.engine.stop()
        assert d.log.end(0) == position

    run(story())


def test_a_bug_in_a_consumer_stops_the_engine(desk, run):
    async def story():
        d = desk()
        await d.open()

        def wrong(record, events, rows):
            raise ZeroDivisionError("a bug")

        d.engine.subscribe(wrong)
        with pytest.raises(Stopped, match="ZeroDivisionError: a bug"):
            await d.place(0, Side.SELL, 1, 100)
        await d.engine.stop()

    run(story())


def test_stop_finishes_what_was_taken_and_takes_no_more(desk, run):
    async def story():
        d = desk()
        await d.open()
        orders = [d.place(0, Side.SELL, 1, 100 + i) for i in range(10)]
        stopping = asyncio.create_task(d.engine.stop())
        await asyncio.sleep(0)
        with pytest.raises(Stopped, match="shutting down"):
            d.place(0, Side.SELL, 1, 100)
        assert len(await asyncio.gather(*orders)) == 10
        await stopping
        assert d.engine.failure == "" and d.engine.ended.is_set()

    run(story())


@pytest.mark.parametrize(
    ("row", "text"), [(b"", ""), (b"x" * 63, ""), (b"\1" * 64, "x" * 1025), (b"\1" * 64, "\ud800")]
)
def test_bytes_that_are_no_command_are_refused_alone(desk, run, row, text):
    async def story():
        d = desk()
        await d.open()
        good = d.place(0, Side.SELL, 1, 100, "good")
        with pytest.raises(ValueError):
            d.engine.submit(row, text)
        assert (await good).events[0].kind == EventKind.ORDER_ACCEPTED
        assert d.engine.orders.open(0)[0].client_id == "good" and d.engine.waiting == 0
        await d.engine.stop()

    run(story())


def test_balances_are_those_of_a_whole_record(desk, run):
    async def story():
        d = desk()
        await d.open()
        await d.place(0, Side.SELL, 5, 100)
        held = 5 * d.engine.listings.markets[0].base_atoms_per_lot
        assert d.engine.balance(0, 0) == (10**14 - held, held)
        assert d.engine.balances(1) == {0: (10**14, 0), 1: (10**12, 0)}
        await d.engine.stop()

    run(story())
