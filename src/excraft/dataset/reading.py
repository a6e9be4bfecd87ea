"""Reads a table back: its CSV, in batches, checked against the published hash.

The hash is known when the last byte was read, so what comes out before is not to be trusted until
the iteration has ended without an error.
"""

from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

from excraft.dataset.columns import FORMS, Kind
from excraft.dataset.errors import Damaged, Malformed
from excraft.dataset.ids import ids_of
from excraft.dataset.lines import WIDTHS, read_lines
from excraft.dataset.order import Order
from excraft.dataset.tables import Columns, Table
from excraft.dataset.writing import BATCH, File

BLOCK = 1 << 23  # bytes read at once


def batches(
    path: Path, table: Table, expected: File, only: Collection[str] = ()
) -> Iterator[Columns]:
    """Columns by name, some ten thousand rows at a time; `Kind` says what each is. `only` these and
    those it is sorted by, which is faster; the hash is of everything.

    Raises Malformed for a line that cannot be, and at the end Damaged unless rows and hash are the
    `expected` ones."""
    order, line = Order(table), 2
    with open(path, "rb") as file, ThreadPoolExecutor(2, "dataset reading") as threads:
        blocks = Blocks(file, threads)
        head = ",".join(table.columns).encode() + b"\n"
        blocks.head(path.name, head)
        for columns in ahead(_split(blocks, table, only), threads):
            order.check(columns, line)
            line += len(columns[table.keys[0]])
            yield columns
        found = File(line - 2, blocks.digest())
    if found != expected:
        raise Damaged(
            f"{path.name} has {found.rows} rows and SHA-256 {found.sha256}; the manifest says "
            f"{expected.rows} and {expected.sha256}"
        )


def rows(path: Path, table: Table, expected: File) -> Iterator[Any]:
    """The same as rows of the table's type, with ids as bytes."""
    for columns in batches(path, table, expected):
        plain = (
            ids_of(column) if kind in (Kind.ID, Kind.OWNER)
            else column.tolist() if isinstance(column, np.ndarray) else column
            for kind, column in zip(table.kinds, columns.values(), strict=True)
        )  # fmt: skip
        yield from map(table.row._make, zip(*plain, strict=True))


def ahead(batches: Iterator[Columns], threads: ThreadPoolExecutor) -> Iterator[Columns]:
    """The same, each made in a thread while the one before is used."""
    future = threads.submit(next, batches, None)
    while (columns := future.result()) is not None:
        future = threads.submit(next, batches, None)
        yield columns


class Blocks:
    """The bytes of a file in blocks of whole lines, hashed by a thread beside."""

    def __init__(self, file: BinaryIO, thread: ThreadPoolExecutor) -> None:
        self._file, self._thread, self._hash = file, thread, sha256()
        self._hashing: Future | None = None
        self._rest = b""

    def head(self, name: str, expected: bytes) -> None:
        """Take the header line; raises Malformed for another one."""
        found = self._file.readline(len(expected) + 200)
        self._hash.update(found)
        if found != expected:
            raise Malformed(
                name.removesuffix(".csv"), 1,
                f"the header is {found!r:.200}; it must be {expected!r}",
            )  # fmt: skip

    def __iter__(self) -> Iterator[bytes]:
        while read := self._file.read(BLOCK):
            self._wait()
            self._hashing = self._thread.submit(self._hash.update, read)
            cut = read.rfind(b"\n") + 1
            if cut:
                yield self._rest + read[:cut] if self._rest else read[:cut]
                self._rest = read[cut:]
            else:  # no line is that long: the reader refuses it
                yield self._rest + read
                self._rest = b""
        self._wait()
        if self._rest:
            yield self._rest  # a line without its end, which the reader refuses

    def _wait(self) -> None:
        if self._hashing is not None:
            self._hashing.result()
            self._hashing = None

    def digest(self) -> str:
        self._wait()
        return self._hash.hexdigest()


def _split(blocks: Blocks, table: Table, only: Collection[str]) -> Iterator[Columns]:
    line, codes, wanted = 2, table.codes, {*only, *table.keys} if only else table.columns
    for block in blocks:
        text, at = np.frombuffer(block, np.uint8), 0
        while at < len(text):
            words = np.empty((BATCH, table.words), np.uint64)
            count, taken, bad = read_lines(text[at:], codes, words)
            if count:
                try:
                    columns = columns_of(words[:count], table, wanted)
                except ValueError:
                    explain(block[at : at + taken], table, line)
                yield columns
            at, line = at + taken, line + count
            if bad or (count < BATCH and at < len(text)):
                explain(block[at:].partition(b"\n")[0] + b"\n" * bad, table, line)


def columns_of(words: np.ndarray, table: Table, wanted: Collection[str]) -> Columns:
    """Columns of the words of rows, as `Kind` says. Raises ValueError for words of no value."""
    columns, begin = {}, 0
    for name, kind, width in zip(
        table.columns, table.kinds, WIDTHS[table.codes].tolist(), strict=True
    ):
        if name in wanted:
            columns[name] = FORMS[kind].values(words[:, begin : begin + width])
        begin += width
    return columns


def explain(block: bytes, table: Table, line: int) -> NoReturn:
    """Raises Malformed: what is wrong with the first bad line of these."""
    read_texts(block, table, line)
    raise Malformed(table.name, line, f"{block!r:.100} is not as it would be written")


def read_texts(block: bytes, table: Table, line: int) -> Columns:
    """Columns of whole lines, read without the compiled reader; raises Malformed with the first
    line that is wrong."""
    try:
        text = block.decode()
    except UnicodeDecodeError as trouble:
        at = line + block.count(b"\n", 0, trouble.start)
        raise Malformed(table.name, at, "the line is not UTF-8") from None
    if not text.endswith("\n"):
        raise Malformed(table.name, line + text.count("\n"), "the line is not ended by a line feed")
    # one split of everything, with the lines' ends as a column: no list for each line
    width = len(table.columns) + 1
    cells = text.replace("\n", ",\n,").split(",")
    cells.pop()
    if len(cells) % width or set(cells[width - 1 :: width]) != {"\n"}:
        _wrong_width(text, table, line)
    named = zip(table.columns, table.kinds, range(width), strict=False)
    return {name: _column(table, name, kind, cells[at::width], line) for name, kind, at in named}


def _wrong_width(text: str, table: Table, line: int) -> NoReturn:
    """Raises Malformed for the first line that has not as many values as the table columns."""
    lines, right = text.split("\n"), len(table.columns)
    at = next(n for n, one in enumerate(lines) if one.count(",") != right - 1)
    raise Malformed(
        table.name, line + at,
        f"{lines[at]!r:.100} has {lines[at].count(',') + 1} values; there must be "
        f"{right}: {', '.join(table.columns)}",
    )  # fmt: skip


def _column(table: Table, name: str, kind: Kind, texts: list[str], line: int) -> Any:
    form = FORMS[kind]
    try:
        return form.read(texts)
    except ValueError as trouble:
        for at in range(len(texts)):
            try:
                form.read(texts[at : at + 1])
            except ValueError as wrong:
                raise Malformed(table.name, line + at, f"{name}: {wrong}") from None
        raise Malformed(table.name, line, f"{name}: {trouble}") from None
