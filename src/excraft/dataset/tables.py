"""The tables of a day and of a round, as typed columns and as rows.

A row type has the table's columns in order, ids as bytes. A batch of columns is a dict by name,
with what `Kind` says for each. See docs/decisions/0008-merit-and-rounds.md for what they mean.
"""

from typing import Any, NamedTuple

import numpy as np

from excraft.dataset.columns import FORMS, Kind
from excraft.dataset.lines import BYTES, WIDTHS

Columns = dict[str, Any]


class Member(NamedTuple):
    """Who there is; everything else names an id of this table."""

    id: bytes
    owner: bytes
    verified: int
    banned: int
    house: int
    pool: int
    address: str
    choice: str
    before: int


class Fill(NamedTuple):
    """One side of a trade."""

    trade: int
    id: bytes
    other: bytes
    maker: int
    asset: int
    fee: int
    notional: int
    weight: int


class Stake(NamedTuple):
    """`units` staked from second `begin` on, before second `end`."""

    id: bytes
    source: str
    units: int
    begin: int
    end: int


class Pool(NamedTuple):
    """The terms of a pool at the start of the round."""

    pool: int
    master: bytes
    redistribute: int
    commission_bp: int
    active: int
    verified: int


class Flagged(NamedTuple):
    """Two who trade with each other for show, the lower id first."""

    low: bytes
    high: bytes


class Rate(NamedTuple):
    """Atoms of the reference asset for one atom of `asset`, as a fraction."""

    asset: int
    numerator: int
    denominator: int


class Result(NamedTuple):
    """What a member did and gets."""

    id: bytes
    poe: int
    token_seconds: int
    reward_poe: int
    reward_stake: int
    reward_pool: int
    cumulative: int


class PoolResult(NamedTuple):
    """What a pool did and gets."""

    pool: int
    poe: int
    units: int


class Seat(NamedTuple):
    """One who qualifies for a chamber; `id` is the account index or the pool's number."""

    rank: int
    address: str
    first: int
    second: int
    id: int


class Table(NamedTuple):
    """A table: its name, row type, the kind of each column, and the columns it is sorted by.

    `unique`: no two rows have the same key.
    """

    name: str
    row: type
    kinds: tuple[Kind, ...]
    keys: tuple[str, ...]
    unique: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        return self.row._fields

    @property
    def codes(self) -> np.ndarray:
        """Of the columns, as `lines.py` has them."""
        return np.array([FORMS[kind].code for kind in self.kinds])

    @property
    def words(self) -> int:
        """Of a row."""
        return int(WIDTHS[self.codes].sum())

    @property
    def line_bytes(self) -> int:
        """Of a line, at most."""
        return int(BYTES[self.codes].sum())

    def kind(self, column: str) -> Kind:
        return self.kinds[self.columns.index(column)]


K = Kind
MEMBERS = Table(
    "members", Member,
    (K.ID, K.OWNER, K.FLAG, K.FLAG, K.FLAG, K.COUNT, K.ADDRESS, K.CHOICE, K.UNITS), ("id",),
)  # fmt: skip
FILLS = Table(
    "fills", Fill, (K.COUNT, K.ID, K.ID, K.FLAG, K.COUNT, K.COUNT, K.COUNT, K.COUNT),
    ("trade", "maker"),
)  # fmt: skip
STAKES = Table(
    "stakes", Stake, (K.ID, K.SOURCE, K.UNITS, K.COUNT, K.COUNT), ("id", "source", "begin"), False
)
POOLS = Table("pools", Pool, (K.COUNT, K.ID, K.FLAG, K.COUNT, K.FLAG, K.COUNT), ("pool",))
FLAGGED = Table("flagged", Flagged, (K.ID, K.ID), ("low", "high"))
RATES = Table("rates", Rate, (K.COUNT, K.UNITS, K.UNITS), ("asset",))
RESULTS = Table("results", Result, (K.ID, *(K.UNITS,) * 6), ("id",))
POOL_RESULTS = Table("pool_results", PoolResult, (K.COUNT, K.UNITS, K.UNITS), ("pool",))
CONGRESS = Table("congress", Seat, (K.COUNT, K.ADDRESS, K.UNITS, K.UNITS, K.COUNT), ("rank",))
SENATE = CONGRESS._replace(name="senate")

FACTS = (MEMBERS, FILLS, STAKES, POOLS, FLAGGED, RATES)
COMPUTED = (RESULTS, POOL_RESULTS)
SEATS = (CONGRESS, SENATE)
TABLES = {table.name: table for table in (*FACTS, *COMPUTED, *SEATS)}
