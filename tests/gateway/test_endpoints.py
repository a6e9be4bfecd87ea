"""Every parameter of every endpoint, wrong in type, range, precision and encoding: the exact code,
and not one bit of the exchange's state moves."""

import hashlib
import hmac
from urllib.parse import quote

import pytest

from excraft.accounts.api_keys import Bounds
from excraft.gateway.endpoints import ENDPOINTS, Endpoint, Security
from excraft.gateway.spot import params
from excraft.parameters import RULES, Parameter
from tests.gateway.clients import error_of, now_ms, set_parameter

pytestmark = pytest.mark.anyio

# Values with which every endpoint works, by parameter name.
GOOD = {
    "symbol": "EXTUSD", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1",
    "price": "9", "newQty": "1", "orderId": "1", "interval": "1m",
    "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": "1",
    "coin": "EXT", "address": "0x" + "b0" * 20, "amount": "1",
}  # fmt: skip
NUMBER = ["abc", "-1", "1e400", "NaN", "Infinity", " 1", "1,5", "0x10", "１", "+1", "'1'"]
WRONG: dict[str, list[tuple[str, int]]] = {
    "DECIMAL": [(text, -1100) for text in [*NUMBER, ".5", "1.", "1" * 21, "0." + "1" * 21]]
    + [("0.123456789", -1111)],
    "LONG": [(text, -1100) for text in [*NUMBER, "1.5", "1" * 21]] + [("9" * 20, -1108)],
    "INT": [(text, -1100) for text in [*NUMBER, "1.5", "1" * 21]] + [("9" * 20, -1108)],
    "BOOLEAN": [("maybe", -1100), ("1", -1100), ("tRue", -1100)],
    "SYMBOL": [("extusd", -1100), ("EXT/USD", -1100), ("A" * 21, -1100), ("ÄÖ", -1100),
               ("EXT USD", -1100), ("NOPE", -1121)],
    "SYMBOLS": [("EXTUSD", -1100), ('["EXTUSD"', -1100), ("[]", -1100), ("[1]", -1100),
                ('["extusd"]', -1100), ('["EXTUSD","EXTUSD"]', -1151), ('["NOPE"]', -1121),
                ("[" * 5000, -1100), ('[["EXTUSD"]]', -1100)],
    "CLIENT_ID": [("a b", -1100), ("ä", -1100), ("x" * 37, -1100), ("a\0b", -1100),
                  ("a'b", -1100), ("日本", -1100)],
    "WINDOW": [("abc", -1100), ("1.2345", -1100), ("-1", -1100), ("60000.001", -1131),
               ("60001", -1131)],
    "ZONE": [("abc", -1130), ("15", -1130), ("-13", -1130), ("5:99", -1130), ("8:", -1130)],
    "SPAN": [("0m", -1130), ("60m", -1130), ("24h", -1130), ("8d", -1130), ("1w", -1130)],
}  # fmt: skip
ENUMS = {
    "side": -1117, "type": -1116, "timeInForce": -1115, "interval": -1120, "symbolStatus": -1122,
    "cancelRestrictions": -1145, "pegPriceType": -1210, "pegOffsetType": -1211,
}  # fmt: skip
RANGES = {"limit": [("0", -1130)], "pegOffsetValue": [("101", -1130)],
          "strategyType": [("999999", -1134)]}  # fmt: skip


def wrong_values(endpoint: Endpoint, param: params.Param) -> list[tuple[str, int]]:
    """(text, code) pairs for a parameter; the empty text is wrong for all of them."""
    kinds = {params.SYMBOL: "SYMBOL", params.SYMBOLS: "SYMBOLS", params.CLIENT_ID: "CLIENT_ID",
             params.WINDOW: "WINDOW", params.ZONE: "ZONE", params.SPAN: "SPAN"}  # fmt: skip
    found = [("", -1102 if param.required else -1105)]
    if param.kind is params.NAME:
        return found
    kind = kinds.get(param.kind, param.kind.shown)
    if kind == "ENUM":
        code = ENUMS.get(param.name, -1130)
        if param.name == "type" and param.kind is params.TICKER:
            code = -1139
        return found + [(text, code) for text in ("NOPE", "buy", "1", "ü", "\0")]
    return found + WRONG[kind] + RANGES.get(param.name, [])


def good_values(endpoint: Endpoint) -> dict[str, str]:
    needed = {p.name: GOOD[p.name] for p in endpoint.spec.params if p.required}
    if any(p.name == "timeInForce" for p in endpoint.spec.params):
        needed |= {"timeInForce": "GTC", "quantity": "1", "price": "9"}
    for name in ("orderId", "cancelOrderId"):
        if any(p.name == name for p in endpoint.spec.params) and endpoint.method != "GET":
            needed[name] = "1"
    return needed


def signed(client, endpoint: Endpoint, query: str) -> str:
    """The path with a raw query, which is signed exactly as it is."""
    if endpoint.security is Security.NONE:
        return f"{endpoint.path}?{query}"
    query = f"{query}&timestamp={now_ms()}".lstrip("&")
    made = hmac.new(client.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
    return f"{endpoint.path}?{query}&signature={made}"


async def ask(client, endpoint: Endpoint, query: str):
    headers = {} if endpoint.security is Security.NONE else {"X-MBX-APIKEY": client.key}
    return await client.http.request(
        endpoint.method, signed(client, endpoint, query), headers=headers
    )


@pytest.fixture
async def unlimited(venue):
    """The exchange with limits so high that no test meets them, and a key that may do all."""
    everything = ["READ", "TRADE", "WITHDRAW"]
    made = venue.exchange.api_keys.create(
        venue.alice.member, "HMAC", permissions=everything, bounds=Bounds(("192.0.2.1",))
    )
    venue.alice.key, venue.alice.secret = made.key, made.secret
    for parameter in (Parameter.REQUEST_WEIGHT_PER_MINUTE, Parameter.RAW_REQUESTS_PER_5_MINUTES):
        await set_parameter(venue.engine, parameter, RULES[parameter].high)
    return venue


def encoded(values: dict[str, str]) -> str:
    return "&".join(f"{name}={quote(text, safe='')}" for name, text in values.items())


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
async def test_wrong_parameters(unlimited, endpoint):
    before, found = unlimited.engine.state_hash(), []
    for param in endpoint.spec.params:
        for text, code in wrong_values(endpoint, param):
            values = good_values(endpoint) | {param.name: text}
            if param.name == "symbols":
                values.pop("symbol", None)
            status, got, _ = error_of(await ask(unlimited.alice, endpoint, encoded(values)))
            if (status, got) != (400, code):
                found.append((param.name, text[:40], code, status, got))
    assert not found
    assert unlimited.engine.state_hash() == before


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
async def test_wrong_requests(unlimited, endpoint):
    """Missing, unknown, repeated and undecodable parameters."""
    before, good = unlimited.engine.state_hash(), good_values(endpoint)
    for param in (p for p in endpoint.spec.params if p.required):
        less = {name: text for name, text in good.items() if name != param.name}
        _, code, text = error_of(await ask(unlimited.alice, endpoint, encoded(less)))
        assert (code, f"'{param.name}'" in text) == (-1102, True)
    full = encoded(good)
    wanted = {f"{full}&a=%FF": -1100, f"{full}&a=1&a=2": -1101, f"{full}&a=%C3": -1100}
    if type(endpoint.spec) is params.Spec:  # the others are refused for a better reason
        wanted[f"{full}&unknown=1"] = -1104 if endpoint.spec.params else -1101
    for query, code in wanted.items():
        status, got, _ = error_of(await ask(unlimited.alice, endpoint, query.lstrip("&")))
        assert (status, got) == (400, code), query
    assert unlimited.engine.state_hash() == before


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
async def test_who_may_call(unlimited, endpoint):
    """Without a key, with an unknown one, with one that may not: nothing is told, nothing moves."""
    query, before = encoded(good_values(endpoint)), unlimited.engine.state_hash()
    if endpoint.security is Security.NONE:
        reply = await unlimited.http.get(f"{endpoint.path}?{query}")
        assert reply.status_code == 200 or reply.json()["code"] == -1102, reply.text
        return
    other = "READ" if endpoint.security is Security.TRADE else "TRADE"
    keys = unlimited.exchange.api_keys
    poor = keys.create(unlimited.alice.member, "HMAC", permissions=[other])
    for key, code in (("", -2014), ("ä" * 64, -2014), ("x" * 64, -2015), (poor.key, -2015)):
        reply = await unlimited.http.request(
            endpoint.method, signed(unlimited.alice, endpoint, query),
            headers=[(b"x-mbx-apikey", key.encode())],
        )  # fmt: skip
        assert error_of(reply)[:2] == (401, code)
    unsigned = await unlimited.http.request(
        endpoint.method, f"{endpoint.path}?{query}", headers={"X-MBX-APIKEY": unlimited.alice.key}
    )
    assert error_of(unsigned)[1] == -1102
    tampered = signed(unlimited.alice, endpoint, query).replace("timestamp=1", "timestamp=01")
    reply = await unlimited.http.request(
        endpoint.method, tampered, headers={"X-MBX-APIKEY": unlimited.alice.key}
    )
    assert error_of(reply)[:2] == (400, -1022)
    assert unlimited.engine.state_hash() == before


def test_no_endpoint_twice():
    assert len({(e.method, e.path) for e in ENDPOINTS}) == len(ENDPOINTS)


def test_weights_are_the_documented_ones():
    documented = {
        "ping": 1, "time": 1, "exchangeInfo": 20, "trades": 25, "historicalTrades": 25,
        "aggTrades": 4, "klines": 2, "uiKlines": 2, "avgPrice": 2, "account": 20,
        "allOrders": 20, "rateLimit/order": 40, "account/commission": 20, "myFilters": 40,
        "orderList": 4, "allOrderList": 20, "openOrderList": 6, "myAllocations": 20,
    }  # fmt: skip
    found = {e.path.removeprefix("/api/v3/"): e.weight for e in ENDPOINTS if e.method == "GET"}
    assert {name: found[name] for name in documented} == documented
    variable = {
        ("GET", "depth"): [({}, 5), ({"limit": "100"}, 5), ({"limit": "101"}, 25),
                           ({"limit": "500"}, 25), ({"limit": "1000"}, 50),
                           ({"limit": "5000"}, 250), ({"limit": "9" * 30}, 5)],
        ("GET", "ticker/24hr"): [({}, 80), ({"symbol": "A"}, 2), ({"symbols": "A,B"}, 2),
                                 ({"symbols": "," * 20}, 40), ({"symbols": "," * 100}, 80)],
        ("GET", "ticker/price"): [({}, 4), ({"symbol": "A"}, 2), ({"symbols": "A"}, 4)],
        ("GET", "ticker/bookTicker"): [({}, 4), ({"symbol": "A"}, 2)],
        ("GET", "ticker"): [({"symbol": "A"}, 4), ({"symbols": "," * 99}, 200)],
        ("GET", "openOrders"): [({}, 80), ({"symbol": "A"}, 6)],
        ("GET", "myTrades"): [({}, 20), ({"orderId": "1"}, 5)],
        ("POST", "order/test"): [({}, 1), ({"computeCommissionRates": "true"}, 20)],
    }  # fmt: skip
    by_path = {(e.method, e.path.removeprefix("/api/v3/")): e for e in ENDPOINTS}
    for key, cases in variable.items():
        for sent, weight in cases:
            assert by_path[key].weight(sent) == weight, (key, sent)
