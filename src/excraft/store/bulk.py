"""Many rows in few statements.

A row at a time, Python's interpreter lock is taken and given back with every row, and each time the
writer waits for a busy event loop: measured 100,000 rows/s against 410,000 with 2,000 rows in
a statement. So SQLite gets long VALUES lists, and PostgreSQL one array per column.
"""

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from sqlalchemy import Column, Connection, Table
from sqlalchemy.dialects import postgresql

from excraft.store.schema import orders

VARIABLES_MAX = 32_000  # of one SQLite statement; the library's own bound is 32,766
_POSTGRESQL = postgresql.dialect()

_CHANGE = """
UPDATE orders SET "left" = v."left", filled = orders.filled + v.filled,
  quote = orders.quote + v.quote, prevented = orders.prevented + v.prevented,
  quantity = orders.quantity - v.amended, updated_ns = v.updated_ns, position = v.position,
  status = CASE WHEN v.status < 0 THEN orders.status ELSE v.status END,
  working_ns = CASE WHEN v.working_ns = 0 THEN orders.working_ns ELSE v.working_ns END
FROM v WHERE orders.id = v.id"""
_AMENDED = Column("amended", orders.c.quantity.type)


def insert(connection: Connection, table: Table, columns: dict[str, np.ndarray | list]) -> None:
    """Rows whose columns are equally long; nothing when they are empty."""
    _execute(connection, [table.c[name] for name in columns], columns, _insert_into(table, columns))


def change_orders(connection: Connection, changes: dict[str, np.ndarray | list]) -> None:
    """Apply `changes` as `orders.order_rows` gives them, each order once."""
    kept = [_AMENDED if name == "amended" else orders.c[name] for name in changes]
    _execute(connection, kept, changes, f"WITH v ({_names(changes)}) AS ({{rows}}) {_CHANGE}")


def _insert_into(table: Table, names: Sequence[str]) -> str:
    return f"INSERT INTO {table.name} ({_names(names)}) {{rows}}"


def _names(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _execute(connection: Connection, kept: list[Column], columns: dict, statement: str) -> None:
    values = [v.tolist() if isinstance(v, np.ndarray) else v for v in columns.values()]
    if not values or not values[0]:
        return
    if connection.dialect.name == "postgresql":
        arrays = ", ".join(f"%s::{c.type.compile(_POSTGRESQL)}[]" for c in kept)
        rows = f"SELECT * FROM unnest({arrays})"
        connection.exec_driver_sql(statement.format(rows=rows), tuple(values))
        return
    for sql, start, size in _slices(statement, len(values), len(values[0])):
        flat = [None] * (size * len(values))
        for at, column in enumerate(values):
            flat[at :: len(values)] = column[start : start + size]
        connection.exec_driver_sql(sql, tuple(flat))


def _slices(statement: str, width: int, count: int) -> Iterator[tuple[str, int, int]]:
    """(SQL, first row, rows): as many as fit a statement, then powers of two, so that a dozen
    prepared statements serve every count."""
    most = VARIABLES_MAX // width
    at = 0
    while at < count:
        rest = count - at
        size = most if rest >= most else 1 << (rest.bit_length() - 1)
        yield _values(statement, width, size), at, size
        at += size


@cache
def _values(statement: str, width: int, size: int) -> str:
    row = "(" + ", ".join("?" * width) + ")"
    return statement.format(rows="VALUES " + ", ".join([row] * size))
