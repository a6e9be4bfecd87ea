"""What may be asked of history. Every answer is in ascending order of its number."""

from collections.abc import Callable

import msgspec
from sqlalchemy import Connection, Row, Select, Table, and_, literal_column, select, union_all

from excraft.messages.commands import client_key
from excraft.store.orders import STATUSES, OrderStatus
from excraft.store.schema import Bucket, EntryKind, entries, fills, orders

MS = 1_000_000  # nanoseconds
LIMIT_MAX = 1_000


class StoredOrder(msgspec.Struct, gc=False):
    """An order as the store last saw it; the fields are those of the engine's own."""

    id: int
    account: int
    market: int
    side: int
    order_type: int
    time_in_force: int
    self_trade: int
    price: int
    quantity: int
    amount: int
    stop_price: int
    client_id: str
    left: int
    filled: int
    quote: int
    prevented: int
    status: OrderStatus
    time_ns: int
    updated_ns: int
    working_ns: int
    position: int


class Fill(msgspec.Struct, gc=False):
    """One side of a trade; `fee` in atoms of `fee_asset`, `event` its index in the record."""

    market: int
    trade_id: int
    account: int
    order_id: int
    side: int
    price: int
    lots: int
    quote: int
    fee: int
    fee_asset: int
    maker: bool
    time_ns: int
    position: int
    event: int


class Entry(msgspec.Struct, gc=False):
    """`amount` atoms of `asset` that went from one (account, bucket) to another."""

    id: int
    position: int
    event: int
    time_ns: int
    asset: int
    amount: int
    from_account: int
    from_bucket: Bucket
    to_account: int
    to_bucket: Bucket
    kind: EntryKind
    cause: int
    order_id: int
    reference: str | None


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows: from a number on, within a time (both ends included), at most `limit`.

    Without `from_id` and `start_ms` the newest ones, otherwise the oldest that fit.
    """

    from_id: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    limit: int = 500

    @property
    def newest(self) -> bool:
        return self.from_id is None and self.start_ms is None


_ORDER = select(*(orders.c[name] for name in StoredOrder.__struct_fields__))
_FILL = select(*(fills.c[name] for name in Fill.__struct_fields__))
_ENTRY = select(*(entries.c[name] for name in Entry.__struct_fields__))
_CLIENT_ID = StoredOrder.__struct_fields__.index("client_id")
_STATUS = StoredOrder.__struct_fields__.index("status")
_MAKER = Fill.__struct_fields__.index("maker")


def order(connection: Connection, account: int, market: int, order_id: int) -> StoredOrder | None:
    """The order, when it is this account's in this market."""
    mine = (orders.c.id == order_id, orders.c.account == account, orders.c.market == market)
    found = connection.execute(_ORDER.where(*mine)).first()
    return found and _order(found)


def order_by_client(
    connection: Connection, account: int, market: int, client_id: str
) -> StoredOrder | None:
    """The newest order with the id that the client gave it, or that it got for giving none."""
    columns = orders.c
    named = _ORDER.where(
        columns.account == account,
        columns.client_key == client_key(client_id),
        columns.client_key != 0,  # as the partial index says it, or it would not be used
        columns.client_id == client_id,
        # "+ 0" keeps SQLite from walking all orders of the market in search of the name.
        columns.market + literal_column("0") == market,
    )
    found = connection.execute(named.order_by(columns.id.desc()).limit(1)).first()
    given = found and _order(found)
    number = client_id.removeprefix("x-")
    if given or not (number.isascii() and number.isdigit() and len(number) < 19):
        return given
    generated = order(connection, account, market, int(number))
    return generated if generated and generated.client_id == client_id else None


def orders_of(connection: Connection, account: int, market: int, span: Span) -> list[StoredOrder]:
    """Orders of the account in the market, open and closed."""
    mine = and_(orders.c.account == account, orders.c.market == market)
    return _spanned(connection, _ORDER.where(mine), "id", span, _order)


def fills_of(
    connection: Connection, account: int, market: int, order_id: int | None, span: Span
) -> list[Fill]:
    """Fills of the account in the market, of one order when `order_id` is given."""
    query = _FILL.where(fills.c.account == account, fills.c.market == market)
    if order_id is not None:
        query = query.where(fills.c.order_id == order_id)
    return _spanned(connection, query, "trade_id", span, _fill)


def entries_of(connection: Connection, account: int, asset: int, limit: int) -> list[Entry]:
    """The newest entries that gave to the account or took from it."""
    columns = entries.c
    sides = (
        columns.from_account == account,
        # As the partial index says it, or the database would not use that index.
        and_(columns.to_account == account, columns.to_account != columns.from_account),
    )
    parts = [
        _ENTRY.where(columns.asset == asset, side).order_by(columns.id.desc()).limit(limit)
        for side in sides
    ]
    both = union_all(*(select(part.subquery()) for part in parts)).subquery()
    found = connection.execute(select(both).order_by(both.c.id.desc()).limit(limit)).all()
    return [_entry(row) for row in reversed(found)]


def _spanned(
    connection: Connection, query: Select, number: str, span: Span, shape: Callable[[Row], object]
) -> list:
    table = query.get_final_froms()[0]
    key = table.c[number]
    if span.from_id is not None:
        query = query.where(key >= span.from_id)
    if span.start_ms is not None:
        # Numbers grow with time: the first number in the time saves reading all that went before.
        first = _first_since(connection, query, table, key, span.start_ms * MS)
        if first is None:
            return []
        query = query.where(key >= first)
    if span.end_ms is not None:
        beyond = _first_since(connection, query, table, key, (span.end_ms + 1) * MS)
        if beyond is not None:
            query = query.where(key < beyond)
    keys = [key] if number == "id" else [key, table.c.maker]
    if span.newest:
        query = query.order_by(*(column.desc() for column in keys))
    else:
        query = query.order_by(*keys)
    found = connection.execute(query.limit(span.limit)).all()
    return [shape(row) for row in (reversed(found) if span.newest else found)]


def _first_since(connection: Connection, query: Select, table: Table, key, time_ns: int):
    """Least number of the query's rows from `time_ns` on, None when there is none."""
    looked = query.with_only_columns(key, table.c.time_ns)
    newest = connection.execute(looked.order_by(key.desc()).limit(1)).first()
    if newest is None or newest[1] < time_ns:
        return None
    oldest = connection.execute(looked.order_by(key).limit(1)).first()
    if oldest[1] >= time_ns:
        return oldest[0]
    low, high, found = oldest[0], newest[0], newest[0]  # low is too early, found is late enough
    while high - low > 1:
        middle = (low + high) // 2
        row = connection.execute(looked.where(key >= middle).order_by(key).limit(1)).one()
        if row[1] >= time_ns:
            high, found = middle, row[0]
        else:
            low = row[0]
    return found


def _order(row: Row) -> StoredOrder:
    values = list(row)
    values[_CLIENT_ID] = values[_CLIENT_ID] or f"x-{row.id}"
    values[_STATUS] = STATUSES[row.status]
    return StoredOrder(*values)


def _fill(row: Row) -> Fill:
    values = list(row)
    values[_MAKER] = bool(row.maker)
    return Fill(*values)


def _entry(row: Row) -> Entry:
    return Entry(*row)
