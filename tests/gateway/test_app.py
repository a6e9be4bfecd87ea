"""Paths, methods, bodies, and an engine that cannot."""

import asyncio
import threading

import pytest

from excraft.parameters import Parameter
from tests.gateway.clients import error_of, limit, set_parameter

pytestmark = pytest.mark.anyio
ORDER = "/api/v3/order"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/api/v3", 404),
        ("GET", "/api/v3/ordr", 404),
        ("GET", "/api/v3/order/", 404),
        ("GET", "/fapi/v1/ping", 404),
        ("POST", "/%2e%2e/etc/passwd", 404),
        ("GET", "/sapi/v1/capital/deposit/credit/apply", 404),
        ("GET", "/api/v3/order/test", 405),
        ("PATCH", ORDER, 405),
        ("OPTIONS", ORDER, 405),
        ("POST", "/api/v3/ping", 405),
        ("POST", "/api/v3/account", 405),
    ],
)
async def test_unknown_paths_and_methods(venue, method, path, status):
    assert error_of(await venue.http.request(method, path)) == (
        status, -1020, "This operation is not supported.",
    )  # fmt: skip


async def test_a_body_that_is_too_large(venue):
    async def chunks():
        for _ in range(100):
            yield b"x" * 1000

    headers = {"X-MBX-APIKEY": venue.alice.key}
    for content in (b"x" * 70_000, chunks()):
        reply = await venue.http.post(ORDER, content=content, headers=headers)
        assert error_of(reply)[:2] == (413, -1101)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"{}", b'{"symbol": "EXTUSD"}', b"&&&=", b"\0" * 9])
async def test_bodies_that_are_no_form(venue, body):
    reply = await venue.http.post(ORDER, content=body, headers={"X-MBX-APIKEY": venue.alice.key})
    assert error_of(reply)[0] == 400


async def test_get_reads_no_body(venue):
    reply = await venue.http.request("GET", "/api/v3/ping", content=b"symbol=EXTUSD")
    assert reply.json() == {}


async def test_a_bug_is_an_answer_too(venue, caplog):
    venue.exchange.marketdata.depth = None
    reply = await venue.public.call("GET", "/api/v3/depth", symbol="EXTUSD")
    assert error_of(reply)[:2] == (500, -1000)
    assert "Traceback" in caplog.text and "x-mbx-used-weight" in reply.headers


async def test_after_a_stop(venue):
    order = (await venue.alice.limit("BUY", "1", "9"))["orderId"]
    await venue.engine.stop()
    for found in (
        await venue.alice.error("POST", ORDER, **limit("BUY", "1", "9")),
        await venue.alice.error("DELETE", ORDER, symbol="EXTUSD", orderId=order),
    ):
        assert found == (503, -1016, "This service is no longer available.")
    assert venue.exchange.limits.order_counts(venue.alice.account) == (1, 1)


async def test_a_full_log_takes_cancels_only(venue):
    order = (await venue.alice.limit("BUY", "1", "9"))["orderId"]
    venue.log.room = False
    status, code, text = await venue.alice.error("POST", ORDER, **limit("BUY", "1", "9"))
    assert (status, code) == (503, -1008) and text.startswith("Server is currently overloaded")
    reply = await venue.alice.ok("DELETE", ORDER, symbol="EXTUSD", orderId=order)
    assert reply["status"] == "CANCELED"
    venue.log.room = True
    await venue.alice.limit("BUY", "1", "9")


async def test_an_outcome_that_does_not_come(venue):
    venue.log.gate.clear()
    found = await venue.alice.error("POST", ORDER, **limit("BUY", "1", "9"))
    assert found == (
        503, -1007,
        "Timeout waiting for response from backend server. "
        "Send status unknown; execution status unknown.",
    )  # fmt: skip
    _, day = venue.exchange.limits.order_counts(venue.alice.account)
    assert day == 1  # the ten seconds of the other count may be over by now
    venue.log.gate.set()
    for _ in range(100):
        if await venue.alice.ok("GET", "/api/v3/openOrders"):
            break
        await asyncio.sleep(0.05)
    assert len(await venue.alice.ok("GET", "/api/v3/openOrders")) == 1  # it did arrive


async def test_an_engine_that_stops_under_an_order(venue):
    """What was taken when the log broke may or may not be in it: unknown, not refused."""
    started = threading.Event()

    def broken(*_, **__):
        started.set()
        raise OSError("the disk is gone")

    venue.log.append = broken
    assert (await venue.alice.error("POST", ORDER, **limit("BUY", "1", "9")))[1] == -1007
    assert started.is_set()
    assert (await venue.alice.error("POST", ORDER, **limit("BUY", "1", "9")))[1] == -1016


async def test_many_orders_at_once(venue):
    """Each of two hundred concurrent orders is answered once, with its own id and name."""
    await set_parameter(venue.engine, Parameter.ORDERS_PER_10_SECONDS, 10_000)
    names = [f"order-{i}" for i in range(200)]
    replies = await asyncio.gather(
        *(venue.alice.limit("BUY", "1", "9", newClientOrderId=name) for name in names)
    )
    assert [r["clientOrderId"] for r in replies] == names
    assert len({r["orderId"] for r in replies}) == 200
    shown = await venue.alice.ok("GET", "/api/v3/openOrders", symbol="EXTUSD")
    assert {o["clientOrderId"] for o in shown} == set(names)
