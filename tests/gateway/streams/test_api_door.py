"""The WebSocket API over real sockets: sessions, orders, user data, errors."""

import asyncio
import json
import time

import pytest

from excraft.parameters import Parameter
from tests.gateway.clients import limit, set_parameter
from tests.gateway.streams.peers import Signer, ask, hear

pytestmark = pytest.mark.anyio
PATH = "/ws-api/v3"
QUIET = PATH + "?returnRateLimits=false"


async def test_public_methods_answer_as_rest_does(venue, peer):
    await venue.alice.limit("SELL", "2", "10.50")
    await venue.bob.limit("BUY", "1", "10.50")
    same = {
        "depth": ("depth", {"symbol": "EXTUSD", "limit": 5}),
        "trades.recent": ("trades", {"symbol": "EXTUSD"}),
        "trades.historical": ("historicalTrades", {"symbol": "EXTUSD", "fromId": 1}),
        "trades.aggregate": ("aggTrades", {"symbol": "EXTUSD"}),
        "klines": ("klines", {"symbol": "EXTUSD", "interval": "1m"}),
        "uiKlines": ("uiKlines", {"symbol": "EXTUSD", "interval": "1h"}),
        "ticker.price": ("ticker/price", {"symbols": ["EXTUSD", "ETHUSD"]}),
        "ticker.book": ("ticker/bookTicker", {}),
        "ping": ("ping", {}),
    }
    async with peer.connect(QUIET) as socket:
        for method, (path, values) in same.items():
            found = await ask(socket, method, values)
            assert found.keys() == {"id", "status", "result"}, found
            query = {
                k: json.dumps(v, separators=(",", ":")) if isinstance(v, list) else v
                for k, v in values.items()
            }
            assert found["result"] == await venue.public.ok("GET", f"/api/v3/{path}", **query)
        for method in ("time", "exchangeInfo", "v3/time"):
            assert (await ask(socket, method))["status"] == 200
        for method in ("avgPrice", "ticker", "ticker.24hr", "ticker.tradingDay"):
            assert (await ask(socket, method, {"symbol": "EXTUSD"}))["status"] == 200


async def test_rate_limits_are_shown_unless_not_wanted(venue, peer):
    async with peer.connect(PATH) as socket:
        reply = await ask(socket, "time")
        (limit_shown,) = reply["rateLimits"]
        assert limit_shown | {"count": 0} == {
            "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
            "limit": 6000, "count": 0,
        }  # fmt: skip
        assert limit_shown["count"] >= 3  # two of them for connecting
        assert "rateLimits" not in await ask(socket, "time", {"returnRateLimits": False})
        signer = Signer.of(venue.alice)
        placed = await ask(socket, "order.place", signer.params(**limit("BUY", "1", "9.00")))
        assert [(r["rateLimitType"], r["interval"]) for r in placed["rateLimits"]] == [
            ("ORDERS", "SECOND"), ("ORDERS", "DAY"), ("REQUEST_WEIGHT", "MINUTE"),
        ]  # fmt: skip
        assert placed["rateLimits"][0]["count"] == 1
    async with peer.connect(QUIET) as socket:
        assert "rateLimits" not in await ask(socket, "time")
        assert "rateLimits" in await ask(socket, "time", {"returnRateLimits": True})


async def test_an_order_is_placed_asked_for_amended_and_cancelled(venue, peer):
    signer = Signer.of(venue.alice)
    async with peer.connect(QUIET) as socket:
        placed = await ask(
            socket, "order.place",
            signer.params(**limit("BUY", "2", "9.00", newClientOrderId="mine")), "first",
        )  # fmt: skip
        assert placed["id"] == "first" and placed["status"] == 200
        assert placed["result"]["status"] == "NEW" and placed["result"]["clientOrderId"] == "mine"
        number = placed["result"]["orderId"]
        named = {"symbol": "EXTUSD", "orderId": number}
        shown = await ask(socket, "order.status", signer.params(**named))
        assert shown["result"] == await venue.alice.ok("GET", "/api/v3/order", **named)
        opened = await ask(socket, "openOrders.status", signer.params(symbol="EXTUSD"))
        assert opened["result"] == [shown["result"]]
        amended = await ask(
            socket, "order.amend.keepPriority", signer.params(**named, newQty="1.5")
        )
        assert amended["result"]["amendedOrder"]["qty"] == "1.50000000"
        gone = await ask(socket, "order.cancel", signer.params(**named))
        assert gone["result"]["status"] == "CANCELED"
        assert gone["result"]["origClientOrderId"] == "mine"
        twice = await ask(socket, "order.cancel", signer.params(**named))
        assert (twice["status"], twice["error"]) == (
            400, {"code": -2011, "msg": "Unknown order sent."},
        )  # fmt: skip
        listed = await ask(socket, "allOrders", signer.params(symbol="EXTUSD"))
        assert [o["orderId"] for o in listed["result"]] == [number]


async def test_every_other_signed_method_answers(venue, peer):
    signer = Signer.of(venue.alice)
    symbol = {"symbol": "EXTUSD"}
    async with peer.connect(QUIET) as socket:
        for method, values in (
            ("order.test", limit("BUY", "1", "9.00")),
            ("myTrades", symbol), ("account.status", {"omitZeroBalances": True}),
            ("account.commission", symbol), ("account.rateLimits.orders", {}),
            ("openOrders.status", {}), ("myFilters", symbol), ("allOrderLists", {}),
            ("openOrderLists.status", {}), ("myAllocations", symbol),
        ):  # fmt: skip
            reply = await ask(socket, method, signer.params(**values))
            assert reply["status"] == 200, (method, reply)
        for price in ("8.00", "8.01"):
            await ask(socket, "order.place", signer.params(**limit("BUY", "1", price)))
        gone = await ask(socket, "openOrders.cancelAll", signer.params(**symbol))
        assert len(gone["result"]) == 2
        first = await ask(socket, "order.place", signer.params(**limit("BUY", "1", "8.00")))
        replaced = await ask(
            socket, "order.cancelReplace",
            signer.params(
                **limit("BUY", "1", "8.50"), cancelReplaceMode="STOP_ON_FAILURE",
                cancelOrderId=first["result"]["orderId"],
            ),
        )  # fmt: skip
        assert replaced["result"]["cancelResult"] == "SUCCESS", replaced


async def test_numbers_are_signed_as_they_are_written(venue, peer):
    signer = Signer.of(venue.alice)
    stamp = time.time_ns() // 1_000_000
    text = (f"apiKey={signer.key}&omitZeroBalances=true&recvWindow=5000.500"
            f"&timestamp={stamp}")  # fmt: skip
    signature = signer.sign(text.encode())
    request = (
        f'{{"id":1,"method":"account.status","params":{{"recvWindow":5000.500,'
        f'"omitZeroBalances":true, "timestamp":{stamp},"apiKey":"{signer.key}",'
        f'"signature":"{signature.upper()}"}}}}'
    )
    async with peer.connect(QUIET) as socket:
        await socket.send(request)
        assert (await hear(socket))["status"] == 200


async def test_a_session_needs_no_signatures_and_ends(venue, peer):
    signer = peer.ed25519(venue.alice)
    async with peer.connect(PATH) as socket:
        before = (await ask(socket, "session.status"))["result"]
        assert before["apiKey"] is None and before["authorizedSince"] is None
        found = (await ask(socket, "session.logon", signer.params()))["result"]
        assert found.keys() == {"apiKey", "authorizedSince", "connectedSince",
                                "returnRateLimits", "serverTime", "userDataStream"}  # fmt: skip
        assert found["apiKey"] == signer.key and found["userDataStream"] is False
        now = time.time_ns() // 1_000_000
        placed = await ask(socket, "order.place", limit("BUY", "1", "9.00", timestamp=now))
        assert placed["status"] == 200, placed
        assert (await ask(socket, "userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
        again = await ask(socket, "userDataStream.subscribe")
        assert again["error"] == {
            "code": -2035, "msg": "User Data Stream subscription already active.",
        }  # fmt: skip
        assert (await ask(socket, "session.subscriptions"))["result"] == [{"subscriptionId": 0}]
        assert (await ask(socket, "session.status"))["result"]["userDataStream"] is True
        await socket.send('{"id":2,"method":"session.logout"}')
        assert (await hear(socket)) == {
            "subscriptionId": 0,
            "event": {"e": "eventStreamTerminated", "E": pytest.approx(now, abs=9e3)},
        }  # fmt: skip
        assert (await hear(socket))["result"]["apiKey"] is None
        refused = await ask(socket, "order.place", limit("BUY", "1", "9.00", timestamp=now))
        assert refused["error"]["msg"] == (
            "Mandatory parameter 'apiKey' was not sent, was empty/null, or malformed."
        )


async def test_only_ed25519_keys_may_log_on(venue, peer):
    async with peer.connect(QUIET) as socket:
        reply = await ask(socket, "session.logon", Signer.of(venue.alice).params())
        assert (reply["status"], reply["error"]) == (
            400, {"code": -4056, "msg": "HMAC_SHA256 API key is not supported."},
        )  # fmt: skip
        reply = await ask(socket, "userDataStream.subscribe")
        assert (reply["status"], reply["error"]["code"]) == (401, -1002)


async def test_who_asks_wrongly_is_refused_and_nothing_changes(venue, peer):
    signer, other = Signer.of(venue.alice), Signer.of(venue.bob)
    order, before = limit("BUY", "1", "9.00"), venue.engine.position
    now = time.time_ns() // 1_000_000
    good = signer.params(**order)
    mandatory = "Mandatory parameter '%s' was not sent, was empty/null, or malformed."
    table = [
        (order, -1102, mandatory % "apiKey"),
        ({**good, "apiKey": "no"}, -2015, "Invalid API-key, IP, or permissions for action."),
        ({**good, "apiKey": "!"}, -2014, "API-key format invalid."),
        ({**good, "apiKey": other.key}, -1022, "Signature for this request is not valid."),
        ({**good, "price": "9.01"}, -1022, "Signature for this request is not valid."),
        ({k: v for k, v in good.items() if k != "signature"}, -1102, mandatory % "signature"),
        ({k: v for k, v in good.items() if k != "timestamp"}, -1102, mandatory % "timestamp"),
        (signer.params(**order, timestamp=now - 6000), -1021,
         "Timestamp for this request is outside of the recvWindow."),
        (signer.params(**order, timestamp=now + 60_000), -1021,
         "Timestamp for this request was 1000ms ahead of the server's time."),
        (signer.params(**order, recvWindow=60_001), -1131, "'recvWindow' must be less"),
        (signer.params(**order, surplus=1), -1104, "Not all sent parameters were read"),
        (signer.params(**(order | {"price": 1e400})), -1100, "Illegal characters"),
        (signer.params(**(order | {"quantity": "NaN"})), -1100, "Illegal characters"),
        (signer.params(**(order | {"quantity": ""})), -1105, "Parameter 'quantity' was empty."),
        (signer.params(**(order | {"symbol": "NONE"})), -1121, "Invalid symbol."),
        (signer.params(**(order | {"quantity": "999999"})), -2010,
         "Account has insufficient balance for requested action."),
    ]  # fmt: skip
    async with peer.connect(QUIET) as socket:
        for params, code, words in table:
            text = json.dumps({"id": 7, "method": "order.place", "params": params})
            await socket.send(text.replace("Infinity", "1e400"))
            reply = await hear(socket)
            assert reply["id"] == 7 and reply["status"] >= 400, (params, reply)
            assert reply["error"]["code"] == code, (params, reply)
            assert reply["error"]["msg"].startswith(words), (params, reply)
    assert venue.engine.position == before + 1  # the one that the kernel itself refused
    assert not venue.engine.orders.open(venue.alice.account)


NO_REQUESTS = [
    ("", None, -1135, "Invalid JSON Request"),
    ("{", None, -1135, "Invalid JSON Request"),
    ("[" * 20_000, None, -1135, "Invalid JSON Request"),
    ('{"id":1,"method":"time","params":' + '{"a":' * 5_000, None, -1135, "Invalid JSON Request"),
    ("[]", None, -1135, "Invalid JSON Request"),
    ('{"id":5}', 5, -1102, "Mandatory parameter 'method' was not sent"),
    ('{"id":"é","method":1}', "é", -1135, "Invalid 'method' in JSON request; expected a string."),
    ('{"id":5,"method":"time","params":[]}', 5, -1135,
     "Invalid 'params' in JSON request; expected an object."),
    ('{"id":{},"method":"time"}', None, -1135, "Invalid 'id' in JSON request"),
    ('{"id":1.5,"method":"time"}', None, -1135, "Invalid 'id' in JSON request"),
    ('{"id":1e400,"method":"time"}', None, -1135, "Invalid 'id' in JSON request"),
    ('{"id":5,"method":"nothing.here"}', 5, -1020, "This operation is not supported."),
    ('{"id":5,"method":"time","params":{"x":1}}', 5, -1101, "Too many parameters"),
    ('{"id":5,"method":"depth","params":{"symbol":null}}', 5, -1102, "Mandatory parameter"),
    ('{"id":5,"method":"depth","params":{"symbol":["EXTUSD"]}}', 5, -1100, "Illegal"),
    ('{"id":5,"method":"depth","params":{"symbol":"EXT\\u0055SD","limit":-1}}', 5, -1100, "Ill"),
    ('{"id":5,"method":"depth","params":{"symbol":"EXTUSD","limit":1e400}}', 5, -1100, "Illegal"),
    ('{"id":5,"method":"time","params":{"returnRateLimits":"maybe"}}', 5, -1100, "Illegal"),
]  # fmt: skip


async def test_what_is_no_request_gets_an_error_and_the_connection_stays(peer):
    async with peer.connect(QUIET) as socket:
        for text, number, code, words in NO_REQUESTS:
            await socket.send(text)
            reply = await hear(socket)
            assert reply.keys() == {"id", "status", "error"}, (text[:60], reply)
            assert reply["id"] == number and reply["error"]["code"] == code, (text[:60], reply)
            assert reply["error"]["msg"].startswith(words), (text[:60], reply)
        assert (await ask(socket, "ping"))["result"] == {}


async def test_what_is_no_request_has_a_weight_too(peer):
    async with peer.connect("/ws-api/v3") as socket:
        counts = []
        for _ in range(2):
            await socket.send("{")
            counts.append((await hear(socket))["rateLimits"][0]["count"])
        assert counts[1] == counts[0] + 1


async def test_many_requests_are_under_way_at_once_and_each_is_answered(venue, peer):
    signer = peer.ed25519(venue.alice)
    async with peer.connect(QUIET) as socket:
        await ask(socket, "session.logon", signer.params())
        now = time.time_ns() // 1_000_000
        for number in range(80):
            order = limit("BUY", "1", "5.00", newClientOrderId=f"c{number}", timestamp=now)
            await socket.send(json.dumps({"id": number, "method": "order.place", "params": order}))
        replies = [await hear(socket) for _ in range(80)]
    assert {r["id"]: r["result"]["clientOrderId"] for r in replies} == {
        number: f"c{number}" for number in range(80)
    }
    ids = [r["result"]["orderId"] for r in sorted(replies, key=lambda r: r["id"])]
    assert ids == sorted(ids)  # in the order in which they came


async def test_too_much_weight_is_429_with_retry_after(venue, peer):
    await set_parameter(venue.engine, Parameter.REQUEST_WEIGHT_PER_MINUTE, 100)
    async with peer.connect(QUIET) as socket:
        async with asyncio.timeout(5):
            while (reply := await ask(socket, "exchangeInfo"))["status"] == 200:
                pass
    assert reply["status"] == 429 and reply["error"]["code"] == -1003
    data = reply["error"]["data"]
    assert 0 < data["retryAfter"] - data["serverTime"] <= 61_000
