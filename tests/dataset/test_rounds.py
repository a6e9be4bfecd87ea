"""A round is the sum of its days, and is published once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.dataset.days import open_day, open_round
from excraft.dataset.errors import AlreadyPublished, DatasetError
from excraft.dataset.ids import ids_of
from excraft.dataset.manifest import DayResults
from excraft.dataset.rounds import publish_round, sums_of
from excraft.scores.rosters import Candidate, PoolScore
from excraft.scores.seats import congress_seats, senate_seats
from excraft.units import Rational
from tests.dataset.made import facts, publish

IDS = [bytes([n]) * 16 for n in range(1, 7)]
RESULTS = DayResults(1, Rational(1, 1), 0, 0, 0, 0, 1, 0, "00" * 32)
ADDRESSES = {n: "0x" + f"{n:02x}" * 20 for n in range(1, 9)}


def day_with(root, number, members, pools=()):
    day = publish(root, {}, facts(number))
    with day.write_results() as writer:
        writer["results"].rows((one, poe, held, 0, 0, 0, 0) for one, (poe, held) in members.items())
        writer["pool_results"].rows((pool, poe, 0) for pool, poe in pools)
        writer.publish(RESULTS.plain())
    return open_day(root, number)


SMALL = st.integers(0, 10**30)
MEMBERS = st.dictionaries(st.sampled_from(IDS), st.tuples(SMALL, SMALL)).map(
    lambda found: dict(sorted(found.items()))
)


@given(st.lists(MEMBERS, min_size=1, max_size=7))
@settings(max_examples=20, deadline=None)
def test_a_round_is_the_sum_of_its_days(tmp_path_factory, days):
    root = tmp_path_factory.mktemp("round")
    made = [day_with(root, 42 + at, members, [(3, at)]) for at, members in enumerate(days)]
    sums = sums_of(made)
    expected = {
        one: tuple(sum(day.get(one, (0, 0))[part] for day in days) for part in (0, 1))
        for one in sorted({one for day in days for one in day})
    }
    found = zip(sums.poe, sums.token_seconds, strict=True)
    assert dict(zip(ids_of(sums.ids), found, strict=True)) == expected
    assert sums.pools == {3: sum(range(len(days)))}


def seats():
    candidates = [Candidate(n, 10**20 + n % 3, n, n != 4, False) for n in range(1, 7)]
    pools = [PoolScore(n, 1, 50 - n, 98 + n, True) for n in range(1, 5)]
    return congress_seats(6, candidates, ADDRESSES), senate_seats(6, pools, ADDRESSES)


def test_a_round_is_published_with_the_hashes_of_its_days(tmp_path):
    days = [day_with(tmp_path, 42, {}), day_with(tmp_path, 43, {})]
    made = seats()
    for one in made:
        one.invariant()
    there = publish_round(tmp_path, 6, days, made)
    assert there.manifest == open_round(tmp_path, 6).manifest
    assert [day["dataset_hash"] for day in there.manifest["facts"]["days"]] == [
        day.dataset_hash for day in days
    ]
    assert there.manifest["results"]["roots"]["senate"] == made[1].tree.root.hex()
    congress = [tuple(row) for row in there.rows("congress")]
    assert congress == made[0].rows
    assert [row[4] for row in congress] == [5, 2, 1, 6, 3]  # 4 is not verified
    assert [row.id for row in there.rows("senate")] == [2, 3, 4]
    publish_round(tmp_path, 6, days, made)  # nothing changes
    with pytest.raises(AlreadyPublished):
        publish_round(tmp_path, 6, days, [made[0]])


def test_days_that_are_no_round_are_refused(tmp_path):
    days = {n: day_with(tmp_path, n, {}) for n in (41, 42, 44)}
    with pytest.raises(DatasetError, match=r"follow each other, not \[42, 44\]"):
        sums_of([days[42], days[44]])
    with pytest.raises(DatasetError, match=r"not \[\]"):
        sums_of([])
    with pytest.raises(DatasetError, match=r"days \[41, 42\] are of rounds \[5, 6\]"):
        publish_round(tmp_path, 6, [days[41], days[42]], seats())


def test_large_sums_fit(tmp_path):
    days = [day_with(tmp_path, 42 + n, {IDS[0]: (10**38 - 1, 10**38 - 1)}) for n in range(2)]
    assert sums_of(days).poe == [2 * (10**38 - 1)]
