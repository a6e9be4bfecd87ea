"""What every log must do: one suite, run against each implementation."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.log import FileLog, Log, LogError, MemoryLog
from excraft.messages.codec import GENESIS, OutOfOrder, encode
from excraft.testing.records import chain, same

OPENERS: dict[str, Callable[[Path], Log]] = {
    "memory": lambda folder: MemoryLog(),
    "file": lambda folder: FileLog(folder / "log", segment_bytes=1 << 20, reserve_bytes=1 << 16),
    "file of small segments": lambda folder: FileLog(
        folder / "log", segment_bytes=4096, reserve_bytes=1024, background=False
    ),
}


@pytest.fixture(params=OPENERS)
def log(request, tmp_path):
    opened = OPENERS[request.param](tmp_path)
    yield opened
    opened.close()


def test_an_empty_log_ends_at_zero(log):
    assert log.end(0) == 0
    assert log.last_hash(0) == GENESIS
    assert list(log.read(0)) == []
    assert log.room


def test_append_returns_the_position_and_read_gives_the_same_back(log):
    records = chain([1, 2, 3, 500, 1, 7], text="client-")
    assert [log.append(0, r) for r in records] == [1, 2, 3, 4, 5, 6]
    assert same(log.read(0), records)
    assert log.end(0) == 6


def test_read_begins_after_any_position_in_either_way_of_verifying(log):
    records = chain([1, 30, 3, 40, 1, 7, 20, 20], text="t")
    for record in records:
        log.append(0, record, urgent=record.position % 2 == 0)
    for verify in ("chain", "crc"):
        for after in range(len(records) + 3):
            assert same(log.read(0, after, verify=verify), records[after:])


def test_a_read_ends_where_the_log_ended_when_it_began(log):
    records = chain([1, 2, 3])
    log.append(0, records[0])
    reading = log.read(0)
    log.append(0, records[1])
    assert same(reading, records[:1])


def test_what_was_read_stays_as_it_is_and_cannot_be_changed(log):
    records = chain([3, 4])
    log.append(0, records[0])
    (read,) = log.read(0)
    log.append(0, records[1])
    assert same([read], records[:1])
    with pytest.raises(ValueError):
        read.commands["price"] = 1


def test_the_last_hash_chains_the_records_and_is_the_same_in_every_log(log):
    previous = GENESIS
    for record in chain([1, 5, 20], text="x"):
        log.append(0, record)
        _, previous = encode(record, previous)
        assert log.last_hash(0) == previous


def test_partitions_are_independent(log):
    zero, three = chain([1, 2]), chain([4, 1], text="other")
    log.append(0, zero[0])
    log.append(3, three[0])
    log.append(3, three[1])
    assert (log.end(0), log.end(3), log.end(1)) == (1, 2, 0)
    assert same(log.read(0), zero[:1]) and same(log.read(3), three)
    assert log.last_hash(0) != log.last_hash(3)


@pytest.mark.parametrize("change, said", [
    ({"position": 2}, "record 2 cannot follow record 2"),
    ({"position": 4}, "record 4 cannot follow record 2"),
    ({"sequence": 3}, "the next command is 4"),
    ({"sequence": 5}, "the next command is 4"),
    ({"time_ns": 1_999}, "before its predecessor"),
])  # fmt: skip
def test_a_record_that_does_not_follow_is_refused_and_changes_nothing(log, change, said):
    records = chain([1, 2, 1])
    for record in records[:2]:
        log.append(0, record)
    with pytest.raises(OutOfOrder, match=said):
        log.append(0, replace(records[2], **change))
    assert log.end(0) == 2
    log.append(0, records[2])
    assert same(log.read(0), records)


def test_the_first_record_has_position_one(log):
    with pytest.raises(OutOfOrder):
        log.append(0, chain([1, 1])[1])
    assert log.end(0) == 0


def test_after_closing_nothing_is_appended(log):
    log.append(0, chain([1])[0])
    log.close()
    log.close()
    with pytest.raises(LogError, match="closed"):
        log.append(0, chain([1, 1])[1])


def test_a_reader_in_another_thread_sees_whole_records_in_order(log):
    records = chain([1, 7, 2] * 20)
    seen: list[int] = []

    def follow() -> None:
        while len(seen) < len(records):
            seen.extend(r.position for r in log.read(0, len(seen)))

    thread = Thread(target=follow)
    thread.start()
    for record in records:
        log.append(0, record)
    thread.join(30)
    assert seen == list(range(1, len(records) + 1))


@pytest.mark.parametrize("opener", OPENERS)
@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(1, 60), max_size=25), text=st.text(max_size=40))
def test_any_records_come_back(opener, sizes, text):
    records = chain(sizes, text=text)
    with TemporaryDirectory() as folder:
        log = OPENERS[opener](Path(folder))
        for record in records:
            log.append(0, record)
        assert same(log.read(0), records)
        assert log.end(0) == len(records)
        log.close()
