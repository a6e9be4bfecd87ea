"""Golden logs: records written once, whose events and state must come out the same for ever.

A file is the bytes of its records, one after the other; beside it stands what they must give.
`make golden` writes what the program gives now: only when a rule was changed on purpose.
"""

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from excraft.kernel import Kernel
from excraft.kernel.reference import Reference
from excraft.messages.codec import GENESIS, HEADER, Record, decode, encode, length_of
from excraft.testing.workload import Seeded, Size, Workload

HERE = Path(__file__).parent
WRITE = os.environ.get("EXCRAFT_GOLDEN") == "write"
# name -> (seed, records, commands in each); the mix of testing/workload.py
MADE = {"first": (20261122, 60, 40), "large-records": (7, 3, 700)}


def read(name: str) -> list[Record]:
    """The records of a golden file, their chain checked."""
    raw = (HERE / f"{name}.records").read_bytes()
    records, at, expected = [], 0, GENESIS
    while at < len(raw):
        size = length_of(raw[at : at + HEADER.size])
        record, previous, _ = decode(raw[at : at + size])
        assert previous == expected
        expected = sha256(raw[at : at + size]).digest()
        records.append(record)
        at += size
    return records


def outcome(kernel, records: list[Record]) -> dict:
    """What a kernel makes of the records."""
    events, count = sha256(), 0
    for record in records:
        rows = kernel.step(record)
        events.update(rows.tobytes())
        count += len(rows)
    assert kernel.invariant() == []
    return {"events": count, "events_sha256": events.hexdigest(), "state_hash": kernel.state_hash()}


def make(name: str) -> None:
    """Write a golden file from the seeded workload."""
    seed, records, size = MADE[name]
    workload, kernel, previous, raw = Workload(Seeded(seed), Size()), Reference(), GENESIS, b""
    for number in range(records + 1):
        record = workload.record(size) if number else workload.opening()
        workload.learn(kernel.step(record))
        one, previous = encode(record, previous)
        raw += one
    (HERE / f"{name}.records").write_bytes(raw)
    (HERE / f"{name}.json").write_text(
        json.dumps(outcome(Reference(), read(name)), indent=1) + "\n"
    )


@pytest.mark.parametrize("kernel", [Reference, Kernel, lambda: Kernel(threads=2)])
@pytest.mark.parametrize("name", MADE)
def test_a_golden_log_replays(name, kernel):
    if WRITE and kernel is Reference:
        make(name)
    assert outcome(kernel(), read(name)) == json.loads((HERE / f"{name}.json").read_text())
