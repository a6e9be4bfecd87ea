"""A seed replays the same records, and they reach every kind of event and reason."""

import numpy as np

from excraft.kernel.reference import Reference
from excraft.messages.events import EventKind
from excraft.messages.reasons import Reason
from excraft.testing.workload import Seeded, Size, Workload, difference

RARE = {Reason.UNKNOWN_ASSET, Reason.MALFORMED_MARKET, Reason.TABLE_FULL}


def run(seed: int, size: Size, records: int) -> tuple[str, list[np.ndarray]]:
    workload, kernel = Workload(Seeded(seed), size), Reference()
    events = [kernel.step(workload.opening())]
    for _ in range(records):
        events.append(kernel.step(workload.record(1 + workload.dice.below(60))))
        workload.learn(events[-1])
    return kernel.state_hash(), events


def test_a_seed_replays():
    assert run(5, Size(), 10)[0] == run(5, Size(), 10)[0] != run(6, Size(), 10)[0]


def test_everything_happens():
    kinds, reasons = set(), {int(Reason.NONE)}
    for seed, size in enumerate([Size(), Size(spoiled=200), Size(administrative=300)] * 3):
        for events in run(seed, size, 60)[1]:
            kinds |= set(events["kind"].tolist())
            reasons |= set(events["reason"].tolist())
    assert {kind.name for kind in EventKind if kind not in kinds} == set()
    assert {reason.name for reason in Reason if reason not in reasons | RARE} == set()


def test_a_difference_names_the_command_and_both_rows():
    workload, kernel = Workload(Seeded(1)), Reference()
    record = workload.opening()
    events = kernel.step(record)
    assert difference(record, events, events.copy()) == ""
    other = events.copy()
    other["account"][5] += 1
    told = difference(record, events, other).splitlines()
    assert "part at row 5, command 5" in told[0] and "LIST_MARKET" in told[1]
    assert [line.split()[0] for line in told[2:]] == ["first", "second"]
    assert "nothing" in difference(record, events, events[:-1])
