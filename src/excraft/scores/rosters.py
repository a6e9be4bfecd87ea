"""Who has a seat: the first of a ranking by merit, computed off chain as the contracts do.

The contracts take claims with proofs and keep the best; anybody can compare with this.
"""

from collections.abc import Iterable
from typing import NamedTuple

SEATS = 101
GRAND = 30
VERIFIED_MIN = 100  # members of a pool that must be verified at the start of the round


class Candidate(NamedTuple):
    """A member who may get a seat in Congress."""

    account: int
    token_seconds: int
    poe: int
    verified: bool
    banned: bool


class PoolScore(NamedTuple):
    """A pool whose master may get a seat in the Senate; counts are those of the round's start."""

    number: int
    master: int
    poe: int
    verified_members: int
    active: bool


def congress_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """All who may sit, by stake over time, then PoE, then lower account."""
    return sorted(
        filter(may_sit, candidates), key=lambda one: (-one.token_seconds, -one.poe, one.account)
    )


def congress(candidates: Iterable[Candidate], seats: int = SEATS) -> list[Candidate]:
    """The first of that order: those who have a seat."""
    return congress_order(candidates)[:seats]


def may_sit(one: Candidate) -> bool:
    """Whether a member can have a seat at all."""
    return one.verified and not one.banned and one.poe > 0 and one.token_seconds > 0


def senate_order(pools: Iterable[PoolScore], verified_min: int = VERIFIED_MIN) -> list[PoolScore]:
    """All pools that may have a seat, by PoE, then verified members, then lower number."""
    return sorted(
        (pool for pool in pools if eligible(pool, verified_min)),
        key=lambda pool: (-pool.poe, -pool.verified_members, pool.number),
    )


def senate(
    pools: Iterable[PoolScore], seats: int = SEATS, verified_min: int = VERIFIED_MIN
) -> list[PoolScore]:
    """The first of that order: those whose masters have a seat."""
    return senate_order(pools, verified_min)[:seats]


def eligible(pool: PoolScore, verified_min: int = VERIFIED_MIN) -> bool:
    """Whether a pool can have a seat and a reward."""
    return pool.active and pool.verified_members >= verified_min and pool.poe > 0


def grand(pools: Iterable[PoolScore]) -> list[PoolScore]:
    """The Grand Pool Masters' pools: the first 30 of the Senate."""
    return senate(pools)[:GRAND]
