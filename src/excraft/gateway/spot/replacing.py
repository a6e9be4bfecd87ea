"""Cancel an order and place another: two commands, four ways to end."""

from typing import Any

from excraft.gateway import errors
from excraft.gateway.auth import Caller
from excraft.gateway.errors import ApiError
from excraft.gateway.exchange import Exchange
from excraft.gateway.spot import orders, params, trading
from excraft.gateway.spot.params import Param, Spec
from excraft.messages.commands import Restriction

REPLACE = orders.PLACE + Spec(
    Param("cancelReplaceMode", params.REPLACE_MODE, True),
    Param("cancelOrderId", params.LONG),
    Param("cancelOrigClientOrderId", params.CLIENT_ID),
    Param("cancelNewClientOrderId", params.CLIENT_ID),
    Param("cancelRestrictions", params.RESTRICTION),
    Param("orderRateLimitExceededMode", params.RATE_MODE),
)
SUCCESS, FAILURE, NOT_ATTEMPTED = "SUCCESS", "FAILURE", "NOT_ATTEMPTED"


async def replace_order(exchange: Exchange, caller: Caller, values: dict) -> dict:
    """POST order/cancelReplace, order.cancelReplace: values of REPLACE.

    The new order is checked and counted before the cancel is sent. Money that the cancel frees can
    be used by the new order, which is why they are two commands, one after the other.
    """
    prepared = orders.prepare(exchange.engine.listings, caller.account, values)
    named = trading.named(values, "cancelOrderId", "cancelOrigClientOrderId")
    exceeded = None
    try:
        exchange.limits.admit_order(caller.account)
    except errors.TooMany as limit:
        if values.get("orderRateLimitExceededMode") != "CANCEL_ONLY":
            raise
        exceeded = limit
    canceled = await _attempt(
        trading.cancel(
            exchange,
            caller,
            prepared.market,
            named,
            values.get("cancelNewClientOrderId", ""),
            values.get("cancelRestrictions", Restriction.NONE),
        )  # fmt: skip
    )
    stop = values["cancelReplaceMode"] == "STOP_ON_FAILURE"
    if isinstance(canceled, ApiError) and stop:
        raise _failed(canceled, None, 429 if exceeded else 400)
    if exceeded is not None:
        raise _failed(canceled, exceeded, 429 if stop else 0)
    placed = await _attempt(trading.place(exchange, caller, prepared, values))
    if isinstance(canceled, ApiError) or isinstance(placed, ApiError):
        raise _failed(canceled, placed, 0)
    return _results(canceled, placed)


async def _attempt(request) -> dict | ApiError:
    try:
        return await request
    except ApiError as failure:
        return failure


def _failed(canceled: dict | ApiError, placed: dict | ApiError | None, status: int) -> ApiError:
    """Both failed: -2022 and 400; one of them: -2021 and 409; `status` overrides when not 0."""
    partly = not (isinstance(canceled, ApiError) and not isinstance(placed, dict))
    code, text = (-2021, "partially failed") if partly else (-2022, "failed")
    return errors.Refused(
        code, f"Order cancel-replace {text}.", status or (409 if partly else 400),
        data=_results(canceled, placed),
    )  # fmt: skip


def _results(canceled: dict | ApiError, placed: dict | ApiError | None) -> dict[str, Any]:
    return {
        "cancelResult": _result(canceled),
        "newOrderResult": _result(placed),
        "cancelResponse": _response(canceled),
        "newOrderResponse": _response(placed),
    }


def _result(reply: dict | ApiError | None) -> str:
    if reply is None:
        return NOT_ATTEMPTED
    return FAILURE if isinstance(reply, ApiError) else SUCCESS


def _response(reply: dict | ApiError | None) -> dict | None:
    return reply.body() if isinstance(reply, ApiError) else reply
