"""Batches: their bounds, their texts, and what is left when only cancels may pass."""

import pytest

from excraft.engine.errors import Busy
from excraft.engine.queue import Bulk, Limits, Queue
from excraft.messages.commands import CancelAll, CancelOrder, OrderType, PlaceOrder, Side, pack

PLACE = pack(PlaceOrder(account=0, market=0, side=Side.BUY, order_type=OrderType.LIMIT,
                        price=1, quantity=1))[0]  # fmt: skip
CANCEL = pack(CancelOrder(account=0, market=0, order_id=1))[0]
CANCEL_ALL = pack(CancelAll(account=0, market=0))[0]


def batches(queue: Queue) -> list:
    taken = []
    while (batch := queue.take()) is not None:
        taken.append(batch)
    return taken


def test_a_batch_ends_at_its_commands_or_its_texts():
    queue = Queue(Limits(record_commands=3, record_text_bytes=100))
    for _ in range(4):
        queue.add(PLACE, object(), "")
    queue.add(PLACE, object(), "x" * 100)
    queue.add(PLACE, object(), "y")
    assert queue and [b.count for b in batches(queue)] == [3, 2, 1]
    assert not queue and queue.unanswered == 6


def test_a_bulk_stays_whole():
    queue = Queue(Limits(record_commands=5))
    queue.add(PLACE, object(), "first")
    queue.add_bulk(PLACE * 4, Bulk(4, object()), [(2, "third of four")])
    queue.add_bulk(PLACE * 2, Bulk(2, object()), [])
    first, second = batches(queue)
    record = first.record(position=1, sequence=1, time_ns=1)
    assert (first.count, second.count, len(record.commands)) == (5, 2, 5)
    assert record.texts() == {0: "first", 3: "third of four"}
    with pytest.raises(ValueError, match=r"6 commands; 1\.\.5"):
        queue.add_bulk(PLACE * 6, Bulk(6, object()), [])
    with pytest.raises(ValueError, match="2 commands are 128 bytes"):
        queue.add_bulk(PLACE, Bulk(2, object()), [])


def test_a_bulk_counts_whole_against_the_bound():
    queue = Queue(Limits(waiting_max=5, cancels_extra=2))
    queue.add_bulk(PLACE * 4, Bulk(4, object()), [])
    with pytest.raises(Busy, match="4 commands wait for the log, at most 5 may"):
        queue.add_bulk(PLACE * 2, Bulk(2, object()), [])
    with pytest.raises(Busy):
        queue.add_bulk(CANCEL + PLACE, Bulk(2, object()), [])
    queue.add_bulk(CANCEL + CANCEL_ALL, Bulk(2, object()), [])
    assert queue.unanswered == 6


def test_only_cancels_keep_their_texts_and_their_senders():
    queue = Queue(Limits())
    a, b, c, d, e = (object() for _ in range(5))
    queue.add(PLACE, a, "a")
    queue.add(CANCEL, b, "b")
    queue.add_bulk(CANCEL + CANCEL_ALL, Bulk(2, c), [(0, "c0"), (1, "c1")])
    queue.add_bulk(CANCEL + PLACE, Bulk(2, d), [(0, "d0")])
    queue.add(CANCEL_ALL, e, "")
    (batch,) = batches(queue)
    kept, refused = batch.only_cancels()
    assert refused == [(1, a), (2, d)]
    assert kept.futures() == [b, c, e] and kept.count == 4
    record = kept.record(position=1, sequence=1, time_ns=1)
    assert record.texts() == {0: "b", 1: "c0", 2: "c1"}
    assert record.commands.tobytes() == CANCEL + CANCEL + CANCEL_ALL + CANCEL_ALL
