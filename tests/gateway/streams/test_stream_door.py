"""The market streams over real sockets: subscriptions, properties, addresses, errors."""

import asyncio
import json

import pytest

from tests.gateway.streams.peers import ask, hear, until

pytestmark = pytest.mark.anyio


async def test_raw_stream_brings_trades_with_the_documented_fields(venue, peer):
    async with peer.connect("/ws/extusd@trade") as socket:
        await venue.alice.limit("SELL", "2", "10.50")
        await venue.bob.limit("BUY", "1.5", "10.60")
        trade = await hear(socket)
    assert trade["T"] == trade["E"] > 1_600_000_000_000
    assert trade | {"E": 0, "T": 0} == {
        "e": "trade", "E": 0, "s": "EXTUSD", "t": 1, "p": "10.50000000", "q": "1.50000000",
        "T": 0, "m": False, "M": True,
    }  # fmt: skip


async def test_several_streams_in_the_address_and_combined_wrapping(venue, peer):
    async with (
        peer.connect("/ws/extusd@trade/extusd@aggTrade") as plain,
        peer.connect("/stream?streams=extusd@trade/extusd@aggTrade") as combined,
    ):
        await venue.alice.limit("SELL", "2", "10.50")
        await venue.bob.limit("BUY", "1.5", "10.60")
        raw = [await hear(plain), await hear(plain)]
        wrapped = [await hear(combined), await hear(combined)]
    assert [m["e"] for m in raw] == ["trade", "aggTrade"]
    assert [m["stream"] for m in wrapped] == ["extusd@trade", "extusd@aggTrade"]
    assert [m["data"] for m in wrapped] == raw
    agg = raw[1]
    assert agg | {"E": 0, "T": 0} == {
        "e": "aggTrade", "E": 0, "s": "EXTUSD", "a": 1, "p": "10.50000000", "q": "1.50000000",
        "f": 1, "l": 1, "T": 0, "m": False, "M": True,
    }  # fmt: skip


async def test_aggregate_trades_agree_with_rest(venue, peer):
    async with peer.connect("/ws/extusd@aggTrade") as socket:
        for price in ("10.00", "10.00", "10.01"):
            await venue.alice.limit("SELL", "1", price)
        await venue.bob.limit("BUY", "3", "10.01")
        heard = [await hear(socket), await hear(socket)]
    told = await venue.public.ok("GET", "/api/v3/aggTrades", symbol="EXTUSD")
    assert [{k: v for k, v in m.items() if k not in "eEs"} for m in heard] == told
    assert [(m["f"], m["l"]) for m in heard] == [(1, 2), (3, 3)]


@pytest.mark.parametrize("path", ["/ws", "/ws/0", "/ws/no@such/thing", "/stream", "/ws/"])
async def test_an_address_without_meaning_stays_open(venue, peer, path):
    async with peer.connect(path) as socket:
        assert await ask(socket, "LIST_SUBSCRIPTIONS") == {"result": [], "id": 1}
        reply = await ask(socket, "SUBSCRIBE", ["extusd@bookTicker"], "a-b_9")
        assert reply == {"result": None, "id": "a-b_9"}
        await venue.alice.limit("BUY", "1", "9.00")
        found = await until(socket, lambda m: True)
        found = found.get("data", found)
        assert found == {"u": 1, "s": "EXTUSD", "b": "9.00000000", "B": "1.00000000",
                         "a": "0.00000000", "A": "0.00000000"}  # fmt: skip


async def test_subscriptions_come_and_go(venue, peer):
    async with peer.connect("/ws") as socket:
        names = ["extusd@trade", "extusd@depth", "extusd@trade", "never@heard"]
        assert await ask(socket, "SUBSCRIBE", names, None) == {"result": None, "id": None}
        listed = await ask(socket, "LIST_SUBSCRIPTIONS", number=-(1 << 63))
        assert listed == {"result": ["extusd@trade", "extusd@depth", "never@heard"],
                          "id": -(1 << 63)}  # fmt: skip
        await ask(socket, "UNSUBSCRIBE", ["extusd@trade", "not@there"])
        listed = await ask(socket, "LIST_SUBSCRIPTIONS")
        assert listed["result"] == ["extusd@depth", "never@heard"]
        assert await ask(socket, "GET_PROPERTY", ["combined"]) == {"result": False, "id": 1}
        assert await ask(socket, "SET_PROPERTY", ["combined", True]) == {"result": None, "id": 1}
        assert (await ask(socket, "GET_PROPERTY", ["combined"]))["result"] is True
        await venue.alice.limit("BUY", "1", "9.00")
        found = await hear(socket)
        assert found["stream"] == "extusd@depth" and found["data"]["e"] == "depthUpdate"


VARIANTS = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"
MALFORMED = [
    ("", 3, "Invalid JSON: expected value at line 1 column 0"),
    ("{", 3, "Invalid JSON"),
    ('{"id":1,\n"method":x}', 3, "Invalid JSON: expected value at line 2 column 9"),
    ("[" * 20_000, 3, "Invalid JSON"),
    ('{"a":' * 5_000, 3, "Invalid JSON"),
    ("[]", 2, "Invalid request"),
    ("null", 2, "Invalid request"),
    ('{"method":"SUBSCRIBE","params":["a@trade"]}', 2,
     "Invalid request: request ID must be an unsigned integer"),
    ('{"id":1.5,"method":"SUBSCRIBE","params":["a@trade"]}', 2, "Invalid request: request ID"),
    ('{"id":true,"method":"SUBSCRIBE","params":["a@trade"]}', 2, "Invalid request: request ID"),
    ('{"id":9223372036854775808,"method":"SUBSCRIBE"}', 2, "Invalid request: request ID"),
    ('{"id":"%s","method":"SUBSCRIBE"}' % ("x" * 37), 2, "Invalid request: request ID"),
    ('{"id":[],"method":"SUBSCRIBE"}', 2, "Invalid request: request ID"),
    ('{"id":1}', 2, "Invalid request: missing field `method` at line 1 column 8"),
    ('{"id":1,"method":"subscribe"}', 2,
     f"Invalid request: unknown variant `subscribe`, expected one of {VARIANTS} at line 1"),
    ('{"id":1,"method":7}', 2, "Invalid request: unknown variant"),
    ('{"id":1,"method":[]}', 2, "Invalid request: unknown variant"),
    ('{"id":1,"method":"SUBSCRIBE"}', 2, "Invalid request"),
    ('{"id":1,"method":"SUBSCRIBE","params":[]}', 2, "Invalid request"),
    ('{"id":1,"method":"SUBSCRIBE","params":"a@trade"}', 2, "Invalid request"),
    ('{"id":1,"method":"SUBSCRIBE","params":[1]}', 2, "Invalid request"),
    ('{"id":1,"method":"LIST_SUBSCRIPTIONS","params":[1]}', 2,
     "Invalid request: too many parameters"),
    ('{"id":1,"method":"GET_PROPERTY"}', 2,
     "Invalid request: property name must be a string"),
    ('{"id":1,"method":"GET_PROPERTY","params":[1]}', 2,
     "Invalid request: property name must be a string"),
    ('{"id":1,"method":"GET_PROPERTY","params":["other"]}', 0, "Unknown property"),
    ('{"id":1,"method":"GET_PROPERTY","params":["combined",true]}', 2,
     "Invalid request: too many parameters"),
    ('{"id":1,"method":"SET_PROPERTY","params":["combined"]}', 1,
     "Invalid value type: expected Boolean"),
    ('{"id":1,"method":"SET_PROPERTY","params":["combined",1]}', 1,
     "Invalid value type: expected Boolean"),
]  # fmt: skip


async def test_malformed_messages_get_the_documented_errors(peer):
    for text, code, words in MALFORMED:
        async with peer.connect("/ws") as socket:
            await socket.send(text)
            reply = await hear(socket)
            assert set(reply) == {"code", "msg", "id"}, text[:60]
            assert (reply["code"], reply["msg"][: len(words)]) == (code, words), text[:60]
            assert (await ask(socket, "LIST_SUBSCRIPTIONS"))["result"] == []


async def test_times_in_microseconds_when_asked_for(venue, peer):
    async with (
        peer.connect("/ws/extusd@trade?timeUnit=MICROSECOND") as micro,
        peer.connect("/ws/extusd@trade?timeUnit=millisecond") as milli,
    ):
        await venue.alice.limit("SELL", "1", "10.50")
        await venue.bob.limit("BUY", "1", "10.50")
        assert (await hear(micro))["T"] // 1000 == (await hear(milli))["T"]


async def test_a_wrong_time_unit_is_refused_in_the_handshake(peer):
    reply = await refused(peer, "/ws?timeUnit=HOUR")
    assert reply == (400, {
        "code": -1194,
        "msg": "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",
    })  # fmt: skip


async def refused(peer, path: str):
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus) as caught:
        async with peer.connect(path):
            pass
    response = caught.value.response
    return response.status_code, json.loads(response.body)


STREAMS = [
    "extusd@ticker", "extusd@miniTicker", "!miniTicker@arr", "extusd@avgPrice", "extusd@ticker_1h",
    "extusd@ticker_4h", "extusd@ticker_1d", "!ticker_1h@arr", "extusd@depth5", "extusd@depth10",
    "extusd@depth20", "extusd@depth5@100ms", "extusd@depth", "extusd@depth@100ms",
    "extusd@kline_1s", "extusd@kline_1m", "extusd@kline_1M", "extusd@kline_1d@+08:00",
]  # fmt: skip


async def test_every_stream_says_something_after_a_trade(venue, peer):
    async with peer.connect("/stream?streams=" + "/".join(STREAMS)) as socket:
        await venue.alice.limit("SELL", "2", "10.50")
        await venue.bob.limit("BUY", "1", "10.50")
        heard: dict[str, list] = {}
        async with asyncio.timeout(8):
            while set(heard) != set(STREAMS) or heard["extusd@ticker"][-1]["n"] == 0:
                message = json.loads(await socket.recv())
                heard.setdefault(message["stream"], []).append(message["data"])
    ticker = heard["extusd@ticker"][-1]
    assert set(ticker) == set("epPwxcQbBaAohlvqOCFLnEs") and ticker["e"] == "24hrTicker"
    assert set(heard["extusd@miniTicker"][-1]) == set("eEscohlvq")
    assert heard["!miniTicker@arr"][-1][0] == heard["extusd@miniTicker"][-1] | {
        "E": heard["!miniTicker@arr"][-1][0]["E"]
    }
    kline = heard["extusd@kline_1m"][-1]
    assert set(kline) == set("eEsk") and set(kline["k"]) == set("tTsifLochlvnxqVQB")
    assert kline["k"]["T"] - kline["k"]["t"] == 59_999 and kline["k"]["x"] is False
    assert set(heard["extusd@depth"][-1]) == set("eEsUuba")
    assert set(heard["extusd@depth5"][-1]) == {"lastUpdateId", "bids", "asks"}
    assert heard["extusd@ticker_1h"][-1]["e"] == "1hTicker"
    assert set(heard["extusd@avgPrice"][-1]) == set("eEsiwT")


async def test_all_sixteen_intervals_are_streams(venue, peer):
    from excraft.marketdata import INTERVALS

    await venue.alice.limit("SELL", "1", "10.50")
    await venue.bob.limit("BUY", "1", "10.50")
    names = [f"extusd@kline_{i}" for i in INTERVALS] + [
        f"extusd@kline_{i}@+08:00" for i in INTERVALS
    ]
    async with peer.connect("/stream?streams=" + "/".join(names)) as socket:
        heard = set()
        async with asyncio.timeout(5):
            while heard != set(names):
                message = json.loads(await socket.recv())
                heard.add(message["stream"])
                assert message["data"]["k"]["i"] == message["stream"].split("_")[1].split("@")[0]
