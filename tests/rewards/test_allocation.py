"""Largest remainder: parts add up, follow the weights, and nobody gains by splitting."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from excraft.rewards.allocation import largest_remainder

WEIGHTS = st.lists(st.integers(0, 10**30), min_size=1, max_size=40)
TOTALS = st.integers(0, 10**27)


def plain(total: int, weights: list[int]) -> list[int]:
    """The rule in the words of the specification, with fractions."""
    whole = sum(weights)
    exact = [Fraction(total * weight, whole) for weight in weights]
    parts = [int(share) for share in exact]
    order = sorted(range(len(weights)), key=lambda at: (-(exact[at] - parts[at]), at))
    for at in order[: total - sum(parts)]:
        parts[at] += 1
    return parts


@pytest.mark.parametrize(
    "total, weights, parts",
    [
        (10, [1, 1, 1], [4, 3, 3]),  # equal remainders: the lower id
        (11, [1, 1, 1], [4, 4, 3]),
        (7, [5, 3, 2], [4, 2, 1]),  # 3.5, 2.1, 1.4
        (0, [5, 3], [0, 0]),
        (5, [0, 0, 9], [0, 0, 5]),
        (1, [0, 1, 1], [0, 1, 0]),
        (100, [7], [100]),
    ],
)
def test_stories(total, weights, parts):
    assert largest_remainder(total, weights) == parts


def test_all_weights_zero_is_said_not_shared():
    assert largest_remainder(5, [0, 0]) is None
    assert largest_remainder(5, []) is None


@pytest.mark.parametrize("total, weights", [(-1, [1]), (1, [1, -1])])
def test_negative_numbers_are_refused(total, weights):
    with pytest.raises(ValueError, match="negative"):
        largest_remainder(total, weights)


@given(TOTALS, WEIGHTS.filter(any))
def test_it_is_the_rule_of_the_specification(total, weights):
    parts = largest_remainder(total, weights)
    assert parts == plain(total, weights)
    assert sum(parts) == total
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)


@given(TOTALS, WEIGHTS.filter(any), st.data())
def test_splitting_gains_at_most_one_unit_a_part(total, weights, data):
    at = data.draw(st.sampled_from([i for i, weight in enumerate(weights) if weight]))
    cuts = data.draw(st.lists(st.integers(0, weights[at]), min_size=1, max_size=5).map(sorted))
    pieces = [b - a for a, b in zip([0, *cuts], [*cuts, weights[at]], strict=True)]
    whole = largest_remainder(total, weights)[at]
    apart = largest_remainder(total, weights[:at] + pieces + weights[at + 1 :])
    assert sum(apart[at : at + len(pieces)]) <= whole + len(pieces)
