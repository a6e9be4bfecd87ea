"""Deeply nested JSON: refused at every door, and the exchange goes on."""

import asyncio
import subprocess
import sys

import httpx
import pytest
import websockets

from excraft.chain.ethereum import NESTED_CALLS
from excraft.testing.running import RunningExchange

DEEP = 60_000
EVERY_MODULE = """
import importlib, pkgutil, sys, excraft
for found in pkgutil.walk_packages(excraft.__path__, "excraft."):
    if not found.name.endswith(("__main__", ".env")) and ".versions" not in found.name:
        importlib.import_module(found.name)
print(sys.getrecursionlimit())
"""


@pytest.mark.parametrize(
    "imports",
    [
        EVERY_MODULE,
        *(
            f"import sys, excraft.{name}; print(sys.getrecursionlimit())"
            for name in ("chain.node", "custody.signer.keys", "custody.signer.rules")
        ),
    ],
    ids=["every", "node", "keys", "rules"],
)
def test_no_import_leaves_more_nested_calls_than_the_stack_holds(imports):
    asked = [sys.executable, "-c", imports]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == str(NESTED_CALLS)


async def _send(address: str, text: str) -> None:
    """One message, and whatever comes back, until the door answers or closes."""
    try:
        async with websockets.connect(address, max_size=None) as door:
            await door.send(text)
            await asyncio.wait_for(door.recv(), 10)
    except websockets.ConnectionClosed:
        pass


@pytest.mark.parametrize("opened", ["[", '{"a":'])
def test_nested_json_at_every_door(data, opened):
    deep = opened * DEEP
    with RunningExchange(data) as exchange:
        for path in ("/ws", "/ws-api/v3", "/stream"):
            for text in (deep, f'{{"id":1,"method":"SUBSCRIBE","params":{deep}'):
                asyncio.run(_send(exchange.ws_url + path, text))
                assert httpx.get(exchange.url + "/api/v3/ping").status_code == 200, path
        kind = {"content-type": "application/json"}
        for path in ("/account/login", "/account/sign-up", "/admin/status", "/kyc/webhook/x"):
            httpx.post(exchange.url + path, content=deep, headers=kind, timeout=20)
            assert httpx.get(exchange.url + "/api/v3/ping").status_code == 200, path
        httpx.get(exchange.url + "/api/v3/exchangeInfo", params={"symbols": deep[:8000]})
        assert httpx.get(exchange.url + "/api/v3/ping").status_code == 200
        assert exchange.stop() == 0
