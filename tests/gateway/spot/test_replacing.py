"""Cancel and replace: all ways in which two commands can end."""

import pytest

from excraft.parameters import Parameter
from tests.gateway.clients import limit, set_parameter

pytestmark = pytest.mark.anyio
PATH = "/api/v3/order/cancelReplace"
BAD_CANCEL = {"cancelOrderId": 10**9}
BAD_ORDER = {"quantity": "9000000"}  # funds do not suffice
LIMIT_TEXT = "Too many new orders; current limit is 10 orders per 10 SECOND."


async def replace(venue, mode: str, **values):
    order = await venue.alice.limit("BUY", "100000", "9")  # holds 900,000 of 1,000,000
    request = limit("BUY", "90000", "10") | {"cancelOrderId": order["orderId"]} | values
    reply = await venue.alice.call("POST", PATH, cancelReplaceMode=mode, **request)
    body = reply.json()
    data = body.get("data", body)
    results = data["cancelResult"], data["newOrderResult"]
    return reply.status_code, body.get("code"), results, data


@pytest.mark.parametrize(
    ("mode", "values", "status", "code", "results"),
    [
        ("STOP_ON_FAILURE", {}, 200, None, ("SUCCESS", "SUCCESS")),
        ("STOP_ON_FAILURE", BAD_CANCEL, 400, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        ("STOP_ON_FAILURE", BAD_ORDER, 409, -2021, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", {}, 200, None, ("SUCCESS", "SUCCESS")),
        ("ALLOW_FAILURE", BAD_CANCEL | {"quantity": "1"}, 409, -2021, ("FAILURE", "SUCCESS")),
        ("ALLOW_FAILURE", BAD_ORDER, 409, -2021, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", BAD_CANCEL | BAD_ORDER, 400, -2022, ("FAILURE", "FAILURE")),
    ],
)
async def test_ends(venue, mode, values, status, code, results):
    found = await replace(venue, mode, **values)
    assert found[:3] == (status, code, results)
    canceled, placed = found[3]["cancelResponse"], found[3]["newOrderResponse"]
    if results[0] == "SUCCESS":
        assert canceled["status"] == "CANCELED"
    else:
        assert canceled == {"code": -2011, "msg": "Unknown order sent."}
    if results[1] == "SUCCESS":
        assert placed["status"] == "NEW" and placed["fills"] == []
    elif results[1] == "NOT_ATTEMPTED":
        assert placed is None
    else:
        assert placed["code"] == -2010


async def test_the_new_order_is_checked_first(venue):
    order = await venue.alice.limit("BUY", "1", "9")
    values = limit("BUY", "1", "9.001") | {"cancelOrderId": order["orderId"]}
    found = await venue.alice.error("POST", PATH, cancelReplaceMode="ALLOW_FAILURE", **values)
    assert found == (400, -1013, "Filter failure: PRICE_FILTER")
    assert len(await venue.alice.ok("GET", "/api/v3/openOrders")) == 1
    values = limit("BUY", "1", "9")
    found = await venue.alice.error("POST", PATH, cancelReplaceMode="ALLOW_FAILURE", **values)
    assert found[1] == -1102


async def test_names_and_restrictions(venue):
    await venue.alice.limit("BUY", "1", "9", newClientOrderId="old")
    values = limit("BUY", "1", "8", newClientOrderId="new") | {
        "cancelOrigClientOrderId": "old", "cancelNewClientOrderId": "cancel",
        "cancelReplaceMode": "STOP_ON_FAILURE",
    }  # fmt: skip
    body = await venue.alice.ok("POST", PATH, **values, cancelRestrictions="ONLY_NEW")
    assert body["cancelResponse"]["clientOrderId"] == "cancel"
    assert body["newOrderResponse"]["clientOrderId"] == "new"


@pytest.mark.parametrize(
    ("mode", "values", "status", "code", "results"),
    [
        ("STOP_ON_FAILURE", {}, 429, -2021, ("SUCCESS", "FAILURE")),
        ("STOP_ON_FAILURE", BAD_CANCEL, 429, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        ("ALLOW_FAILURE", {}, 409, -2021, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", BAD_CANCEL, 400, -2022, ("FAILURE", "FAILURE")),
    ],
)
async def test_beyond_the_order_limit(venue, mode, values, status, code, results):
    await set_parameter(venue.engine, Parameter.ORDERS_PER_10_SECONDS, 10)
    venue.exchange.limits.admit = lambda address, weight: 0
    order = await venue.alice.limit("BUY", "1", "9")
    counts = venue.exchange.limits
    while counts.order_counts(venue.alice.account)[0] < 10:
        counts.admit_order(venue.alice.account)
    request = limit("BUY", "1", "9") | {"cancelOrderId": order["orderId"]} | values
    found = await venue.alice.error("POST", PATH, cancelReplaceMode=mode, **request)
    assert found == (429, -1015, LIMIT_TEXT)
    reply = await venue.alice.call(
        "POST", PATH, cancelReplaceMode=mode, orderRateLimitExceededMode="CANCEL_ONLY", **request
    )
    body = reply.json()
    data = body["data"]
    assert (reply.status_code, body["code"]) == (status, code)
    assert (data["cancelResult"], data["newOrderResult"]) == results
    if results[1] == "FAILURE":
        assert data["newOrderResponse"] == {"code": -1015, "msg": LIMIT_TEXT}
