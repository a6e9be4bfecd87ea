"""Any number of rows arrives whole, in few statements."""

import numpy as np
import pytest
from sqlalchemy import event, select

from excraft.store import bulk, schema


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 1000, 6400, 6401, 15000])
def test_every_row_is_written(database, count):
    statements = []
    event.listen(
        database.engine, "before_cursor_execute", lambda *given: statements.append(given[2])
    )
    numbers = np.arange(count, dtype=np.int64)
    columns = {"market": numbers, "base": numbers % 7, "quote": (numbers % 5).tolist(),
               "base_atoms_per_lot": numbers + 2**62,
               "quote_atoms_per_tick_lot": -numbers}  # fmt: skip
    with database.write() as connection:
        bulk.insert(connection, schema.markets, columns)
    assert sum("INSERT" in sql for sql in statements) <= 3
    with database.read() as connection:
        found = connection.execute(select(schema.markets).order_by(schema.markets.c.market)).all()
    wanted = zip(*(np.asarray(c).tolist() for c in columns.values()), strict=True)
    assert [tuple(row) for row in found] == list(wanted)


def test_texts_and_nulls_are_written_as_they_are(database):
    names = [None, "", "é'\"\\{},", "%s ? $1", "NULL"]
    numbers = np.arange(1, 1 + len(names))
    zero = np.zeros(len(names), np.int64)
    columns = {c.name: zero for c in schema.orders.columns} | {"id": numbers, "client_id": names}
    with database.write() as connection:
        bulk.insert(connection, schema.orders, columns)
    with database.read() as connection:
        query = select(schema.orders.c.client_id).order_by(schema.orders.c.id)
        assert connection.execute(query).scalars().all() == names
