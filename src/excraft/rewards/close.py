"""Closes a day: from the facts that were published to the results, which join them.

Everything is a function of the day's dataset alone, so closing twice gives the same bytes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from excraft.dataset.days import Day
from excraft.dataset.errors import Malformed
from excraft.dataset.manifest import DayFacts, DayResults
from excraft.dataset.tables import RESULTS
from excraft.rewards.counting import poe_of, token_seconds_of
from excraft.rewards.day import COMMISSION_MAX_BP, DayInput, DayResult, PoolTerms, rewards
from excraft.rewards.emission import Caps, Schedule, bounded_price, emission
from excraft.rewards.people import People, people_of
from excraft.rewards.tree import ClaimTree
from excraft.rewards.trees import save_tree
from excraft.scores.rosters import PoolScore, senate

BATCH = 1 << 16


@dataclass(frozen=True)
class Outcome:
    """A day computed; lists go by the place of the member in the table.

    pools   the terms of each, with who is eligible;  pool_poe  by number
    given   what each gets;  columns  the same as lists: for PoE, for stake, of a pool
    cumulative  what each may have claimed on chain in all
    """

    people: People
    poe: list[int]
    token_seconds: list[int]
    pools: list[PoolTerms]
    pool_poe: dict[int, int]
    given: DayResult
    columns: tuple[list[int], list[int], list[int]]
    cumulative: list[int]
    claims: ClaimTree
    results: DayResults

    def invariant(self, facts: DayFacts) -> None:
        """Raises AssertionError unless all sums are those that must be."""
        self.given.invariant()
        done = self.results
        assert done.paid + done.carry - facts.carry_before == done.emitted, "paid + carry = emitted"
        assert sum(self.cumulative) == done.total == self.claims.total, "cumulative is the total"


def compute(day: Day) -> Outcome:
    """The rewards of a day from its facts. Raises DatasetError when they do not fit together."""
    facts = day.facts
    people = people_of(day)
    poe, token_seconds = poe_of(day, people), token_seconds_of(day, people)
    pools, pool_poe = pools_of(day, people, poe)
    terms = facts.terms
    schedule = Schedule(terms.first, terms.halving, terms.supply)
    price = bounded_price(facts.traded, facts.price_before, terms.price_move_bp)
    caps = Caps(terms.cap_poe_bp, terms.cap_pools_bp, terms.cap_revenue_bp)
    given = rewards(
        DayInput(
            emission(schedule, facts.day),
            terms.poe_bp,
            terms.stake_bp,
            price,
            caps,
            present(poe),
            present(token_seconds),
            pools,
        )  # fmt: skip
    )
    columns = given.columns(len(people))
    cumulative = [
        before + poe + stake + share if chain else before
        for before, chain, poe, stake, share in zip(
            people.before, people.chain.tolist(), *columns, strict=True
        )
    ]
    claims = claims_of(people.address, cumulative)
    results = DayResults(
        given.emitted, price, *given.parts, given.paid, facts.carry_before + given.carried,
        sum(cumulative), claims.root.hex(),
    )  # fmt: skip
    return Outcome(
        people, poe, token_seconds, pools, pool_poe, given, columns, cumulative, claims, results
    )


def present(amounts: Sequence[int]) -> dict[int, int]:
    """Amounts by place, without zeros."""
    return {place: amount for place, amount in enumerate(amounts) if amount}


def pools_of(day: Day, people: People, poe: list[int]) -> tuple[list[PoolTerms], dict[int, int]]:
    """Pools by number with their members and who is eligible, and their PoE. Raises Malformed for
    a member of a pool that is not there, or a master who is no member of anything."""
    rows = list(day.rows("pools"))
    members: dict[int, list[int]] = {row.pool: [] for row in rows}
    for place, pool in enumerate(people.pool.tolist()):
        if pool:
            try:
                members[pool].append(place)
            except KeyError:
                raise Malformed("members", place + 2, f"pool: there is no pool {pool}") from None
    pool_poe = {pool: sum(poe[place] for place in inside) for pool, inside in members.items()}
    masters = _masters(day, people)
    terms = day.facts.terms
    scores = [
        PoolScore(row.pool, master, pool_poe[row.pool], row.verified, bool(row.active))
        for row, master in zip(rows, masters, strict=True)
    ]
    eligible = {pool.number for pool in senate(scores, terms.seats, terms.verified_min)}
    return [
        PoolTerms(
            row.pool, master, bool(row.redistribute), row.commission_bp, row.pool in eligible,
            tuple(members[row.pool]),
        )
        for row, master in zip(rows, masters, strict=True)
    ], pool_poe  # fmt: skip


def _masters(day: Day, people: People) -> list[int]:
    masters, line = [], 2
    for batch in day.batches("pools"):
        for at, cut in enumerate(batch["commission_bp"].tolist(), line):
            if cut > COMMISSION_MAX_BP:
                raise Malformed(
                    "pools", at, f"commission_bp: {cut} is not from 0 to {COMMISSION_MAX_BP}"
                )
        masters += people.place(batch["master"], "pools", line, "master").tolist()
        line = 2 + len(masters)
    return masters


def claims_of(addresses: Sequence[str], cumulative: Sequence[int]) -> ClaimTree:
    """The claims tree: by address the sum over its members, without those who may claim nothing."""
    claims: dict[str, int] = {}
    for address, units in zip(addresses, cumulative, strict=True):
        if units:
            claims[address] = claims.get(address, 0) + units
    return ClaimTree({bytes.fromhex(address[2:]): units for address, units in claims.items()})


def close(day: Day) -> Day:
    """Compute a day and publish its results beside the facts; the day with them. Once more it
    changes nothing. Raises AlreadyPublished when other results are there."""
    outcome = compute(day)
    outcome.invariant(day.facts)
    save_tree(day.path.parent, day.facts.day, outcome.claims.tree)
    with day.write_results() as writer:
        for columns in result_columns(outcome):
            writer["results"].columns(columns)
        writer["pool_results"].rows(
            (pool.number, outcome.pool_poe[pool.number], outcome.given.pools.get(pool.number, 0))
            for pool in outcome.pools
        )
        manifest = writer.publish(outcome.results.plain())
    return Day(day.path, manifest)


def result_columns(outcome: Outcome) -> Iterator[dict]:
    """The table of results in batches: a row for each member."""
    columns = (outcome.poe, outcome.token_seconds, *outcome.columns, outcome.cumulative)
    for begin in range(0, len(outcome.people), BATCH):
        end = begin + BATCH
        parts = [outcome.people.ids[begin:end], *(column[begin:end] for column in columns)]
        yield dict(zip(RESULTS.columns, parts, strict=True))
