"""order.place without a task per order: the same checks and replies as `spot.trading.place_order`.

An order is on its way to the engine before the next message is read, and the reply is written by
the callback of its future. That is what makes thousands of orders a second possible.
"""

import asyncio
from typing import Any

from excraft.engine.errors import Busy, Stopped
from excraft.engine.outcomes import Outcome
from excraft.gateway import errors
from excraft.gateway.errors import ApiError
from excraft.gateway.exchange import Exchange
from excraft.gateway.spot import orders, trading
from excraft.gateway.spot.orders import Prepared
from excraft.log import LogFull
from excraft.messages.events import EventKind

_REFUSED = int(EventKind.REFUSED)


class Placing:
    """One order under way: counted, submitted, not answered yet."""

    __slots__ = ("asked", "due", "future", "prepared", "wanted")

    def __init__(self, exchange: Exchange, asked: Any, values: dict, now: float) -> None:
        """Check, count and submit; raises ApiError and then nothing is counted."""
        account = asked.caller.account
        self.prepared: Prepared = orders.prepare(exchange.engine.listings, account, values)
        self.asked, self.wanted = asked, values.get("newOrderRespType")
        self.due = now + exchange.settings.outcome_timeout_s
        exchange.limits.admit_order(account)
        try:
            self.future: asyncio.Future[Outcome] = exchange.engine.submit(
                self.prepared.row, self.prepared.client_id
            )
        except (Busy, Stopped) as failure:
            exchange.limits.credit(account)
            raise (errors.busy() if isinstance(failure, Busy) else errors.stopped()) from None

    def reply(self, exchange: Exchange) -> dict:
        """The reply of a future that is done; raises ApiError, and the order counts no longer
        unless nobody knows what became of it."""
        try:
            outcome = self._outcome()
            if outcome.events[0][1] == _REFUSED:
                raise errors.refusal(outcome.events[0][3])
        except ApiError as failure:
            if failure.code != -1007:
                exchange.limits.credit(self.asked.caller.account)
            raise
        return trading.placed_reply(exchange, self.prepared, outcome, self.wanted)

    def _outcome(self) -> Outcome:
        try:
            return self.future.result()
        except (Stopped, asyncio.CancelledError):
            raise errors.unknown_outcome() from None
        except (Busy, LogFull):
            raise errors.busy() from None
