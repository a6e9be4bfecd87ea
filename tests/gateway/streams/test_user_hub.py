"""User events over real sockets: what they say, to whom, to the last unit."""

import asyncio
import json
import random
from decimal import Decimal

import pytest

from excraft.messages.commands import Cause, Credit, Debit, Release, Reserve, Spend
from tests.gateway.clients import limit
from tests.gateway.streams.peers import Signer, ask, hear, until

pytestmark = pytest.mark.anyio
QUIET = "/ws-api/v3?returnRateLimits=false"
FIELDS = set("eEscSofqpPFgCxXrilzLnNTtIwmMOZYQV")


async def follow(socket, client) -> int:
    """Subscribe to a member's events; the number of the subscription."""
    reply = await ask(socket, "userDataStream.subscribe.signature", Signer.of(client).params())
    return reply["result"]["subscriptionId"]


async def events(socket, count: int) -> list[dict]:
    found = [await hear(socket) for _ in range(count)]
    return [message["event"] for message in found]


async def test_an_order_from_placing_to_its_end(venue, peer):
    async with peer.connect(QUIET) as socket:
        assert await follow(socket, venue.alice) == 0
        await venue.alice.limit("BUY", "2", "10.00", newClientOrderId="mine")
        new, position = await events(socket, 2)
        assert set(new) == FIELDS | {"W"}
        time = new["T"]
        assert new == {
            "e": "executionReport", "E": time, "s": "EXTUSD", "c": "mine", "S": "BUY",
            "o": "LIMIT", "f": "GTC", "q": "2.00000000", "p": "10.00000000", "P": "0.00000000",
            "F": "0.00000000", "g": -1, "C": "", "x": "NEW", "X": "NEW", "r": "NONE", "i": new["i"],
            "l": "0.00000000", "z": "0.00000000", "L": "0.00000000", "n": "0", "N": None, "T": time,
            "t": -1, "I": new["i"], "w": True, "m": False, "M": False, "O": time, "W": time,
            "Z": "0.00000000", "Y": "0.00000000", "Q": "0.00000000", "V": "NONE",
        }  # fmt: skip
        assert position == {
            "e": "outboundAccountPosition", "E": time, "u": time,
            "B": [{"a": "USD", "f": "999980.00000000", "l": "20.00000000"}],
        }  # fmt: skip
        await venue.bob.limit("SELL", "0.5", "10.00")
        trade, position = await events(socket, 2)
        assert (trade["x"], trade["X"], trade["c"], trade["m"]) == (
            "TRADE", "PARTIALLY_FILLED", "mine", True,
        )  # fmt: skip
        assert (trade["l"], trade["L"], trade["z"]) == ("0.50000000", "10.00000000", "0.50000000")
        assert (trade["Y"], trade["Z"]) == ("5.00000000", "5.00000000")
        assert (trade["n"], trade["N"], trade["t"], trade["w"]) == ("0.00050000", "EXT", 1, True)
        assert [b["a"] for b in position["B"]] == ["EXT", "USD"]
        await venue.alice.ok(
            "DELETE", "/api/v3/order", symbol="EXTUSD", origClientOrderId="mine",
            newClientOrderId="away",
        )  # fmt: skip
        gone, position = await events(socket, 2)
        assert (gone["x"], gone["X"], gone["c"], gone["C"], gone["w"]) == (
            "CANCELED", "CANCELED", "away", "mine", False,
        )  # fmt: skip
        assert position["B"] == [{"a": "USD", "f": "999995.00000000", "l": "0.00000000"}]


async def test_market_order_by_amount_ends_filled(venue, peer):
    await venue.bob.limit("SELL", "5", "10.00")
    async with peer.connect(QUIET) as socket:
        await follow(socket, venue.alice)
        await venue.alice.ok(
            "POST", "/api/v3/order", symbol="EXTUSD", side="BUY", type="MARKET",
            quoteOrderQty="20.001",
        )  # fmt: skip
        new, trade, position = await events(socket, 3)
    assert (new["x"], new["X"], new["Q"], new["o"]) == ("NEW", "NEW", "20.00100000", "MARKET")
    assert (trade["x"], trade["X"], trade["z"], trade["m"]) == (
        "TRADE", "FILLED", "2.00000000", False,
    )  # fmt: skip
    assert position["e"] == "outboundAccountPosition"


async def test_orders_that_expire_amend_wait_and_meet_themselves(venue, peer):
    async with peer.connect(QUIET) as socket:
        await follow(socket, venue.alice)
        order = limit("BUY", "1", "10.00") | {"timeInForce": "IOC"}
        await venue.alice.ok("POST", "/api/v3/order", **order)
        _, expired, _ = await events(socket, 3)
        assert (expired["x"], expired["X"], expired["eR"]) == (
            "EXPIRED", "EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED",
        )  # fmt: skip
        resting = await venue.alice.limit("BUY", "2", "10.00")
        await events(socket, 2)
        await venue.alice.ok(
            "PUT", "/api/v3/order/amend/keepPriority", symbol="EXTUSD",
            orderId=resting["orderId"], newQty="1",
        )  # fmt: skip
        amended, _ = await events(socket, 2)
        assert (amended["x"], amended["X"], amended["q"]) == ("REPLACED", "NEW", "1.00000000")
        await venue.alice.limit("SELL", "3", "10.00", selfTradePreventionMode="DECREMENT")
        found = [e for e in await events(socket, 4) if e["e"] == "executionReport"]
        taker, maker = found[1], found[2]
        assert taker["x"] == maker["x"] == "TRADE_PREVENTION"
        assert (taker["X"], maker["X"]) == ("NEW", "EXPIRED_IN_MATCH")
        assert (taker["B"], taker["pL"], taker["pY"]) == (
            "1.00000000", "10.00000000", "10.00000000",
        )  # fmt: skip
        assert (taker["U"], maker["U"]) == (maker["i"], taker["i"]) and taker["v"] == maker["v"]
        await venue.bob.limit("BUY", "2", "10.00")
        await events(socket, 2)
        await venue.alice.ok(
            "POST", "/api/v3/order", symbol="EXTUSD", side="BUY", type="STOP_LOSS_LIMIT",
            timeInForce="GTC", quantity="1", price="11.50", stopPrice="11.00",
        )  # fmt: skip
        waiting, _ = await events(socket, 2)
        assert (waiting["w"], waiting["P"], "W" in waiting) == (False, "11.00000000", False)
        await venue.carol.limit("SELL", "1", "11.00")
        await venue.bob.limit("BUY", "1", "11.00")
        woken, position = await events(socket, 2)
        assert (woken["x"], woken["X"], woken["w"]) == ("NEW", "NEW", True) and woken["W"] > 0


async def test_money_in_and_out(venue, peer):
    async with peer.connect(QUIET) as socket:
        await follow(socket, venue.alice)
        account = venue.alice.account
        for command in (
            Credit(account=account, asset=1, amount=2_500_000, cause=Cause.DEPOSIT),
            Debit(account=account, asset=1, amount=500_000, cause=Cause.WITHDRAWAL),
        ):
            await venue.engine.execute(command)
        came, first, went, second = await events(socket, 4)
    time = came["T"]
    assert came == {"e": "balanceUpdate", "E": time, "a": "USD", "d": "2.50000000", "T": time}
    assert went["d"] == "-0.50000000"
    assert first["B"] == [{"a": "USD", "f": "1000002.50000000", "l": "0.00000000"}]
    assert second["B"] == [{"a": "USD", "f": "1000002.00000000", "l": "0.00000000"}]


async def test_nobody_sees_the_events_of_others_and_balances_are_exact(venue, peer):
    clients, generator = [venue.alice, venue.bob, venue.carol], random.Random(7)
    async with peer.connect(QUIET) as one, peer.connect(QUIET) as two, peer.connect(QUIET) as three:
        sockets = [one, two, three]
        for socket, client in zip(sockets, clients, strict=True):
            await follow(socket, client)
        for _ in range(120):
            client = generator.choice(clients)
            price = f"{generator.randrange(980, 1021) / 100:.2f}"
            side = generator.choice(["BUY", "SELL"])
            reply = await client.call(
                "POST", "/api/v3/order", **limit(side, f"{generator.randrange(1, 40) / 10}", price)
            )
            assert reply.status_code in (200, 400), reply.text
        for client in clients:
            await client.call("DELETE", "/api/v3/openOrders", symbol="EXTUSD")
        await asyncio.sleep(0.2)
        for socket, client in zip(sockets, clients, strict=True):
            own = {
                o["orderId"] for o in await client.ok("GET", "/api/v3/allOrders", symbol="EXTUSD")
            }
            balances: dict[str, tuple[str, str]] = {}
            filled: dict[int, Decimal] = {}
            while True:
                try:
                    message = json.loads(await asyncio.wait_for(socket.recv(), 0.2))
                except TimeoutError:
                    break
                event = message["event"]
                if event["e"] == "executionReport":
                    assert event["i"] in own
                    filled[event["i"]] = filled.get(event["i"], Decimal(0)) + Decimal(event["l"])
                    assert filled[event["i"]] == Decimal(event["z"])
                else:
                    balances |= {b["a"]: (b["f"], b["l"]) for b in event["B"]}
            account = await client.ok("GET", "/api/v3/account")
            shown = {b["asset"]: (b["free"], b["locked"]) for b in account["balances"]}
            assert balances.keys() == {"EXT", "USD"}
            assert all(shown[asset] == pair for asset, pair in balances.items())


async def test_one_connection_may_follow_several_accounts_each_once(venue, peer):
    async with peer.connect(QUIET) as socket:
        assert [await follow(socket, venue.alice), await follow(socket, venue.bob)] == [0, 1]
        again = await ask(
            socket, "userDataStream.subscribe.signature", Signer.of(venue.alice).params()
        )
        assert again["error"]["code"] == -2035
        await venue.bob.limit("BUY", "1", "9.00")
        assert (await hear(socket))["subscriptionId"] == 1
        await hear(socket)
        await socket.send(
            '{"id":3,"method":"userDataStream.unsubscribe","params":{"subscriptionId":1}}'
        )
        ended = await hear(socket)
        assert ended["subscriptionId"] == 1 and ended["event"]["e"] == "eventStreamTerminated"
        assert await hear(socket) == {"id": 3, "status": 200, "result": {}}
        gone = await ask(socket, "userDataStream.unsubscribe", {"subscriptionId": 1})
        assert gone["error"] == {"code": -2036, "msg": "User Data Stream subscription not active."}
        await venue.bob.limit("BUY", "1", "9.00")
        await venue.alice.limit("BUY", "1", "9.00")
        assert (await hear(socket))["subscriptionId"] == 0


async def test_a_revoked_key_ends_its_streams_and_sessions(venue, peer):
    signer = peer.ed25519(venue.alice)
    async with peer.connect(QUIET) as socket:
        await ask(socket, "session.logon", signer.params())
        await ask(socket, "userDataStream.subscribe")
        peer.exchange.api_keys.revoke(signer.key)
        ended = await hear(socket, within=3)
        assert ended["event"]["e"] == "eventStreamTerminated"
        assert (await ask(socket, "session.status"))["result"]["apiKey"] is None
        await venue.alice.limit("BUY", "1", "9.00")
        with pytest.raises(TimeoutError):
            await hear(socket, within=0.3)


async def test_listen_keys_of_older_clients(venue, peer):
    headers = {"X-MBX-APIKEY": venue.alice.key}
    path = "/api/v3/userDataStream"
    async with peer.http() as http:
        key = (await http.post(path, headers=headers)).json()["listenKey"]
        assert (
            len(key) == 64 and key == (await http.post(path, headers=headers)).json()["listenKey"]
        )
        assert (await http.put(path, headers=headers, params={"listenKey": key})).json() == {}
        foreign = {"X-MBX-APIKEY": venue.bob.key}
        reply = await http.put(path, headers=foreign, params={"listenKey": key})
        assert (reply.status_code, reply.json()) == (
            400, {"code": -1125, "msg": "This listenKey does not exist."},
        )  # fmt: skip
        assert (await http.post(path)).json()["code"] == -2014
        assert (await http.put(path, headers=headers)).json()["code"] == -1102
        async with peer.connect(f"/ws/{key}") as plain, peer.connect("/stream") as combined:
            await ask(combined, "SUBSCRIBE", [key])
            await venue.alice.limit("BUY", "1", "9.00")
            report = await hear(plain)
            assert report["e"] == "executionReport"
            assert await hear(combined) == {"stream": key, "data": report}
            await http.request("DELETE", path, headers=headers, params={"listenKey": key})
            expired = await until(plain, lambda m: m["e"] == "listenKeyExpired")
            assert expired["listenKey"] == key
            await venue.alice.limit("BUY", "1", "9.00")
            with pytest.raises(TimeoutError):
                await hear(plain, within=0.3)


async def test_money_that_is_set_aside(venue, peer):
    async with peer.connect(QUIET) as socket:
        await follow(socket, venue.alice)
        money = {"account": venue.alice.account, "asset": 1, "cause": Cause.STAKE}
        await venue.engine.execute(Reserve(**money, amount=3_000_000))
        await venue.engine.execute(Release(**money, amount=1_000_000))
        await venue.engine.execute(Spend(**money, amount=500_000, fee=100_000))
        reserved, released, gone, spent = await events(socket, 4)
    assert reserved["B"] == [{"a": "USD", "f": "999997.00000000", "l": "3.00000000"}]
    assert released["B"] == [{"a": "USD", "f": "999998.00000000", "l": "2.00000000"}]
    assert (gone["e"], gone["d"]) == ("balanceUpdate", "-0.60000000")
    assert spent["B"] == [{"a": "USD", "f": "999998.00000000", "l": "1.40000000"}]
