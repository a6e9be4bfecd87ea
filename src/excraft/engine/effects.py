"""What a record does beside the kernel: the read models and those who follow the events.

Live and in a replay the same `apply` runs, record by record.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from excraft.engine.listings import Listings
from excraft.engine.orders import Orders, Report
from excraft.messages.codec import Record
from excraft.messages.events import Event

Consumer = Callable[[Record, np.ndarray, list[Event]], object]
Watcher = Callable[[Record, list[Report]], object]


class State(Protocol):
    """What a consumer that survives restarts through the engine's snapshots offers."""

    def dump(self) -> bytes: ...

    def load(self, raw: bytes) -> object: ...


@dataclass(frozen=True, slots=True)
class Subscription:
    """One consumer of every record, and how it survives a restart.

    mark     position it has durably itself: it gets only later records, and closed orders are
             kept until it has them; without one, a restart brings it everything since its state
    name, state   its state is written into the engine's snapshots under that name
    columns  it reads the array only; it may get an empty list of tuples
    backlog, backlog_max   how much it has not dealt with yet; beyond the most, only cancels pass
    """

    consumer: Consumer
    name: str = ""
    mark: Callable[[], int] | None = None
    state: State | None = None
    columns: bool = False
    backlog: Callable[[], int] | None = None
    backlog_max: int = 1_000_000

    def __post_init__(self) -> None:
        if self.state is not None and not self.name:
            raise ValueError("a consumer with a state needs a name to keep it under")


class Effects:
    """Listings, orders and consumers, all at `position`."""

    def __init__(self, *, orders: bool = True) -> None:
        self.position = 0
        self.last: Record | None = None  # the record applied last, none before the first
        self.listings = Listings()
        self.orders: Orders | None = Orders(self.listings) if orders else None
        self.subscriptions: list[Subscription] = []
        self.watchers: list[Watcher] = []

    def apply(
        self, record: Record, events: np.ndarray, *, tuples: bool = True, live: bool = True
    ) -> tuple[list[Event], list[Report]]:
        """Take over one record; (events as tuples, reports about orders).

        The tuples are made when asked for or when anybody here reads them. Watchers see live
        records only; what a consumer has durably it does not see again.
        """
        due = [
            s for s in self.subscriptions if s.mark is None or live or s.mark() < record.position
        ]
        rows: list[Event] = []
        if tuples or self.orders is not None or not all(s.columns for s in due):
            rows = list(map(Event._make, events.tolist()))
        self.listings.apply(record, events)
        reports = self.orders.apply(record, rows) if self.orders is not None else []
        for subscription in due:
            subscription.consumer(record, events, rows)
        if live:
            for watcher in self.watchers:
                watcher(record, reports)
        self.position, self.last = record.position, record
        if self.orders is not None and self.orders.closed_count:
            self.orders.forget(self.mark())
        return rows, reports

    def mark(self) -> int:
        """The position that every consumer with a mark has durably; our own when there is none."""
        marks = [s.mark() for s in self.subscriptions if s.mark is not None]
        return min(marks, default=self.position)

    def behind(self) -> str:
        """Which consumer is too far behind, in words; empty when none is."""
        for s in self.subscriptions:
            if s.backlog is not None and (backlog := s.backlog()) > s.backlog_max:
                return f"{s.name or 'a consumer'} is {backlog} behind, at most {s.backlog_max}"
        return ""

    def dump(self) -> dict[str, bytes]:
        """The state of everything here that has one, by name."""
        blobs = {"listings": self.listings.dump()}
        if self.orders is not None:
            blobs["orders"] = self.orders.dump()
        for subscription in self.subscriptions:
            if subscription.state is not None:
                blobs[f"consumer.{subscription.name}"] = subscription.state.dump()
        return blobs

    def lacking(self, blobs: dict[str, bytes]) -> list[str]:
        """Names of the states that are needed here and not in the blobs."""
        needed = ["listings"] + ["orders"] * (self.orders is not None)
        needed += [f"consumer.{s.name}" for s in self.subscriptions if s.state is not None]
        return [name for name in needed if name not in blobs]

    def load(self, blobs: dict[str, bytes], position: int) -> None:
        """Become what was dumped at that position."""
        self.listings.load(blobs["listings"])
        if self.orders is not None:
            self.orders.load(blobs["orders"])
        for subscription in self.subscriptions:
            if subscription.state is not None:
                subscription.state.load(blobs[f"consumer.{subscription.name}"])
        self.position = position
