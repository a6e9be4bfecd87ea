"""Reading ahead changes nothing but the time it takes."""

import threading

import pytest

from excraft.log import LogDamaged
from excraft.log.ahead import BATCH_RECORDS, ahead
from excraft.testing.records import chain, same


@pytest.mark.parametrize("sizes", [[], [1], [3, 1, 4], [1] * (3 * BATCH_RECORDS + 7), [9000] * 9])
def test_the_same_records_in_the_same_order(sizes):
    records = chain(sizes)
    assert same(ahead(iter(records)), records)


def test_an_error_comes_after_the_records_before_it():
    def damaged():
        yield from chain([1, 2])
        raise LogDamaged("file", 7, 3, "flipped")

    seen = []
    with pytest.raises(LogDamaged, match="offset 7"):
        for record in ahead(damaged()):
            seen.append(record.position)
    assert seen == [1, 2]


def test_a_caller_that_stops_early_leaves_no_thread_behind():
    before = threading.active_count()
    reading = ahead(iter(chain([1000] * 300)))
    assert next(reading).position == 1
    assert threading.active_count() == before + 1
    reading.close()
    assert threading.active_count() == before
