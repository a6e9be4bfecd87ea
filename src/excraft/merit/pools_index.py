"""What acts of pools look up, so that one act never goes through all pools or all accounts.

Nothing here is a fact: all of it follows from the tables of `Pools`, and is in no snapshot.
"""

from collections import Counter
from typing import TYPE_CHECKING

from excraft.merit.names import key_of

if TYPE_CHECKING:
    from excraft.merit.pools import Pool, Pools


class PoolsIndex:
    """`named`: number by key of the name; `mastered`: number of the pool that goes on, by its
    master; `applied`: numbers by who applied there; `coming`: accounts that will be in a pool, by
    number; `votes`: by number and candidate."""

    def __init__(self, pools: "Pools") -> None:
        every = pools.pools.values()
        self.named = {key_of(pool.name): pool.number for pool in every}
        self.applied: dict[int, set[int]] = {}
        for pool in every:
            for account in pool.applications:
                self.applied.setdefault(account, set()).add(pool.number)
        self.start_round(pools)

    def start_round(self, pools: "Pools") -> None:
        """Count again what a round changes; names stay, and applications but of closed pools."""
        every = pools.pools.values()
        self.mastered = {pool.master: pool.number for pool in every if not pool.closed}
        self.coming = Counter(pools.pool_of.values())
        for account, number in pools.next_of.items():
            self.coming[pools.pool_of.get(account, 0)] -= 1
            self.coming[number] += 1
        self.inside: dict[int, list[int]] = {}  # once somebody asks in a round
        self.votes = Counter((p.number, other) for p in every for other in p.votes.values())

    def inside_of(self, pools: "Pools", number: int) -> list[int]:
        """Accounts in a pool in this round, ascending."""
        if not self.inside:
            for account in sorted(pools.pool_of):
                self.inside.setdefault(pools.pool_of[account], []).append(account)
        return self.inside.get(number, [])

    def found(self, pool: "Pool") -> None:
        self.named[key_of(pool.name)] = pool.number
        self.mastered[pool.master] = pool.number

    def close(self, pool: "Pool") -> None:
        """Before its applications are cleared."""
        for account in pool.applications:
            self.strike(account, pool.number)
        self.mastered.pop(pool.master, None)

    def apply(self, account: int, number: int) -> None:
        self.applied.setdefault(account, set()).add(number)

    def strike(self, account: int, number: int) -> None:
        """An application that is no more, or never was."""
        numbers = self.applied.get(account, set())
        numbers.discard(number)
        if not numbers:
            self.applied.pop(account, None)

    def go(self, before: int, after: int) -> None:
        """Somebody will be elsewhere; 0 for nowhere."""
        self.coming[before] -= 1
        self.coming[after] += 1

    def invariant(self, pools: "Pools") -> None:
        """Raises AssertionError unless a recount finds the same."""
        again = PoolsIndex(pools)
        assert self.named == again.named and self.mastered == again.mastered
        assert self.applied == again.applied, f"{self.applied}, not {again.applied}"
        for counted, right in ((self.coming, again.coming), (self.votes, again.votes)):
            assert _not_zero(counted) == _not_zero(right), f"{counted}, not {right}"


def _not_zero(counted: Counter) -> dict:
    return {one: count for one, count in counted.items() if count}
