"""The rewards of a day: stories, and the sums that must hold for any day."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from excraft.rewards.day import DayInput, PoolTerms, rewards
from excraft.rewards.emission import Caps
from excraft.units import Rational

PRICE = Rational(1, 10**3)  # a quote atom buys a thousand units
CAPS = Caps(5_000, 3_000, 1_000)


def day(poe, stake=None, pools=(), emitted=10_000, price=PRICE) -> DayInput:
    return DayInput(emitted, 5_000, 2_000, price, CAPS, poe, stake or {}, pools)


def pool(number, members, *, master=1, redistribute=True, commission_bp=1_000, eligible=True):
    return PoolTerms(number, master, redistribute, commission_bp, eligible, tuple(members))


def test_everybody_gets_by_what_they_did():
    result = rewards(day({1: 30, 2: 10}, {3: 7}, [pool(9, [1, 2])]))
    assert result.poe == {1: 3_750, 2: 1_250}
    assert result.stake == {3: 2_000}
    assert result.pools == {9: 3_000}
    assert result.shares == {1: 300 + 2_025, 2: 675}  # a tenth to the master, the rest by PoE
    assert (result.paid, result.carried) == (10_000, 0)
    assert result.totals() == {1: 6_075, 2: 1_925, 3: 2_000}


def test_without_redistribution_the_master_gets_all():
    result = rewards(day({1: 30, 2: 10}, pools=[pool(9, [1, 2], redistribute=False)]))
    assert result.shares == {1: 3_000}


def test_a_pool_that_is_not_eligible_gets_nothing_and_the_rest_is_carried():
    result = rewards(day({1: 30}, pools=[pool(9, [1], eligible=False)]))
    assert (result.pools, result.shares) == ({}, {})
    assert result.carried == 10_000 - 5_000  # neither pools nor stake


def test_fees_that_are_worth_little_bring_little():
    result = rewards(day({1: 3}, emitted=10**9))  # 3 atoms buy 3,000 units: half of that
    assert (result.poe, result.carried) == ({1: 1_500}, 10**9 - 1_500)


def test_nobody_did_anything():
    result = rewards(day({}))
    assert (result.paid, result.carried) == (0, 10_000)


def test_a_member_of_two_pools_is_refused():
    with pytest.raises(ValueError, match="member 5 is in pool 1 and in pool 2"):
        rewards(day({5: 1}, pools=[pool(1, [5]), pool(2, [5])]))


@pytest.mark.parametrize("commission", [-1, 2_001])
def test_a_commission_out_of_bounds_is_refused(commission):
    with pytest.raises(ValueError, match=f"takes {commission} bp"):
        rewards(day({5: 1}, pools=[pool(1, [5], commission_bp=commission)]))


MEMBERS = st.integers(0, 60)
AMOUNTS = st.dictionaries(MEMBERS, st.integers(0, 10**20), max_size=40)


@st.composite
def days(draw):
    where = draw(st.dictionaries(MEMBERS, st.integers(0, 5), max_size=40))
    pools = [
        PoolTerms(
            number,
            draw(MEMBERS),
            draw(st.booleans()),
            draw(st.integers(0, 2_000)),
            draw(st.booleans()),
            tuple(sorted(member for member, joined in where.items() if joined == number)),
        )
        for number in range(6)
    ]
    price = Rational(draw(st.integers(1, 10**12)), draw(st.integers(1, 10**18)))
    emitted = draw(st.integers(0, 10**26))
    return DayInput(emitted, 5_000, 2_000, price, CAPS, draw(AMOUNTS), draw(AMOUNTS), pools)


@given(days())
def test_paid_and_carried_are_the_emission_exactly(any_day):
    result = rewards(any_day)
    result.invariant()
    assert sum(result.totals().values()) + result.carried == any_day.emitted
    assert all(result.of(member) >= 0 for member in range(61))


@given(days(), st.randoms())
def test_the_order_of_what_comes_in_does_not_matter(any_day, chance):
    def shuffled(amounts):
        pairs = list(amounts.items())
        chance.shuffle(pairs)
        return dict(pairs)

    pools = list(any_day.pools)
    chance.shuffle(pools)
    other = DayInput(
        any_day.emitted, 5_000, 2_000, any_day.price, CAPS,
        shuffled(any_day.poe), shuffled(any_day.stake), pools,
    )  # fmt: skip
    assert rewards(other).totals() == rewards(any_day).totals()
