"""Nobody learns who is a member: the same answers and the same work, whoever is asked about."""

import pytest

from tests.gateway.account.browser import OTHER
from tests.gateway.account.ethereum import Wallet
from tests.gateway.attacks.trading_rows import PLACED, V3

pytestmark = pytest.mark.anyio


async def asked(town, who: str, wallet: Wallet) -> list:
    """Everything that a stranger can ask without a session about an e-mail or a wallet."""
    stranger, replies = town.browser("127.0.9.9"), []
    del town.hashing.calls[:]
    message = {"address": wallet.address}
    for path, body in (
        ("login", {"email": who, "password": OTHER}),
        ("login", {"email": who, "password": OTHER, "code": "123456"}),
        ("sign-up", {"email": who, "password": OTHER}),
        ("sign-up/wallet", {"email": who}),
        ("password/reset", {"email": who}),
        ("login/passkey/options", {}),
        ("login/wallet/message", message),
        ("login/wallet", {"signature": wallet.sign("something else")}),
    ):
        reply = await stranger.send("POST", path, **body)
        text = reply.text.replace(wallet.address, "ADDRESS")
        # Challenges and nonces are by chance, so their answers are compared by form and length.
        same = len(text) if "options" in path or "message" in path else text
        replies.append((path, reply.status_code, same, sorted(reply.headers)))
    return [replies, list(town.hashing.calls)]


async def test_who_is_a_member_is_told_to_nobody(town):
    her = await asked(town, town.vera.email, town.her.wallet)
    nobody = await asked(town, "n" * len("vera.veramark") + "@example.org", Wallet(99))
    assert her == nobody
    assert her[1] == ["verify", "verify", "hash", "hash"]


async def test_a_signed_request_that_is_replayed_does_nothing_twice(town):
    """While its order is open; docs/known-limits.md says what is possible afterwards."""
    town.venue.exchange.api_keys.revoke(town.her.key.key)
    key = town.vera.key("TRADE")
    query = key.signed(PLACED | {"newClientOrderId": "once"})
    headers = {"x-mbx-apikey": key.key}
    sent = [await town.rest.post(f"{V3}/order?{query}", headers=headers) for _ in range(3)]
    assert [reply.status_code for reply in sent] == [200, 400, 400]
    orders = town.venue.engine.orders.open(town.vera.account)
    assert len([o for o in orders if o.client_id == "once"]) == 1
    changed = query.replace("quantity=1", "quantity=2")
    assert (await town.rest.post(f"{V3}/order?{changed}", headers=headers)).json()["code"] == -1022
    for method, path in (("DELETE", f"{V3}/order"), ("POST", "/sapi/v1/capital/withdraw/apply")):
        reply = await town.rest.request(method, f"{path}?{query}", headers=headers)
        assert reply.status_code >= 400, "the same bytes at another place"
    other = town.mallory.key("TRADE")
    stolen = await town.rest.post(f"{V3}/order?{query}", headers={"x-mbx-apikey": other.key})
    assert stolen.json()["code"] == -1022
