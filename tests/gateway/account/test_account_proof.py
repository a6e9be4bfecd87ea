"""A passkey signs one act: that act, once, soon, by its member, in that session, and no other."""

import asyncio

import pytest

from tests.gateway.account.authenticator import PRESENT, Authenticator, add_passkey
from tests.gateway.account.browser import GOOD, OTHER, SECOND
from tests.gateway.account.test_account_withdrawals import (  # noqa: F401  (counter: fixture)
    BOB,
    WISH,
    counter,
    person,
)
from tests.gateway.withdrawing import held

pytestmark = pytest.mark.anyio
WRONG, USED_UP = (401, "wrong_passkey"), (400, "no_challenge")
WITHDRAW, LISTED = {"act": "withdraw"} | WISH, {"act": "list_address", "address": BOB}


@pytest.fixture
async def ann(counter):  # noqa: F811
    """With a passkey and no app; her login was long ago."""
    found = await person(counter)
    found.key = await add_passkey(found.browser)
    counter.now.ns += 601 * SECOND
    return found


async def signed(ann, act):
    """What her passkey signs for an act."""
    options = (await ann.browser.ok("POST", "proof/passkey/options", **act))["options"]
    assert options["userVerification"] == "required"
    return ann.key.get(options)


async def withdraw(ann, credential, **change):
    return await ann.browser.refused("POST", "withdrawals", **WISH | change, passkey=credential)


async def test_a_passkey_proves_each_sensitive_act(counter, ann):  # noqa: F811
    browser = ann.browser
    made = await browser.ok("POST", "withdrawals", **WISH, passkey=await signed(ann, WITHDRAW))
    assert made["state"] == "WAITING" and held(counter.venue, ann.account) == 250_000_000
    kept = await signed(ann, LISTED | {"label": "my own"})
    await browser.ok(
        "POST", "withdrawals/addresses", address=BOB, label="my own", passkey=kept
    )  # fmt: skip
    await browser.ok("POST", "withdrawals/list-mode", list_only=True)
    leave = await signed(ann, {"act": "leave_list"})
    await browser.ok("POST", "withdrawals/list-mode", list_only=False, passkey=leave)
    change = await signed(ann, {"act": "change_password"})
    await browser.ok("POST", "password", current=GOOD, new=OTHER, passkey=change)


@pytest.mark.parametrize(
    "change",
    [{"amount": "2.50"}, {"amount": "9"}, {"address": BOB.lower()}, {"network": "ETH"},
     {"address": "0x" + "c0" * 20}],
)  # fmt: skip
async def test_what_was_signed_for_one_withdrawal_pays_no_other(counter, ann, change):  # noqa: F811
    """Whoever changes the request on its way, such as an extension of the browser."""
    credential = await signed(ann, WITHDRAW)
    assert await withdraw(ann, credential, **change) == WRONG
    assert await withdraw(ann, credential) == USED_UP  # one try, whatever it was
    assert held(counter.venue, ann.account) == 0


async def test_what_was_signed_for_one_act_does_no_other(counter, ann):  # noqa: F811
    browser = ann.browser
    credential = await signed(ann, LISTED)
    assert await withdraw(ann, credential) == WRONG
    credential = await signed(ann, {"act": "leave_list"})
    refused = await browser.refused("POST", "password", current=GOOD, new=OTHER, passkey=credential)
    assert refused == WRONG
    options = (await browser.ok("POST", "step-up/passkey/options"))["options"]
    assert await withdraw(ann, ann.key.get(options)) == USED_UP  # a step-up's is kept apart
    await browser.ok("POST", "proof/passkey/options", **WITHDRAW)
    assert await withdraw(ann, ann.key.get(options)) == WRONG
    credential = await signed(ann, WITHDRAW)
    refused = await browser.refused("POST", "step-up/passkey", credential=credential)
    assert refused == WRONG
    assert held(counter.venue, ann.account) == 0


async def test_it_counts_once_and_not_for_long(counter, ann):  # noqa: F811
    credential = await signed(ann, WITHDRAW)
    send = ann.browser.send
    replies = await asyncio.gather(
        *(send("POST", "withdrawals", **WISH, passkey=credential) for _ in range(3))
    )
    assert sorted(reply.status_code for reply in replies) == [201, 400, 400]
    assert await withdraw(ann, credential) == USED_UP
    credential = await signed(ann, WITHDRAW)
    counter.now.ns += 301 * SECOND
    assert await withdraw(ann, credential) == USED_UP
    older = await signed(ann, WITHDRAW)
    await signed(ann, WITHDRAW)  # asked for again: the older one is void
    assert await withdraw(ann, older) == WRONG
    assert held(counter.venue, ann.account) == 250_000_000


async def test_only_a_passkey_of_this_member_that_verified_them(counter, ann):  # noqa: F811
    ann.key.flags = PRESENT  # somebody touched it, nobody was verified
    assert await withdraw(ann, await signed(ann, WITHDRAW)) == WRONG
    eve = await person(counter, "eve@example.org")
    eve.key = await add_passkey(eve.browser)
    options = (await ann.browser.ok("POST", "proof/passkey/options", **WITHDRAW))["options"]
    assert await withdraw(ann, eve.key.get(options)) == WRONG
    unknown = Authenticator()
    options = (await ann.browser.ok("POST", "proof/passkey/options", **WITHDRAW))["options"]
    assert await withdraw(ann, unknown.get(options)) == WRONG
    for nothing in ({}, {"rawId": 1}, {"rawId": "eA", "response": None}):
        await ann.browser.ok("POST", "proof/passkey/options", **WITHDRAW)
        assert await withdraw(ann, nothing) == WRONG
    assert held(counter.venue, ann.account) == 0


async def test_another_session_of_hers_cannot_use_it(counter, ann):  # noqa: F811
    """A thief with a stolen cookie who saw what she signed."""
    phone = counter.browser()
    options = (await phone.ok("POST", "login/passkey/options"))["options"]
    found = await phone.ok("POST", "login/passkey", credential=ann.key.get(options))
    phone.http.headers["x-csrf-token"] = found["csrf"]
    counter.now.ns += 300 * SECOND
    credential = await signed(ann, WITHDRAW)
    assert await phone.refused("POST", "withdrawals", **WISH, passkey=credential) == USED_UP
    await ann.browser.ok("POST", "withdrawals", **WISH, passkey=credential)


@pytest.mark.parametrize(
    "act", [{}, {"act": "rob"}, WITHDRAW | {"more": 1}, LISTED | {"address": 7}]
)
async def test_only_acts_that_there_are_can_be_signed(ann, act):
    refused = await ann.browser.refused("POST", "proof/passkey/options", **act)
    assert refused == (400, "bad_request")
