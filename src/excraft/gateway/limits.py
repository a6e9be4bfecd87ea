"""How much an address and an account may ask for: weights, requests, unfilled orders, bans.

Windows are aligned to the clock: a minute, five minutes, ten seconds, a day of UTC. Each window has
one dict that is thrown away whole when the next begins, so memory follows the addresses of one
window. The numbers are parameters of the exchange and may change with any record.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from excraft.engine.orders import Report
from excraft.gateway import errors
from excraft.messages.codec import Record
from excraft.messages.events import EventKind, Flag
from excraft.parameters import Parameter

SECOND = 1_000_000_000
STRIKES = 30  # refusals within one minute that an address may collect before it is banned
BAN_FIRST_S, BAN_LONGEST_S = 120, 3 * 86_400
TAKER_CREDIT, MAKER_CREDIT = 1, 5  # orders taken off the count by the first fill of an order
_FILLED, _MAKER = int(EventKind.ORDER_FILLED), int(Flag.MAKER)


class Kind(NamedTuple):
    """One limit as exchangeInfo shows it."""

    type: str
    interval: str
    number: int
    parameter: Parameter


WEIGHT = Kind("REQUEST_WEIGHT", "MINUTE", 1, Parameter.REQUEST_WEIGHT_PER_MINUTE)
RAW = Kind("RAW_REQUESTS", "MINUTE", 5, Parameter.RAW_REQUESTS_PER_5_MINUTES)
ORDERS_10S = Kind("ORDERS", "SECOND", 10, Parameter.ORDERS_PER_10_SECONDS)
ORDERS_1D = Kind("ORDERS", "DAY", 1, Parameter.ORDERS_PER_DAY)


class Window:
    """Counts by address or account that begin anew with each interval of the clock."""

    __slots__ = ("seconds", "end_ns", "counts")

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self.end_ns = 0
        self.counts: dict = {}

    def roll(self, now_ns: int) -> bool:
        """Begin the window that `now_ns` lies in; True when it is a new one."""
        if now_ns < self.end_ns:
            return False
        span = self.seconds * SECOND
        self.end_ns = now_ns - now_ns % span + span
        self.counts = {}
        return True


class Limits:
    """All counts of one gateway process."""

    def __init__(self, engine: Any, clock: Callable[[], int]) -> None:
        self._engine, self._clock = engine, clock
        self._weight, self._raw = Window(60), Window(300)
        self._orders = (Window(10), Window(86_400))
        self._strikes = Window(60)
        self._banned: dict[str, int] = {}  # address -> end of the ban, ns
        self._offences: dict[str, tuple[int, int]] = {}  # address -> (bans so far, forget at ns)

    # ---- addresses

    def admit(self, address: str, weight: int) -> int:
        """Count one request of that weight; the weight used in this minute. Raises TooMany."""
        now = self._clock()
        if self._weight.roll(now):
            self._forget(now)
        self._raw.roll(now)
        self._strikes.roll(now)
        until = self._banned.get(address)
        if until is not None and until > now:
            raise _banned(until, now)
        parameters = self._engine.listings.parameters
        used = self._weight.counts.get(address, 0) + weight
        raw = self._raw.counts.get(address, 0) + 1
        self._weight.counts[address], self._raw.counts[address] = used, raw
        if used > parameters[Parameter.REQUEST_WEIGHT_PER_MINUTE]:
            limit = parameters[Parameter.REQUEST_WEIGHT_PER_MINUTE]
            raise self._strike(address, now, self._weight, f"{limit} request weight per 1 MINUTE")
        if raw > parameters[Parameter.RAW_REQUESTS_PER_5_MINUTES]:
            limit = parameters[Parameter.RAW_REQUESTS_PER_5_MINUTES]
            raise self._strike(address, now, self._raw, f"{limit} raw requests per 5 MINUTE")
        return used

    def charge(self, address: str, weight: int) -> int:
        """Add weight to a request that is already admitted; the weight used now."""
        used = self._weight.counts.get(address, 0) + weight
        self._weight.counts[address] = used
        return used

    def refund(self, address: str, weight: int) -> int:
        """Give weight back: placing and cancelling is free when it succeeds."""
        used = max(0, self._weight.counts.get(address, 0) - weight)
        self._weight.counts[address] = used
        return used

    def used(self, address: str) -> int:
        """Weight of this minute."""
        self._weight.roll(self._clock())
        return self._weight.counts.get(address, 0)

    def _strike(self, address: str, now: int, window: Window, limit: str) -> errors.TooMany:
        strikes = self._strikes.counts.get(address, 0) + 1
        self._strikes.counts[address] = strikes
        if strikes > STRIKES:
            return self._ban(address, now)
        retry = -(-(window.end_ns - now) // SECOND)
        return errors.TooMany(
            -1003,
            f"Too much request weight used; current limit is {limit}. "
            "Please use WebSocket Streams for live updates to avoid polling the API.",
            429,
            headers=((b"retry-after", b"%d" % retry),),
        )

    def _ban(self, address: str, now: int) -> errors.TooMany:
        times, _ = self._offences.get(address, (0, 0))
        seconds = min(BAN_FIRST_S << min(times, 20), BAN_LONGEST_S)
        until = now + seconds * SECOND
        self._banned[address] = until
        self._offences[address] = (times + 1, until + BAN_LONGEST_S * SECOND)
        self._strikes.counts.pop(address, None)
        return _banned(until, now)

    def _forget(self, now: int) -> None:
        self._banned = {a: until for a, until in self._banned.items() if until > now}
        self._offences = {a: o for a, o in self._offences.items() if o[1] > now}

    # ---- accounts

    def admit_order(self, account: int) -> None:
        """Count one new order, or raise TooMany with nothing counted."""
        now, parameters = self._clock(), self._engine.listings.parameters
        for window, kind in zip(self._orders, (ORDERS_10S, ORDERS_1D), strict=True):
            window.roll(now)
            limit = parameters[kind.parameter]
            if window.counts.get(account, 0) >= limit:
                raise errors.TooMany(
                    -1015,
                    f"Too many new orders; current limit is {limit} orders per "
                    f"{kind.number} {kind.interval}.",
                    429,
                )
        for window in self._orders:
            window.counts[account] = window.counts.get(account, 0) + 1

    def credit(self, account: int, orders: int = 1) -> None:
        """Take orders off the count: one that was refused, or more for one that was filled."""
        for window in self._orders:
            counted = window.counts.get(account)
            if counted:
                window.counts[account] = max(0, counted - orders)

    def order_counts(self, account: int) -> tuple[int, int]:
        """Unfilled orders of the account in these ten seconds and on this day."""
        now = self._clock()
        tens, day = self._orders
        tens.roll(now)
        day.roll(now)
        return tens.counts.get(account, 0), day.counts.get(account, 0)

    def see(self, record: Record, reports: list[Report]) -> None:
        """Watcher of the engine: the first fill of an order takes orders off the count."""
        counted = self._orders[1].counts
        if not counted:
            return
        for event, order, _, _, filled, _ in reports:
            if event[1] == _FILLED and filled == event[9] and order.account in counted:
                self.credit(order.account, MAKER_CREDIT if event[4] & _MAKER else TAKER_CREDIT)

    # ---- shown

    def shown(self, *kinds: Kind) -> list[dict]:
        """Limits as exchangeInfo lists them."""
        parameters = self._engine.listings.parameters
        return [
            {"rateLimitType": k.type, "interval": k.interval, "intervalNum": k.number,
             "limit": parameters[k.parameter]}
            for k in kinds
        ]  # fmt: skip

    def order_usage(self, account: int) -> list[dict]:
        """Order limits with how much of them is used."""
        shown = self.shown(ORDERS_10S, ORDERS_1D)
        for limit, count in zip(shown, self.order_counts(account), strict=True):
            limit["count"] = count
        return shown

    def weight_usage(self, address: str) -> list[dict]:
        """The weight limit with how much of it is used."""
        (shown,) = self.shown(WEIGHT)
        shown["count"] = self.used(address)
        return [shown]


def _banned(until_ns: int, now_ns: int) -> errors.TooMany:
    return errors.TooMany(
        -1003,
        f"Way too much request weight used; IP banned until {until_ns // 1_000_000}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
        418,
        headers=((b"retry-after", b"%d" % -(-(until_ns - now_ns) // SECOND)),),
    )
