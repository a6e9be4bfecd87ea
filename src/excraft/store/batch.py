"""Events of several records side by side, each with the place, time and command it came from."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from excraft.messages.codec import Record


class Taken(NamedTuple):
    """A record and the EVENT array that it gave."""

    record: Record
    events: np.ndarray


class Batch:
    """Columns of equal length, one element per event; `commands` and `texts` by `command`."""

    def __init__(self, taken: Sequence[Taken]) -> None:
        records = [t.record for t in taken]
        counts = np.array([len(t.events) for t in taken])
        sizes = np.array([len(r.commands) for r in records])
        first_event = np.cumsum(counts) - counts
        first_command = np.cumsum(sizes) - sizes
        self.last_position = records[-1].position
        self.events = np.concatenate([t.events for t in taken])
        self.commands = np.concatenate([r.commands for r in records])
        self.position = np.repeat(np.array([r.position for r in records]), counts)
        self.time_ns = np.repeat(np.array([r.time_ns for r in records]), counts)
        self.event = np.arange(len(self.events)) - np.repeat(first_event, counts)
        self.command = self.events["command"] + np.repeat(first_command, counts)
        self.texts: dict[int, str] = {}
        for record, first in zip(records, first_command.tolist(), strict=True):
            if record.text:
                self.texts.update((first + i, _storable(t)) for i, t in record.texts().items())

    def text_of(self, rows: np.ndarray) -> list[str | None]:
        """Texts of the commands that caused these events; None where there is none."""
        if not self.texts:
            return [None] * len(rows)
        return [self.texts.get(i) or None for i in self.command[rows].tolist()]


def _storable(text: str) -> str:
    # PostgreSQL has no place for a NUL in a text, and one text must not stop all of history.
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in text else text
