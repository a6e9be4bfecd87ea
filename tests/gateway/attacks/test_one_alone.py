"""What nobody of staff does alone, to themselves, or without a row in the audit log."""

import json

import pytest

from excraft.accounts import actors
from excraft.gateway import admin_members
from excraft.gateway.kyc_decisions import reviewer_of
from excraft.parameters import Parameter

pytestmark = pytest.mark.anyio


def rows(office, **wanted):
    return [r for r in office.staff.audit.newest(limit=1000)
            if all(getattr(r, k) == v for k, v in wanted.items())]  # fmt: skip


def number(office, who, parameter):
    return office.venue.engine.listings.account_parameter(who.account, parameter)


async def denied(browser, name, /, **arguments) -> str:
    reply = await browser.op(name, **arguments)
    assert (reply.status_code, reply.json()["error"]) == (403, "not_allowed"), reply.text
    return reply.json()["message"]


async def test_an_administrator_alone_changes_nobodys_level_factor_or_referrer(office):
    root, vera, mallory = office.root, office.vera, office.mallory
    her = vera.member.name
    for name, value in (("KYC_LEVEL", 3), ("TRADE_GROUP", 0), ("REFERRER", mallory.account + 1),
                        ("REFERRAL_SHARE_PPM", 500_000)):  # fmt: skip
        for browser in (root, office.people["compliance"]):
            await denied(browser, "parameter_set", name=name, value=value, member=her)
    assert number(office, vera, Parameter.KYC_LEVEL) == 1
    for name, said in (
        ("member_referral", {"referrer": mallory.member.name, "share_ppm": 500_000}),
        ("member_reset_second_factor", {"reason": "lost"}),
    ):
        reply = await root.op(name, member=her, **said)
        assert reply.status_code == 202, reply.text
        made = reply.json()["proposal"]
        own = await root.admin("POST", f"/proposals/{made['id']}/approve", hash=made["hash"])
        assert own.status_code == 403, own.text
    assert number(office, vera, Parameter.REFERRER) == 0
    assert office.desk.second_factors.on(vera.person)


async def test_two_administrators_reset_a_second_factor(office):
    other = await office.join("other", "administrator")
    reply = await office.root.op(
        "member_reset_second_factor", member=office.vera.member.name, reason="lost"
    )
    made = reply.json()["proposal"]
    done = await other.admin("POST", f"/proposals/{made['id']}/approve", hash=made["hash"])
    assert done.status_code == 200, done.text
    assert not office.desk.second_factors.app_on(office.vera.person)


async def test_nobody_is_the_one_who_gains(office):
    """Neither themselves, nor by another account of the same owner, nor as approver."""
    root, vera = office.root, office.vera
    other = await office.join("other", "administrator")
    mine = {"member": vera.member.name, "referrer": root.member.name, "share_ppm": 1000}
    assert "on themselves" in await denied(root, "member_referral", **mine)
    made = (await other.op("member_referral", **mine)).json()["proposal"]
    approved = await root.admin("POST", f"/proposals/{made['id']}/approve", hash=made["hash"])
    assert (approved.status_code, "concerns" in approved.text) == (403, True)
    link = office.kyc.cases.link
    link(root.member.id, vera.member.id, reviewer_of(actors.shell()), "one person")
    for name, said in (
        ("member_fee_tier", {"tier": 1}),
        ("money_credit", {"asset": "USD", "amount": "1", "reason": "CORRECTION",
                          "reference": "ticket"}),
        ("member_unfreeze", {"reason": "mine"}),
    ):  # fmt: skip
        assert "on themselves" in await denied(root, name, member=vera.member.name, **said)


async def test_each_denial_leaves_a_row(office):
    support, auditor = office.people["support"], office.people["auditor"]
    before = len(rows(office, outcome="denied"))
    await denied(support, "custody_freeze", reason="a drill")  # writes its own row when it is done
    await denied(support, "money_balances", member=office.vera.member.name)  # only looks
    await denied(support, "member_freeze", member=support.member.name, reason="me")
    for path in ("/audit", "/export/entries.csv", "/kyc/documents/x?reason=to+compare"):
        assert (await support.admin("GET", path)).status_code == 403, path
    assert len(rows(office, outcome="denied")) == before + 6
    assert (await auditor.admin("GET", "/audit")).status_code == 200
    assert {r.who for r in rows(office, outcome="denied")} == {f"member:{support.member.id}"}


async def test_what_fails_in_an_unforeseen_way_has_its_second_row(office, monkeypatch):
    async def broken(*_):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(admin_members, "_set", broken)
    with pytest.raises(RuntimeError):  # which the server has answered with 500
        await office.root.op("member_fee_tier", member=office.vera.member.name, tier=1)
    first, second = rows(office, object="operation:member_fee_tier")
    assert (first.outcome, second.outcome) == ("done", "failed")
    assert json.loads(second.payload)["why"] == "the disk is full"


async def test_a_link_for_the_first_administrator_makes_no_second(office):
    token = office.venue.exchange.invitation.make()
    refused = await office.mallory.refused("POST", "administrator", token=token)
    assert refused == (400, "wrong_token")
    assert office.staff.roles.roles_of(office.mallory.member.id) == []
