"""Sums by member and asset: exact, whatever assets come in whatever order."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.rewards.counting import SumsByAsset
from excraft.rewards.people import numbered

ROWS = st.lists(
    st.tuples(st.integers(0, 9_000), st.integers(0, 4), st.integers(0, 2**63 - 1)), max_size=20
)


@given(st.lists(ROWS, max_size=6))
@settings(max_examples=100, deadline=None)
def test_sums_are_those_of_whole_numbers(batches):
    sums, expected = SumsByAsset(5), {}
    for batch in batches:
        columns = np.array(batch, np.int64).reshape(-1, 3).T
        sums.add(*(np.ascontiguousarray(column) for column in columns))
        for asset, member, amount in batch:
            expected[asset, member] = expected.get((asset, member), 0) + amount
    for asset in {asset for asset, _ in expected} | {9_001}:
        found = dict(zip(*sums.of(asset), strict=True))
        assert found == {m: total for (a, m), total in expected.items() if a == asset and total}


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2))))
def test_owners_have_one_number_each_and_nobody_none(halves):
    numbers = numbered(np.array(halves, np.uint64).reshape(-1, 2)).tolist()
    for one, number in zip(halves, numbers, strict=True):
        assert (number == 0) == (one == (0, 0))
        same = [n for other, n in zip(halves, numbers, strict=True) if other == one]
        assert set(same) == {number}
    assert len(set(numbers)) == len(set(halves))
