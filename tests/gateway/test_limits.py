"""Weights, bans and unfilled orders: the counts, the headers, the texts."""

from types import SimpleNamespace

import pytest

from excraft.gateway.errors import TooMany
from excraft.gateway.limits import BAN_LONGEST_S, STRIKES, Limits
from excraft.parameters import Parameter
from tests.gateway.clients import error_of, limit, set_parameter

SECOND = 10**9
START = 1_700_000_100 * SECOND  # the beginning of five minutes


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def limits(clock):
    parameters = {
        Parameter.REQUEST_WEIGHT_PER_MINUTE: 100,
        Parameter.RAW_REQUESTS_PER_5_MINUTES: 1000,
        Parameter.ORDERS_PER_10_SECONDS: 3,
        Parameter.ORDERS_PER_DAY: 5,
    }
    return Limits(SimpleNamespace(listings=SimpleNamespace(parameters=parameters)), clock)


def refused(limits, address="a", weight=1) -> TooMany:
    with pytest.raises(TooMany) as caught:
        limits.admit(address, weight)
    return caught.value


def test_weight_of_a_minute(limits, clock):
    assert limits.admit("a", 60) == 60
    assert limits.admit("a", 40) == 100
    clock.now += 45 * SECOND
    found = refused(limits)
    assert (found.status, found.code) == (429, -1003)
    assert found.text.startswith(
        "Too much request weight used; current limit is 100 request weight per 1 MINUTE."
    )
    assert found.headers == ((b"retry-after", b"15"),)
    assert limits.admit("b", 1) == 1
    clock.now += 15 * SECOND
    assert limits.admit("a", 1) == 1


def test_weight_comes_back(limits):
    limits.admit("a", 10)
    assert limits.refund("a", 1) == 9
    assert limits.charge("a", 50) == 59
    assert limits.used("a") == 59 and limits.used("b") == 0
    assert limits.refund("b", 1) == 0


def test_raw_requests_of_five_minutes(limits, clock):
    for _ in range(1000):
        limits.admit("a", 0)
    found = refused(limits, weight=0)
    assert "current limit is 1000 raw requests per 5 MINUTE" in found.text
    clock.now += 60 * SECOND
    assert refused(limits, weight=0).status == 429
    clock.now += 240 * SECOND
    limits.admit("a", 0)


def test_bans_grow_and_are_forgotten(limits, clock):
    for seconds in (120, 240, 480):
        limits.admit("a", 100)
        for _ in range(STRIKES):
            assert refused(limits).status == 429
        found = refused(limits)
        assert (found.status, found.code) == (418, -1003)
        assert found.headers == ((b"retry-after", str(seconds).encode()),)
        assert str((clock.now + seconds * SECOND) // 10**6) in found.text
        clock.now += (seconds - 1) * SECOND
        assert refused(limits).status == 418
        limits.admit("b", 1)
        clock.now += 60 * SECOND
    assert limits.admit("a", 1) == 1
    clock.now += (BAN_LONGEST_S + 600) * SECOND
    limits.admit("b", 1)
    assert not limits._banned and not limits._offences


def test_the_longest_ban(limits, clock):
    limits._offences["a"] = (40, clock.now + 10**18)
    limits.admit("a", 100)
    for _ in range(STRIKES):
        refused(limits)
    assert refused(limits).headers == ((b"retry-after", str(BAN_LONGEST_S).encode()),)


def test_unfilled_orders(limits, clock):
    for _ in range(3):
        limits.admit_order(7)
    with pytest.raises(TooMany) as caught:
        limits.admit_order(7)
    assert (caught.value.status, caught.value.code) == (429, -1015)
    assert caught.value.text == "Too many new orders; current limit is 3 orders per 10 SECOND."
    assert caught.value.headers == ()
    limits.admit_order(8)
    limits.credit(7)
    limits.admit_order(7)
    assert limits.order_counts(7) == (3, 3)
    clock.now += 10 * SECOND
    assert limits.order_counts(7) == (0, 3)
    limits.admit_order(7)
    limits.admit_order(7)
    with pytest.raises(TooMany, match="current limit is 5 orders per 1 DAY"):
        limits.admit_order(7)
    limits.credit(7, 100)
    assert limits.order_counts(7) == (0, 0)
    clock.now += 86_400 * SECOND
    assert limits.order_counts(8) == (0, 0)


@pytest.mark.anyio
async def test_headers_of_orders(venue):
    async def place(client, side="BUY", price="9"):
        reply = await client.call("POST", "/api/v3/order", **limit(side, "1", price))
        assert reply.status_code == 200
        return [reply.headers[f"x-mbx-order-count-{window}"] for window in ("10s", "1d")]

    assert await place(venue.alice) == ["1", "1"]
    assert await place(venue.alice) == ["2", "2"]
    assert await place(venue.bob) == ["1", "1"]
    # The first fill as taker takes one off, the first as maker five, later ones nothing.
    assert await place(venue.carol, "SELL", "9") == ["0", "0"]
    assert venue.exchange.limits.order_counts(venue.alice.account) == (0, 0)
    usage = await venue.bob.ok("GET", "/api/v3/rateLimit/order")
    assert [(u["interval"], u["intervalNum"], u["limit"], u["count"]) for u in usage] == [
        ("SECOND", 10, 100, 1), ("DAY", 1, 200_000, 1),
    ]  # fmt: skip


@pytest.mark.anyio
async def test_a_refused_order_does_not_count(venue):
    values = limit("BUY", "1000000", "9")
    assert (await venue.alice.error("POST", "/api/v3/order", **values))[1] == -2010
    assert venue.exchange.limits.order_counts(venue.alice.account) == (0, 0)


@pytest.mark.anyio
async def test_orders_beyond_the_limit(venue):
    await set_parameter(venue.engine, Parameter.ORDERS_PER_10_SECONDS, 10)
    replies = [
        await venue.alice.call("POST", "/api/v3/order", **limit("BUY", "1", "9")) for _ in range(30)
    ]
    refused = [error_of(r) for r in replies if r.status_code != 200]
    assert refused and set(refused) == {
        (429, -1015, "Too many new orders; current limit is 10 orders per 10 SECOND.")
    }
    assert all("retry-after" not in r.headers for r in replies)
    order = (await venue.alice.ok("GET", "/api/v3/openOrders"))[0]["orderId"]
    await venue.alice.ok("DELETE", "/api/v3/order", symbol="EXTUSD", orderId=order)


@pytest.mark.anyio
async def test_used_weight_is_on_every_reply(venue):
    async def used(client, method, path, **values) -> int:
        reply = await client.call(method, path, **values)
        assert reply.headers["x-mbx-used-weight"] == reply.headers["x-mbx-used-weight-1m"]
        return int(reply.headers["x-mbx-used-weight-1m"])

    at = await used(venue.public, "GET", "/api/v3/ping")
    assert await used(venue.public, "GET", "/api/v3/exchangeInfo") == at + 20
    assert await used(venue.public, "GET", "/api/v3/depth", symbol="NOPE") == at + 25
    assert await used(venue.public, "GET", "/api/v3/depth", symbol="EXTUSD", limit=5000) == at + 275
    assert await used(venue.alice, "POST", "/api/v3/order", **limit("BUY", "1", "9")) == at + 275
    assert await used(venue.alice, "DELETE", "/api/v3/openOrders", symbol="EXTUSD") == at + 275
    assert await used(venue.alice, "DELETE", "/api/v3/openOrders", symbol="EXTUSD") == at + 276
    assert await used(venue.alice, "GET", "/api/v3/openOrders") == at + 356


@pytest.mark.anyio
async def test_an_address_that_does_not_back_off(venue):
    await set_parameter(venue.engine, Parameter.REQUEST_WEIGHT_PER_MINUTE, 100)
    statuses = []
    for _ in range(STRIKES + 12):
        reply = await venue.public.call("GET", "/api/v3/exchangeInfo")
        statuses.append(reply.status_code)
        if reply.status_code != 200:
            assert error_of(reply)[1] == -1003 and int(reply.headers["retry-after"]) >= 1
    assert {200, 429, 418} == set(statuses)
    assert (await venue.alice.error("GET", "/api/v3/account"))[0] == 418
