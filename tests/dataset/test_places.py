"""Places of ids: found where they are, and not where they are not."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.dataset.ids import halves_of
from excraft.dataset.places import Places
from tests.dataset.made import IDS

CLOSE = st.integers(1, 40).map(lambda n: bytes(7) + bytes([n % 3]) + n.to_bytes(8, "big"))
SOME = st.lists(st.one_of(IDS, CLOSE), max_size=40, unique=True).map(sorted)


@given(SOME, st.lists(st.one_of(IDS, CLOSE)))
@settings(max_examples=100, deadline=None)
def test_an_id_is_where_the_table_has_it(table, others):
    wanted = [*others, *table]
    expected = [table.index(one) if one in table else -1 for one in wanted]
    assert Places(halves_of(table)).of(halves_of(wanted)).tolist() == expected


def test_the_highest_and_the_lowest_id_have_their_places():
    table = [bytes(15) + b"\1", b"\xff" * 16]
    assert Places(halves_of(table)).of(halves_of(table)).tolist() == [0, 1]
    assert Places(np.empty((0, 2), np.uint64)).of(halves_of(table)).tolist() == [-1, -1]
