"""Placing, cancelling, amending: each a function of exchange, caller and typed parameters.

They know nothing of HTTP: the WebSocket API calls them with the same dicts. Every one either
returns the reply's JSON or raises ApiError; after ApiError -1007 nobody knows what happened.
"""

import asyncio

from excraft.engine.errors import Busy, Stopped
from excraft.engine.orders import Report
from excraft.engine.outcomes import Outcome
from excraft.gateway import errors
from excraft.gateway.auth import Caller
from excraft.gateway.exchange import Exchange
from excraft.gateway.spot import orders, params, shapes
from excraft.gateway.spot.orders import PLACE, Prepared, market_of
from excraft.gateway.spot.params import Param, Spec
from excraft.log import LogFull
from excraft.messages.commands import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    OrderType,
    Restriction,
    Side,
    pack,
)
from excraft.messages.events import EventKind
from excraft.messages.reasons import Reason

_REFUSED = int(EventKind.REFUSED)
_FULL_BY_DEFAULT = frozenset((OrderType.LIMIT, OrderType.MARKET))

TEST = PLACE + Spec(Param("computeCommissionRates", params.TRUTH))
CANCEL = Spec(
    Param("symbol", params.SYMBOL, True),
    Param("orderId", params.LONG),
    Param("origClientOrderId", params.CLIENT_ID),
    Param("newClientOrderId", params.CLIENT_ID),
    Param("cancelRestrictions", params.RESTRICTION),
)
AMEND = Spec(
    Param("symbol", params.SYMBOL, True),
    Param("orderId", params.LONG),
    Param("origClientOrderId", params.CLIENT_ID),
    Param("newClientOrderId", params.CLIENT_ID),
    Param("newQty", params.DECIMAL, True),
)


async def carry_out(exchange: Exchange, row: bytes, text: str = "") -> Outcome:
    """Submit one command and wait for its outcome; raises Unavailable."""
    try:
        future = exchange.engine.submit(row, text)
    except Busy:
        raise errors.busy() from None
    except Stopped:
        raise errors.stopped() from None
    timeout_s = exchange.settings.outcome_timeout_s  # a bare timer costs a third of asyncio.timeout
    timer = asyncio.get_running_loop().call_later(timeout_s, _expire, future)
    try:
        return await future
    except (TimeoutError, Stopped):  # it was taken: whether it is in the log, nobody knows
        raise errors.unknown_outcome() from None
    except (Busy, LogFull):
        raise errors.busy() from None
    finally:
        timer.cancel()


def _expire(future: asyncio.Future[Outcome]) -> None:
    if not future.done():
        future.set_exception(TimeoutError())


# ---- placing


async def place_order(exchange: Exchange, caller: Caller, values: dict) -> dict:
    """POST order, order.place: values of PLACE."""
    prepared = orders.prepare(exchange.engine.listings, caller.account, values)
    exchange.limits.admit_order(caller.account)
    return await place(exchange, caller, prepared, values)


async def place(exchange: Exchange, caller: Caller, prepared: Prepared, values: dict) -> dict:
    """Submit an order that is counted already; an order that was not accepted counts no longer."""
    try:
        outcome = await carry_out(exchange, prepared.row, prepared.client_id)
        if outcome.events[0][1] == _REFUSED:
            raise errors.refusal(outcome.events[0][3])
    except errors.ApiError as failure:
        if failure.code != -1007:
            exchange.limits.credit(caller.account)
        raise
    return placed_reply(exchange, prepared, outcome, values.get("newOrderRespType"))


def placed_reply(
    exchange: Exchange, prepared: Prepared, outcome: Outcome, wanted: str | None
) -> dict:
    """ACK, RESULT or FULL of an accepted order; `wanted` None: what its type defaults to."""
    report = _own_report(outcome, outcome.sequence)
    if wanted is None:
        wanted = "FULL" if prepared.order_type in _FULL_BY_DEFAULT else "ACK"
    market = prepared.market
    if wanted == "ACK":
        return shapes.placed_ack(market, report.order, outcome)
    if wanted == "RESULT":
        return shapes.placed_result(market, report, outcome)
    received = market.base if prepared.side == Side.BUY else market.quote
    return shapes.placed_full(market, report, outcome, exchange.engine.listings.assets[received])


def _own_report(outcome: Outcome, order_id: int) -> Report:
    """The last report of the outcome about that order: how it stood after the command."""
    for report in reversed(outcome.reports):
        if report.order.id == order_id:
            return report
    raise LookupError(f"outcome of command {outcome.sequence} without order {order_id}")


async def test_order(exchange: Exchange, caller: Caller, values: dict) -> dict:
    """POST order/test, order.test: everything that needs no state is checked, nothing is sent."""
    prepared = orders.prepare(exchange.engine.listings, caller.account, values)
    if not values.get("computeCommissionRates"):
        return {}
    rates = commission_rates(exchange, caller, prepared.market)
    return {
        "standardCommissionForOrder": rates,
        "specialCommissionForOrder": {"maker": shapes.ZERO, "taker": shapes.ZERO},
        "taxCommissionForOrder": {"maker": shapes.ZERO, "taker": shapes.ZERO},
        "discount": no_discount(),
    }


def commission_rates(exchange: Exchange, caller: Caller, market) -> dict:
    """Maker and taker rate of the caller's tier in a market, as decimal texts."""
    tier = exchange.engine.listings.account_parameter(caller.account, orders.Parameter.FEE_TIER)
    maker, taker = market.fee_ppm(tier)
    return {"maker": rate_text(maker), "taker": rate_text(taker)}


def rate_text(ppm: int) -> str:
    """Parts per million as a fraction of one."""
    return shapes.format_decimal(ppm, 6)


def no_discount() -> dict:
    """There is no asset that makes fees cheaper."""
    return {"enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "",
            "discount": shapes.ZERO}  # fmt: skip


# ---- cancelling


async def cancel_order(exchange: Exchange, caller: Caller, values: dict) -> dict:
    """DELETE order, order.cancel: values of CANCEL."""
    market = market_of(exchange.engine.listings, values["symbol"])
    order_id, client_id = named(values, "orderId", "origClientOrderId")
    return await cancel(
        exchange, caller, market, (order_id, client_id), values.get("newClientOrderId", ""),
        values.get("cancelRestrictions", Restriction.NONE),
    )  # fmt: skip


def named(values: dict, by_id: str, by_client: str) -> tuple[int, str]:
    """(order id or 0, client id or ""); raises BadParameter when neither is given."""
    order_id, client_id = values.get(by_id, 0), values.get(by_client, "")
    if by_id not in values and not client_id:
        raise errors.either(by_client, by_id)
    if order_id == 0 and not client_id:
        raise errors.Refused(errors.CANCEL_REJECTED, "Unknown order sent.")
    return order_id, client_id


async def cancel(
    exchange: Exchange, caller: Caller, market, by: tuple[int, str], new_client_id: str,
    restriction: Restriction,
) -> dict:  # fmt: skip
    """Cancel the order of that (id, client id)."""
    order_id, client_id = resolve(exchange, caller, market, *by)
    row, text = pack(
        CancelOrder(
            account=caller.account,
            market=market.number,
            order_id=order_id,
            client_id=client_id,
            restriction=restriction,
            new_client_id=new_client_id,
        )  # fmt: skip
    )
    outcome = await carry_out(exchange, row, text)
    if outcome.events[0][1] == _REFUSED:
        raise errors.refusal(outcome.events[0][3], errors.CANCEL_REJECTED)
    shown_id = new_client_id or shapes.generated_id(outcome.sequence)
    order = outcome.reports[0].order
    return shapes.order_canceled(market, order, shown_id, outcome.time_ns)


def resolve(
    exchange: Exchange, caller: Caller, market, order_id: int, client_id: str
) -> tuple[int, str]:
    """(order id, "") of an order that is known, else what was asked for: it may be on its way.

    Raises Refused when both are given and the order has another client id.
    """
    known = exchange.engine.orders
    if order_id:
        order = known.get(caller.account, market.number, order_id)
        if order is not None and client_id and order.client_id != client_id:
            raise errors.wrong_client_id()
        return order_id, ""
    order = known.by_client(caller.account, market.number, client_id)
    return (order.id, "") if order is not None and order.open else (0, client_id)


async def cancel_all(exchange: Exchange, caller: Caller, values: dict) -> list[dict]:
    """DELETE openOrders, openOrders.cancelAll: every open order of the caller in a market."""
    market = market_of(exchange.engine.listings, values["symbol"])
    row, text = pack(CancelAll(account=caller.account, market=market.number))
    outcome = await carry_out(exchange, row, text)
    if outcome.events[0][1] == _REFUSED:
        raise errors.refusal(outcome.events[0][3], errors.CANCEL_REJECTED)
    shown_id = shapes.generated_id(outcome.sequence)
    return [
        shapes.order_canceled(market, report.order, shown_id, outcome.time_ns)
        for report in outcome.reports
    ]


# ---- amending


async def amend_order(exchange: Exchange, caller: Caller, values: dict) -> dict:
    """PUT order/amend/keepPriority, order.amend.keepPriority: a smaller quantity, the same place.

    An order keeps its client id for life, so only its own may be sent as `newClientOrderId`.
    """
    market = market_of(exchange.engine.listings, values["symbol"])
    by = named(values, "orderId", "origClientOrderId")
    lots = orders.new_lots(market, values["newQty"])
    order_id, client_id = resolve(exchange, caller, market, *by)
    order = exchange.engine.orders.get(caller.account, market.number, order_id)
    own = order.client_id if order is not None else client_id
    if own and values.get("newClientOrderId", own) != own:
        raise errors.invalid("newClientOrderId")
    quantity = order.quantity if order is not None else 0
    row, text = pack(
        AmendOrder(account=caller.account, market=market.number, quantity=lots,
                   order_id=order_id, client_id=client_id, new_client_id=own)
    )  # fmt: skip
    outcome = await carry_out(exchange, row, text)
    event = outcome.events[0]
    if event[1] == _REFUSED:
        if event[3] == Reason.AMEND_NOT_SMALLER and quantity == lots:
            raise errors.no_change()
        raise errors.refusal(event[3], errors.AMEND_REJECTED)
    return shapes.order_amended(market, outcome.reports[0], outcome, lots)
