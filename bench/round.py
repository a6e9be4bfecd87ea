"""How long days and a round take to close, how much memory, and how long a proof takes.

    excraft bench round [--members 1000000] [--pools 10000] [--fills 100000000] [--days 7] [--json]

Without options it is smaller: 100,000 members, 1,000 pools, 2,000,000 fills. A seeded generator
makes the facts of each day, batch by batch, and they are published as merit publishes them: CSV
with its hash and Parquet, synced. Each day is closed from what was published: all files read
and their hashes checked, PoE, token-seconds, pools, the three rewards, the tree, results
published. Then the round: the days summed, both chambers ranked, their trees, published. Every
member stakes all day and may claim on chain, so no table and no tree is shorter than it could
be; activity is a power law.

`round_s` is what a round takes beyond what its days need for their rewards: reading and
counting all fills of the week, and closing the round. `day_s` is a whole day without the
counting of its fills; `days_s` all days with everything. Wall times; the checks and the
generator are not in them.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import numpy as np

from excraft.dataset.days import Day, open_day, write_day
from excraft.dataset.ids import ascending
from excraft.dataset.manifest import DayFacts, Terms
from excraft.dataset.rounds import publish_round, sums_of
from excraft.rewards import close as closing
from excraft.rewards.tree import ClaimTree, leaf_of, proves
from excraft.scores.rosters import Candidate, PoolScore
from excraft.scores.seats import congress_seats, senate_seats
from excraft.units import Rational

TERMS = Terms(
    poe_bp=5_000, stake_bp=2_000, cap_poe_bp=5_000, cap_pools_bp=3_000, cap_revenue_bp=1_000,
    first=10**22, halving=730, supply=10**26, max_rebate_ppm=100, max_referral_ppm=300_000,
    base_fee_ppm=1_000, price_move_bp=2_500, seats=101, verified_min=100,
)  # fmt: skip
STEPS = {
    "members": "people_of", "fills": "poe_of", "stakes": "token_seconds_of", "pools": "pools_of",
    "rewards": "rewards", "tree": "claims_of",
}  # fmt: skip
BATCH, ASSETS, PROOFS, SECONDS = 1 << 20, 4, 200, 86_400


class Clock:
    """Seconds by step, and of the processor: what others take of the machine is not in those."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.cpu: dict[str, float] = defaultdict(float)

    def time(self, name: str, call, *given):
        began, cpu = time.perf_counter(), time.process_time()
        try:
            return call(*given)
        finally:
            self.seconds[name] += time.perf_counter() - began
            self.cpu[name] += time.process_time() - cpu

    def around(self, name: str, call):
        return lambda *given: self.time(name, call, *given)


class World:
    """Members with sorted random ids, and what they do on a day; the seed is fixed."""

    def __init__(self, members: int, pools: int) -> None:
        self.members, self.pools, self.chance = members, pools, np.random.default_rng(1)
        ids = np.frombuffer(self.chance.bytes(16 * members), ">u8").astype(np.uint64).reshape(-1, 2)
        self.ids = ids[ascending(ids)]
        self.addresses = [f"0x{place + 1:040x}" for place in range(members)]

    def members_table(self, before: list[int]) -> dict:
        zeros, count = np.zeros(self.members, np.int64), self.members
        return {
            "id": self.ids, "owner": np.zeros_like(self.ids), "verified": zeros + 1,
            "banned": zeros, "house": zeros, "pool": np.arange(count) % self.pools + 1,
            "address": self.addresses, "choice": ["chain"] * count, "before": before,
        }  # fmt: skip

    def fills(self, begin: int, count: int) -> dict:
        draw = self.chance
        maker = (draw.random(count) ** 3 * self.members).astype(np.int64)
        taker = (draw.random(count) ** 2 * self.members).astype(np.int64)
        notional = draw.integers(10**6, 10**12, count)
        return {
            "trade": begin + np.arange(count), "id": self.ids[maker], "other": self.ids[taker],
            "maker": draw.integers(0, 2, count), "asset": draw.integers(0, ASSETS, count),
            "fee": notional // 1_000, "notional": notional, "weight": np.full(count, 10_000),
        }  # fmt: skip

    def stakes(self, facts: DayFacts) -> dict:
        count = self.members
        units = [10**20 + (place * 7919) % 10**19 for place in range(count)]
        return {
            "id": self.ids, "source": ["vault"] * count, "units": units,
            "begin": np.full(count, facts.begin), "end": np.full(count, facts.end),
        }  # fmt: skip

    def pool_table(self) -> dict:
        each = np.full(self.pools, self.members // self.pools)
        return {
            "pool": np.arange(1, self.pools + 1), "master": self.ids[: self.pools],
            "redistribute": np.ones_like(each), "commission_bp": np.full_like(each, 500),
            "active": np.ones_like(each), "verified": each,
        }  # fmt: skip


def facts_of(day: int, before: Day | None) -> DayFacts:
    results = before.results if before else None
    return DayFacts(
        day, 0, day * SECONDS, (day + 1) * SECONDS, day, "00" * 32, TERMS,
        Rational(3, 10**11), results.price if results else Rational(3, 10**11),
        results.carry if results else 0, results.total if results else 0,
    )  # fmt: skip


def publish(world: World, root: Path, facts: DayFacts, fills: int, before: list[int], clock: Clock):
    """The facts of a day, with the time that writing takes."""
    with write_day(root, facts.day) as writer:
        given = {
            "members": world.members_table(before), "stakes": world.stakes(facts),
            "pools": world.pool_table(),
        }  # fmt: skip
        for name, columns in given.items():
            clock.time("write_facts", writer[name].columns, columns)
        writer["rates"].rows([(asset, 1, 1 + asset) for asset in range(ASSETS)])
        for begin in range(0, fills, BATCH):
            columns = world.fills(begin, min(BATCH, fills - begin))
            clock.time("write_facts", writer["fills"].columns, columns)
        clock.time("write_facts", writer.publish, facts.plain())


def close_days(world: World, root: Path, days: int, fills: int, clock: Clock):
    """Publish and close each day; the days and the seconds of each."""
    closed, each, before = [], [], [0] * world.members
    for number in range(days):
        share = fills * (number + 1) // days - fills * number // days
        publish(world, root, facts_of(number, closed[-1] if closed else None), share, before, clock)
        counted, began = clock.seconds["fills"], time.perf_counter()
        day = clock.time("whole_days", closing.close, open_day(root, number))
        whole = time.perf_counter() - began
        each.append((whole, whole - (clock.seconds["fills"] - counted)))
        before = [units for batch in day.batches("results") for units in batch["cumulative"]]
        closed.append(day)
    return closed, each


def close_round(world: World, root: Path, days: list[Day], clock: Clock):
    sums = clock.time("sum_days", sums_of, days)
    addresses = dict(enumerate(world.addresses))
    masters = {pool: world.addresses[pool - 1] for pool in sums.pools}
    candidates = (
        Candidate(place, held, poe, True, False)
        for place, (held, poe) in enumerate(zip(sums.token_seconds, sums.poe, strict=True))
    )
    verified = world.members // world.pools
    pools = [PoolScore(pool, 0, poe, verified, True) for pool, poe in sums.pools.items()]
    seats = [
        clock.time("congress", congress_seats, 0, candidates, addresses),
        clock.time("senate", senate_seats, 0, pools, masters),
    ]
    clock.time("publish_round", publish_round, root, 0, days, seats)
    return seats


def proof_ms(claims: ClaimTree) -> float:
    """Milliseconds of a proof for members drawn at random; each is checked by the plain hash."""
    addresses = list(claims.claims)
    drawn = np.random.default_rng(2).integers(0, len(addresses), PROOFS).tolist()
    began = time.perf_counter()
    proofs = [claims.proof(addresses[at]) for at in drawn]
    took = 1_000 * (time.perf_counter() - began) / PROOFS
    for at, proof in zip(drawn, proofs, strict=True):
        leaf = leaf_of(addresses[at], claims.claims[addresses[at]])
        if not proves(claims.root, leaf, proof):
            raise SystemExit(f"the proof of 0x{addresses[at].hex()} proves nothing")
    return took


def measure(options: argparse.Namespace, root: Path) -> dict:
    clock, world = Clock(), World(options.members, options.pools)
    for step, name in STEPS.items():
        setattr(closing, name, clock.around(step, getattr(closing, name)))
    load = os.getloadavg()[0]
    days, each = close_days(world, root, options.days, options.fills, clock)
    began = time.perf_counter()
    seats = clock.time("whole_round", close_round, world, root, days, clock)
    round_close = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    check(options, days, seats)
    addresses = [bytes.fromhex(one[2:]) for one in world.addresses]
    rows = (units for batch in days[-1].batches("results") for units in batch["cumulative"])
    claims = ClaimTree({who: units for who, units in zip(addresses, rows, strict=True) if units})
    if claims.root.hex() != days[-1].results.claims_root:
        raise SystemExit("the tree made again has another root")
    return {
        "members": options.members, "pools": options.pools, "fills": options.fills,
        "days": options.days, "round_s": round(clock.seconds["fills"] + round_close, 2),
        "count_fills_s": round(clock.seconds["fills"], 2), "close_round_s": round(round_close, 2),
        "day_s": round(median(one for _, one in each), 2),
        "days_s": round(sum(one for one, _ in each), 2),
        "proof_ms": round(proof_ms(claims), 3), "peak_mib": peak,
        "steps_s": {name: round(seconds, 2) for name, seconds in clock.seconds.items()},
        "steps_cpu_s": {name: round(seconds, 2) for name, seconds in clock.cpu.items()},
        "disk_mib": sum(f.stat().st_size for f in root.rglob("*") if f.is_file()) >> 20,
        "load_average": [round(load, 2), round(os.getloadavg()[0], 2)],
    }  # fmt: skip


def check(options: argparse.Namespace, days: list[Day], seats: list) -> None:
    """Raises unless the sums of all days lead from one to the next and everybody has a place."""
    for day in days:
        paid, emitted = day.results.paid, day.results.emitted
        if paid + day.results.carry - day.facts.carry_before != emitted or not paid:
            raise SystemExit(f"day {day.facts.day} pays {paid} of {emitted}")
    for one in seats:
        one.invariant()
    rows = sum(day.file("fills").rows for day in days)
    if rows != options.fills or len(seats[0].rows) > options.members:
        raise SystemExit(f"{rows} fills were counted, not {options.fills}")


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="excraft bench round", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--pools", type=int, default=1_000)
    parser.add_argument("--fills", type=int, default=2_000_000)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="excraft-bench-") as folder:
        result = measure(options, Path(folder))
    if options.json:
        print(json.dumps(result))
        return 0
    print(
        "{members:,} members, {pools:,} pools, {fills:,} fills in {days} days: round {round_s} s, "
        "of it {count_fills_s} s to count fills; a day's rewards with tree {day_s} s; all days "
        "{days_s} s; a proof {proof_ms} ms; at most {peak_mib:,} MiB".format(**result)
    )
    for name, seconds in result["steps_s"].items():
        print(f"  {name:<14} {seconds:>8} s, {result['steps_cpu_s'][name]:>8} s CPU")
    return 0


if __name__ == "__main__":
    sys.exit(main())
