"""Writes a table: CSV with its SHA-256 and Parquet, batch by batch, with bounded memory."""

import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from excraft.dataset.columns import FORMS, arrow_of
from excraft.dataset.errors import Malformed
from excraft.dataset.lines import write_lines
from excraft.dataset.order import Order
from excraft.dataset.tables import Columns, Table

BATCH = 1 << 16  # rows


class File(NamedTuple):
    """What the manifest says of a table."""

    rows: int
    sha256: str


class TableWriter:
    """Takes rows or columns in their order, then `close` says what was written.

    CSV and Parquet are written by a thread each while the next batch is made. Raises Malformed for
    a value that its column cannot have or a row out of order; nothing of its batch is written then.
    """

    def __init__(self, folder: Path, table: Table) -> None:
        self.table, self.rows_written = table, 0
        self._order, self._hash = Order(table), sha256()
        kinds = zip(table.columns, table.kinds, strict=True)
        self._schema = pa.schema([pa.field(name, FORMS[kind].arrow) for name, kind in kinds])
        self._csv = open(folder / f"{table.name}.csv", "xb")  # noqa: SIM115
        self._parquet_file = open(folder / f"{table.name}.parquet", "xb")  # noqa: SIM115
        self._parquet = parquet.ParquetWriter(
            self._parquet_file, self._schema, compression="zstd", use_dictionary=False
        )
        self._threads = ThreadPoolExecutor(2, f"dataset {table.name}")
        self._pending: list[Future] = []
        self._append((",".join(table.columns) + "\n").encode())

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._threads.shutdown(cancel_futures=True)
        try:
            self._parquet.close()
        finally:
            self._csv.close()
            self._parquet_file.close()

    def rows(self, rows: Iterable[tuple]) -> None:
        """Rows of the table's row type (or plain tuples of the same)."""
        rows = iter(rows)
        while batch := list(islice(rows, BATCH)):
            try:
                columns = dict(zip(self.table.columns, zip(*batch, strict=True), strict=True))
            except ValueError:
                raise Malformed(
                    self.table.name, self.rows_written + 2,
                    f"a row must have the values {', '.join(self.table.columns)}",
                ) from None  # fmt: skip
            self._batch(columns)

    def columns(self, columns: Columns) -> None:
        """Columns by name, of one length; what each must be, `Kind` says."""
        if set(columns) != set(self.table.columns):
            raise Malformed(
                self.table.name, self.rows_written + 2,
                f"columns {', '.join(columns)} were given; there must be exactly "
                f"{', '.join(self.table.columns)}",
            )  # fmt: skip
        lengths = {len(column) for column in columns.values()}
        if len(lengths) > 1:
            raise Malformed(
                self.table.name, self.rows_written + 2,
                f"columns of lengths {sorted(lengths)}; they must be of one length",
            )  # fmt: skip
        for begin in range(0, max(lengths), BATCH):
            part = {name: columns[name][begin : begin + BATCH] for name in self.table.columns}
            self._batch(part)

    def close(self) -> File:
        """Everything is on the disk when it returns; what the manifest says of it."""
        self._wait()
        self._parquet.close()
        for file in (self._csv, self._parquet_file):
            file.flush()
            os.fsync(file.fileno())
            file.close()
        return File(self.rows_written, self._hash.hexdigest())

    def _batch(self, columns: Columns) -> None:
        line = self.rows_written + 2
        text = self._lines(columns, line)
        self._order.check(columns, line)
        self._wait()
        self.rows_written += len(columns[self.table.columns[0]])
        self._pending = [
            self._threads.submit(self._append, text),
            self._threads.submit(self._append_parquet, columns),
        ]

    def _wait(self) -> None:
        for future in self._pending:
            future.result()
        self._pending = []

    def _append(self, text: Any) -> None:
        self._hash.update(text)
        self._csv.write(text)

    def _append_parquet(self, columns: Columns) -> None:
        kinds = zip(self.table.columns, self.table.kinds, strict=True)
        arrays = [arrow_of(kind, columns[name]) for name, kind in kinds]
        self._parquet.write_batch(pa.record_batch(arrays, schema=self._schema))

    def _lines(self, columns: Columns, line: int) -> memoryview:
        """The batch as text; what the columns cannot have is refused here."""
        table = self.table
        words = [words_of(table, name, columns[name], line) for name in table.columns]
        joined = np.ascontiguousarray(np.concatenate(words, 1))
        out = np.empty(len(joined) * table.line_bytes, np.uint8)
        return out[: write_lines(joined, table.codes, out)].data


def words_of(table: Table, name: str, values: Any, line: int) -> np.ndarray:
    """A column in words; raises Malformed with the line of the first value that is wrong."""
    form = FORMS[table.kind(name)]
    try:
        return form.words(values)
    except ValueError as trouble:
        for at in range(len(values)):
            try:
                form.words(values[at : at + 1])
            except ValueError as wrong:
                raise Malformed(table.name, line + at, f"{name}: {wrong}") from None
        raise Malformed(table.name, line, f"{name}: {trouble}") from None
