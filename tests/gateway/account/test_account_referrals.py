"""From a code to money: handed out, signed up with, traded, paid at midnight."""

import asyncio
import re

import pytest

from excraft.accounts.api_keys import Bounds
from excraft.accounts.referrals import Outcome
from excraft.gateway.admin import Refused, perform
from excraft.messages.commands import Cause, Credit
from excraft.parameters import Parameter
from tests.gateway.account.browser import GOOD, SECOND
from tests.gateway.clients import Client, set_parameter

pytestmark = pytest.mark.anyio
DAY = 86_400 * SECOND
SHARE = 200_000


@pytest.fixture
async def ann(shop):
    await set_parameter(shop.venue.engine, Parameter.NEW_REFERRAL_SHARE_PPM, SHARE)
    ann = shop.browser()
    await ann.join()
    ann.code = (await ann.ok("POST", "referrals"))["code"]
    return ann


async def come(shop, who, code):
    """Somebody who signs up with a code, with 100 EXT and 1000 USD to trade with."""
    found = shop.browser()
    await found.ok("POST", "sign-up", email=who, password=GOOD, referral=code)
    await found.ok("POST", "confirm", token=shop.token(who), password=GOOD)
    await found.login(who)
    me = await found.ok("GET", "me")
    found.member = shop.venue.exchange.members.by_id(me["member"])
    for asset, amount in ((0, 10**10), (1, 10**9)):
        await shop.venue.engine.execute(
            Credit(account=me["account"], asset=asset, amount=amount, cause=Cause.DEPOSIT)
        )
    made = shop.venue.exchange.api_keys.create(
        found.member, "HMAC", permissions=["TRADE"], label="", bounds=Bounds((), None)
    )
    found.key, found.account = Client(shop.venue.http, made.key, made.secret), me["account"]
    return found


async def trade(shop, buyer, quantity="1"):
    await shop.venue.bob.limit("SELL", quantity, "40")
    await buyer.key.limit("BUY", quantity, "40")


def number(shop, who, parameter):
    return shop.venue.engine.listings.account_parameter(who.account, parameter)


async def test_from_a_code_to_money(shop, ann):
    desk = shop.venue.exchange.referrals
    cid = await come(shop, "cid@example.org", ann.code.lower())
    assert any("counts once you confirm" in text for _, _, text in shop.mails())
    assert (await cid.ok("GET", "referrals"))["came_by"] == ann.code
    await desk.link_due()
    me = await ann.ok("GET", "me")
    assert number(shop, cid, Parameter.REFERRER) == me["account"] + 1
    assert number(shop, cid, Parameter.REFERRAL_SHARE_PPM) == SHARE
    await desk.pay_due()  # nothing is owed: that midnight is done with
    await trade(shop, cid)
    [(payer, asset, owed)] = shop.venue.engine.owed()
    assert (payer, asset) == (cid.account, 0) and owed > 0
    await desk.pay_due()
    assert shop.venue.engine.owed(), "paid before its time"
    shop.now.ns += DAY
    await desk.pay_due()
    await desk.pay_due()
    assert shop.venue.engine.owed() == []
    assert shop.venue.engine.balance(me["account"], 0) == (owed, 0)
    await ann.login()
    shown = await ann.ok("GET", "referrals")
    assert shown["earned"] == [{"asset": "EXT", "amount": f"{owed / 10**8:.8f}"}]
    assert [(c["code"], c["people"]) for c in shown["codes"]] == [(ann.code, 1)]
    assert shown["next_payout_ns"] % DAY == 0 and shown["next_payout_ns"] > shop.now.ns
    assert [p.paid for p in desk.referrals.payouts()] == [1, 0]


async def test_after_a_stop_between_log_and_database_nothing_is_done_twice(shop, ann):
    desk, engine = shop.venue.exchange.referrals, shop.venue.engine
    cid = await come(shop, "cid@example.org", ann.code)
    [due] = desk.referrals.due()
    await desk._link(due)  # in the log; the row of the database was not written
    await engine.execute(Credit(account=cid.account, asset=0, amount=1, cause=Cause.DEPOSIT))
    position = engine.position
    await desk.link_due()
    assert engine.position == position and desk.referrals.by(due.person_id)[1] == "LINKED"
    await trade(shop, cid)
    owed = engine.owed()[0][2]
    await desk.pay()  # in the log; the payout was not noted
    await desk.pay_due()
    assert engine.balance((await ann.ok("GET", "me"))["account"], 0) == (owed, 0)


async def test_the_answer_does_not_tell_which_codes_there_are(shop, ann):
    answers = []
    for n, code in enumerate((ann.code, "2345-678J", "")):
        reply = await shop.browser().send(
            "POST", "sign-up", email=f"p{n}@example.org", password=GOOD, referral=code
        )
        answers.append((reply.status_code, reply.content))
    assert len(set(answers)) == 1
    told = {to: text for to, _, text in shop.mails()}
    assert "counts once" in told["p0@example.org"] and "not known here" in told["p1@example.org"]
    assert "eferral" not in told["p2@example.org"]
    wrong = {"email": "p4@example.org", "password": GOOD, "referral": "2345-678K"}
    assert await shop.browser().refused("POST", "sign-up", **wrong) == (400, "wrong_referral_code")


async def test_a_closed_code_does_not_count(shop, ann):
    await ann.ok("DELETE", f"referrals/{ann.code}")
    cid = await come(shop, "cid@example.org", ann.code)
    await shop.venue.exchange.referrals.link_due()
    assert number(shop, cid, Parameter.REFERRER) == 0


@pytest.mark.parametrize("when", ["before", "after"])
async def test_nothing_is_paid_to_the_same_owner(shop, ann, when):
    desk, engine = shop.venue.exchange.referrals, shop.venue.engine
    cid = await come(shop, "cid@example.org", ann.code)
    me = (await ann.ok("GET", "me"))["account"]

    async def same_owner():
        for account in (me, cid.account):
            await set_parameter(engine, Parameter.TRADE_GROUP, 9, account)

    if when == "before":
        await same_owner()
    await desk.link_due()
    if when == "before":
        person = shop.desk.people.of_member(cid.member.id)
        assert desk.referrals.by(person)[1] == Outcome.SAME_OWNER
        return
    await trade(shop, cid)
    await same_owner()
    assert await desk.pay() == (0, 1) and engine.owed() and engine.balance(me, 0) == (0, 0)
    for said in ({"name": "referral_pay", "asset": "EXT"}, {"name": "member_referral"}):
        name = said.pop("name")
        with pytest.raises(Refused, match="same owner"):
            await perform(shop.venue.exchange, name, {"member": cid.member.name, **said})


async def test_another_referrer_takes_nothing_from_the_one_before(shop, ann):
    desk, engine = shop.venue.exchange.referrals, shop.venue.engine
    cid = await come(shop, "cid@example.org", ann.code)
    dan = await come(shop, "dan@example.org", "")
    await desk.link_due()
    await trade(shop, cid)
    owed = engine.owed()[0][2]
    change = {"member": cid.member.name, "referrer": dan.member.name, "share_ppm": 1000}
    await perform(shop.venue.exchange, "member_referral", change)
    assert engine.owed() == [] and number(shop, cid, Parameter.REFERRER) == dan.account + 1
    assert engine.balance((await ann.ok("GET", "me"))["account"], 0) == (owed, 0)
    back = {"member": dan.member.name, "referrer": cid.member.name, "share_ppm": 1000}
    with pytest.raises(Refused, match="each of the two"):
        await perform(shop.venue.exchange, "member_referral", back)


async def test_hundreds_are_paid_in_few_records(shop, ann):
    desk, engine = shop.venue.exchange.referrals, shop.venue.engine
    payers = []
    for n in range(300):
        opened = await perform(shop.venue.exchange, "member_add", {"name": f"m{n}"})
        payers.append(opened["account"])
    me = (await ann.ok("GET", "me"))["account"]
    state = engine._kernel._state
    for account in payers:
        await desk.set(account, me, SHARE)
    await trade(shop, await come(shop, "cid@example.org", ""), "20")
    state.owed |= {(account, 0): 1 for account in payers}  # of the fees that are there
    position = engine.position
    assert await desk.pay() == (300, 0)
    assert engine.position == position + 2 and engine.balance(me, 0) == (300, 0)


async def test_what_fails_is_tried_again_and_holds_up_nothing_else(shop, ann, monkeypatch, caplog):
    from excraft.gateway import referral_desk

    monkeypatch.setattr(referral_desk, "LOOK_EVERY_S", 0.01)
    desk, calls = shop.venue.exchange.referrals, []
    cid = await come(shop, "cid@example.org", ann.code)
    due = desk.referrals.due

    def away():
        calls.append(1)
        if len(calls) < 3:
            raise OSError("the database is away")
        return due()

    monkeypatch.setattr(desk.referrals, "due", away)
    async with referral_desk.referring(desk), asyncio.timeout(5):
        while not number(shop, cid, Parameter.REFERRER):
            await asyncio.sleep(0.01)
    assert "link_due; tried again" in caplog.text and desk.referrals.payouts()


async def test_staff_see_and_close_codes(shop, ann):
    exchange = shop.venue.exchange
    member = exchange.members.by_id((await ann.ok("GET", "me"))["member"]).name
    shown = await perform(exchange, "referral_show", {"member": member})
    assert shown["codes"][0]["code"] == ann.code
    close = {"member": member, "code": ann.code, "reason": "abuse"}
    await perform(exchange, "referral_close", close)
    assert not exchange.referrals.referrals.is_open(re.sub("-", "", ann.code))
    for wrong, said in (("2345-678J", "has no code"), ("nonsense", "no referral code")):
        with pytest.raises(Refused, match=said):
            await perform(exchange, "referral_close", close | {"code": wrong})
    assert (await perform(exchange, "referral_payouts", {}))["owed"] == []
