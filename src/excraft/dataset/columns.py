"""The kinds of values in a table: how a column of them is read from text, shown, and checked.

A column function takes the whole column, which is fast; given one value it says what is wrong with
that one, which is how a bad line is found.
"""

import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from excraft.dataset.ids import ID_BYTES, halves_of, ids_of

COUNT_MAX = (1 << 63) - 1
UNITS_MAX = 10**38 - 1  # what Parquet's decimal128 holds
HEX_DIGITS = 2 * ID_BYTES


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


NUMERIC = (Kind.ID, Kind.COUNT, Kind.FLAG)  # fixed in width: these columns are compiled
WORDS = {Kind.CHOICE: ("credit", "chain"), Kind.SOURCE: ("exchange", "vault")}


class Form(NamedTuple):
    """read(texts) and show(values), both raising ValueError; arrow(values) for Parquet."""

    read: Callable[[Sequence[str]], Any]
    show: Callable[[Any], list[str]]
    arrow: pa.DataType


def _whole(most: int, array: bool) -> Form:
    def bounded(values: list[int]) -> None:
        if values and not 0 <= min(values) <= max(values) <= most:
            wrong = next(value for value in values if not 0 <= value <= most)
            raise ValueError(f"{wrong} is not from 0 to {most}")

    def read(texts: Sequence[str]) -> Any:
        if not all(map(str.isascii, texts)) or not all(map(str.isdigit, texts)):
            raise ValueError(f"{texts[0]!r:.60} is not a whole number in decimal digits")
        values = list(map(int, texts))
        if list(map(len, map(str, values))) != list(map(len, texts)):
            raise ValueError(f"{texts[0]!r:.60} begins with a zero that must not be there")
        bounded(values)
        return np.array(values, np.int64) if array else values

    def show(values: Any) -> list[str]:
        plain = values.tolist() if isinstance(values, np.ndarray) else list(values)
        if not {int, bool}.issuperset(map(type, plain)):
            wrong = next(value for value in plain if type(value) not in (int, bool))
            raise ValueError(f"{wrong!r} is not a whole number")
        bounded(plain)
        return [str(int(value)) for value in plain]

    return Form(read, show, pa.int64() if array else pa.decimal128(38, 0))


def _id(may_be_empty: bool) -> Form:
    right = f"{HEX_DIGITS} lower hex digits" + (" or nothing" if may_be_empty else "")

    def read(texts: Sequence[str]) -> np.ndarray:
        filled = [text or "0" * HEX_DIGITS for text in texts] if may_be_empty else texts
        joined = "".join(filled)
        if not {HEX_DIGITS}.issuperset(map(len, filled)) or not _is_hex(joined):
            raise ValueError(f"{texts[0]!r:.60} is not {right}")
        return np.frombuffer(bytes.fromhex(joined), ">u8").astype(np.uint64).reshape(-1, 2)

    def show(values: Any) -> list[str]:
        halves = values if isinstance(values, np.ndarray) else halves_of(values)
        ids = ids_of(halves)
        if not may_be_empty and not all(ids):
            raise ValueError("an id of zeros is nobody's")
        return [one.hex() for one in ids]

    return Form(read, show, pa.binary(ID_BYTES))


def _is_hex(joined: str) -> bool:
    return re.fullmatch("[0-9a-f]*", joined) is not None


def _address() -> Form:
    def check(values: Sequence[str]) -> list[str]:
        filled = [text for text in values if text != ""]
        if all(isinstance(text, str) for text in filled):
            lengths, begins = set(map(len, filled)), {text[:2] for text in filled}
            if lengths <= {42} and begins <= {"0x"} and _is_hex("".join(t[2:] for t in filled)):
                return list(values)
        raise ValueError(f"{values[0]!r:.60} is not 0x and 40 lower hex digits, nor empty")

    return Form(check, check, pa.string())


def _word(words: tuple[str, ...]) -> Form:
    def check(values: Sequence[str]) -> list[str]:
        if not set(words).issuperset(values):
            raise ValueError(f"{values[0]!r:.60} is not one of {', '.join(words)}")
        return list(values)

    return Form(check, check, pa.string())


FORMS: dict[Kind, Form] = {
    Kind.ID: _id(False),
    Kind.OWNER: _id(True),
    Kind.COUNT: _whole(COUNT_MAX, True),
    Kind.FLAG: _whole(1, True),
    Kind.UNITS: _whole(UNITS_MAX, False),
    Kind.ADDRESS: _address(),
    **{kind: _word(words) for kind, words in WORDS.items()},
}


def arrow_of(kind: Kind, values: Any) -> pa.Array:
    """A column for Parquet; nobody's id becomes null."""
    if kind not in (Kind.ID, Kind.OWNER):
        return pa.array(values, FORMS[kind].arrow)
    halves = values if isinstance(values, np.ndarray) else halves_of(values)
    whole = pa.py_buffer(np.ascontiguousarray(halves).astype(">u8").tobytes())
    known = pa.py_buffer(np.packbits(halves.any(1), bitorder="little").tobytes())
    return pa.FixedSizeBinaryArray.from_buffers(FORMS[kind].arrow, len(halves), [known, whole])
