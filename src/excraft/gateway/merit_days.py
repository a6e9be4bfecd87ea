"""What published days say of one pool or one member, without reading whole tables for it.

A published day never changes, so what was read once is kept: of pools all of a day, of members one
row. A member's row is looked up in the Parquet file, which is sorted by id and written in groups;
proofs come from the tree that was saved when the day was closed.
"""

import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as parquet

from excraft.dataset.days import Day, days_there, open_day
from excraft.dataset.errors import DatasetError
from excraft.dataset.tables import Result
from excraft.rewards.close import compute
from excraft.rewards.tree import leaf_of
from excraft.rewards.trees import KEPT, save_tree, saved_tree
from excraft.scores.rosters import PoolScore, senate_order

SHOWN = 31  # days of a pool or a member
KEPT_DAYS, KEPT_ROWS = 40, 50_000


class PoolDay(NamedTuple):
    """A pool on a day. `rank`: by PoE among those that may have a seat, from 1; 0 for others."""

    rank: int
    poe: int
    units: int
    verified: int
    commission_bp: int
    redistribute: bool
    active: bool


def newest(root: Path) -> Iterator[Day]:
    """Days whose results are published, the newest first."""
    for number in reversed(days_there(root)):
        day = open_day(root, number)
        if day.manifest["results"] is not None:
            yield day


def pools_of(root: Path, number: int) -> dict[int, PoolDay]:
    """All pools of a day, read by one of those who ask at once. Raises DatasetError."""
    with _READING:
        return _pools_of(root, number)


@lru_cache(maxsize=KEPT_DAYS)
def _pools_of(root: Path, number: int) -> dict[int, PoolDay]:
    day = open_day(root, number)
    did = {row.pool: row for row in day.rows("pool_results")}
    terms = list(day.rows("pools"))
    scores = [PoolScore(t.pool, 0, did[t.pool].poe, t.verified, bool(t.active)) for t in terms]
    order = senate_order(scores, day.facts.terms.verified_min)
    ranks = {score.number: rank for rank, score in enumerate(order, 1)}
    return {
        t.pool: PoolDay(
            ranks.get(t.pool, 0), did[t.pool].poe, did[t.pool].units, t.verified, t.commission_bp,
            bool(t.redistribute), bool(t.active),
        )
        for t in terms
    }  # fmt: skip


@lru_cache(maxsize=KEPT_ROWS)
def row_of(root: Path, number: int, own: bytes) -> Result | None:
    """The results of the member with this id on a day; None when they did nothing."""
    found = _filtered(open_day(root, number), "results", ("id", "=", own), Result._fields)
    if not found:
        return None
    return Result(
        **{name: plain if name == "id" else int(plain) for name, plain in found[0].items()}
    )


def claim_of(root: Path, number: int, own: bytes) -> dict[str, Any] | None:
    """What a member may have claimed on chain in all, with its proof; None for nothing, and for a
    day long ago: what may be claimed is a sum, so a later day has it too. Raises DatasetError."""
    day = open_day(root, number)
    if number <= days_there(root)[-1] - KEPT:
        return None
    mine = _filtered(day, "members", ("id", "=", own), ("address",))
    row = row_of(root, number, own)
    if row is None or not row.cumulative:
        return None
    address = mine[0]["address"]
    units = _by_address(day, address)
    with _MAKING:  # one that is not there is made once, by one of those who ask
        tree = saved_tree(root, number)
        if tree is None or tree.root.hex() != day.results.claims_root:
            tree = compute(day).claims.tree
            save_tree(root, number, tree)
    proof = tree.proof(leaf_of(bytes.fromhex(address[2:]), units))
    return {
        "day": number, "address": address, "cumulative": str(units),
        "root": day.results.claims_root, "proof": ["0x" + node.hex() for node in proof],
    }  # fmt: skip


_MAKING, _READING = threading.Lock(), threading.Lock()


def _by_address(day: Day, address: str) -> int:
    """The sum of all members with that address: they claim together."""
    same = _filtered(day, "members", ("address", "=", address), ("id",))
    root, number = day.path.parent, day.facts.day
    rows = [row_of(root, number, one["id"]) for one in same]
    return sum(row.cumulative for row in rows if row is not None)


def _filtered(day: Day, table: str, wanted: tuple, columns: tuple[str, ...]) -> list[dict]:
    path = day.path / f"{table}.parquet"
    try:
        return parquet.read_table(path, columns=list(columns), filters=[wanted]).to_pylist()
    except (OSError, ValueError) as wrong:
        raise DatasetError(f"{day.path.name}/{table}.parquet cannot be read: {wrong}") from wrong
