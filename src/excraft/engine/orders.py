"""The orders as their owners see them: open ones, and closed ones until the history has them.

Built from commands and events alone; the kernel is never asked.
"""

from collections import deque
from enum import StrEnum
from typing import NamedTuple

import msgspec

from excraft.engine.listings import Listings
from excraft.messages.codec import Record
from excraft.messages.commands import OrderType
from excraft.messages.events import Event, EventKind, Flag
from excraft.messages.reasons import Reason


class OrderStatus(StrEnum):
    """What became of an accepted order so far."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"


class Order(msgspec.Struct, gc=False, array_like=True):
    """One accepted order; numbers are ticks, lots, quote atoms and nanoseconds since 1970."""

    id: int
    account: int
    market: int
    side: int  # Side
    order_type: int  # OrderType
    time_in_force: int  # TimeInForce
    self_trade: int  # SelfTrade
    price: int
    quantity: int  # as placed, less what amendments took; 0 when given by amount
    amount: int  # quote atoms asked for when given by amount, else 0
    stop_price: int
    client_id: str
    left: int  # lots that still work; 0 once closed, and by amount
    time_ns: int
    updated_ns: int
    working_ns: int  # when it became active; 0 while it waits for its stop price
    position: int  # of the record that changed it last
    filled: int = 0  # lots
    quote: int = 0  # quote atoms of its fills
    prevented: int = 0  # lots taken by self-trade prevention
    status: OrderStatus = OrderStatus.NEW
    open: bool = True


class Report(NamedTuple):
    """An order as it stood right after one event, which `order` (the live object) no longer shows
    when more events of the same record followed."""

    event: Event
    order: Order
    command: int  # index of the causing command in the record
    status: OrderStatus
    filled: int
    quote: int


_STATUS_OF_END = {
    EventKind.ORDER_FILLED: OrderStatus.FILLED,
    EventKind.ORDER_CANCELED: OrderStatus.CANCELED,
    EventKind.TRADE_PREVENTED: OrderStatus.EXPIRED_IN_MATCH,
}
_PLACED, _FILLED, _CANCELED, _EXPIRED = (
    int(EventKind.ORDER_ACCEPTED), int(EventKind.ORDER_FILLED), int(EventKind.ORDER_CANCELED),
    int(EventKind.ORDER_EXPIRED),
)  # fmt: skip
_TRIGGERED, _AMENDED, _PREVENTED = (
    int(EventKind.ORDER_TRIGGERED), int(EventKind.ORDER_AMENDED), int(EventKind.TRADE_PREVENTED),
)  # fmt: skip
_CLOSED, _PENDING, _BY_AMOUNT = int(Flag.CLOSED), int(Flag.PENDING), int(Flag.BY_AMOUNT)
_NEW, _PARTIALLY = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED
_GENERATED = "x-"  # begins the client id of an order whose client sent none


class _Dump(msgspec.Struct):
    orders: list[Order]


class Orders:
    """Orders by id, by client id and by account. Change them only through `apply` and `forget`."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings
        self._orders: dict[int, Order] = {}
        self._open: dict[int, dict[int, Order]] = {}  # account -> id -> order
        self._named: dict[tuple[int, str], Order] = {}  # (account, client id) -> the latest
        self._closed: deque[Order] = deque()

    def get(self, account: int, market: int, order_id: int) -> Order | None:
        """The order, None when it is not this account's, not of this market, or forgotten."""
        order = self._orders.get(order_id)
        if order is None or order.account != account or order.market != market:
            return None
        return order

    def by_client(self, account: int, market: int, client_id: str) -> Order | None:
        """The latest order placed under that client id, or under that generated id."""
        order = self._named.get((account, client_id))
        if order is None and client_id.startswith(_GENERATED):
            number = client_id.removeprefix(_GENERATED)
            order = self._orders.get(int(number)) if number.isdecimal() else None
            if order is None or order.account != account or order.client_id != client_id:
                return None
        return order if order is not None and order.market == market else None

    def open(self, account: int, market: int | None = None) -> list[Order]:
        """Open orders of an account, oldest first."""
        orders = self._open.get(account, {}).values()
        return [o for o in orders if market is None or o.market == market]

    @property
    def open_count(self) -> int:
        """Open orders of the whole exchange."""
        return len(self._orders) - len(self._closed)

    @property
    def closed_count(self) -> int:
        """Closed orders that are not forgotten yet."""
        return len(self._closed)

    def apply(self, record: Record, events: list[Event]) -> list[Report]:
        """Follow one record; one report for each event about an order, in the order of events."""
        reports: list[Report] = []
        orders, markets = self._orders, self._listings.markets
        now, position = record.time_ns, record.position
        rows = texts = None
        for event in events:
            kind = event[1]
            if kind == _PLACED:
                if rows is None:
                    rows, texts = record.commands.tolist(), record.texts() if record.text else {}
                order = self._place(record, event, rows[event[0]], texts.get(event[0]))
            elif not _FILLED - 1 <= kind <= _PREVENTED:
                continue  # money, listings, refusals
            else:
                order = orders[event[7]]
                order.updated_ns, order.position = now, position
                order.left = event[10]
                if kind == _FILLED:
                    lots = event[9]
                    order.filled += lots
                    order.quote += event[8] * lots * markets[event[5]].quote_atoms_per_tick_lot
                    order.status = _PARTIALLY
                elif kind == _TRIGGERED:
                    order.left, order.working_ns = event[9], now
                elif kind == _AMENDED:
                    order.quantity -= event[9]
                elif kind == _PREVENTED:
                    order.prevented += event[9]
                if event[4] & _CLOSED:
                    self._close(order, event)
            reports.append(Report(event, order, event[0], order.status, order.filled, order.quote))
        return reports

    def _place(self, record: Record, event: Event, row: tuple, client_id: str | None) -> Order:
        number, account, now = event[7], event[6], record.time_ns
        order = Order(
            number, account, event[5], event[2], row[2], row[3], row[4], event[8], event[9],
            row[12] if event[4] & _BY_AMOUNT else 0, row[13], client_id or f"{_GENERATED}{number}",
            event[9], now, now, 0 if event[4] & _PENDING else now, record.position,
        )  # fmt: skip
        self._orders[number] = order
        of_account = self._open.get(account)
        if of_account is None:
            self._open[account] = {number: order}
        else:
            of_account[number] = order
        if client_id:
            self._named[account, client_id] = order
        return order

    def _close(self, order: Order, event: Event) -> None:
        order.open, order.left = False, 0
        if event.kind == _EXPIRED:
            order.status = _status_of_expired(order, event.reason)
        else:
            order.status = _STATUS_OF_END[event.kind]
        of_account = self._open[order.account]
        del of_account[order.id]
        if not of_account:
            del self._open[order.account]
        self._closed.append(order)

    def forget(self, position: int) -> None:
        """Drop the closed orders whose last change is at or before that position."""
        closed = self._closed
        while closed and closed[0].position <= position:
            order = closed.popleft()
            del self._orders[order.id]
            if self._named.get((order.account, order.client_id)) is order:
                del self._named[order.account, order.client_id]

    def dump(self) -> bytes:
        """All of them as bytes; inverse of `load`."""
        return msgspec.msgpack.encode(_Dump(list(self._orders.values())))

    def load(self, raw: bytes) -> None:
        """Become what was dumped."""
        orders = msgspec.msgpack.decode(raw, type=_Dump).orders
        self.__init__(self._listings)
        self._closed.extend(sorted((o for o in orders if not o.open), key=lambda o: o.position))
        for order in orders:
            self._orders[order.id] = order
            if order.open:
                self._open.setdefault(order.account, {})[order.id] = order
            if order.client_id != f"{_GENERATED}{order.id}":
                self._named[order.account, order.client_id] = order


def _status_of_expired(order: Order, reason: int) -> OrderStatus:
    """By amount there is always a rest too small to trade: spent with a fill is FILLED."""
    if reason == Reason.SELF_TRADE:
        return OrderStatus.EXPIRED_IN_MATCH
    by_amount = order.order_type == OrderType.MARKET and order.amount > 0
    if reason == Reason.BUDGET_SPENT and by_amount and order.filled:
        return OrderStatus.FILLED
    return OrderStatus.EXPIRED
