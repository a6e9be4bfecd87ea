"""The kinds of values in a table: what stands for a column in memory, in words and in Parquet.

A function of a column takes all of it, which is fast; given one value it says what is wrong with
that one, which is how a bad line is found.
"""

import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from excraft.dataset import lines
from excraft.dataset.ids import ID_BYTES, halves_of

COUNT_MAX = (1 << 63) - 1
UNITS_MAX = 10**lines.UNITS_DIGITS - 1  # what Parquet's decimal128 holds
HALF = 10**lines.HALF_DIGITS
HEX_DIGITS = 2 * ID_BYTES
ADDRESS_CHARACTERS = 42


class Kind(Enum):
    """What a column holds, and what stands for it in memory.

    ID       32 hex digits; (n, 2) uint64, bytes in a row
    OWNER    the same or empty; (0, 0), b"" in a row
    COUNT    0 <= n < 2^63; int64
    FLAG     0 or 1; int64
    UNITS    0 <= n < 10^38; list of int
    ADDRESS  0x and 40 lower hex digits, or empty; list of str
    CHOICE   credit or chain; list of str
    SOURCE   exchange or vault; list of str
    """

    ID = "ID"
    OWNER = "OWNER"
    COUNT = "COUNT"
    FLAG = "FLAG"
    UNITS = "UNITS"
    ADDRESS = "ADDRESS"
    CHOICE = "CHOICE"
    SOURCE = "SOURCE"


class Form(NamedTuple):
    """How a column is read and written; `code` is that of `lines.py`, words are (n, w) uint64.

    words(values) and values(words), each raising ValueError for what is none of its kind;
    read(texts), the same from text without the compiled reader; arrow: its type in Parquet."""

    code: int
    words: Callable[[Any], np.ndarray]
    values: Callable[[np.ndarray], Any]
    read: Callable[[Sequence[str]], Any]
    arrow: pa.DataType


def _plain(values: Any, most: int) -> list[int]:
    plain = values.tolist() if isinstance(values, np.ndarray) else list(values)
    if not {int, bool}.issuperset(map(type, plain)):
        wrong = next(value for value in plain if type(value) not in (int, bool))
        raise ValueError(f"{wrong!r} is not a whole number")
    if plain and not 0 <= min(plain) <= max(plain) <= most:
        wrong = next(value for value in plain if not 0 <= value <= most)
        raise ValueError(f"{wrong} is not from 0 to {most}")
    return plain


def _read_whole(texts: Sequence[str], most: int) -> list[int]:
    if not all(map(str.isascii, texts)) or not all(map(str.isdigit, texts)):
        raise ValueError(f"{texts[0]!r:.60} is not a whole number in decimal digits")
    values = list(map(int, texts))
    if list(map(len, map(str, values))) != list(map(len, texts)):
        raise ValueError(f"{texts[0]!r:.60} begins with a zero that must not be there")
    return _plain(values, most)


def _count(most: int) -> Form:
    def checked(column: np.ndarray) -> np.ndarray:
        if len(column) and (column.min() < 0 or column.max() > most):
            _plain(column, most)
        return column

    def words(values: Any) -> np.ndarray:
        if isinstance(values, np.ndarray) and values.dtype == np.int64 and values.ndim == 1:
            return checked(values)[:, None].view(np.uint64)
        return np.array(_plain(values, most), np.uint64)[:, None]

    def values(words: np.ndarray) -> np.ndarray:
        return checked(np.ascontiguousarray(words[:, 0]).view(np.int64))

    def read(texts: Sequence[str]) -> np.ndarray:
        return np.array(_read_whole(texts, most), np.int64)

    return Form(lines.NUMBER, words, values, read, pa.int64())


def _units() -> Form:
    def words(values: Any) -> np.ndarray:
        plain = _plain(values, UNITS_MAX)
        found = np.zeros((len(plain), 2), np.uint64)
        if plain and max(plain) >= HALF:
            found[:, 0] = [value // HALF for value in plain]
            plain = [value % HALF for value in plain]
        found[:, 1] = plain
        return found

    def values(words: np.ndarray) -> list[int]:
        low = words[:, 1].tolist()
        if not words[:, 0].any():
            return low
        return [HALF * a + b for a, b in zip(words[:, 0].tolist(), low, strict=True)]

    return Form(
        lines.UNITS, words, values, lambda texts: _read_whole(texts, UNITS_MAX),
        pa.decimal128(lines.UNITS_DIGITS, 0),
    )  # fmt: skip


def _id(may_be_empty: bool) -> Form:
    right = f"{HEX_DIGITS} lower hex digits" + (" or nothing" if may_be_empty else "")

    def checked(halves: np.ndarray) -> np.ndarray:
        if halves.dtype != np.uint64 or halves.ndim != 2 or halves.shape[1] != 2:
            raise ValueError(f"ids are (n, 2) uint64, not {halves.shape} {halves.dtype}")
        if not may_be_empty and not halves.any(1).all():
            raise ValueError("an id of zeros is nobody's")
        return halves

    def words(values: Any) -> np.ndarray:
        return checked(values if isinstance(values, np.ndarray) else halves_of(values))

    def read(texts: Sequence[str]) -> np.ndarray:
        nobody = "0" * HEX_DIGITS
        filled = [text or nobody for text in texts] if may_be_empty else texts
        joined = "".join(filled)
        if not {HEX_DIGITS}.issuperset(map(len, filled)) or not re.fullmatch("[0-9a-f]*", joined):
            raise ValueError(f"{texts[0]!r:.60} is not {right}")
        if nobody in texts:
            raise ValueError("an id of zeros is nobody's")
        return np.frombuffer(bytes.fromhex(joined), ">u8").astype(np.uint64).reshape(-1, 2)

    code = lines.OWNER if may_be_empty else lines.ID
    return Form(
        code, words, lambda words: checked(np.ascontiguousarray(words)), read, pa.binary(ID_BYTES)
    )


def _address() -> Form:
    nobody = "0x" + "0" * (ADDRESS_CHARACTERS - 2)
    head = np.frombuffer(b"0x", np.uint8)

    def words(values: Sequence[str]) -> np.ndarray:
        wrong = ValueError(f"{values[0]!r:.60} is not 0x and 40 lower hex digits, nor empty")
        if not all(isinstance(text, str) for text in values):
            raise wrong
        texts = [text or nobody for text in values]
        joined = "".join(texts)
        if not joined.isascii() or not {ADDRESS_CHARACTERS}.issuperset(map(len, texts)):
            raise wrong
        characters = np.frombuffer(joined.encode(), np.uint8).reshape(-1, ADDRESS_CHARACTERS)
        nibbles = lines.NIBBLES[characters[:, 2:]].astype(np.uint8)
        if (characters[:, :2] != head).any() or (nibbles > 15).any():
            raise wrong
        padded = np.zeros((len(texts), 24), np.uint8)
        padded[:, 3] = list(map(bool, values))
        padded[:, 4:] = nibbles[:, ::2] << 4 | nibbles[:, 1::2]
        return padded.view(">u8").astype(np.uint64)

    def values(words: np.ndarray) -> list[str]:
        digits = words.astype(">u8").tobytes().hex()
        texts = ["0x" + digits[at + 8 : at + 48] for at in range(0, len(digits), 48)]
        there = words[:, 0] >= lines.THERE
        if there.all():
            return texts
        return [text if one else "" for text, one in zip(texts, there.tolist(), strict=True)]

    def read(texts: Sequence[str]) -> list[str]:
        words(texts)
        return list(texts)

    return Form(lines.ADDRESS, words, values, read, pa.string())


def _word(code: int) -> Form:
    options = lines.WORDS[code - lines.CHOICE]
    places = {word: place for place, word in enumerate(options)}

    def words(values: Sequence[str]) -> np.ndarray:
        try:
            return np.array([places[one] for one in values], np.uint64)[:, None]
        except (KeyError, TypeError):
            raise ValueError(f"{values[0]!r:.60} is not one of {', '.join(options)}") from None

    def values(words: np.ndarray) -> list[str]:
        return [options[one] for one in words[:, 0].tolist()]

    def read(texts: Sequence[str]) -> list[str]:
        words(texts)
        return list(texts)

    return Form(code, words, values, read, pa.string())


FORMS: dict[Kind, Form] = {
    Kind.ID: _id(False),
    Kind.OWNER: _id(True),
    Kind.COUNT: _count(COUNT_MAX),
    Kind.FLAG: _count(1),
    Kind.UNITS: _units(),
    Kind.ADDRESS: _address(),
    Kind.CHOICE: _word(lines.CHOICE),
    Kind.SOURCE: _word(lines.SOURCE),
}


def arrow_of(kind: Kind, values: Any) -> pa.Array:
    """A column for Parquet; nobody's id becomes null."""
    if kind not in (Kind.ID, Kind.OWNER):
        return pa.array(values, FORMS[kind].arrow)
    halves = values if isinstance(values, np.ndarray) else halves_of(values)
    whole = pa.py_buffer(np.ascontiguousarray(halves).astype(">u8").tobytes())
    known = pa.py_buffer(np.packbits(halves.any(1), bitorder="little").tobytes())
    return pa.FixedSizeBinaryArray.from_buffers(FORMS[kind].arrow, len(halves), [known, whole])
