"""Who qualifies for a chamber, in order, with the tree by which anybody claims the seat."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from excraft.scores.rosters import (
    VERIFIED_MIN,
    Candidate,
    PoolScore,
    congress_order,
    senate_order,
)
from excraft.scores.tree import Chamber, Tree, score_leaves


class Seats(NamedTuple):
    """rows: (rank from 1, address 0x…, first, second, id) of all who qualify; tree: their
    leaves."""

    chamber: Chamber
    rows: list[tuple[int, str, int, int, int]]
    tree: Tree

    def proof(self, number: int, rank: int) -> list[bytes]:
        """The proof for the seat of a rank in round `number`."""
        leaves = score_leaves(self.chamber, number, [leaf_of(self.rows[rank - 1])])
        return self.tree.proof(leaves[0].tobytes())

    def invariant(self) -> None:
        """Raises AssertionError unless the rows are in order and each has a leaf of its own."""
        assert [row[0] for row in self.rows] == [*range(1, len(self.rows) + 1)], "ranks from 1"
        order = [(-first, -second, one) for _, _, first, second, one in self.rows]
        assert order == sorted(set(order)), "by first, then second, then lower id"
        assert len(self.tree) == len(self.rows), "a leaf for each"


def congress_seats(
    number: int, candidates: Iterable[Candidate], addresses: Mapping[int, str]
) -> Seats:
    """Congress of round `number`: first is token-seconds, second PoE, id the account. Who has no
    address (by account) cannot claim a seat and is left out."""
    ranked = congress_order(one for one in candidates if addresses.get(one.account))
    return seats_of(
        Chamber.CONGRESS, number,
        ((addresses[o.account], o.token_seconds, o.poe, o.account) for o in ranked),
    )  # fmt: skip


def senate_seats(
    number: int, pools: Iterable[PoolScore], addresses: Mapping[int, str],
    verified_min: int = VERIFIED_MIN,
) -> Seats:  # fmt: skip
    """Senate of round `number`: first is PoE, second verified members, id the pool. A pool whose
    master has no address (by pool's number) is left out."""
    ranked = senate_order((pool for pool in pools if addresses.get(pool.number)), verified_min)
    return seats_of(
        Chamber.SENATE, number,
        ((addresses[p.number], p.poe, p.verified_members, p.number) for p in ranked),
    )  # fmt: skip


def seats_of(chamber: Chamber, number: int, ranked: Iterable[tuple[str, int, int, int]]) -> Seats:
    """Rows and tree of (address, first, second, id) in their order."""
    rows = [(rank, *score) for rank, score in enumerate(ranked, 1)]
    return Seats(chamber, rows, Tree(score_leaves(chamber, number, list(map(leaf_of, rows)))))


def leaf_of(row: tuple[int, str, int, int, int]) -> tuple[bytes, int, int, int]:
    """What of a row is in its leaf: everything but the rank."""
    return bytes.fromhex(row[1].removeprefix("0x")), row[2], row[3], row[4]
