"""Phase 2 of the plain twin: books, matching, triggers, cancels. Money moves in phase 3."""

from excraft.kernel.reference_state import (
    ASKS,
    BIDS,
    FALLING,
    LIMIT_TYPES,
    RISING,
    STOP_TYPES,
    Market,
    Order,
    State,
)
from excraft.messages.commands import OrderType, Restriction, SelfTrade, Side, TimeInForce
from excraft.messages.events import EventKind, Flag
from excraft.messages.reasons import Reason
from excraft.parameters import Parameter
from excraft.units import ceil_ppm

Row = dict[str, int]  # columns of an event that are not 0; the caller adds `command`


def event(order: Order, kind: EventKind, **columns: int) -> Row:
    """A row about an order."""
    about = {"side": order.side, "market": order.market, "account": order.account,
             "order_id": order.id, "price": order.price}  # fmt: skip
    return {"kind": kind, **about, **columns}


class Matching:
    """One command at work in its market; `rows` are its events so far."""

    def __init__(self, state: State, market: Market):
        self.state = state
        self.market = market
        self.rows: list[Row] = []

    def place(self, order: Order) -> Reason:
        """A PLACE_ORDER that phase 1 accepted; a reason means refused after all."""
        accepted = event(order, EventKind.ORDER_ACCEPTED, quantity=order.quantity,
                         amount=order.hold)  # fmt: skip
        if order.type in STOP_TYPES:
            loss = order.type in (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT)
            place = RISING if loss == (order.side == Side.BUY) else FALLING
            if self.market.triggers(place, order.stop_price):
                return Reason.WOULD_TRIGGER
            self.rows.append(accepted | {"flags": Flag.PENDING})
            self.market.wait(place, order)
            return Reason.NONE
        opposite = self.market.sides[1 - order.side].first()
        if order.type == OrderType.LIMIT_MAKER and opposite and order.within(opposite.price):
            return Reason.WOULD_TAKE
        self.rows.append(accepted | {"flags": Flag.BY_AMOUNT if order.by_amount else 0})
        self.take(order, self.rows[-1])
        self.trigger()
        return Reason.NONE

    def trigger(self) -> None:
        """Activate stop orders, one after the other, as long as the last price reaches one."""
        while order := self._triggered(RISING) or self._triggered(FALLING):
            self.market.leave(order)
            self.rows.append(
                event(order, EventKind.ORDER_TRIGGERED, quantity=order.left, flags=Flag.PENDING)
            )
            self.take(order, self.rows[-1])

    def _triggered(self, place: int) -> Order | None:
        order = self.market.sides[place].first()
        return order if order and self.market.triggers(place, order.stop_price) else None

    def take(self, order: Order, opening: Row) -> None:
        """Match an active order; what may rest rests and is told in `opening`, the row before."""
        if order.time_in_force == TimeInForce.FOK and self._reachable(order) < order.left:
            self._end(order, Reason.FOK_UNFILLED)
            return
        reason = self._match(order)
        if order.left == 0 and not order.by_amount:
            return  # filled: its last row is CLOSED and released what was over
        rests = order.type in LIMIT_TYPES and order.time_in_force == TimeInForce.GTC
        if rests and reason != Reason.SELF_TRADE:
            opening["left"] = order.left
            self.market.wait(BIDS if order.side == Side.BUY else ASKS, order)
        elif reason:
            self._end(order, reason)
        elif order.type in LIMIT_TYPES:
            self._end(order, Reason.IOC_UNFILLED)
        else:
            self._end(order, Reason.NO_LIQUIDITY)

    def _reachable(self, order: Order) -> int:
        """Lots a FOK order would get."""
        total = 0
        for maker in self.market.sides[1 - order.side]:
            if not order.within(maker.price) or total >= order.left:
                break
            if not _own(order, maker):
                total += maker.left
            elif order.self_trade != SelfTrade.EXPIRE_MAKER:
                break
        return total

    def _match(self, order: Order) -> Reason:
        """Trade with the best opposite orders; returns why it stopped early, if it did."""
        q = self.market.quote_atoms_per_tick_lot
        if order.cap is None:
            return Reason.NONE
        while order.left > 0 and order.budget != 0:
            maker = self.market.sides[1 - order.side].first()
            if maker is None or not order.within(maker.price):
                return Reason.NONE
            own = _own(order, maker)
            if own and order.self_trade == SelfTrade.EXPIRE_TAKER:
                return Reason.SELF_TRADE
            if own and order.self_trade in (SelfTrade.EXPIRE_MAKER, SelfTrade.EXPIRE_BOTH):
                self.market.leave(maker)
                self._end(maker, Reason.SELF_TRADE, Flag.RESTING)
                if order.self_trade == SelfTrade.EXPIRE_BOTH:
                    return Reason.SELF_TRADE
                continue
            lots = min(order.left, maker.left)
            if order.budget is not None:
                lots = min(lots, order.budget // (maker.price * q))
                order.budget -= lots * maker.price * q
            if lots == 0:
                return Reason.BUDGET_SPENT
            self._exchange(order, maker, lots, prevented=own)
        return Reason.BUDGET_SPENT

    def _exchange(self, order: Order, maker: Order, lots: int, *, prevented: bool) -> None:
        """Taker's and maker's row of a trade, or of a self-trade that takes lots from both."""
        market, price = self.market, maker.price
        trade_id = 0
        if not prevented:
            market.last_trade_id += 1
            market.last_price = price
            trade_id = market.last_trade_id
        for o in (order, maker):
            o.left -= lots
            resting = o is maker
            paid = 0 if prevented else o.pays(lots, price, market)
            kept = o.pays(o.left, price, market) if resting else self._need(o, o.hold - paid)
            released = o.hold - paid - kept
            o.hold = kept
            flags = Flag.MAKER | Flag.RESTING if resting else Flag(0)
            if o.by_amount:
                flags |= Flag.BY_AMOUNT
            elif o.left == 0:
                flags |= Flag.CLOSED
            columns = {"price": price, "quantity": lots, "left": 0 if o.by_amount else o.left,
                       "released": released, "flags": flags}  # fmt: skip
            if prevented:
                kind, columns["reason"] = EventKind.TRADE_PREVENTED, Reason.SELF_TRADE
            else:
                kind, columns["trade_id"] = EventKind.ORDER_FILLED, trade_id
                columns["amount"] = self._fee(o, lots, price, resting)
                o.filled = True
            self.rows.append(event(o, kind, **columns))
        if maker.left == 0:
            market.leave(maker)

    def _need(self, order: Order, rest: int) -> int:
        """What a taker keeps of the `rest` of its hold for the lots that are left."""
        if order.by_amount:
            return rest
        if order.budget is not None:
            return rest if order.left > 0 else 0
        return order.pays(order.left, order.cap, self.market)

    def _fee(self, order: Order, lots: int, price: int, resting: bool) -> int:
        """Atoms taken from what the order receives."""
        tier = self.state.accounts[order.account].parameters[Parameter.FEE_TIER]
        rate = Parameter.MAKER_FEE_PPM if resting else Parameter.TAKER_FEE_PPM
        return ceil_ppm(received(order, lots, price, self.market), self.market.fees[tier][rate])

    def _end(self, order: Order, reason: Reason, flags: int = 0) -> None:
        """ORDER_EXPIRED of an order that waits nowhere (any more)."""
        shown = 0 if order.by_amount else order.left
        flags |= Flag.CLOSED | (Flag.BY_AMOUNT if order.by_amount else 0)
        self.rows.append(event(order, EventKind.ORDER_EXPIRED, quantity=shown, reason=reason,
                               released=order.hold, flags=flags))  # fmt: skip

    def cancel(self, account: int, order_id: int, restriction: int) -> Reason:
        """CANCEL_ORDER of an id that phase 1 looked up."""
        order = self._waiting(account, order_id)
        if order is None:
            return Reason.UNKNOWN_ORDER
        if (restriction == Restriction.ONLY_NEW and order.filled) or (
            restriction == Restriction.ONLY_PARTIALLY_FILLED and not order.filled
        ):
            return Reason.RESTRICTION_NOT_MET
        self._cancel(order, Reason.CANCELED_BY_MEMBER)
        return Reason.NONE

    def cancel_all(self, account: int) -> Reason:
        """CANCEL_ALL of an account, -1 for everybody's orders."""
        found = [o for side in self.market.sides for o in side if account in (-1, o.account)]
        for order in found:
            self._cancel(
                order,
                Reason.CANCELED_BY_OPERATOR if account == -1 else Reason.CANCELED_BY_MEMBER,
            )
        return Reason.NONE if found else Reason.UNKNOWN_ORDER

    def amend(self, account: int, order_id: int, quantity: int) -> Reason:
        """AMEND_ORDER of an id that phase 1 looked up: fewer lots, same place in the queue."""
        order = self._waiting(account, order_id)
        if order is None:
            return Reason.UNKNOWN_ORDER
        if order.type in (OrderType.STOP_LOSS, OrderType.TAKE_PROFIT):
            return Reason.NOT_AMENDABLE
        if quantity >= order.quantity:
            return Reason.AMEND_NOT_SMALLER
        taken = order.quantity - quantity
        if taken >= order.left:
            return Reason.AMEND_BELOW_FILLED
        released = order.pays(taken, order.price, self.market)
        order.quantity = quantity
        order.left -= taken
        order.hold -= released
        self.rows.append(event(order, EventKind.ORDER_AMENDED, quantity=taken, left=order.left,
                               released=released, flags=_visibility(order)))  # fmt: skip
        return Reason.NONE

    def _waiting(self, account: int, order_id: int) -> Order | None:
        """The account's order if it waits in this market."""
        order = self.state.orders.get(order_id)
        if order is None or order.place is None or order.account != account:
            return None
        return order if self.state.markets[order.market] is self.market else None

    def _cancel(self, order: Order, reason: Reason) -> None:
        flags = _visibility(order) | Flag.CLOSED
        self.market.leave(order)
        self.rows.append(event(order, EventKind.ORDER_CANCELED, quantity=order.left,
                               reason=reason, released=order.hold, flags=flags))  # fmt: skip


def received(order: Order, lots: int, price: int, market: Market) -> int:
    """Atoms a side of a trade gets, before its fee."""
    if order.side == Side.BUY:
        return lots * market.base_atoms_per_lot
    return price * lots * market.quote_atoms_per_tick_lot


def _own(taker: Order, maker: Order) -> bool:
    """Whether self-trade prevention keeps these two from trading."""
    same = taker.account == maker.account or taker.group == maker.group != 0
    return same and taker.self_trade != SelfTrade.NONE


def _visibility(order: Order) -> Flag:
    return Flag.RESTING if order.place in (BIDS, ASKS) else Flag.PENDING
