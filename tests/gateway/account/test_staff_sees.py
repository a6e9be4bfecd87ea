"""What /admin shows of itself and of members goes as far as the roles of who asks."""

import pytest

from excraft.gateway import admin
from tests.gateway.account.test_staff_door import StaffBrowser, office  # noqa: F401

pytestmark = pytest.mark.anyio


async def test_who_i_am_and_what_i_may(office):  # noqa: F811
    sue = await office.join("sue", "support")
    found = (await sue.http.get("/admin/me")).json()
    assert (found["member"], found["who"]) == (sue.member, f"member:{sue.member}")
    assert found["roles"] == ["support"] and "FREEZE_ACCOUNT" in found["acts"]
    assert "SEE_MONEY" not in found["acts"]
    ann = await office.join("ann")
    assert (await ann.http.get("/admin/me")).status_code == 404
    assert (await StaffBrowser(office).http.get("/admin/me")).status_code == 401


async def test_proposals_are_shown_to_those_who_may_approve_them(office):  # noqa: F811
    first, second = [await office.join(who, "finance") for who in ("fred", "fay")]
    made = await first.op("money_credit", member="alice", asset="USD", amount="1",
                          reason="CORRECTION", reference="ticket 9")  # fmt: skip
    assert made.status_code == 202, made.text
    for who, role, seen in (
        ("mia", "market-desk", 0),
        ("sue", "support", 0),
        ("otto", "auditor", 1),
    ):
        browser = await office.join(who, role)
        found = await browser.http.get("/admin/proposals?all=true")
        assert (found.status_code, len(found.json()["proposals"])) == (200, seen), role
        assert ("ticket 9" in found.text) == bool(seen)
    [waiting] = (await second.http.get("/admin/proposals")).json()["proposals"]
    path = f"/admin/proposals/{waiting['id']}/approve"
    approved = await second.http.post(path, json={"hash": waiting["hash"]})
    assert approved.json()["proposal"]["state"] == "EXECUTED", approved.text


async def test_a_members_money_and_keys_need_acts_of_their_own(office):  # noqa: F811
    for role, money, keys in (
        ("support", False, True), ("finance", True, False), ("compliance", True, True),
        ("auditor", True, True),
    ):  # fmt: skip
        browser = await office.join(role, role)
        found = (await browser.op("member_show", member="alice")).json()["result"]
        assert found["state"] == "ACTIVE" and "notes" in found
        assert ("balances" in found, "open_orders" in found) == (money, money), role
        assert ("api_keys" in found) == keys, role
    ann = await office.join("ann")
    name = office.venue.exchange.members.by_id(ann.member).name
    for role, seen in (("support", True), ("finance", False)):
        browser = await office.join(f"{role}-two", role)
        reply = await browser.op("member_show", member=name)
        assert ("ann@example.org" in reply.text) == seen, role
    shell = await admin.perform(office.venue.exchange, "member_show", {"member": "alice"})
    assert shell["balances"] and "api_keys" in shell


async def test_the_audit_log_in_pages_and_checked(office):  # noqa: F811
    otto = await office.join("otto", "auditor")
    sue = await office.join("sue", "support")
    for number in range(5):
        await sue.op("member_note", member="alice", text=f"call {number}")
    seen, before = [], 2**63 - 1
    while True:
        found = await otto.http.get(f"/admin/audit?act=WRITE_NOTE&limit=2&before={before}")
        rows = found.json()["rows"]
        if not rows:
            break
        seen, before = [r["number"] for r in rows] + seen, rows[0]["number"]
    assert len(seen) == 5 and seen == sorted(seen)
    head = found.json()["head"]
    checked = (await otto.http.get(f"/admin/audit/verify?head={head['hash']}")).json()
    assert checked == {"rows": head["number"], "head": head["hash"], "broken": None, "why": ""}
    unknown = (await otto.http.get(f"/admin/audit/verify?head={'ab' * 32}")).json()
    assert unknown["broken"] == head["number"] + 1 and "cut off" in unknown["why"]
    for wrong in ("audit/verify?head=xyz", "audit?before=0", f"audit?before={2**63}"):
        assert (await otto.http.get(f"/admin/{wrong}")).status_code == 400, wrong
    assert (await sue.http.get("/admin/audit/verify")).status_code == 403


async def test_announcements_that_begin_later_or_ended_are_listed_for_staff(office):  # noqa: F811
    max_ = await office.join("max", "market-desk")
    await max_.op("announce", title="later", text="x", from_ns=2**62)
    await max_.op("announce", title="old", text="x", from_ns=1, until_ns=2)
    found = (await max_.op("announcement_list")).json()["result"]
    assert [(row["title"], row["until_ns"]) for row in found] == [("old", 2), ("later", None)]
    assert found[0]["who"] == f"member:{max_.member}"
