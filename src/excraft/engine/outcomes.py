"""What those who asked are told, once it is durable and executed."""

from typing import NamedTuple

import numpy as np

from excraft.engine.orders import Report
from excraft.engine.queue import Batch, Bulk
from excraft.messages.codec import Record
from excraft.messages.events import Event


class Outcome(NamedTuple):
    """What one command did. `sequence` is its number, and the id of the order it placed."""

    position: int
    time_ns: int
    sequence: int
    events: list[Event]
    reports: list[Report]  # empty when the engine keeps no orders


class BatchOutcome(NamedTuple):
    """What many commands of one sender did; command i of them is `first + i` in `events`."""

    position: int
    time_ns: int
    sequence: int  # number of the first
    count: int
    first: int
    events: np.ndarray  # EVENT rows


def only_bulks(batch: Batch) -> bool:
    """Whether nobody in it waits for Python objects."""
    return all(type(waiting) is Bulk for waiting in batch.waiting)


def resolve(
    batch: Batch, record: Record, events: np.ndarray, rows: list[Event], reports: list[Report]
) -> None:
    """Give everybody of a batch the own part; those who went away are passed over.

    `rows` are the events as tuples; they may be empty when the batch has only bulks.
    """
    position, time_ns, sequence = record.position, record.time_ns, record.sequence
    index = row = report = 0
    rows_end, reports_end = len(rows), len(reports)
    for waiting in batch.waiting:
        if type(waiting) is Bulk:
            outcome, end = _bulk(waiting, record, events, index), index + waiting.count
            while row < rows_end and rows[row][0] < end:
                row += 1
            while report < reports_end and reports[report][2] < end:
                report += 1
            if not waiting.future.done():
                waiting.future.set_result(outcome)
            index = end
            continue
        first_row, first_report = row, report
        while row < rows_end and rows[row][0] == index:
            row += 1
        while report < reports_end and reports[report][2] == index:
            report += 1
        if not waiting.done():
            waiting.set_result(
                Outcome(position, time_ns, sequence + index, rows[first_row:row],
                        reports[first_report:report])
            )  # fmt: skip
        index += 1


def _bulk(bulk: Bulk, record: Record, events: np.ndarray, first: int) -> BatchOutcome:
    begin, end = np.searchsorted(events["command"], (first, first + bulk.count))
    return BatchOutcome(record.position, record.time_ns, record.sequence + first, bulk.count,
                        first, events[begin:end])  # fmt: skip
