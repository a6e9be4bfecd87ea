"""The schedule, the three parts and the caps on value."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from excraft.rewards.emission import (
    Caps,
    Parts,
    Rational,
    Schedule,
    bounded_price,
    capped,
    emission,
    emitted_before,
    split,
    worth,
)

PRICES = st.builds(Rational, st.integers(1, 10**20), st.integers(1, 10**24))
CAPS = Caps(4_000, 3_000, 2_000)


@given(st.integers(0, 10**6), st.integers(0, 50), st.integers(0, 10**7), st.integers(0, 300))
def test_days_add_up_to_what_was_emitted_and_never_exceed_the_supply(first, halving, supply, day):
    schedule = Schedule(first, halving, supply)
    days = [emission(schedule, d) for d in range(day)]
    assert sum(days) == emitted_before(schedule, day) <= supply
    assert all(a >= b for a, b in zip(days, days[1:], strict=False))


def test_a_day_before_the_first_is_refused():
    with pytest.raises(ValueError, match="day -1"):
        emission(Schedule(1, 1, 1), -1)


def test_the_cut_leaves_nothing_out():
    assert split(10_001, 5_000, 2_000) == Parts(5_000, 2_000, 3_001)
    for shares in ((-1, 0), (0, -1), (5_001, 5_000)):
        with pytest.raises(ValueError, match="basis points"):
            split(1, *shares)


@given(st.integers(0, 10**27), st.integers(0, 10**15), st.integers(0, 10**15), PRICES)
def test_rewards_are_worth_less_than_the_fees_that_earned_them(emitted, poe, others, price):
    """Also for a pool in which everybody colludes: its PoE and pool reward together."""
    parts = capped(split(emitted, 5_000, 2_000), poe + others, poe, price, CAPS)
    value = Fraction(parts.poe + parts.pools) * Fraction(*price)
    assert value <= Fraction(9, 10) * (poe + others)
    assert value <= Fraction(4, 10) * (poe + others) + Fraction(3, 10) * poe


def test_caps_that_pay_more_than_nine_tenths_are_refused():
    for caps in (Caps(5_000, 3_000, 1_001), Caps(-1, 0, 0)):
        with pytest.raises(ValueError, match="at most 9000"):
            capped(Parts(1, 1, 1), 1, 1, Rational(1, 1), caps)


@given(st.integers(0, 10_000), st.integers(0, 10**18), PRICES)
def test_worth_floors(share, poe, price):
    units = worth(share, poe, price)
    exact = Fraction(share, 10_000) * poe / Fraction(*price)
    assert units <= exact < units + 1


@given(st.none() | PRICES, PRICES)
def test_a_price_moves_by_at_most_a_quarter(traded, before):
    price, last = Fraction(*bounded_price(traded, before)), Fraction(*before)
    assert last * Fraction(3, 4) <= price <= last * Fraction(5, 4)
    if traded is None:
        assert price == last
    elif last * Fraction(3, 4) <= Fraction(*traded) <= last * Fraction(5, 4):
        assert price == Fraction(*traded)
