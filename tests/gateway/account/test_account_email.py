"""A change of e-mail: by both mailboxes, with time to cancel, and what thieves make of it."""

import asyncio

import pyotp
import pytest

from tests.gateway.account.authenticator import add_passkey
from tests.gateway.account.browser import GOOD, OTHER, SECOND
from tests.gateway.account.test_account_withdrawals import (  # noqa: F401  (counter: fixture)
    WISH,
    counter,
    person,
)
from tests.gateway.withdrawing import set_limit

pytestmark = pytest.mark.anyio
DAY, ANN, NEW = 86_400, "ann@example.org", "ann.new@example.org"
WRONG = (400, "wrong_token")


@pytest.fixture
async def ann(shop):
    ann = shop.browser()
    await ann.join()
    return ann


async def later(shop, seconds):
    """The clock goes on, and what is due by then happens."""
    shop.now.ns += seconds * SECOND
    shop.desk.email_changes.apply_due()


async def ask(browser, email=NEW, password=GOOD, **proof):
    if not proof:
        await browser.ok("POST", "step-up", password=password)
    return await browser.ok("POST", "email", email=email, **proof)


def subjects(shop, to):
    return [subject for who, subject, _ in shop.mails() if who == to]


async def test_both_mailboxes_take_part_and_it_takes_a_day(shop, ann):
    await ask(ann)
    [text] = [t for who, subject, t in shop.mails() if who == ANN and "to be changed" in subject]
    assert NEW in text and "127.0.0.1" in text
    state = await ann.ok("GET", "email")
    assert state == {
        "email": ANN, "change": {"email": NEW, "asked_ns": shop.now.ns, "due_ns": None},
    }  # fmt: skip
    token = shop.token(NEW)
    due = (await ann.ok("POST", "email/confirm", token=token))["due_ns"]
    assert due == shop.now.ns + DAY * SECOND
    await later(shop, DAY - 1)
    await ann.login()
    assert (await ann.ok("POST", "email/confirm", token=token))["due_ns"] == due  # no new delay
    assert (await shop.browser().refused("POST", "login", email=NEW, password=GOOD))[0] == 401
    await later(shop, 1)
    await ann.login(NEW)
    assert (await ann.ok("GET", "email")) == {"email": NEW, "change": None}
    assert (await ann.refused("POST", "login", email=ANN, password=GOOD)) == (401, "wrong_login")
    for mailbox in (ANN, NEW):
        assert "The e-mail of your account was changed" in subjects(shop, mailbox)
    await shop.browser().join(ANN)  # the old address is free again


async def test_what_is_mistyped_uses_up_no_proof(shop, ann):
    await ann.ok("POST", "step-up", password=GOOD)
    for mistake in ("nobody", ANN):
        assert await ann.refused("POST", "email", email=mistake) == (400, "bad_email")
    await ann.ok("POST", "email", email=NEW)


async def test_a_stolen_session_is_not_enough(shop, ann):
    shop.now.ns += 121 * SECOND
    refused = await ann.refused("POST", "email", email=NEW)
    assert refused == (403, "step_up_needed") and subjects(shop, NEW) == []
    await ask(ann)
    refused = await ann.refused("POST", "email", email=NEW)
    assert refused == (403, "step_up_needed")  # the proof counted once


async def test_where_a_second_factor_is_on_it_is_asked_for(shop, ann):
    app = pyotp.TOTP((await ann.ok("POST", "totp/enrol"))["secret"])
    await ann.ok("POST", "totp/confirm", code=app.at(shop.now.ns // SECOND))
    key = await add_passkey(ann)
    shop.now.ns += 600 * SECOND
    assert (await ann.refused("POST", "email", email=NEW)) == (403, "step_up_needed")
    assert (await ann.refused("POST", "email", email=NEW, code="000000"))[1] == "wrong_code"
    act = {"act": "change_email", "email": "thief@example.org"}
    options = (await ann.ok("POST", "proof/passkey/options", **act))["options"]
    refused = await ann.refused("POST", "email", email=NEW, passkey=key.get(options))
    assert refused == (401, "wrong_passkey")
    options = (await ann.ok("POST", "proof/passkey/options", **act | {"email": NEW}))["options"]
    await ask(ann, passkey=key.get(options))


async def test_the_old_mailbox_cancels_and_ends_every_session(shop, ann):
    """A thief who knows the password asks and confirms; nothing that the thief does then helps."""
    thief = shop.browser("127.0.0.9")
    await thief.login()
    await ask(thief, "thief@example.org")
    cancel = shop.token(ANN)
    await thief.ok("POST", "email/confirm", token=shop.token("thief@example.org"))
    await thief.ok("POST", "password", current=GOOD, new=OTHER)  # voids mailed tokens, not this
    await later(shop, DAY - 1)
    await shop.browser().ok("POST", "email/keep", token=cancel)
    assert await thief.refused("GET", "me") == (401, "no_session")
    await later(shop, 2)
    assert await thief.refused("POST", "login", email="thief@example.org", password=OTHER) == (
        401, "wrong_login",
    )  # fmt: skip
    assert subjects(shop, ANN)[-1] == "The e-mail of your account stays as it is"
    assert await shop.browser().refused("POST", "email/keep", token=cancel) == WRONG  # once


async def test_a_password_set_by_the_old_mailbox_cancels_it_too(shop, ann):
    await ask(ann)
    await ann.ok("POST", "email/confirm", token=shop.token(NEW))
    await ann.ok("POST", "password/reset", email=ANN)
    await ann.ok("POST", "password/reset/confirm", token=shop.token(ANN), password=OTHER)
    await later(shop, DAY)
    await ann.login(ANN, OTHER)


async def test_neither_token_serves_somebody_else_or_for_long(shop, ann):
    eve = shop.browser()
    await eve.join("eve@example.org")
    await ask(ann)
    token = shop.token(NEW)
    assert await eve.refused("POST", "email/confirm", token=token) == WRONG
    assert await shop.browser().refused("POST", "email/keep", token=token) == WRONG
    assert await ann.refused("POST", "email/confirm", token=shop.token(ANN)) == WRONG
    await later(shop, DAY)
    await ann.login()
    assert await ann.refused("POST", "email/confirm", token=token) == WRONG
    assert (await ann.ok("GET", "email"))["change"] is None
    assert await ann.refused("DELETE", "email") == (404, "not_found")


async def test_of_two_changes_the_later_one_counts(shop, ann):
    await ask(ann, "first@example.org")
    first, cancel = shop.token("first@example.org"), shop.token(ANN)
    await ask(ann, "second@example.org")
    assert await ann.refused("POST", "email/confirm", token=first) == WRONG
    assert await shop.browser().refused("POST", "email/keep", token=cancel) == WRONG
    await ann.ok("POST", "email/confirm", token=shop.token("second@example.org"))
    await later(shop, DAY)
    await ann.login("second@example.org")


async def test_asked_at_the_same_moment_one_is_under_way(shop, ann):
    phone = shop.browser()
    await phone.login()
    both = (ann.send("POST", "email", email="a@example.org"),
            phone.send("POST", "email", email="b@example.org"))  # fmt: skip
    await ann.ok("POST", "step-up", password=GOOD)
    assert [r.status_code for r in await asyncio.gather(*both)] == [202, 202]
    won = (await ann.ok("GET", "email"))["change"]["email"]
    await ann.ok("POST", "email/confirm", token=shop.token(won))


async def test_nobody_learns_whether_an_address_has_an_account(shop, ann):
    await shop.browser().join("bob@example.org")
    seen = []
    for address in ("bob@example.org", "nobody@example.org"):
        await ann.ok("POST", "step-up", password=GOOD)
        reply = await ann.send("POST", "email", email=address)
        state = (await ann.send("GET", "email")).text.replace(address, "")
        mailed = [(s, t.count("\n")) for to, s, t in shop.mails() if to == ANN]
        seen.append((reply.status_code, reply.content, state, mailed[-1]))
    assert seen[0] == seen[1]
    assert subjects(shop, "bob@example.org")[-1] == "You have an account already"
    [text] = [t for to, s, t in shop.mails() if to == "bob@example.org" and "already" in s]
    assert "ann" not in text


async def test_an_address_that_is_taken_meanwhile_stays_with_who_has_it(shop, ann):
    bob = shop.browser()
    await bob.join("bob@example.org")
    for browser in (ann, bob):  # both want it, and both have the mailbox
        await ask(browser)
        await browser.ok("POST", "email/confirm", token=shop.token(NEW))
        shop.now.ns += SECOND
    await later(shop, DAY)
    await ann.login(NEW)
    await bob.login("bob@example.org")
    assert subjects(shop, "bob@example.org")[-1] == "The e-mail of your account stays as it is"


@pytest.mark.parametrize("bad", ["", "nobody", "a@b", "x\n@example.org", ANN, ANN.upper()])
async def test_what_is_no_new_address_is_refused(shop, ann, bad):
    assert await ann.refused("POST", "email", email=bad) == (400, "bad_email")
    assert (await ann.ok("GET", "email"))["change"] is None


async def test_nobody_floods_a_mailbox_with_it(shop, ann):
    codes = []
    for number in range(5):
        await ann.ok("POST", "step-up", password=GOOD)
        reply = await ann.send("POST", "email", email=f"a{number}@example.org")
        codes.append(reply.status_code)
    assert codes[:3] == [202] * 3 and 429 in codes


async def test_withdrawals_wait_for_it(counter):  # noqa: F811
    set_limit(counter.database, "FACTOR_DELAY_S", 0)
    ann = await (await person(counter)).enrol()
    await ask(ann.browser, code=ann.code())
    reply = await ann.browser.send("POST", "withdrawals", **WISH, code=ann.code())
    assert reply.status_code == 400 and "is being changed" in reply.text
    await ann.browser.ok("DELETE", "email")
    await ann.browser.ok("POST", "withdrawals", **WISH, code=ann.code())
    await ask(ann.browser, code=ann.code())
    await ann.browser.ok("POST", "email/confirm", token=counter.token(NEW))
    await later(counter, DAY - 60)
    await ann.browser.login(code=ann.code())
    refused = await ann.browser.refused("POST", "withdrawals", **WISH, code=ann.code())
    assert refused == (400, "refused")
    await later(counter, 60)
    await ann.browser.ok("POST", "withdrawals", **WISH, code=ann.code())


async def test_a_new_password_or_wallet_delays_withdrawals(counter):  # noqa: F811
    from tests.gateway.account.ethereum import Wallet, link

    ann = await (await person(counter)).enrol()
    set_limit(counter.database, "FACTOR_DELAY_S", DAY)
    counter.now.ns += DAY * SECOND
    await ann.browser.login(code=ann.code())
    await ann.browser.ok("POST", "withdrawals", **WISH, code=ann.code())
    changes = (
        lambda: ann.browser.ok("POST", "password", current=GOOD, new=OTHER, code=ann.code()),
        lambda: link(ann.browser, Wallet(5)),
    )
    for change in changes:
        await change()
        reply = await ann.browser.send("POST", "withdrawals", **WISH, code=ann.code())
        assert "ow you log in was changed lately" in reply.text
        counter.now.ns += DAY * SECOND
        await ann.browser.login(password=OTHER, code=ann.code())
        await ann.browser.ok("POST", "withdrawals", **WISH, code=ann.code())
