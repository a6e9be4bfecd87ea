"""Tables written and read back: the same rows, text as documented, errors that say where."""

from hashlib import sha256
from itertools import pairwise

import numpy as np
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.dataset.columns import Kind
from excraft.dataset.errors import Damaged, Malformed
from excraft.dataset.ids import halves_of, ids_of
from excraft.dataset.reading import batches, read_texts, rows
from excraft.dataset.tables import FILLS, MEMBERS, TABLES
from excraft.dataset.writing import TableWriter
from tests.dataset.made import IDS, ROWS

A, B, C = (bytes([n]) * 16 for n in (1, 2, 255))
FILL = (7, A, B, 0, 3, 1_000, 2**63 - 1, 10_000)


def written(folder, table, given_rows):
    with TableWriter(folder, table) as writer:
        writer.rows(given_rows)
        return writer.close()


@pytest.mark.parametrize("name", ROWS)
@given(st.data())
@settings(max_examples=25, deadline=None)
def test_what_is_read_is_what_was_written(name, tmp_path_factory, data):
    table, given_rows = TABLES[name], data.draw(ROWS[name])
    folder = tmp_path_factory.mktemp("table")
    file = written(folder, table, given_rows)
    assert list(rows(folder / f"{name}.csv", table, file)) == given_rows
    assert file.rows == len(given_rows)
    assert file.sha256 == sha256((folder / f"{name}.csv").read_bytes()).hexdigest()
    found = parquet.read_table(folder / f"{name}.parquet").to_pylist()
    plain = [
        {
            c: (v or None) if k is Kind.OWNER else v
            for c, v, k in zip(table.columns, row, table.kinds, strict=True)
        }
        for row in given_rows
    ]
    assert found == plain


def test_the_text_is_as_documented(tmp_path):
    written(tmp_path, FILLS, [FILL])
    written(
        tmp_path,
        MEMBERS,
        [
            (A, b"", 1, 0, 0, 3, "", "credit", 10**25),
            (C, B, 0, 1, 1, 0, "0x" + "ab" * 20, "chain", 0),
        ],
    )
    assert (tmp_path / "fills.csv").read_text() == (
        "trade,id,other,maker,asset,fee,notional,weight\n"
        f"7,{'01' * 16},{'02' * 16},0,3,1000,9223372036854775807,10000\n"
    )
    assert (tmp_path / "members.csv").read_text() == (
        "id,owner,verified,banned,house,pool,address,choice,before\n"
        f"{'01' * 16},,1,0,0,3,,credit,10000000000000000000000000\n"
        f"{'ff' * 16},{'02' * 16},0,1,1,0,0x{'ab' * 20},chain,0\n"
    )


def as_text(value) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


@pytest.mark.parametrize("name", ROWS)
@given(st.data())
@settings(max_examples=25, deadline=None)
def test_the_compiled_lines_are_the_plain_ones(name, tmp_path_factory, data):
    table, given_rows = TABLES[name], data.draw(ROWS[name])
    folder = tmp_path_factory.mktemp("plain")
    file = written(folder, table, given_rows)
    head, _, text = (folder / f"{name}.csv").read_text().partition("\n")
    assert head == ",".join(table.columns)
    assert text == "".join(",".join(map(as_text, row)) + "\n" for row in given_rows)
    if not given_rows:
        return
    (found,) = batches(folder / f"{name}.csv", table, file)
    plain = read_texts(text.encode(), table, 2)
    for column, kind in zip(table.columns, table.kinds, strict=True):
        assert np.array_equal(found[column], plain[column]), column
        assert type(found[column]) is type(plain[column]), (column, kind)


def test_many_batches_keep_their_order(tmp_path):
    count = 150_000
    columns = {
        "trade": np.arange(count) // 2, "maker": np.arange(count) % 2,
        "id": np.full((count, 2), 5, np.uint64), "other": np.full((count, 2), 6, np.uint64),
        **{name: np.arange(count) for name in ("asset", "fee", "notional", "weight")},
    }  # fmt: skip
    with TableWriter(tmp_path, FILLS) as writer:
        writer.columns(columns)
        file = writer.close()
    parts = list(batches(tmp_path / "fills.csv", FILLS, file))
    assert len(parts) > 2
    for name, column in columns.items():
        assert (np.concatenate([part[name] for part in parts]) == column).all()
    assert parquet.read_metadata(tmp_path / "fills.parquet").num_rows == count


@pytest.mark.parametrize(
    "change, message",
    [
        ({0: -1}, "trade: -1 is not from 0 to"),
        ({0: 2**63}, "trade: 9223372036854775808 is not from 0 to"),
        ({0: 1.5}, "trade: 1.5 is not a whole number"),
        ({1: b"short"}, "id: id 0x73686f7274 has 5 bytes, not 16"),
        ({1: bytes(16)}, "id: an id of zeros is nobody's"),
        ({3: 2}, "maker: 2 is not from 0 to 1"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_line(tmp_path, change, message):
    wrong = list(FILL)
    wrong[0] = 8
    for at, value in change.items():
        wrong[at] = value
    with TableWriter(tmp_path, FILLS) as writer:
        with pytest.raises(Malformed, match=f"^fills, line 3: {message}"):
            writer.rows([FILL, tuple(wrong)])
        writer.rows([FILL])
        assert writer.close().rows == 1


@pytest.mark.parametrize(
    "column, value, message",
    [
        ("trade", np.array([7, -8]), "line 3: trade: -8 is not from 0"),
        ("maker", np.array([0, 3]), "line 3: maker: 3 is not from 0 to 1"),
        ("trade", np.array([8, 8]), "line 3: the row comes again or out of order"),
        (
            "trade",
            np.array([8, 7]),
            "line 3: the row comes again or out of order; sort them by trade, maker",
        ),
        ("fee", np.array([1]), "line 2: columns of lengths"),
        ("fee", np.array([1.0, 2.0]), "line 2: fee: 1.0 is not a whole number"),
    ],
)
def test_columns_that_cannot_be_are_refused(tmp_path, column, value, message):
    both = np.array([0, 0])
    columns = {
        "trade": np.array([7, 8]), "id": halves_of([A, B]), "other": halves_of([B, A]),
        **dict.fromkeys(("maker", "asset", "fee", "notional", "weight"), both),
    } | {column: value}  # fmt: skip
    with TableWriter(tmp_path, FILLS) as writer, pytest.raises(Malformed, match=message):
        writer.columns(columns)


def test_the_order_is_kept_across_batches_and_equal_stakes_may_follow(tmp_path):
    with TableWriter(tmp_path, FILLS) as writer:
        writer.rows([FILL])
        with pytest.raises(Malformed, match="fills, line 3: the row comes again or out of order"):
            writer.rows([FILL])
    one = (A, "vault", 5, 1, 2)
    assert written(tmp_path, TABLES["stakes"], [one, one]).rows == 2


LINE = f"7,{'01' * 16},{'02' * 16},0,3,1000,5,10000\n"


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("1000,", "1001,", None),
        ("01,", "0,", "id: '.*' is not 32 lower hex digits"),
        ("0101", "01AB", "id: .* is not 32 lower hex digits"),
        ("7,", "07,", "trade: '07' begins with a zero"),
        ("7,", "-7,", "trade: '-7' is not a whole number in decimal digits"),
        ("7,", ",", "trade: '' is not a whole number"),
        ("7,", "9223372036854775808,", "trade: 9223372036854775808 is not from 0"),
        ("7,", "99999999999999999999999,", "trade: 9+ is not from 0"),
        (",0,3", ",2,3", "maker: 2 is not from 0 to 1"),
        (",5,10000", ",5", "has 7 values; there must be 8"),
        ("10000", "10000,4", "has 9 values; there must be 8"),
        ("10000\n", "10000\r\n", "weight: .* is not a whole number"),
        ("10000\n", "10000\n\n", "has 1 values"),
        ("02" * 16, "00" * 16, "other: an id of zeros is nobody's"),
        ("7,", "\xff,", "line 2: the line is not UTF-8"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_is_refused_with_its_number(tmp_path, old, new, message):
    file = written(tmp_path, FILLS, [FILL[:6] + (5, 10_000), (8,) + FILL[1:]])
    text = (tmp_path / "fills.csv").read_text()
    head, _, rest = text.partition("\n")
    changed = rest.replace(old, new, 1)
    assert changed != rest
    (tmp_path / "fills.csv").write_bytes(f"{head}\n{changed}".encode("latin-1"))
    expected = Malformed if message else Damaged
    with pytest.raises(expected, match=message or "fills.csv has 2 rows and SHA-256"):
        list(rows(tmp_path / "fills.csv", FILLS, file))


def test_a_file_without_its_last_byte_is_refused(tmp_path):
    for table, row in ((FILLS, FILL), (TABLES["rates"], (1, 2, 3))):
        file = written(tmp_path, table, [row])
        path = tmp_path / f"{table.name}.csv"
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(Malformed, match="line 2: the line is not ended by a line feed"):
            list(rows(path, table, file))


def test_a_header_of_another_table_is_refused(tmp_path):
    file = written(tmp_path, FILLS, [FILL])
    with pytest.raises(Malformed, match="line 1: the header is b'trade,id.* must be b'id,owner"):
        list(rows(tmp_path / "fills.csv", MEMBERS, file))


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_no_bytes_pass_that_were_not_written(tmp_path_factory, junk):
    folder = tmp_path_factory.mktemp("junk")
    file = written(folder, FILLS, [FILL])
    path = folder / "fills.csv"
    path.write_bytes(path.read_bytes() + junk)
    if junk:
        with pytest.raises((Malformed, Damaged)):
            list(rows(path, FILLS, file))


@given(st.lists(st.one_of(st.just(b""), IDS)))
@settings(deadline=None)
def test_ids_go_to_halves_and_back_in_the_same_order(ids):
    halves = halves_of(ids)
    assert ids_of(halves) == ids
    for (one, other), (a, b) in zip(pairwise(ids), pairwise(halves.tolist()), strict=True):
        assert (one or bytes(16)) < (other or bytes(16)) if a < b else a >= b
