"""What every log must do: one suite, run against each implementation."""

from collections.abc import Callable
from pathlib import Path

import pytest

from excraft.log import FileLog, Log, MemoryLog
from excraft.messages.codec import GENESIS
from excraft.testing.records import chain, same

OPENERS: dict[str, Callable[[Path], Log]] = {
    "memory": lambda folder: MemoryLog(),
    "file": lambda folder: FileLog(folder / "log"),
    "file of small segments": lambda folder: FileLog(
        folder / "log", segment_bytes=4096, reserve_bytes=1024
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
