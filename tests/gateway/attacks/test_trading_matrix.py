"""Every place of the trading API, REST and WebSocket, for every kind of key, and for a stranger."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from excraft.parameters import AccountState, Parameter
from tests.gateway.attacks.serving import serving
from tests.gateway.attacks.town import ELSEWHERE, HERE, changed, leaked, order, state
from tests.gateway.attacks.trading_rows import PUBLIC, REST, TRADE, V3, WITHDRAW, WS, Row
from tests.gateway.clients import Client, now_ms, set_parameter
from tests.gateway.streams.peers import Signer, ask

pytestmark = pytest.mark.anyio
REJECTED, BAD_FORMAT, BAD_SIGNATURE, LATE = -2015, -2014, -1022, -1021
SOON_NS = 5 * 10**8
SCOPES = ("READ", "TRADE", "WITHDRAW", "GOVERNANCE")


async def filled(town, row: Row) -> dict[str, str]:
    """The row's values with what is Vera's in the braces; an order only where one is named."""
    text = "".join(row.values.values())
    made = await order(town) if "{order}" in text or "{client}" in text else {}
    known = {
        "order": made.get("orderId"), "client": made.get("clientOrderId"),
        "traded": town.her.traded, "transaction": town.her.transaction,
        "withdrawal": town.her.withdrawal, "fresh": f"x{next(town.numbers)}",
    }  # fmt: skip
    return {name: value.format(**known) for name, value in row.values.items()}


async def keys_of(town) -> SimpleNamespace:
    """Vera's keys: one for each scope, and those that are good for nothing."""
    vera, here = town.vera, [f"{HERE}/32", "127.0.0.1"]
    scopes = {scope: vera.key(scope, ips=here) for scope in SCOPES}
    revoked, expired = vera.key(ips=here), vera.key(ips=here, expires_ns=time.time_ns() + SOON_NS)
    town.venue.exchange.api_keys.revoke(revoked.key)
    bad = {
        "unknown": Client(town.rest, "A" * 64, "s"),
        "revoked": revoked,
        "expired": expired,
        "from elsewhere": vera.key(ips=[ELSEWHERE]),
    }
    town.her.key = vera.key("READ", "TRADE", "WITHDRAW", ips=here)
    everything = town.mallory.key("READ", "TRADE", "WITHDRAW", ips=here)
    town.her.traded = (await town.her.key.ok("GET", f"{V3}/myTrades", symbol="EXTUSD"))[0][
        "orderId"
    ]
    await asyncio.sleep(SOON_NS / 10**9)
    return SimpleNamespace(scopes=scopes, bad=bad, hers=town.her.key, mallory=everything)


def refused(reply) -> int:
    """The code of an answer; 0 when it is none of an error."""
    body = reply.json()
    return body.get("code", 0) if isinstance(body, dict) and reply.status_code >= 400 else 0


@pytest.mark.parametrize("door", ["public", "read", "trade", "withdraw"])
async def test_rest(town, door):
    keys = await keys_of(town)
    for place, rows in REST.items():
        for row in rows:
            if (row.may or "PUBLIC") == door.upper():
                values = await filled(town, row)
                where = (place.method, place.path)
                before = await state(town)
                await _without_right(town, keys, where, row, values)
                if row.may:
                    await _another_member(town, keys, where, row, values, before)
                caller = keys.hers if row.may else town.public
                reply = await caller.call(*where, **values)
                assert refused(reply) == row.rightful, (where, reply.text)


async def _without_right(town, keys, where, row, values) -> None:
    """Nobody, keys that lack the scope, and keys that are no good."""
    before = await state(town)
    codes = {}
    if row.may == PUBLIC:
        codes["nobody"] = (refused(await town.public.call(*where, **values)), 0)
    else:
        codes["nobody"] = (refused(await town.public.call(*where, **values)), BAD_FORMAT)
        for scope, client in keys.scopes.items():
            if scope != row.may:
                codes[scope] = (refused(await client.call(*where, **values)), REJECTED)
        for name, client in keys.bad.items():
            codes[name] = (refused(await client.call(*where, **values)), REJECTED)
        forged = Client(town.rest, keys.hers.key, keys.mallory.secret)
        codes["forged"] = (refused(await forged.call(*where, **values)), BAD_SIGNATURE)
        late = await keys.hers.call(*where, **values | {"timestamp": now_ms() - 60_000})
        codes["late"] = (refused(late), LATE)
    assert all(got == wanted for got, wanted in codes.values()), (where, codes)
    assert not changed(before, await state(town)), where


async def _another_member(town, keys, where, row, values, before) -> None:
    hers = await state(town, town.vera)
    reply = await keys.mallory.call(*where, **values)
    assert refused(reply) == row.theirs, (where, values, reply.text)
    seen = reply.text
    for value in values.values():  # what Mallory said herself is no secret
        seen = seen.replace(value, "")
    assert not leaked(town, seen), (where, reply.text)
    if row.theirs:
        assert not changed(before, await state(town)), where
    assert await state(town, town.vera) == hers, where


async def test_websocket(town):
    keys = await keys_of(town)
    async with serving(town.app) as server, server.connect("/ws-api/v3") as socket:
        for place, rows in WS.items():
            for row in rows:
                values = await filled(town, row)
                before = await state(town)
                hers = await state(town, town.vera)
                for who, client, wanted in _callers(town, keys, row):
                    said = _said(client, values)
                    answer = await ask(socket, place.path, said)
                    code = answer.get("error", {}).get("code", 0)
                    assert code == wanted, (place.path, who, answer)
                    if who != "vera":
                        text = str({k: v for k, v in answer.items() if k != "id"})
                        for value in values.values():
                            text = text.replace(value, "")
                        assert not leaked(town, text), (place.path, who, answer)
                        assert await state(town, town.vera) == hers, (place.path, who)
                    if wanted:
                        assert not changed(before, await state(town)), (place.path, who)


def _callers(town, keys, row: Row) -> list[tuple]:
    """(who, client, code) of everybody; Vera is the last."""
    if row.may == PUBLIC:
        return [("nobody", None, row.rightful)]
    lacking = [(s, c, REJECTED) for s, c in keys.scopes.items() if s != row.may]
    bad = [(name, client, REJECTED) for name, client in keys.bad.items()]
    forged = Client(town.rest, keys.hers.key, keys.mallory.secret)
    return [
        ("nobody", None, -1102), *lacking, *bad, ("forged", forged, BAD_SIGNATURE),
        ("mallory", keys.mallory, row.theirs), ("vera", keys.hers, row.rightful),
    ]  # fmt: skip


def _said(client: Client | None, values: dict[str, str]) -> dict:
    return Signer.of(client).params(**values) if client else values


async def test_a_frozen_member_looks_and_cancels_and_does_nothing_else(town):
    keys = await keys_of(town)
    made = await order(town)
    await set_parameter(
        town.venue.engine, Parameter.ACCOUNT_STATE, AccountState.FROZEN, town.vera.account
    )
    for place, rows in REST.items():
        if place.method == "GET" and rows[0].may:
            reply = await keys.hers.call(place.method, place.path, **_plain(rows[0], made))
            assert refused(reply) == rows[0].rightful, (place, reply.text)
    hers = await state(town, town.vera)
    for method, path in (("POST", f"{V3}/order"), ("POST", f"{V3}/order/cancelReplace"),
                         ("POST", "/sapi/v1/capital/withdraw/apply")):  # fmt: skip
        [row, *_] = next(r for p, r in REST.items() if p[1:] == (method, path))
        assert row.may in (TRADE, WITHDRAW)
        values = _plain(row, made)
        if "cancelOrderId" in values:
            values["cancelOrderId"] = "999999"
        reply = await keys.hers.call(method, path, **values)
        assert refused(reply) < 0, (path, reply.text)
        assert await state(town, town.vera) == hers
    gone = await keys.hers.ok("DELETE", f"{V3}/order", symbol="EXTUSD", orderId=made["orderId"])
    assert gone["status"] == "CANCELED"


def _plain(row: Row, made: dict) -> dict[str, str]:
    known = {
        "order": made["orderId"], "client": made["clientOrderId"], "traded": made["orderId"],
        "transaction": "0x", "withdrawal": "1", "fresh": "frozen-1",
    }  # fmt: skip
    return {name: value.format(**known) for name, value in row.values.items()}
