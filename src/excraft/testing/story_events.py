"""Events as the clauses of a story, and the depth that follows from them."""

from collections import defaultdict

from excraft.messages.events import Event, EventKind, Flag
from excraft.messages.reasons import Reason
from excraft.testing.story_language import Clause

_PLAIN = {
    EventKind.ACCOUNT_OPENED: "opened",
    EventKind.ASSET_LISTED: "listed",
    EventKind.MARKET_LISTED: "listed",
    EventKind.PARAMETER_SET: "set",
}
_OF_MONEY = {
    EventKind.CREDITED: "credited",
    EventKind.DEBITED: "debited",
    EventKind.RESERVED: "reserved",
    EventKind.RELEASED: "released",
    EventKind.WITHDRAWAL_APPROVED: "approved",
    EventKind.REFERRAL_PAID: "referred",
}


def clauses(events: list[Event], names: dict[int, str], labels: dict[int, str]) -> list[Clause]:
    """What the rows of one command say; what rests is told after the trades of its order."""
    told: list[Clause] = []
    resting: Clause | None = None
    rows = list(events)
    while rows:
        e = rows.pop(0)
        who = labels.get(e.order_id) or names.get(e.account, "?")
        match EventKind(e.kind):
            case EventKind.ORDER_ACCEPTED if e.flags & Flag.PENDING:
                told.append(Clause("waits", {"hold": e.amount}))
            case EventKind.ORDER_ACCEPTED | EventKind.ORDER_TRIGGERED:
                if resting:
                    told.append(resting)
                if e.kind == EventKind.ORDER_TRIGGERED:
                    told.append(Clause(f"triggered {who}", {"quantity": e.quantity}))
                resting = Clause(f"rests {e.left}", {"hold": e.amount}) if e.left else None
            case EventKind.ORDER_FILLED | EventKind.TRADE_PREVENTED:
                told.append(_pair(e, rows.pop(0), names))
            case EventKind.ORDER_CANCELED:
                details = {"reason": Reason(e.reason).name, "released": e.released}
                told.append(Clause(f"canceled {who} {e.quantity}", details))
            case EventKind.ORDER_EXPIRED:
                whose = f"{who} " if e.flags & Flag.RESTING else ""
                words = f"expired {whose}{e.quantity} {Reason(e.reason).name}"
                told.append(Clause(words, {"released": e.released}))
            case EventKind.ORDER_AMENDED:
                details = {"left": e.left, "released": e.released}
                told.append(Clause(f"amended -{e.quantity}", details))
            case EventKind.REFUSED:
                told.append(Clause(f"refused {Reason(e.reason).name}"))
            case EventKind.SPENT:
                told.append(Clause(f"spent {e.amount}", {"fee": e.price}))
            case kind if kind in _OF_MONEY:
                told.append(Clause(f"{_OF_MONEY[kind]} {e.amount}"))
            case kind:
                told.append(Clause(_PLAIN[kind]))
    return [*told, resting] if resting else told


def _pair(taker: Event, maker: Event, names: dict[int, str]) -> Clause:
    """Both rows of a trade or of a prevented one."""
    details: dict[str, int | str] = {"with": names.get(maker.account, "?")}
    if taker.kind == EventKind.ORDER_FILLED:
        details |= {"fee": taker.amount, "maker_fee": maker.amount, "trade_id": taker.trade_id}
    details |= {"left": taker.left, "maker_left": maker.left}
    details |= {"released": taker.released, "maker_released": maker.released}
    word = "trade" if taker.kind == EventKind.ORDER_FILLED else "prevented"
    return Clause(f"{word} {taker.quantity} @ {taker.price}", details)


class Depth:
    """Lots by price, from events alone by the rule in messages/events.py."""

    def __init__(self):
        self.levels: dict[tuple[int, int], dict[int, int]] = defaultdict(lambda: defaultdict(int))

    def apply(self, e: Event) -> None:
        levels = self.levels[e.market, e.side]
        if e.kind in (EventKind.ORDER_ACCEPTED, EventKind.ORDER_TRIGGERED):
            levels[e.price] += e.left
        elif e.flags & Flag.RESTING and e.kind != EventKind.REFUSED:
            levels[e.price] -= e.quantity

    def broken(self) -> list[str]:
        return [
            f"events leave {lots} lots at {price} in market {market} side {side}"
            for (market, side), levels in self.levels.items()
            for price, lots in levels.items()
            if lots < 0
        ]

    def clauses(self, market: int) -> list[Clause]:
        """``bids 2 @ 101``, ``1 @ 100``, ``asks none``: best first."""
        told = []
        for side, word in enumerate(("bids", "asks")):
            levels = {p: lots for p, lots in self.levels[market, side].items() if lots}
            ordered = sorted(levels, reverse=side == 0)
            rows = [f"{levels[p]} @ {p}" for p in ordered] or ["none"]
            told += [Clause(f"{word} {rows[0]}"), *(Clause(row) for row in rows[1:])]
        return told
