"""What those who asked are told: each the own part, alone or as a bulk."""

import asyncio

import numpy as np
import pytest

from excraft.messages.commands import (
    COMMAND,
    OrderType,
    PlaceOrder,
    Side,
    pack,
)
from excraft.messages.events import EventKind


def test_an_outcome_says_what_the_command_did(desk, run):
    async def story():
        d = desk()
        await d.open()
        sold = await d.place(0, Side.SELL, 5, 100, "mine")
        bought = await d.place(1, Side.BUY, 7, 100)
        assert sold.position + 1 == bought.position == d.engine.position
        assert [e.kind for e in bought.events] == [
            EventKind.ORDER_ACCEPTED, EventKind.ORDER_FILLED, EventKind.ORDER_FILLED]  # fmt: skip
        assert {e.order_id for e in bought.events} == {sold.sequence, bought.sequence}
        assert [(r.order.id, r.status, r.filled) for r in bought.reports] == [
            (bought.sequence, "NEW", 0),
            (bought.sequence, "PARTIALLY_FILLED", 5),
            (sold.sequence, "FILLED", 5),
        ]
        assert d.engine.orders.by_client(0, 0, "mine") is None  # closed, and nobody has a mark
        assert [o.left for o in d.engine.orders.open(1)] == [2]
        await d.engine.stop()

    run(story())


def test_many_commands_are_acknowledged_as_one(desk, run):
    async def story():
        d = desk()
        await d.open()
        place = PlaceOrder(account=0, market=0, side=Side.SELL, order_type=OrderType.LIMIT,
                           price=100, quantity=1)  # fmt: skip
        rows = pack(place)[0] * 10
        before = d.place(1, Side.BUY, 1, 50)
        bulk = d.engine.submit_many(rows, 10, [(3, "third")])
        after = d.place(1, Side.BUY, 2, 100)
        first, many, last = await asyncio.gather(before, bulk, after)
        assert (many.sequence, many.count, many.first) == (first.sequence + 1, 10, 1)
        assert last.sequence == many.sequence + 10
        assert many.events["command"].tolist() == list(range(1, 11))
        assert isinstance(many.events, np.ndarray) and len(last.events) == 5
        assert d.engine.orders.by_client(0, 0, "third").id == many.sequence + 3
        with pytest.raises(ValueError):
            d.engine.submit_many(rows, 9)
        with pytest.raises(ValueError):
            d.engine.submit_many(b"", 0)
        await d.engine.stop()
        assert d.engine.waiting == 0

    run(story())


def test_bulks_alone_need_no_tuples(desk, run):
    async def story():
        d = desk(orders=False)
        seen = []
        d.engine.subscribe(lambda record, events, rows: seen.append(rows), columns=True)
        await d.open()
        bulk = await d.engine.submit_many(np.ones(4, COMMAND).tobytes(), 4)
        assert len(bulk.events) == 4 and seen[-1] == []
        await d.engine.stop()

    run(story())
