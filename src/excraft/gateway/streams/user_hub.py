"""Who listens to which account, and what an account's listeners get with each record."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import numpy as np

from excraft.engine.orders import Report
from excraft.gateway.exchange import Exchange
from excraft.gateway.streams import user_events
from excraft.gateway.streams.topics import encode
from excraft.gateway.streams.user_events import Reports
from excraft.messages.codec import Record
from excraft.messages.events import Event, EventKind

_MONEY = tuple(
    int(kind)
    for kind in (
        EventKind.CREDITED,
        EventKind.DEBITED,
        EventKind.RESERVED,
        EventKind.RELEASED,
        EventKind.SPENT,
        EventKind.REFERRAL_PAID,
        EventKind.TRANSFERRED,
    )
)


def _delta(event: Event) -> int:
    """By how much an event changes what the account owns, free and locked together."""
    match event.kind:
        case EventKind.CREDITED | EventKind.REFERRAL_PAID:
            return event.amount
        case EventKind.DEBITED | EventKind.SPENT | EventKind.TRANSFERRED:
            return -event.amount - event.price
    return 0


def _moves(events: Iterable[Event]) -> Iterator[tuple[int, int, int]]:
    """(account, asset, delta) of each; a transfer is two."""
    for event in events:
        yield event.account, event.market, _delta(event)
        if event.kind == EventKind.TRANSFERRED:
            yield event.order_id, event.market, event.amount


class Listener(Protocol):
    """A subscription to one account's events, on some connection."""

    unit_ns: int

    def event(self, text: bytes) -> None:
        """Pass one encoded event on."""


class UserHub:
    """Listeners by account; nothing of an account is ever shown to another's listeners."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._listeners: dict[int, dict[Listener, None]] = {}
        self._events: np.ndarray | None = None

    def join(self, account: int, listener: Listener) -> None:
        """Tell this listener everything about the account from now on."""
        self._listeners.setdefault(account, {})[listener] = None

    def leave(self, account: int, listener: Listener) -> None:
        """Tell it no more."""
        listeners = self._listeners.get(account)
        if listeners is not None:
            listeners.pop(listener, None)
            if not listeners:
                del self._listeners[account]

    def take(self, record: Record, events: np.ndarray, rows: list[Event]) -> None:
        """Consumer of the engine: keep the events until `see`, which follows for live records."""
        self._events = events

    def see(self, record: Record, reports: list[Report]) -> None:
        """Watcher of the engine: send what this record means to the accounts listened to."""
        events, self._events = self._events, None
        if not self._listeners:
            return
        touched: dict[int, set[int]] = {}
        if events is not None:
            self._send_money(record, events, touched)
        self._send_reports(record, reports, touched)
        for account, assets in touched.items():
            self._send_position(account, assets, record.time_ns)

    def _send_money(self, record: Record, events: np.ndarray, touched: dict[int, set[int]]) -> None:
        if events["kind"].max() < _MONEY[0]:
            return
        moved = np.isin(events["kind"], _MONEY)
        if not moved.any():
            return
        assets = self._exchange.engine.listings.assets
        for account, number, delta in _moves(map(Event._make, events[moved].tolist())):
            if account in self._listeners:
                asset = assets[number]
                if delta:
                    self._send(
                        account,
                        lambda unit, asset=asset, delta=delta: user_events.balance_update(
                            asset, delta, record.time_ns, unit
                        ),
                    )
                touched.setdefault(account, set()).add(number)

    def _send_reports(
        self, record: Record, reports: list[Report], touched: dict[int, set[int]]
    ) -> None:
        listeners, listings = self._listeners, self._exchange.engine.listings
        shown: Reports | None = None
        for at, report in enumerate(reports):
            event = report[0]
            account = event[6]
            if account not in listeners:
                continue
            if shown is None:
                shown = Reports(listings, record, reports)
            self._send(account, lambda unit, at=at, shown=shown: shown.execution(at, unit))
            assets = user_events.assets_of(event, listings.markets[event[5]])
            touched.setdefault(account, set()).update(assets)

    def _send_position(self, account: int, numbers: set[int], time_ns: int) -> None:
        engine = self._exchange.engine
        assets = engine.listings.assets
        balances = [(assets[n], *engine.shown(account, n)) for n in sorted(numbers)]
        self._send(account, lambda unit: user_events.position(balances, time_ns, unit))

    def _send(self, account: int, make: Callable[[int], dict | None]) -> None:
        """Encode once per time unit, whoever listens."""
        texts: dict[int, bytes | None] = {}
        for listener in list(self._listeners[account]):
            unit = listener.unit_ns
            if unit not in texts:
                payload = make(unit)
                texts[unit] = None if payload is None else encode(payload)
            text = texts[unit]
            if text is not None:
                listener.event(text)
