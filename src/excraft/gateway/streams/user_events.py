"""What the owner of an account is told: from reports and balances to the documented fields.

`unit_ns` is 1,000,000 for milliseconds and 1,000 for microseconds.
"""

from collections.abc import Iterable

from excraft.engine.listings import Asset, Listings, Market
from excraft.engine.orders import OrderStatus, Report
from excraft.gateway.spot import shapes
from excraft.messages.codec import Record
from excraft.messages.commands import CommandKind, Side
from excraft.messages.events import Event, EventKind, Flag
from excraft.messages.reasons import Reason
from excraft.parameters import Parameter

_FILLED, _CANCELED, _EXPIRED, _AMENDED, _PREVENTED = (
    int(EventKind.ORDER_FILLED), int(EventKind.ORDER_CANCELED), int(EventKind.ORDER_EXPIRED),
    int(EventKind.ORDER_AMENDED), int(EventKind.TRADE_PREVENTED),
)  # fmt: skip
_ACCEPTED, _TRIGGERED = int(EventKind.ORDER_ACCEPTED), int(EventKind.ORDER_TRIGGERED)
_MAKER, _PENDING, _BY_AMOUNT = int(Flag.MAKER), int(Flag.PENDING), int(Flag.BY_AMOUNT)
_SELF_TRADE = int(Reason.SELF_TRADE)
_WORKING = frozenset((OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED))
_EXECUTIONS = {
    _ACCEPTED: "NEW",
    _TRIGGERED: "NEW",
    _FILLED: "TRADE",
    _CANCELED: "CANCELED",
    _EXPIRED: "EXPIRED",
    _AMENDED: "REPLACED",
    _PREVENTED: "TRADE_PREVENTION",
}
_EXPIRY = {
    Reason.IOC_UNFILLED: "UNFILLED_IOC_QUANTITY_EXPIRED",
    Reason.FOK_UNFILLED: "UNFILLED_FOK_ORDER_EXPIRED",
    Reason.NO_LIQUIDITY: "INSUFFICIENT_LIQUIDITY",
    Reason.BUDGET_SPENT: "INSUFFICIENT_LIQUIDITY",
    Reason.CANCELED_BY_OPERATOR: "EXCHANGE_CANCELED",
}


class Reports:
    """The reports of one record, with what is needed to show them."""

    def __init__(self, listings: Listings, record: Record, reports: list[Report]) -> None:
        self._listings, self._record, self._reports = listings, record, reports
        self._texts: dict[int, str] | None = None

    def execution(self, at: int, unit_ns: int) -> dict | None:
        """executionReport of the report at that index; None when there is nothing to tell.

        A market order by amount that is spent ends with a row of its own; its last trade already
        says FILLED, so that row is not told.
        """
        report = self._reports[at]
        event, order, _, status, filled, quote = report
        kind, flags = event[1], event[4]
        by_amount = flags & _BY_AMOUNT
        if by_amount and kind == _EXPIRED and status is OrderStatus.FILLED:
            return None
        if by_amount and kind == _FILLED and self._is_last_fill(at):
            status = OrderStatus.FILLED
        market = self._listings.markets[event[5]]
        waits = bool(flags & _PENDING) and kind != _TRIGGERED
        prevented = kind == _PREVENTED or (kind == _EXPIRED and event[3] == _SELF_TRADE)
        shown = self._order(report, market, unit_ns)
        shown["x"] = "TRADE_PREVENTION" if prevented else _EXECUTIONS[kind]
        shown["X"] = status
        shown["z"] = market.quantity_text(filled)
        shown["Z"] = market.quote_text(quote)
        shown["w"] = status in _WORKING and not waits
        if kind == _FILLED:
            self._add_fill(shown, event, market)
        if order.working_ns and not waits:
            shown["W"] = order.working_ns // unit_ns
        if prevented:
            self._add_prevention(shown, at, market)
        elif kind in (_EXPIRED, _CANCELED) and event[3] in _EXPIRY:
            shown["eR"] = _EXPIRY[Reason(event[3])]
        return shown

    def _order(self, report: Report, market: Market, unit_ns: int) -> dict:
        """What the order is, and the fields that stay as they are unless it traded."""
        event, order = report[0], report[1]
        time = self._record.time_ns // unit_ns
        client_id, original = self._client_ids(report)
        quantity = event[9] if event[1] == _ACCEPTED else order.quantity
        return {
            "e": "executionReport",
            "E": time,
            "s": market.symbol,
            "c": client_id,
            "S": shapes.SIDES[order.side],
            "o": shapes.TYPES[order.order_type],
            "f": shapes.TIMES_IN_FORCE[order.time_in_force],
            "q": market.quantity_text(quantity or report.filled),
            "p": market.price_text(order.price),
            "P": market.price_text(order.stop_price),
            "F": shapes.ZERO,
            "g": shapes.NO_LIST,
            "C": original,
            "r": "NONE",
            "i": order.id,
            "l": shapes.ZERO,
            "L": shapes.ZERO,
            "n": "0",
            "N": None,
            "T": time,
            "t": -1,
            "I": self._record.sequence + event[0],
            "m": False,
            "M": False,
            "O": order.time_ns // unit_ns,
            "Y": shapes.ZERO,
            "Q": market.quote_text(order.amount),
            "V": shapes.SELF_TRADES[order.self_trade],
        }

    def _add_fill(self, shown: dict, event: Event, market: Market) -> None:
        received = market.base if event[2] == Side.BUY else market.quote
        asset = self._listings.assets[received]
        shown["l"] = market.quantity_text(event[9])
        shown["L"] = market.price_text(event[8])
        shown["n"] = asset.text(event[11])
        shown["N"] = asset.symbol
        shown["t"] = event[13]
        shown["m"] = bool(event[4] & _MAKER)
        shown["M"] = True
        shown["Y"] = market.quote_text(market.value(event[8], event[9]))

    def _add_prevention(self, shown: dict, at: int, market: Market) -> None:
        """Self-trade prevention: which order it met and how much of this one it took."""
        report = self._reports[at]
        event, order = report[0], report[1]
        lots = market.quantity_text(event[9])
        shown["v"] = self._record.sequence + event[0]
        shown["A"] = market.quantity_text(order.prevented) if order.prevented else lots
        shown["B"] = lots
        group = self._listings.account_parameter(order.account, Parameter.TRADE_GROUP)
        shown["u"] = group or -1
        counter = self._counter_order(at)
        if counter is not None:
            shown["U"] = counter
            shown["Cs"] = market.symbol
        if event[1] == _PREVENTED:
            shown["pl"] = lots
            shown["pL"] = market.price_text(event[8])
            shown["pY"] = market.quote_text(market.value(event[8], event[9]))

    def _counter_order(self, at: int) -> int | None:
        """The other order: its row stands beside this one, or it is the order being placed."""
        reports = self._reports
        event = reports[at][0]
        if event[1] == _PREVENTED:
            other = at - 1 if event[4] & _MAKER else at + 1
            return reports[other][0][7]
        if event[4] & int(Flag.RESTING):
            return self._record.sequence + event[0]
        return None

    def _client_ids(self, report: Report) -> tuple[str, str]:
        """(c, C): a cancelled order shows the cancel's own id, and its own as the original."""
        event, order = report[0], report[1]
        if event[1] != _CANCELED:
            return order.client_id, ""
        if self._texts is None:
            self._texts = self._record.texts()
        single = self._record.commands["kind"][event[0]] == CommandKind.CANCEL_ORDER
        text = self._texts.get(event[0], "") if single else ""
        return text or shapes.generated_id(self._record.sequence + event[0]), order.client_id

    def _is_last_fill(self, at: int) -> bool:
        order = self._reports[at][1]
        for report in self._reports[at + 1 :]:
            if report[1] is order:
                return report[0][1] == _EXPIRED and report[3] is OrderStatus.FILLED
        return False


def assets_of(event: Event, market: Market) -> tuple[int, ...]:
    """Assets whose balance an event about an order may have changed."""
    if event[1] == _FILLED:
        return market.base, market.quote
    return (market.quote,) if event[2] == Side.BUY else (market.base,)


def position(balances: Iterable[tuple[Asset, int, int]], time_ns: int, unit_ns: int) -> dict:
    """outboundAccountPosition of (asset, free, held)."""
    time = time_ns // unit_ns
    return {
        "e": "outboundAccountPosition",
        "E": time,
        "u": time,
        "B": [
            {"a": asset.symbol, "f": asset.text(free), "l": asset.text(held)}
            for asset, free, held in balances
        ],
    }


def balance_update(asset: Asset, delta: int, time_ns: int, unit_ns: int) -> dict:
    """balanceUpdate: money came into or left the exchange."""
    time = time_ns // unit_ns
    return {"e": "balanceUpdate", "E": time, "a": asset.symbol, "d": asset.text(delta), "T": time}


def terminated(now_ns: int, unit_ns: int) -> dict:
    """eventStreamTerminated."""
    return {"e": "eventStreamTerminated", "E": now_ns // unit_ns}


def server_shutdown(now_ns: int, unit_ns: int) -> dict:
    """serverShutdown."""
    return {"e": "serverShutdown", "E": now_ns // unit_ns}


def listen_key_expired(key: str, now_ns: int, unit_ns: int) -> dict:
    """listenKeyExpired."""
    return {"e": "listenKeyExpired", "E": now_ns // unit_ns, "listenKey": key}
