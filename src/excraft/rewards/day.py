"""The rewards of one day: from what members did to what each of them gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat

from excraft.rewards.allocation import largest_remainder
from excraft.rewards.emission import (
    TEN_THOUSAND,
    Caps,
    Parts,
    Rational,
    capped,
    split,
)


@dataclass(frozen=True)
class PoolTerms:
    """What a pool was at the start of the round, and what it did on the day.

    number       of the pool
    master       member who gets the commission, or everything
    redistribute whether members get a share
    commission_bp  the master's cut of it, at most 2,000
    eligible     in the Senate's first 101 and at least 100 verified members
    members      members of the pool at the start of the round, ascending
    """

    number: int
    master: int
    redistribute: bool
    commission_bp: int
    eligible: bool
    members: tuple[int, ...]


@dataclass(frozen=True)
class DayInput:
    """All that the rewards of a day depend on.

    emitted   units of EXT by the schedule;  poe_bp, stake_bp  how it is cut
    price     of the day, bounded;           caps  on value
    poe       quote atoms by member;         stake  token-seconds by member
    pools     by number, ascending
    """

    emitted: int
    poe_bp: int
    stake_bp: int
    price: Rational
    caps: Caps
    poe: Mapping[int, int]
    stake: Mapping[int, int]
    pools: Sequence[PoolTerms] = ()


@dataclass(frozen=True)
class DayResult:
    """Who gets what, in units; members and pools without anything are left out.

    carried  what nobody gets: carry grows by it
    """

    parts: Parts
    poe: dict[int, int] = field(default_factory=dict)
    stake: dict[int, int] = field(default_factory=dict)
    pools: dict[int, int] = field(default_factory=dict)
    shares: dict[int, int] = field(default_factory=dict)  # of pools, by member
    emitted: int = 0

    @property
    def paid(self) -> int:
        return sum(self.poe.values()) + sum(self.stake.values()) + sum(self.shares.values())

    @property
    def carried(self) -> int:
        return self.emitted - self.paid

    def of(self, member: int) -> int:
        """All that a member gets."""
        return self.poe.get(member, 0) + self.stake.get(member, 0) + self.shares.get(member, 0)

    def columns(self, members: int) -> tuple[list[int], list[int], list[int]]:
        """For PoE, for stake and of a pool, of each member from 0 on."""
        whole = range(members)
        poe, stake, shares = (
            list(map(given.get, whole, repeat(0))) for given in (self.poe, self.stake, self.shares)
        )
        return poe, stake, shares

    def totals(self) -> dict[int, int]:
        """Units by member, ascending, without those who get nothing."""
        members = sorted({*self.poe, *self.stake, *self.shares})
        return {member: self.of(member) for member in members}

    def invariant(self) -> None:
        """Raises AssertionError unless everything adds up."""
        assert sum(self.pools.values()) == sum(self.shares.values()), "pools pay what they get"
        assert self.carried >= 0, f"{self.paid} units are paid of {self.emitted}"
        for name, given, part in zip(
            ("PoE", "stake", "pools"), (self.poe, self.stake, self.pools), self.parts, strict=True
        ):
            total = sum(given.values())
            assert total in (0, part), f"{total} units are given for {name}, not {part}"
            assert all(units > 0 for units in given.values()), f"somebody gets nothing for {name}"


def rewards(day: DayInput) -> DayResult:
    """Carry out the specification's steps 1 to 5 for one day.

    Raises ValueError when two pools name one member, or a number is out of its bounds.
    """
    one_pool_each(day.pools)
    poe_of = {
        pool.number: sum(day.poe.get(member, 0) for member in pool.members)
        for pool in day.pools
        if pool.eligible
    }
    parts = capped(
        split(day.emitted, day.poe_bp, day.stake_bp),
        sum(day.poe.values()),
        sum(poe_of.values()),
        day.price,
        day.caps,
    )
    pools = shared(parts.pools, poe_of)
    shares: dict[int, int] = {}
    for pool in day.pools:
        for member, units in shares_of(pool, pools.get(pool.number, 0), day.poe).items():
            shares[member] = shares.get(member, 0) + units
    return DayResult(
        parts, shared(parts.poe, day.poe), shared(parts.stake, day.stake), pools, shares,
        day.emitted,
    )  # fmt: skip


def shared(total: int, weights: Mapping[int, int]) -> dict[int, int]:
    """`total` by the weights of members or pools, ties to the lower id; without zeros. Nobody gets
    anything when all weights are 0."""
    ids = sorted(weights)
    given = largest_remainder(total, [weights[one] for one in ids])
    return (
        {}
        if given is None
        else {one: units for one, units in zip(ids, given, strict=True) if units}
    )


def shares_of(pool: PoolTerms, units: int, poe: Mapping[int, int]) -> dict[int, int]:
    """What the master and each member get of a pool's reward: all to the master, or a cut to him
    and the rest by PoE."""
    if units == 0:
        return {}
    if not pool.redistribute:
        return {pool.master: units}
    cut = units * pool.commission_bp // TEN_THOUSAND
    given = shared(units - cut, {member: poe.get(member, 0) for member in pool.members})
    if cut:
        given[pool.master] = given.get(pool.master, 0) + cut
    return given


COMMISSION_MAX_BP = 2_000


def one_pool_each(pools: Sequence[PoolTerms]) -> None:
    """Raises ValueError for a member in two pools, or a commission out of bounds."""
    for pool in pools:
        if not 0 <= pool.commission_bp <= COMMISSION_MAX_BP:
            raise ValueError(
                f"pool {pool.number} takes {pool.commission_bp} bp; "
                f"at most {COMMISSION_MAX_BP} are possible"
            )
    members = chain.from_iterable(pool.members for pool in pools)
    if len(set(members)) == sum(len(pool.members) for pool in pools):
        return
    seen: dict[int, int] = {}
    for pool in pools:
        for member in pool.members:
            if member in seen:
                raise ValueError(
                    f"member {member} is in pool {seen[member]} and in pool {pool.number}"
                )
            seen[member] = pool.number
