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


def congress(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The first 101 by stake over time, then PoE, then lower account; none without any of both,
    unverified or banned."""
    seated = [one for one in candidates if may_sit(one)]
    seated.sort(key=lambda one: (-one.token_seconds, -one.poe, one.account))
    return seated[:SEATS]


def may_sit(one: Candidate) -> bool:
    """Whether a member can have a seat at all."""
    return one.verified and not one.banned and one.poe > 0 and one.token_seconds > 0


def senate(pools: Iterable[PoolScore]) -> list[PoolScore]:
    """The first 101 pools by PoE, then verified members, then lower number."""
    seated = [pool for pool in pools if eligible(pool)]
    seated.sort(key=lambda pool: (-pool.poe, -pool.verified_members, pool.number))
    return seated[:SEATS]


def eligible(pool: PoolScore) -> bool:
    """Whether a pool can have a seat and a reward."""
    return pool.active and pool.verified_members >= VERIFIED_MIN and pool.poe > 0


def grand(pools: Iterable[PoolScore]) -> list[PoolScore]:
    """The Grand Pool Masters' pools: the first 30 of the Senate."""
    return senate(pools)[:GRAND]
