"""PoE of fills: what counts, what does not, and that no number overflows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from excraft.scores.poe import (
    FillRows,
    PoeRules,
    as_volume,
    fee_in_quote,
    poe_of_fills,
    share,
    sums_by,
)

RULES = PoeRules(200, 300_000, np.array([7]), frozenset({(20, 21)}))
BIG = st.integers(0, 1 << 62)


def rows(*fills: tuple[int, ...]) -> FillRows:
    """Fills as (account, owner, other, other_owner, maker, fee, notional, weight)."""
    return FillRows(*(np.array(column, np.int64) for column in zip(*fills, strict=True)))


def plain(fill: tuple[int, ...], rules: PoeRules) -> int:
    """The specification's words, with Python's whole numbers."""
    account, owner, other, other_owner, maker, fee, notional, weight = fill
    pair = (min(account, other), max(account, other))
    if account == other or (owner and owner == other_owner) or pair in rules.flagged:
        return 0
    if account in rules.houses or other in rules.houses:
        return 0
    rebate = 0 if maker else notional * rules.max_rebate_ppm // 10**6
    fee = max(0, fee - rebate - fee * rules.max_referral_ppm // 10**6)
    return fee * weight // 10**4


@pytest.mark.parametrize(
    "fill, poe",
    [
        ((1, 0, 2, 0, 1, 1_000, 10**6, 10_000), 700),  # a maker's fee less 300 referral
        ((1, 0, 2, 0, 0, 1_000, 10**6, 10_000), 500),  # less 200 rebate and 300 referral
        ((1, 0, 2, 0, 0, 1_000, 10**6, 2_500), 125),  # the market counts a quarter
        ((1, 0, 2, 0, 0, 200, 10**6, 10_000), 0),  # nothing is left, never less
        ((1, 0, 2, 0, 1, 0, 10**6, 10_000), 0),  # a free trade
        ((1, 0, 1, 0, 1, 1_000, 10**6, 10_000), 0),  # with oneself
        ((1, 5, 2, 5, 1, 1_000, 10**6, 10_000), 0),  # two accounts of one owner
        ((1, 5, 2, 6, 1, 1_000, 10**6, 10_000), 700),
        ((7, 0, 2, 0, 1, 1_000, 10**6, 10_000), 0),  # a house of the exchange
        ((2, 0, 7, 0, 1, 1_000, 10**6, 10_000), 0),
        ((21, 0, 20, 0, 1, 1_000, 10**6, 10_000), 0),  # a flagged pair
        ((20, 0, 22, 0, 1, 1_000, 10**6, 10_000), 700),
        ((1, 0, 2, 0, 1, 1_000, 10**6, 0), 0),  # a market for one pool alone
    ],
)
def test_stories(fill, poe):
    assert poe_of_fills(rows(fill), RULES).tolist() == [poe] == [plain(fill, RULES)]
    if poe == 0 and {fill[0], fill[2]} != {20, 21}:  # the others do not need a flag
        assert poe_of_fills(rows(fill), RULES._replace(flagged=frozenset())).tolist() == [0]


FILL = st.tuples(
    st.integers(0, 30), st.integers(0, 3), st.integers(0, 30), st.integers(0, 3),
    st.integers(0, 1), BIG, BIG, st.integers(0, 10_000),
)  # fmt: skip


@given(st.lists(FILL, min_size=1, max_size=30), st.integers(0, 10**6), st.integers(0, 10**6))
def test_arrays_say_what_the_specification_says(fills, rebate, referral):
    rules = RULES._replace(max_rebate_ppm=rebate, max_referral_ppm=referral)
    for those in (rules, rules._replace(flagged=frozenset())):
        assert poe_of_fills(rows(*fills), those).tolist() == [plain(fill, those) for fill in fills]


@given(st.lists(st.tuples(st.integers(0, 5), BIG), max_size=50))
def test_sums_are_exact_beyond_a_word(pairs):
    expected: dict[int, int] = {}
    for key, amount in pairs:
        expected[key] = expected.get(key, 0) + amount
    keys = np.array([key for key, _ in pairs], np.int64)
    amounts = np.array([amount for _, amount in pairs], np.int64)
    assert sums_by(keys, amounts) == {key: total for key, total in expected.items() if total}


@given(BIG, st.integers(0, 10**6))
def test_a_share_is_exact(amount, rate):
    assert share(np.array([amount]), rate, 10**6).tolist() == [amount * rate // 10**6]


@given(st.integers(1, 1 << 62), st.integers(0, 1 << 62), st.data())
def test_a_fee_in_base_is_valued_at_the_price_of_its_trade(gross, notional, data):
    fee = data.draw(st.integers(0, gross))
    found = fee_in_quote(np.array([fee]), np.array([notional]), np.array([gross]))
    assert found.tolist() == [fee * notional // gross]


def test_poe_is_shown_as_the_volume_that_pays_it():
    assert as_volume(1_000, 1_000) == 1_000_000  # a thousandth of a million
    assert as_volume(0, 1_000) == 0
