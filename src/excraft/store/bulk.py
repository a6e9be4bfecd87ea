"""Many rows in few statements.

A row at a time, Python's interpreter lock is taken and given back with every row, and each time the
writer waits for a busy event loop: measured 100,000 rows/s against 410,000 with 2,000 rows in a
statement. So SQLite gets long VALUES lists, and PostgreSQL one array per column.
"""

from collections.abc import Sequence
from functools import cache
from sqlite3 import SQLITE_LIMIT_VARIABLE_NUMBER

import numpy as np
from sqlalchemy import Column, Connection, Table
from sqlalchemy.dialects import postgresql

from excraft.store.schema import orders

VARIABLES_MAX = 32_000  # of one SQLite statement, or what the library was built for
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
    width, count = len(values), len(values[0])
    most = _variables(connection) // width
    for start in range(0, count, most):
        rows = min(most, count - start)
        # Padded with NULLs to a power of two: a dozen prepared statements serve every count.
        size = min(most, 1 << (rows - 1).bit_length())
        flat = [None] * (size * width)
        for at, column in enumerate(values):
            flat[at : rows * width : width] = column[start : start + rows]
        connection.exec_driver_sql(_values(statement, width, size), tuple(flat))


def _variables(connection: Connection) -> int:
    built_for = connection.connection.driver_connection.getlimit(SQLITE_LIMIT_VARIABLE_NUMBER)
    return min(VARIABLES_MAX, built_for)


@cache
def _values(statement: str, width: int, size: int) -> str:
    row = "(" + ", ".join("?" * width) + ")"
    rows = ", ".join([row] * size)
    return statement.format(rows=f"SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL")
