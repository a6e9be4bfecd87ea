"""Congress and Senate: the best 101 of those who may sit, whatever the order they come in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from excraft.scores.rosters import Candidate, PoolScore, congress, eligible, grand, may_sit, senate
from excraft.scores.stake import Interval, token_seconds


@pytest.mark.parametrize(
    "better, worse",
    [
        (Candidate(9, 200, 1, True, False), Candidate(1, 100, 99, True, False)),
        (Candidate(9, 100, 5, True, False), Candidate(1, 100, 4, True, False)),
        (Candidate(1, 100, 5, True, False), Candidate(9, 100, 5, True, False)),
    ],
)
def test_stake_then_poe_then_the_lower_account(better, worse):
    assert congress([worse, better]) == [better, worse]


@pytest.mark.parametrize(
    "change", [{"verified": False}, {"banned": True}, {"poe": 0}, {"token_seconds": 0}]
)
def test_who_cannot_sit(change):
    assert congress([Candidate(1, 10, 10, True, False)._replace(**change)]) == []


def test_ninety_nine_verified_members_are_too_few():
    pool = PoolScore(1, 1, 10, 99, True)
    assert senate([pool]) == []
    assert senate([pool._replace(verified_members=100)]) != []
    assert senate([pool._replace(verified_members=100, active=False)]) == []
    assert senate([pool._replace(verified_members=100, poe=0)]) == []


CANDIDATES = st.lists(
    st.builds(
        Candidate, st.integers(0, 10**6), st.integers(0, 50), st.integers(0, 5), st.booleans(),
        st.booleans(),
    ),
    max_size=300, unique_by=lambda one: one.account,
)  # fmt: skip
POOLS = st.lists(
    st.builds(
        PoolScore, st.integers(0, 10**6), st.integers(0, 9), st.integers(0, 50),
        st.integers(98, 103), st.booleans(),
    ),
    max_size=300, unique_by=lambda pool: pool.number,
)  # fmt: skip


@given(CANDIDATES, st.randoms())
def test_nobody_outside_ranks_above_one_inside(candidates, chance):
    seated = congress(candidates)
    outside = [one for one in candidates if may_sit(one) and one not in seated]
    assert len(seated) <= 101 and all(map(may_sit, seated))
    assert not outside or len(seated) == 101
    last = seated[-1] if outside else None
    for one in outside:
        assert (one.token_seconds, one.poe, -one.account) < (
            last.token_seconds, last.poe, -last.account,
        )  # fmt: skip
    chance.shuffle(candidates)
    assert congress(candidates) == seated


@given(POOLS, st.randoms())
def test_the_grand_are_the_first_of_the_senate(pools, chance):
    seated = senate(pools)
    assert len(seated) == min(101, sum(map(eligible, pools)))
    assert grand(pools) == seated[:30]
    chance.shuffle(pools)
    assert senate(pools) == seated


def test_stake_of_the_last_hour_counts_an_hour():
    day = 86_400
    held = [Interval(1, 100, -50, day + 50), Interval(2, 2_000, day - 3_600, day)]
    assert token_seconds(held, 0, day) == {1: 100 * day, 2: 2_000 * 3_600}
    assert token_seconds([Interval(1, 5, day, day + 9)], 0, day) == {}
    with pytest.raises(ValueError, match="no interval"):
        token_seconds([Interval(1, 5, 2, 1)], 0, day)


@given(
    st.lists(st.tuples(*(st.integers(0, most) for most in (3, 99, 60, 60)))),
    st.integers(0, 60), st.integers(0, 60), st.integers(0, 60),
)  # fmt: skip
def test_a_round_is_the_sum_of_its_days(held, a, b, c):
    begin, middle, end = sorted((a, b, c))
    intervals = [Interval(m, units, min(x, y), max(x, y)) for m, units, x, y in held]
    first = token_seconds(intervals, begin, middle)
    second = token_seconds(intervals, middle, end)
    whole = token_seconds(intervals, begin, end)
    assert whole == {
        member: first.get(member, 0) + second.get(member, 0) for member in first.keys() | second
    }
