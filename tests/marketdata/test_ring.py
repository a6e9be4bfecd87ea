"""A ring is the tail of a list."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.marketdata.ring import Ring

APPENDED = st.lists(st.integers(0, 40), max_size=30)  # 0: one row, otherwise that many at once


@settings(max_examples=200, deadline=None)
@given(rows_max=st.integers(1, 20), steps=APPENDED, start=st.integers(0, 200))
def test_a_ring_is_the_tail_of_a_list(rows_max, steps, start):
    ring, plain = Ring(2, rows_max), []
    for count in steps:
        new = [(len(plain) + i, -i) for i in range(count or 1)]
        plain += new
        if count:
            ring.extend(np.array(new, np.int64))
        else:
            ring.append(new[0])
    oldest = max(0, len(plain) - rows_max)
    assert (ring.total, ring.oldest) == (len(plain), oldest)
    kept = [row for row in plain[oldest:] if start <= row[0] < start + 7]
    assert ring.read(start, start + 7).tolist() == [list(row) for row in kept]
    assert ring.find(0, start) == min(max(start, oldest), len(plain))
    assert ring.find(0, 10**30) == len(plain)
    assert ring.find(0, -(10**30)) == oldest
    again = Ring(2, rows_max)
    again.load(ring.dump())
    assert again.dump() == ring.dump()
    again.append((5, 6))
    assert again.read(again.total - 1, again.total).tolist() == [[5, 6]]


def test_the_oldest_rows_are_given_back():
    ring = Ring(3, 800)
    for i in range(10_000):
        ring.append((i, i, i))
    assert ring.nbytes <= 900 * 3 * 8
