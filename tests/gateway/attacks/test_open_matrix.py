"""What everybody may see has nothing of anybody in it; listen keys are their owner's."""

import asyncio
import json

import httpx
import pytest

from excraft.gateway.pages import PAGES as FOLDERS
from excraft.gateway.pages import TYPES
from tests.gateway.attacks.open_rows import LISTEN_KEY, PAGES
from tests.gateway.attacks.serving import serving
from tests.gateway.attacks.town import HERE, changed, leaked, order, state
from tests.gateway.clients import error_of
from tests.gateway.streams.peers import ask

pytestmark = pytest.mark.anyio


async def test_pages_for_everybody_show_nothing_of_anybody(town):
    before = await state(town)
    paths = [place.path for place in PAGES]
    paths += [
        f"/{page.name}/{file.name}"
        for page in FOLDERS
        for file in page.folder.iterdir()
        if file.suffix in TYPES
    ]
    for path in paths:
        for browser in (town.browser(), town.mallory, town.vera):
            reply = await browser.http.get(path)
            assert reply.status_code == 200 and not leaked(town, reply.text), path
    for name in ("__init__.py", "..%2fpages.py", "%2e%2e/pages.py", "desk.html%00.js"):
        for page in FOLDERS:
            assert (await town.public.http.get(f"/{page.name}/{name}")).status_code == 404
    assert not changed(before, await state(town))


async def listen_key(town, method, client, **values):
    headers = {"x-mbx-apikey": client.key} if client.key else {}
    return await town.rest.request(method, LISTEN_KEY, params=values, headers=headers)


async def test_a_listen_key_is_its_owners(town):
    her = (await listen_key(town, "POST", town.her.key)).json()["listenKey"]
    mallory = town.mallory.key("READ")
    bad = [town.public, town.vera.key("TRADE"), town.vera.key("READ", ips=["203.0.113.7"])]
    for client in bad:
        for method, values in (("POST", {}), ("PUT", {"listenKey": her}),
                               ("DELETE", {"listenKey": her})):  # fmt: skip
            status, code, _ = error_of(await listen_key(town, method, client, **values))
            assert (status, code) in ((401, -2014), (401, -2015))
    mine = (await listen_key(town, "POST", mallory)).json()["listenKey"]
    assert mine != her
    for method in ("PUT", "DELETE"):
        reply = await listen_key(town, method, mallory, listenKey=her)
        assert error_of(reply)[:2] == (400, -1125) and her not in reply.text
    assert (await listen_key(town, "PUT", town.her.key, listenKey=her)).json() == {}
    assert (await listen_key(town, "POST", town.her.key)).json()["listenKey"] == her


async def test_a_listen_key_has_no_body_worth_a_gigabyte(town):
    read = 0

    async def endless():
        nonlocal read
        for _ in range(10_000):
            read += 1
            yield b"x" * 10_000

    for key in ("", town.her.key.key):
        reply = await town.rest.put(LISTEN_KEY, content=endless(), headers={"x-mbx-apikey": key})
        assert reply.status_code in (401, 413) and read < 20, (reply.status_code, read)


async def test_streams_show_nobodys_events_to_those_who_guess(town):
    her = (await listen_key(town, "POST", town.her.key)).json()["listenKey"]
    guesses = [her[:-1], her[:-1] + ("a" if her[-1] != "a" else "b"), her.lower(), her.upper(),
               str(town.vera.account), town.her.key.key, f"{her}@trade", f"{her}%00"]  # fmt: skip
    async with serving(town.app) as server:
        path = "/stream?streams=" + "/".join(guesses)
        async with server.connect(f"/ws/{her}") as hers, server.connect(path) as thief:
            await ask(thief, "SUBSCRIBE", guesses)
            await order(town)
            heard = json.loads(await asyncio.wait_for(hers.recv(), 5))
            assert heard["e"] in ("executionReport", "outboundAccountPosition")
            await thief.send(json.dumps({"id": 2, "method": "LIST_SUBSCRIPTIONS"}))
            first = json.loads(await asyncio.wait_for(thief.recv(), 5))
            assert first["id"] == 2, "an event would have come before this answer"


async def test_messages_of_providers_need_their_signature(town):
    before = await state(town)
    body = json.dumps({"case": town.her.case, "outcome": "approve", "id": "1"})
    for headers in ({}, {"x-kyc-timestamp": "1", "x-kyc-signature": "00" * 32}):
        for name, status in (("acme", 401), ("other", 404)):
            reply = await town.rest.post(f"/kyc/webhook/{name}", content=body, headers=headers)
            assert reply.status_code == status and not leaked(town, reply.text)
    assert not changed(before, await state(town))


async def test_nothing_else_is_there(town):
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=town.app, client=(HERE, 1)), base_url="http://exchange"
    ) as http:
        for path in ("/", "/api", "/api/v3", "/sapi/v1/capital", "/control", "/docs",
                     "/redoc", "/admin", "/account", "/kyc", "/.env"):  # fmt: skip
            for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
                reply = await http.request(method, path)
                assert reply.status_code in (401, 403, 404, 405, 307), (method, path, reply.text)
