"""What /admin shows of itself and of members goes as far as the roles of who asks."""

import pytest

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
