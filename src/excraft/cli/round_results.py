"""From a day's results to accounts: what may be claimed, what is to be credited, who has seats."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np

from excraft.cli.salts import PRIVATE, write_private
from excraft.dataset.days import Day, open_day
from excraft.dataset.ids import ids_of
from excraft.dataset.rounds import publish_round, sums_of
from excraft.merit.publishing import accounts_by_id
from excraft.merit.state import ClosedDay
from excraft.parameters import RULES, Parameter
from excraft.scores.rosters import Candidate, PoolScore
from excraft.scores.seats import congress_seats, senate_seats


class Paid(msgspec.Struct):
    """Units of 10^-18 EXT of all days so far by account: `claims` on chain, `credits` here. In
    files they are decimal digits: they do not fit in 64 bits."""

    claims: dict[int, int]
    credits: dict[int, int]

    def due(self, rewarded: Mapping[int, int], unit: int) -> dict[int, int]:
        """Atoms by account that are to be credited and were not; what is below an atom waits."""
        found = {
            account: units // unit - rewarded.get(account, 0)
            for account, units in self.credits.items()
        }
        return {account: atoms for account, atoms in found.items() if atoms > 0}

    def save(self, root: Path, day: int) -> None:
        plain = [{str(a): str(u) for a, u in t.items()} for t in (self.claims, self.credits)]
        write_private(root / PRIVATE / f"paid-{day:05}.json", msgspec.json.encode(plain))

    @classmethod
    def load(cls, root: Path, day: int) -> "Paid":
        """As it was saved; raises FileNotFoundError."""
        raw = (root / PRIVATE / f"paid-{day:05}.json").read_bytes()
        tables = msgspec.json.decode(raw, type=list[dict[str, str]])
        return cls(*({int(a): int(u) for a, u in table.items()} for table in tables))

    @classmethod
    def newest(cls, root: Path) -> "Paid | None":
        """Of the last day that was saved."""
        day = cls.newest_day(root)
        return None if day < 0 else cls.load(root, day)

    @staticmethod
    def newest_day(root: Path) -> int:
        """The last day of which everything is published and saved; -1 for none."""
        days = (int(path.stem[5:]) for path in (root / PRIVATE).glob("paid-*.json"))
        return max(days, default=-1)


def credits_after(
    root: Path, number: int, day: Day, accounts: Mapping[bytes, int], before: Paid
) -> None:
    """Save what is claimable and to be credited after a day."""
    chosen = {row.id: row.choice for row in day.rows("members")}
    claims: dict[int, int] = {}
    credits = dict(before.credits)
    for row in day.rows("results"):
        account = accounts[row.id]
        if row.cumulative:
            claims[account] = row.cumulative
        reward = row.reward_poe + row.reward_stake + row.reward_pool
        if reward and chosen[row.id] == "credit":
            credits[account] = credits.get(account, 0) + reward
    Paid(claims, credits).save(root, number)


def publish_round_of(root: Path, closed: ClosedDay, salt: bytes, accounts: np.ndarray) -> None:
    """The round that ends with this day: who qualifies for Congress and Senate, and the trees."""
    days = [open_day(root, closed.day)]
    while days[0].facts.day and open_day(root, days[0].facts.day - 1).facts.round == closed.round:
        days.insert(0, open_day(root, days[0].facts.day - 1))
    sums, known = sums_of(days), closed.known
    of = accounts_by_id(salt, accounts)
    candidates = []
    for one, poe, seconds in zip(ids_of(sums.ids), sums.poe, sums.token_seconds, strict=True):
        account = of[one]
        candidates.append(
            Candidate(account, seconds, poe, known.verified(account), account in known.frozen)
        )
    pools = [
        PoolScore(p.number, p.master, sums.pools.get(p.number, 0), p.verified, p.active)
        for p in closed.pools
    ]
    addresses = known.addresses
    masters = {p.number: addresses[p.master] for p in closed.pools if p.master in addresses}
    least = closed.numbers.get(
        int(Parameter.POOL_VERIFIED_MIN), RULES[Parameter.POOL_VERIFIED_MIN].default
    )
    seats = (
        congress_seats(closed.round, candidates, addresses),
        senate_seats(closed.round, pools, masters, least),
    )
    publish_round(root, closed.round, days, seats)
