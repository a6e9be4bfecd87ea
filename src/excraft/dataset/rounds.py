"""A round from its days: sums of their results, and what is published of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from excraft.dataset.days import Day, Round, open_round, write_round
from excraft.dataset.errors import DatasetError
from excraft.dataset.places import Places
from excraft.scores.seats import Seats


@dataclass(frozen=True)
class Sums:
    """Sums over days: ids (n, 2) uint64 ascending, then a list for each; pools' PoE by number."""

    ids: np.ndarray
    poe: list[int]
    token_seconds: list[int]
    pools: dict[int, int]


def sums_of(days: Sequence[Day]) -> Sums:
    """Sums of the results of a round's days, whose ids have one salt. Raises DatasetError unless
    they are days of one round that follow each other."""
    check_days(days)
    columns = [_results(day) for day in days]
    ids = _union([ids for ids, _, _ in columns])
    places = Places(ids)
    poe, token_seconds = [0] * len(ids), [0] * len(ids)
    for own, day_poe, day_seconds in columns:
        for place, one, seconds in zip(places.of(own).tolist(), day_poe, day_seconds, strict=True):
            poe[place] += one
            token_seconds[place] += seconds
    pools: dict[int, int] = {}
    for day in days:
        for row in day.rows("pool_results"):
            pools[row.pool] = pools.get(row.pool, 0) + row.poe
    return Sums(ids, poe, token_seconds, pools)


def _results(day: Day) -> tuple[np.ndarray, list[int], list[int]]:
    ids, poe, seconds = [np.empty((0, 2), np.uint64)], [], []
    for batch in day.batches("results", ("poe", "token_seconds")):
        ids.append(batch["id"])
        poe += batch["poe"]
        seconds += batch["token_seconds"]
    return np.concatenate(ids), poe, seconds


def _union(tables: list[np.ndarray]) -> np.ndarray:
    """All ids of sorted tables, sorted, each once."""
    first = tables[0]
    if all(np.array_equal(first, other) for other in tables[1:]):
        return first
    joined = np.concatenate(tables)
    joined = joined[np.lexsort((joined[:, 1], joined[:, 0]))]
    new = np.ones(len(joined), bool)
    new[1:] = (joined[1:] != joined[:-1]).any(1)
    return joined[new]


def check_days(days: Sequence[Day]) -> None:
    """Raises DatasetError unless these are days of one round, one after the other."""
    facts = [day.facts for day in days]
    numbers = [one.day for one in facts]
    if not facts or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise DatasetError(f"a round has days that follow each other, not {numbers}")
    if len({one.round for one in facts}) > 1:
        raise DatasetError(f"the days {numbers} are of rounds {[one.round for one in facts]}")


def publish_round(root: Path, number: int, days: Sequence[Day], seats: Iterable[Seats]) -> Round:
    """Publish the seats of both chambers with the hashes of the round's days. The same once more
    changes nothing; other content is refused (AlreadyPublished)."""
    check_days(days)
    with write_round(root, number) as writer:
        roots = {}
        for one in seats:
            name = one.chamber.name.lower()
            writer[name].rows(one.rows)
            roots[name] = one.tree.root.hex()
        facts: dict[str, Any] = {
            "round": number,
            "days": [
                {"day": day.facts.day, "dataset_hash": day.dataset_hash,
                 "claims": day.results.claims_root}
                for day in days
            ],
        }  # fmt: skip
        writer.publish(facts, {"roots": roots})
    return open_round(root, number)
