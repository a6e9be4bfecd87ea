"""Members make, see, change and end their own keys, and the trading API obeys."""

import pyotp
import pytest

from tests.gateway.account.authenticator import add_passkey
from tests.gateway.account.browser import SECOND
from tests.gateway.clients import Client

pytestmark = pytest.mark.anyio
PLAIN = {"kind": "hmac", "permissions": ["read", "trade"], "label": "bot"}


@pytest.fixture
async def ann(shop):
    shop.venue.exchange.api_keys._clock = lambda: shop.now.ns
    shop.venue.exchange.clock = lambda: shop.now.ns
    ann = shop.browser()
    await ann.join()
    return ann


def client(shop, made):
    return Client(shop.venue.http, made["api_key"], made["secret"])


async def test_from_a_new_key_to_a_signed_request_and_its_end(shop, ann):
    made = await ann.ok("POST", "api-keys", **PLAIN, expires_ns=shop.now.ns + 60 * SECOND)
    (shown,) = (await ann.ok("GET", "api-keys"))["api_keys"]
    assert made["secret"] not in str(shown) and shown["api_key"] == made["api_key"]
    assert (shown["permissions"], shown["kind"], shown["expired"]) == (
        ["read", "trade"], "hmac", False,
    )  # fmt: skip
    to, subject, text = shop.mails()[-1]
    assert (to, subject) == ("ann@example.org", "An API key was added")
    assert made["api_key"] in text and made["secret"] not in text and "127.0.0.1" in text
    stamp = {"timestamp": shop.now.ns // 1_000_000}
    bot = client(shop, made)
    assert (await bot.call("GET", "/api/v3/account", **stamp)).status_code == 200
    shop.venue.exchange.api_keys.write_uses()
    (shown,) = (await ann.ok("GET", "api-keys"))["api_keys"]
    assert (shown["used_ns"], shown["used_from"]) == (shop.now.ns, "192.0.2.1")
    await ann.ok("PUT", f"api-keys/{made['api_key']}", label="home", ips=["192.0.2.0/24"])
    assert (await bot.call("GET", "/api/v3/account", **stamp)).status_code == 200
    await ann.ok("PUT", f"api-keys/{made['api_key']}", label="home", ips=["198.51.100.1"])
    assert "198.51.100.1" in shop.mails()[-1][2]
    assert (await bot.call("GET", "/api/v3/account", **stamp)).status_code == 401
    await ann.ok("DELETE", f"api-keys/{made['api_key']}")
    assert shop.mails()[-1][1] == "An API key was revoked"
    assert (await ann.ok("GET", "api-keys"))["api_keys"] == []


WITHDRAWER = {"kind": "hmac", "permissions": ["read", "withdraw"], "ips": ["192.0.2.1"]}


async def test_keys_withdraw_only_while_a_second_factor_is_on(shop, ann):
    app = pyotp.TOTP((await ann.ok("POST", "totp/enrol"))["secret"])
    await ann.ok("POST", "totp/confirm", code=app.at(shop.now.ns // SECOND))
    passkey = await add_passkey(ann)
    key = (await ann.ok("POST", "api-keys", **WITHDRAWER))["api_key"]
    only = (await ann.ok("POST", "api-keys", **WITHDRAWER | {"permissions": ["withdraw"]}))[
        "api_key"
    ]
    keys = shop.venue.exchange.api_keys
    assert (await ann.ok("POST", "totp/disable"))["message"] == "The app is off."
    assert keys.find(key).permissions == {"READ", "WITHDRAW"}  # the passkey is left
    said = await ann.ok("DELETE", f"passkeys/{passkey.passkey}")
    assert "may no longer withdraw: 2" in said["message"]
    assert keys.find(key).permissions == {"READ"} and keys.find(only) is None
    _, subject, text = shop.mails()[-1]
    assert subject == "A passkey was removed" and key in text and only in text
    refused = await ann.refused("POST", "api-keys", **WITHDRAWER)
    assert refused == (400, "bad_key")
    assert (await ann.ok("GET", "me"))["recovery_codes_left"] == 0
    again = await add_passkey(ann)
    assert len(again.recovery) == 10  # the codes of before are void
    assert keys.find(key).permissions == {"READ"}  # what was lost does not come back


async def test_an_expired_key_is_refused_exactly_as_one_that_never_was(shop, ann):
    made = await ann.ok("POST", "api-keys", **PLAIN, expires_ns=shop.now.ns + SECOND)
    shop.now.ns += SECOND
    unknown = made | {"api_key": "x" * 64}
    stamp = {"timestamp": shop.now.ns // 1_000_000}
    replies = [
        await client(shop, each).call("GET", "/api/v3/account", **stamp) for each in (made, unknown)
    ]
    seen = [(r.status_code, r.content, sorted(r.headers)) for r in replies]
    assert seen[0] == seen[1] and seen[0][0] == 401
    assert (await ann.ok("GET", "api-keys"))["api_keys"][0]["expired"] is True


async def test_making_and_widening_need_a_recent_proof_and_ending_does_not(shop, ann):
    made = await ann.ok("POST", "api-keys", **PLAIN)
    shop.now.ns += 601 * SECOND
    path = f"api-keys/{made['api_key']}"
    assert await ann.refused("POST", "api-keys", **PLAIN) == (403, "step_up_needed")
    assert await ann.refused("PUT", path, label="", ips=[]) == (403, "step_up_needed")
    await ann.ok("DELETE", path)


async def test_nobody_touches_anothers_key(shop, ann):
    made, bob = await ann.ok("POST", "api-keys", **PLAIN), shop.browser()
    await bob.join("bob@example.org")
    path = f"api-keys/{made['api_key']}"
    assert await bob.refused("DELETE", path) == (404, "not_found")
    assert await bob.refused("PUT", path, label="", ips=[]) == (404, "not_found")
    assert (await bob.ok("GET", "api-keys"))["api_keys"] == []
    assert shop.venue.exchange.api_keys.find(made["api_key"]) is not None
    await ann.ok("POST", "logout")
    for method, where in (("GET", "api-keys"), ("POST", "api-keys"), ("DELETE", path)):
        assert await ann.refused(method, where) == (401, "no_session")


async def test_a_key_that_may_withdraw_needs_a_second_factor(shop, ann):
    wish = PLAIN | {"permissions": ["withdraw"], "ips": ["192.0.2.7"]}
    assert await ann.refused("POST", "api-keys", **wish) == (400, "bad_key")
    ann.http.headers["x-csrf-token"] = "no"
    assert await ann.refused("POST", "api-keys", **wish) == (403, "csrf")
