"""Passkeys at /account: what the honest do, and forged, replayed and counted-back answers."""

import asyncio

import pyotp
import pytest

from excraft.accounts.origins import Origin
from tests.gateway.account.authenticator import (
    PRESENT,
    Authenticator,
    add_passkey,
    begin,
)
from tests.gateway.account.browser import GOOD, OTHER, SECOND
from tests.gateway.account.ethereum import Wallet, message

pytestmark = pytest.mark.anyio
WRONG = (401, "wrong_passkey")
LOGIN = {"email": "ann@example.org", "password": GOOD}


@pytest.fixture
async def ann(shop):
    ann = shop.browser()
    await ann.join()
    return ann


async def test_a_passkey_alone_logs_in_on_a_new_device(shop, ann):
    key = await add_passkey(ann)
    assert len(set(key.recovery)) == 10 and shop.mails()[-1][1] == "A passkey was added"
    me = await ann.ok("GET", "me")
    assert (me["second_factor"], me["app"], me["recovery_codes_left"]) == (True, False, 10)
    phone = shop.browser()
    options = await begin(phone)
    assert options["userVerification"] == "required" and options["rpId"] == "localhost"
    assert options.get("allowCredentials") in (None, [])
    found = await phone.ok("POST", "login/passkey", credential=key.get(options))
    assert found["account"] == me["account"]
    assert shop.mails()[-1][1] == "Login from a new device"
    phone.http.headers["x-csrf-token"] = found["csrf"]
    (shown,) = (await phone.ok("GET", "passkeys"))["passkeys"]
    assert (shown["label"], shown["used_ns"]) == ("laptop", shop.now.ns)


async def test_a_passkey_is_the_second_factor_beside_a_password(shop, ann):
    key, phone = await add_passkey(ann), shop.browser()
    assert await phone.refused("POST", "login", **LOGIN) == (401, "second_factor_needed")
    passkey = key.get(await begin(phone))
    wrong = LOGIN | {"password": OTHER}
    refused = await phone.refused("POST", "login", **wrong, passkey=passkey)
    assert refused == (401, "wrong_login")
    refused = await phone.refused("POST", "login", **LOGIN, passkey=passkey)
    assert refused == (400, "no_challenge")  # used up by the try before
    await phone.ok("POST", "login", **LOGIN, passkey=key.get(await begin(phone)))
    await shop.browser().ok("POST", "login", **LOGIN, code=key.recovery[0])


async def test_another_persons_passkey_is_no_second_factor(shop, ann):
    await add_passkey(ann)
    bob = shop.browser()
    await bob.join("bob@example.org")
    his = await add_passkey(bob)
    thief = shop.browser()
    refused = await thief.refused("POST", "login", **LOGIN, passkey=his.get(await begin(thief)))
    assert refused == WRONG
    options = (await ann.ok("POST", "step-up/passkey/options"))["options"]
    assert await ann.refused("POST", "step-up/passkey", credential=his.get(options)) == WRONG
    refused = await bob.refused("DELETE", f"passkeys/{(await _first(ann))['id']}")
    assert refused == (404, "not_found")
    refused = await bob.refused("PUT", f"passkeys/{(await _first(ann))['id']}", label="mine")
    assert refused == (404, "not_found") and (await _first(ann))["label"] == "laptop"


async def _first(browser):
    return (await browser.ok("GET", "passkeys"))["passkeys"][0]


async def test_sensitive_acts_open_with_a_passkey(shop, ann):
    key = await add_passkey(ann)
    shop.now.ns += 601 * SECOND
    for method, path, body in (
        ("POST", "passkeys/options", {}),
        ("POST", "passkeys", {"label": "x", "credential": {}}),
        ("DELETE", f"passkeys/{key.passkey}", {}),
    ):
        assert await ann.refused(method, path, **body) == (403, "step_up_needed")
    options = (await ann.ok("POST", "step-up/passkey/options"))["options"]
    await ann.ok("POST", "step-up/passkey", credential=key.get(options))
    await ann.ok("PUT", f"passkeys/{key.passkey}", label=" desk ")
    assert (await _first(ann))["label"] == "desk"
    await ann.ok("DELETE", f"passkeys/{key.passkey}")
    assert shop.mails()[-1][1] == "A passkey was removed"
    phone = shop.browser()
    assert await phone.refused(
        "POST", "login/passkey", credential=key.get(await begin(phone))
    ) == WRONG  # fmt: skip
    await phone.login()  # the password alone is enough again


@pytest.mark.parametrize(
    ("what", "lie"),
    [("origin", "http://localhost.evil.example"), ("origin", "http://localhost:8081"),
     ("domain", "evil.example"), ("flags", PRESENT), ("flags", 4), ("kind", "webauthn.create"),
     ("key", Authenticator().key), ("handle", b"x" * 32), ("id", b"y" * 32)],
)  # fmt: skip
async def test_a_forged_answer_opens_nothing(shop, ann, what, lie):
    key, thief = await add_passkey(ann), shop.browser()
    honest = getattr(key, what)
    setattr(key, what, lie)
    credential = key.get(await begin(thief))
    assert await thief.refused("POST", "login/passkey", credential=credential) == WRONG
    setattr(key, what, honest)
    await thief.ok("POST", "login/passkey", credential=key.get(await begin(thief)))


@pytest.mark.parametrize(
    "credential",
    [{}, {"rawId": 1}, {"rawId": "a", "response": []}, {"rawId": "!", "response": {}},
     {"rawId": "eA", "response": {"userHandle": "eA"}}, {"rawId": "e" * 5, "response": None},
     {"id": "eA", "rawId": "eA", "type": "x", "response": {"userHandle": "eA",
      "clientDataJSON": "eA", "authenticatorData": "eA", "signature": "eA"}},
     {"id": "eA", "rawId": "eA", "type": "public-key", "response": {"userHandle": "eA",
      "clientDataJSON": "e30", "authenticatorData": "eA", "signature": "eA"}}],
)  # fmt: skip
async def test_what_is_no_answer_at_all_is_refused_alike(shop, ann, credential):
    thief = shop.browser()
    await begin(thief)
    assert await thief.refused("POST", "login/passkey", credential=credential) == WRONG
    await ann.ok("POST", "passkeys/options")
    refused = await ann.refused("POST", "passkeys", label="x", credential=credential)
    assert refused == WRONG and (await ann.ok("GET", "passkeys"))["passkeys"] == []


async def test_an_answer_counts_once_for_one_browser_and_not_for_long(shop, ann):
    key, phone, thief = await add_passkey(ann), shop.browser(), shop.browser()
    options = await begin(phone)
    answers = [key.get(options), key.get(options)]
    refused = await thief.refused("POST", "login/passkey", credential=answers[0])
    assert refused == (400, "no_challenge")  # overheard, but begun by another browser
    replies = await asyncio.gather(
        *(phone.send("POST", "login/passkey", credential=answer) for answer in answers)
    )
    assert sorted(reply.status_code for reply in replies) == [200, 400]
    options = await begin(phone)
    shop.now.ns += 301 * SECOND
    refused = await phone.refused("POST", "login/passkey", credential=key.get(options))
    assert refused == (400, "no_challenge")


async def test_an_answer_for_one_purpose_serves_no_other(shop, ann):
    key = await add_passkey(ann)
    options = (await ann.ok("POST", "step-up/passkey/options"))["options"]
    refused = await ann.refused("POST", "login/passkey", credential=key.get(options))
    assert refused == (400, "no_challenge")
    await begin(ann)
    assert await ann.refused("POST", "login/passkey", credential=key.get(options)) == WRONG


async def test_a_count_that_went_back_is_refused_and_told(shop, ann):
    key, phone = await add_passkey(ann, count=5), shop.browser()
    await phone.ok("POST", "login/passkey", credential=key.get(await begin(phone)))
    told = len(shop.mails())
    for count in (-1, 0, 4, 5):  # it says one more than this
        key.count = count
        assert await phone.refused(
            "POST", "login/passkey", credential=key.get(await begin(phone))
        ) == WRONG  # fmt: skip
    assert [subject for _, subject, _ in shop.mails()[told:]] == ["A passkey was refused"] * 4
    key.count = 6
    await phone.ok("POST", "login/passkey", credential=key.get(await begin(phone)))


async def test_nobody_is_told_of_a_count_that_somebody_made_up(shop, ann):
    key, thief = await add_passkey(ann, count=5), shop.browser()
    key.key, key.count = Authenticator().key, 0
    told = len(shop.mails())
    assert await thief.refused(
        "POST", "login/passkey", credential=key.get(await begin(thief))
    ) == WRONG  # fmt: skip
    assert len(shop.mails()) == told


async def test_answers_do_not_say_whether_a_passkey_is_known(shop, ann):
    known, replies = await add_passkey(ann), []
    other = Authenticator()
    known.key = other.key
    known.handle = other.handle = b"x" * 32
    checked = []
    verify = shop.desk.passkeys.check
    shop.desk.passkeys.check = lambda answer: checked.append(answer) or verify(answer)
    for key in (known, other):
        stranger = shop.browser()
        options = await stranger.send("POST", "login/passkey/options")
        reply = await stranger.send(
            "POST", "login/passkey", credential=key.get(options.json()["options"])
        )
        replies.append((
            sorted(options.json()["options"]), reply.status_code, reply.content,
            sorted(reply.headers),
        ))  # fmt: skip
    assert replies[0] == replies[1] and len(checked) == 2


async def test_a_planted_cookie_or_session_is_worth_nothing(shop, ann):
    key, thief = await add_passkey(ann), shop.browser()
    await begin(thief)
    planted = {c.name: c.value for c in thief.http.cookies.jar}
    victim = shop.browser()
    for name, value in planted.items():
        victim.http.cookies.set(name, value, domain="localhost.local")
    await victim.ok("POST", "login/passkey", credential=key.get(await begin(victim)))
    left = {c.value for c in victim.http.cookies.jar}
    assert not left & set(planted.values())
    assert await thief.refused("GET", "me") == (401, "no_session")


async def test_the_same_passkey_is_not_registered_twice(shop, ann):
    key = await add_passkey(ann)
    bob = shop.browser()
    await bob.join("bob@example.org")
    for browser in (ann, bob):
        options = (await browser.ok("POST", "passkeys/options"))["options"]
        again = key.create(options)
        refused = await browser.refused("POST", "passkeys", label="again", credential=again)
        assert refused == (409, "already_on")
    for label in ("", " ", "x" * 65, "a\nb"):
        options = (await ann.ok("POST", "passkeys/options"))["options"]
        credential = Authenticator().create(options)
        refused = await ann.refused("POST", "passkeys", label=label, credential=credential)
        assert refused == (400, "bad_label")


async def test_turning_the_app_off_keeps_recovery_codes_for_the_passkey(shop, ann):
    key = await add_passkey(ann)
    app = pyotp.TOTP((await ann.ok("POST", "totp/enrol"))["secret"])
    code = app.at(shop.now.ns // SECOND)
    codes = (await ann.ok("POST", "totp/confirm", code=code))["recovery_codes"]
    refused = await shop.browser().refused("POST", "login", **LOGIN, code=key.recovery[1])
    assert refused == (401, "wrong_code")  # the newer ones replaced them
    await ann.ok("POST", "totp/disable")
    await shop.browser().ok("POST", "login", **LOGIN, code=codes[0])


async def test_the_public_origin_is_what_the_operator_says_and_never_what_a_request_says(shop, ann):
    far = shop.browser("192.0.2.8", "http://localhost", "http://localhost")
    assert await far.refused("POST", "login/passkey/options") == (400, "no_origin")
    evil = shop.browser(origin="http://evil.example", host="http://evil.example")
    assert await evil.refused("POST", "login/passkey/options") == (400, "no_origin")
    bare = shop.browser(origin="http://127.0.0.1", host="http://127.0.0.1")
    assert await bare.refused("POST", "login/passkey/options") == (400, "no_origin")
    shop.desk.origin = Origin.read("https://exchange.example.org")
    assert (await begin(far))["rpId"] == "exchange.example.org"
    key = await add_passkey(
        ann, origin="https://exchange.example.org", domain="exchange.example.org"
    )
    phone = shop.browser()
    await phone.ok("POST", "login/passkey", credential=key.get(await begin(phone)))
    key.origin = "http://localhost"
    assert await phone.refused(
        "POST", "login/passkey", credential=key.get(await begin(phone))
    ) == WRONG  # fmt: skip


async def test_failed_passkeys_and_wallets_keep_nobody_else_out(shop, ann):
    key, wallet = await add_passkey(ann), Wallet(1)
    mallory = shop.browser()  # from the same network as ann
    for _ in range(60):
        forged = Authenticator()
        forged.id, forged.handle = key.id, key.handle
        credential = forged.get(await begin(mallory))
        assert await mallory.refused("POST", "login/passkey", credential=credential) == WRONG
        text = await message(mallory, wallet)
        refused = await mallory.refused("POST", "login/wallet", signature=Wallet(2).sign(text))
        assert refused == (401, "wrong_wallet")
    phone = shop.browser()
    await phone.ok("POST", "login/passkey", credential=key.get(await begin(phone)))
    await shop.browser().ok("POST", "login", **LOGIN, code=key.recovery[0])
