"""Questions about history, each compared with a plain look through what was stored."""

import random

import pytest
from sqlalchemy import select

from excraft.messages.commands import OrderType, PlaceOrder, Side
from excraft.store import queries, schema
from excraft.store.database import Database
from excraft.store.queries import Span
from excraft.store.recorder import Recorder


@pytest.fixture
def connection(database, exchange):
    exchange.trade_by_chance(7, records=150)
    Recorder(database).store(exchange.taken)
    with database.read() as connection:
        yield connection


def looked_through(rows, span: Span, number: str) -> list:
    """The same by brute force; `rows` ascending."""
    fit = [
        row for row in rows
        if (span.from_id is None or getattr(row, number) >= span.from_id)
        and (span.start_ms is None or row.time_ns >= span.start_ms * 10**6)
        and (span.end_ms is None or row.time_ns < (span.end_ms + 1) * 10**6)
    ]  # fmt: skip
    if span.limit == 0:
        return []
    return fit[-span.limit :] if span.newest else fit[: span.limit]


def spans(chance: random.Random, rows, number: str):
    """Every mixture of bounds, around what is there."""
    times = [row.time_ns // 10**6 for row in rows] or [0]
    numbers = [getattr(row, number) for row in rows] or [0]
    for _ in range(60):
        yield Span(
            from_id=chance.choice([None, chance.randint(0, max(numbers) + 5)]),
            start_ms=chance.choice([None, chance.choice(times) + chance.randint(-2, 2)]),
            end_ms=chance.choice([None, chance.choice(times) + chance.randint(-2, 2)]),
            limit=chance.choice([1, 3, 20, 1000]),
        )


def test_orders_within_any_span(connection):
    chance = random.Random(1)
    for account, market in ((0, 0), (2, 1), (3, 0)):
        everything = queries.orders_of(connection, account, market, Span(limit=10**6))
        assert len(everything) > 20
        assert [o.id for o in everything] == sorted(o.id for o in everything)
        assert {(o.account, o.market) for o in everything} == {(account, market)}
        for span in spans(chance, everything, "id"):
            found = queries.orders_of(connection, account, market, span)
            assert found == looked_through(everything, span, "id"), span


def test_fills_within_any_span_and_of_one_order(connection):
    chance = random.Random(2)
    total = 0
    for account in range(4):
        for market in range(2):
            everything = queries.fills_of(connection, account, market, None, Span(limit=10**6))
            total += len(everything)
            for span in spans(chance, everything, "trade_id"):
                found = queries.fills_of(connection, account, market, None, span)
                assert found == looked_through(everything, span, "trade_id"), span
            for number in {f.order_id for f in everything}:
                mine = [f for f in everything if f.order_id == number]
                assert queries.fills_of(connection, account, market, number, Span()) == mine
                order = queries.order(connection, account, market, number)
                assert order.filled == sum(f.lots for f in mine)
                assert order.quote == sum(f.quote for f in mine)
    rows = connection.execute(select(schema.fills)).all()
    assert total == len(rows) > 50
    assert {(r.market, r.trade_id, r.maker) for r in rows} == {
        (r.market, r.trade_id, 1 - r.maker) for r in rows
    }


def test_entries_of_both_sides_newest_first_kept(connection):
    rows = connection.execute(select(schema.entries).order_by(schema.entries.c.id)).all()
    for account in (-1, 0, 3):
        for limit in (1, 7, 10**6):
            mine = [
                r.id for r in rows if account in (r.from_account, r.to_account) and r.asset == 1
            ]
            found = queries.entries_of(connection, account, 1, limit)
            assert [e.id for e in found] == mine[-limit:]


def test_an_order_is_shown_to_its_owner_only(connection):
    (order,) = queries.orders_of(connection, 1, 0, Span(limit=1))
    assert queries.order(connection, 1, 0, order.id) == order
    assert queries.order(connection, 2, 0, order.id) is None
    assert queries.order(connection, 1, 1, order.id) is None


def test_by_client_id_the_newest_with_that_name(database, exchange):
    terms = {"order_type": OrderType.LIMIT, "time_in_force": 2, "quantity": 1, "price": 100}
    for market in (0, 1, 0):
        for account in (0, 1):
            exchange.tell(PlaceOrder(account=account, market=market, side=Side.BUY,
                                     client_id="again", **terms))  # fmt: skip
    exchange.tell(PlaceOrder(account=0, market=0, side=Side.BUY, **terms))
    unnamed = exchange.kernel.sequence - 1
    Recorder(database).store(exchange.taken)
    with database.read() as connection:

        def found(account: int, market: int, name: str):
            order = queries.order_by_client(connection, account, market, name)
            return order and order.id

        assert found(0, 0, "again") == unnamed - 2
        assert found(1, 0, "again") == unnamed - 1
        assert found(1, 1, "again") == unnamed - 3
        assert found(2, 0, "again") is None
        assert found(0, 0, f"x-{unnamed}") == unnamed
        assert found(1, 0, f"x-{unnamed}") is None
        assert found(0, 0, f"x-0{unnamed}") is None
        assert found(0, 0, f"x-{unnamed - 2}") is None, "that order has a name of its own"
        assert found(0, 0, "x-" + "9" * 40) is None
        assert found(0, 0, "") is None


def test_sqlite_finds_rows_by_index(tmp_path, exchange):
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    database.migrate()
    asked = []
    with database.read() as connection:
        cursor = connection.connection.driver_connection
        cursor.set_trace_callback(asked.append)
        queries.order_by_client(connection, 1, 1, "name")
        queries.orders_of(connection, 1, 1, Span(from_id=5))
        queries.fills_of(connection, 1, 1, 9, Span())
        queries.fills_of(connection, 1, 1, None, Span())
        queries.entries_of(connection, 1, 1, 10)
        cursor.set_trace_callback(None)
        plans = [
            " / ".join(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {sql}"))
            for sql in asked
            if sql.startswith("SELECT")
        ]
    database.close()
    wanted = ("orders_by_client (account=? AND client_key=?)",
              "orders_of_account (account=? AND market=? AND ",
              "fills_of_order (order_id=? AND account=? AND market=?)",
              "PRIMARY KEY (account=? AND market=?)",
              "entries_from (from_account=? AND asset=?)")  # fmt: skip
    assert len(plans) == len(wanted)
    for plan, part in zip(plans, wanted, strict=True):
        assert part in plan, plan
        assert "TEMP B-TREE" not in plan or "entries" in plan, plan  # those sort 2 x limit rows
    assert "entries_to (to_account=? AND asset=?)" in plans[-1]
