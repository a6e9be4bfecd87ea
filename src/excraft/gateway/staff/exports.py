"""GET /admin/export/{what}.csv and .parquet: whole tables for staff, never personal data.

A file is written whole before a byte of it is sent, in batches, so memory is bounded and nobody
gets half of one; one is written at a time, so that the exchange's threads and disk stay free.
Numbers are the exact ones of the store; a column `amount_text` has decimals.
"""

import asyncio
import csv
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Annotated, Any, BinaryIO, NamedTuple
from weakref import WeakSet

import pyarrow as pa
import pyarrow.parquet as parquet
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import BigInteger, Integer, LargeBinary, Select, SmallInteger, Table, select

from excraft.accounts.acts import Act
from excraft.accounts.refusals import Refused
from excraft.accounts.spreadsheets import plain
from excraft.gateway.exchange import Exchange
from excraft.store import schema
from excraft.store.database import Database
from excraft.store.schema_audit import audit_log
from excraft.store.schema_custody import custody_deposits
from excraft.store.schema_withdrawals import withdrawals

ROWS_MAX = 1_000_000
BYTES_MAX = 1 << 30
UNSENT_MAX = 4  # files of everybody
BATCH = 5_000
PIECE_BYTES = 1 << 20
NS_MAX = 2**63 - 1
MEDIA = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


class Export(NamedTuple):
    """`act`: what one must be allowed to see. `time`: the column that a span is about."""

    table: Table
    act: Act
    time: str = ""
    amount: str = ""  # atoms of the column `asset`


EXPORTS = {
    "members": Export(schema.members, Act.SEE_MEMBERS),
    "orders": Export(schema.orders, Act.SEE_MONEY, "time_ns"),
    "fills": Export(schema.fills, Act.SEE_MONEY, "time_ns"),
    "entries": Export(schema.entries, Act.SEE_MONEY, "time_ns", "amount"),
    "deposits": Export(custody_deposits, Act.SEE_CUSTODY, "seen_ns", "atoms"),
    "withdrawals": Export(withdrawals, Act.SEE_CUSTODY, "requested_ns", "atoms"),
    "audit": Export(audit_log, Act.READ_AUDIT, "time_ns"),
}
routes = APIRouter()


class Files:
    """Those that are on the disk, and whether one is being written."""

    def __init__(self) -> None:
        self._writing = False
        self._unsent: WeakSet[BinaryIO] = WeakSet()

    async def write(self, work: Callable[[], BinaryIO]) -> BinaryIO:
        """The file that `work` writes in a thread; raises Refused."""
        if self._writing or sum(not file.closed for file in self._unsent) >= UNSENT_MAX:
            raise Refused("busy", "Other exports are written or sent now; ask again later.", 30)
        self._writing = True
        try:
            made = await asyncio.to_thread(work)
        finally:
            self._writing = False
        self._unsent.add(made)
        return made


_Ns = Annotated[int, Query(ge=0, le=NS_MAX)]


@routes.get("/export/{name}", tags=["exports"])
async def export(request: Request, name: str, since: _Ns = 0, until: _Ns = NS_MAX) -> Response:
    """members, orders, fills, entries, deposits, withdrawals or audit, as .csv or .parquet;
    `since` <= time < `until`, in nanoseconds since 1970."""
    exchange, actor = request.app.state.exchange, request.state.actor
    what, _, kind = name.partition(".")
    if what not in EXPORTS or kind not in MEDIA:
        names = ", ".join(EXPORTS)
        raise Refused("not_found", f"There are {names}, each as .csv and .parquet.")
    chosen, staff = EXPORTS[what], exchange.staff
    for act in (Act.EXPORT, chosen.act):
        await asyncio.to_thread(staff.audit.require, actor, act, f"export:{what}")
    span = {"format": kind, "since": since, "until": until}
    query = select(chosen.table)
    if chosen.time:
        column = chosen.table.c[chosen.time]
        query = query.where(column >= since, column < until)
    query = query.order_by(*chosen.table.primary_key)

    def work() -> BinaryIO:
        staff.audit.record(actor, Act.EXPORT, f"export:{what}", payload=span)
        return _written(exchange, chosen, query, kind)

    file = await request.app.state.files.write(work)
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "content-length": str(os.fstat(file.fileno()).st_size),
    }
    return StreamingResponse(_pieces(file), media_type=MEDIA[kind], headers=headers)


def _written(exchange: Exchange, chosen: Export, query: Select, kind: str) -> BinaryIO:
    """A file without a name, gone when it is closed; raises Refused when that is too much."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  (closed once it is sent)
    try:
        batches = _batches(exchange, chosen, query)
        (_write_csv if kind == "csv" else _write_parquet)(file, chosen, batches)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _batches(exchange: Exchange, chosen: Export, query: Select) -> Iterator[list[tuple]]:
    """Rows with their decimals at the end, never more than BATCH at once."""
    database: Database = exchange.history.database
    assets = exchange.engine.listings.assets
    names = [column.name for column in chosen.table.c]
    seen = 0
    with database.read() as connection:
        found = connection.execution_options(yield_per=BATCH).execute(query)
        for part in found.partitions():
            seen += len(part)
            if seen > ROWS_MAX:
                raise Refused(
                    "too_large", f"More than {ROWS_MAX} rows; narrow it with `since` and `until`."
                )
            if not chosen.amount:
                yield [tuple(row) for row in part]
                continue
            asset, amount = names.index("asset"), names.index(chosen.amount)
            yield [(*row, assets[row[asset]].text(row[amount])) for row in part]


def _check_size(size: int) -> None:
    if size > BYTES_MAX:
        raise Refused(
            "too_large", f"More than {BYTES_MAX} bytes; narrow it with `since` and `until`."
        )


def _columns(chosen: Export) -> list[str]:
    return [c.name for c in chosen.table.c] + (["amount_text"] if chosen.amount else [])


def _write_csv(file: BinaryIO, chosen: Export, batches: Iterator[list[tuple]]) -> None:
    out = io.TextIOWrapper(file, "utf-8", newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_columns(chosen))
    for rows in batches:
        writer.writerows([_cell(value) for value in row] for row in rows)
        _check_size(out.tell())
    out.detach()  # which also writes what is left


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.hex()
    return plain(value) if isinstance(value, str) else str(value)


def _write_parquet(file: BinaryIO, chosen: Export, batches: Iterator[list[tuple]]) -> None:
    fields = [pa.field(column.name, _type(column.type)) for column in chosen.table.c]
    fields += [pa.field("amount_text", pa.string())] if chosen.amount else []
    shape = pa.schema(fields)
    with parquet.ParquetWriter(file, shape) as writer:
        for rows in batches:
            columns = zip(*rows, strict=True)
            arrays = [pa.array(c, field.type) for c, field in zip(columns, shape, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=shape))
            _check_size(file.tell())


def _type(kind: Any) -> pa.DataType:
    if isinstance(kind, BigInteger | Integer | SmallInteger):
        return pa.int64()
    return pa.binary() if isinstance(kind, LargeBinary) else pa.string()
