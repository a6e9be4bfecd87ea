"""The writer thread: keeps up, waits for nobody longer than needed, loses and doubles nothing."""

import asyncio
import sqlite3
import threading
import time

import pytest
from sqlalchemy import func, select

from excraft.messages.commands import OrderType, PlaceOrder, Side
from excraft.store import schema
from excraft.store.history import History, HistoryUnavailable
from excraft.store.recorder import HistoryGap
from excraft.store.recount import recount


@pytest.fixture
def history(url):
    history = History(url)
    history.start()
    yield history
    history.stop()


def until(condition, timeout_s=20.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.005)


def counted(history) -> dict:
    with history.database.read() as connection:
        return recount(connection)


def free_and_held(exchange) -> dict:
    found = {}
    for account in range(exchange.accounts):
        for asset, amounts in exchange.kernel.balances(account).items():
            found |= {(account, b, asset): a for b, a in enumerate(amounts) if a}
    return found


def test_everything_enqueued_is_stored(history, exchange):
    exchange.trade_by_chance(1, records=150)

    async def follow() -> None:
        for record, events in exchange.taken:
            history.enqueue(record, events)
            if record.position % 10 == 0:
                await history.wait(record.position)
                assert history.mark >= record.position
        await history.wait(exchange.kernel.position)

    asyncio.run(follow())
    assert history.backlog == 0 and history.failure == ""
    assert {k: v for k, v in counted(history).items() if k[0] >= 0} == free_and_held(exchange)


def test_a_placed_order_can_be_read_after_wait(history, exchange):
    exchange.tell(
        PlaceOrder(account=1, market=0, side=Side.SELL, order_type=OrderType.LIMIT, price=100,
                   quantity=2, client_id="mine")
    )  # fmt: skip
    for record, events in exchange.taken:
        history.enqueue(record, events)

    async def ask():
        await history.wait(exchange.kernel.position)
        number = exchange.kernel.sequence - 1
        return (
            await history.order(1, 0, number),
            await history.order_by_client(1, 0, "mine"),
            await history.orders(1, 0, limit=1),
            await history.fills(1, 0),
            await history.entries(1, 0),
        )

    order, named, orders, fills, entries = asyncio.run(ask())
    assert order == named == orders[0] and order.status == "NEW" and order.left == 2
    assert fills == [] and [e.amount for e in entries] == [10**6, 20]


def test_wait_gives_up_and_says_how_far_history_is(history, exchange):
    with pytest.raises(TimeoutError, match="history is at record 0, not yet at 7"):
        asyncio.run(history.wait(7, timeout_s=0.05))
    asyncio.run(history.wait(0))


def test_replayed_records_are_ignored_and_gaps_refused(history, exchange):
    exchange.trade_by_chance(1, records=5)
    for _ in range(2):
        for record, events in exchange.taken[:4]:
            history.enqueue(record, events)
    with pytest.raises(HistoryGap, match="record 6 came, but 5 is the next"):
        history.enqueue(*exchange.taken[5])
    asyncio.run(history.wait(4))
    with history.database.read() as connection:
        last = connection.execute(select(func.max(schema.entries.c.position))).scalar_one()
    assert last <= 4 and history.backlog == 0


def test_stop_writes_what_is_queued_and_a_restart_goes_on(url, exchange):
    exchange.trade_by_chance(1, records=60)
    for part in (slice(0, 30), slice(20, None)):
        history = History(url)
        history.start()
        for record, events in exchange.taken[part]:
            history.enqueue(record, events)
        assert history.stop()
    history = History(url)
    history.start()
    assert history.mark == exchange.kernel.position
    assert {k: v for k, v in counted(history).items() if k[0] >= 0} == free_and_held(exchange)
    history.stop()


def test_a_locked_database_delays_but_loses_nothing(tmp_path, exchange, monkeypatch):
    monkeypatch.setattr("excraft.store.database.BUSY_TIMEOUT_MS", 50)
    history = History(f"sqlite:///{tmp_path / 'x.db'}")
    history.start()
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    exchange.trade_by_chance(1, records=20)
    for record, events in exchange.taken:
        history.enqueue(record, events)
    until(lambda: "database is locked" in history.failure)
    assert history.mark == 0 and history.backlog == sum(len(t.events) for t in exchange.taken)
    other.execute("ROLLBACK")
    other.close()
    until(lambda: history.backlog == 0)
    assert history.failure == "" and history.mark == exchange.kernel.position
    assert {k: v for k, v in counted(history).items() if k[0] >= 0} == free_and_held(exchange)
    assert history.stop()


def test_a_lost_server_delays_but_loses_nothing(cluster, exchange):
    history = History(cluster.new_database())
    history.start()
    exchange.trade_by_chance(1, records=60)
    for record, events in exchange.taken[:30]:
        history.enqueue(record, events)
    asyncio.run(history.wait(10))
    cluster.stop(at_once=True)
    for record, events in exchange.taken[30:]:
        history.enqueue(record, events)
    until(lambda: history.failure)
    with pytest.raises(HistoryUnavailable, match="history cannot be read"):
        asyncio.run(history.order(0, 0, 1))
    with pytest.raises(TimeoutError, match="history is at record .*Error"):
        asyncio.run(history.wait(exchange.kernel.position, timeout_s=0.05))
    cluster.start()
    until(lambda: history.backlog == 0)
    assert history.mark == exchange.kernel.position
    assert {k: v for k, v in counted(history).items() if k[0] >= 0} == free_and_held(exchange)
    assert history.stop()


def test_an_unexpected_error_is_told_and_tried_again(tmp_path, exchange, monkeypatch):
    history = History(f"sqlite:///{tmp_path / 'x.db'}")
    history.start()
    store, failed = history._recorder.store, threading.Event()

    def fails_once(taken) -> None:
        if not failed.is_set():
            failed.set()
            raise KeyError("a bug")
        store(taken)

    monkeypatch.setattr(history._recorder, "store", fails_once)
    for record, events in exchange.taken:
        history.enqueue(record, events)
    until(lambda: history.backlog == 0)
    assert failed.is_set() and history.mark == exchange.kernel.position
    assert history.stop()


def test_stop_gives_up_on_a_database_that_fails(tmp_path, exchange, monkeypatch):
    history = History(f"sqlite:///{tmp_path / 'x.db'}")
    history.start()

    def fails(taken) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(history._recorder, "store", fails)
    for record, events in exchange.taken:
        history.enqueue(record, events)
    until(lambda: history.failure == "OSError: disk full")
    assert not history.stop() and history.mark == 0
