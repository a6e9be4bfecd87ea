"""/admin: who may do what over HTTP, a row for each act, and others' approval where it is due."""

import asyncio
import json

import pyotp
import pytest

from excraft.accounts import actors, four_eyes
from excraft.accounts.errors import AccountsError
from excraft.accounts.invitation import Invitation
from excraft.accounts.kyc_actors import owner
from excraft.accounts.kyc_states import CaseState, Level, Step
from excraft.accounts.origins import Origin
from excraft.accounts.staff import staff_of
from excraft.gateway import admin, admin_kyc, kyc_decisions
from excraft.gateway.admin_rights import RIGHTS
from excraft.gateway.app import application
from excraft.gateway.kyc_decisions import reviewer_of
from excraft.gateway.kyc_desk import KycDesk
from excraft.gateway.withdrawal_desk import EXECUTORS
from excraft.parameters import AccountState, Parameter
from tests.accounts.kyc_desk import person, png
from tests.gateway.account.browser import Browser

pytestmark = pytest.mark.anyio
SHELL = actors.shell()


class StaffBrowser(Browser):
    async def op(self, name, /, **arguments):
        return await self.http.post(f"/admin/{name}", json=arguments)


@pytest.fixture
async def office(shop, tmp_path):
    exchange = shop.venue.exchange
    exchange.staff = staff_of(shop.database, more=EXECUTORS)
    exchange.invitation = Invitation(
        tmp_path / "administrator.json", shop.database, exchange.staff.roles, lambda: shop.now.ns
    )
    shop.app = application(exchange)
    shop.staff = exchange.staff

    async def join(who, role=""):
        browser = StaffBrowser(shop)
        await browser.join(f"{who}@example.org")
        me = await browser.ok("GET", "me")
        browser.member, browser.account = me["member"], me["account"]
        if role:
            shop.staff.roles.give(SHELL, browser.member, role)
        return browser

    shop.join = join
    yield shop


def rows(office, **wanted):
    return [r for r in office.staff.audit.newest(limit=1000)
            if all(getattr(r, k) == v for k, v in wanted.items())]  # fmt: skip


async def test_every_operation_has_a_right_and_a_route(office):
    root = await office.join("root", "administrator")
    document = (await root.http.get("/admin/openapi.json")).json()
    assert set(admin.OPERATIONS) == set(RIGHTS)
    served = {path.strip("/") for path in document["paths"]}
    assert {n for n, r in RIGHTS.items() if not r.shell_only} <= served
    assert "api_key_create" not in served


async def test_freezing_stands_in_the_audit_log(office):
    sue = await office.join("sue", "support")
    reply = await sue.op("member_freeze", member="alice", reason="a stolen telephone")
    assert reply.status_code == 200, reply.text
    listings, alice = office.venue.engine.listings, office.venue.alice
    state = listings.account_parameter(alice.account, Parameter.ACCOUNT_STATE)
    assert state == AccountState.FROZEN
    [row] = rows(office, act="FREEZE_ACCOUNT")
    assert (row.who, row.outcome) == (f"member:{sue.member}", "done")
    assert json.loads(row.payload)["reason"] == "a stolen telephone"
    assert office.staff.audit.verify().broken is None
    assert (await sue.op("member_unfreeze", member="alice", reason="x")).status_code == 403


async def test_nobody_acts_on_themselves(office):
    sue = await office.join("sue", "support")
    found = (await sue.op("member_find", text=str(sue.account))).json()["result"]
    [name] = [row["name"] for row in found if row["id"] == sue.member]
    reply = await sue.op("member_freeze", member=name, reason="me")
    assert (reply.status_code, reply.json()["error"]) == (403, "not_allowed")


async def test_a_reviewer_decides_nothing_of_their_own(office, tmp_path):
    """Not alone, and not as the one who approves what another proposes."""
    office.venue.exchange.kyc = desk = KycDesk(
        office.venue.engine, office.database, tmp_path / "secret.key", tmp_path / "kyc"
    )
    try:
        cora, carl = [await office.join(who, "compliance") for who in ("cora", "carl")]
        case = desk.cases.open(cora.member, Level.BASIC).id
        asked = {"case": case, "step": "recheck", "reason": "again"}
        own = await cora.op("kyc_decide", **asked)
        assert (own.status_code, own.json()["error"]) == (403, "not_allowed")
        assert "on themselves" in own.json()["message"]
        with office.database.write_durable() as connection:
            wanted = {"for": "REVIEW_KYC", "approvals": 1}
            four_eyes.executor()(connection, SHELL, wanted)
        assert (await cora.op("kyc_decide", **asked)).status_code == 403
        made = await carl.op("kyc_decide", **asked)
        assert made.status_code == 202, made.text
        proposal = made.json()["proposal"]
        assert proposal["payload"]["member"] == cora.member
        path = f"/admin/proposals/{proposal['id']}/approve"
        refused = await cora.http.post(path, json={"hash": proposal["hash"]})
        assert (refused.status_code, refused.json()["error"]) == (403, "not_allowed")
    finally:
        desk.close()


async def test_what_two_reviewers_agree_on_is_done_in_the_name_of_the_first(office, tmp_path):
    """The claim is the proposer's, so the step is too; what no longer holds is refused whole."""
    exchange = office.venue.exchange
    exchange.kyc = desk = KycDesk(
        office.venue.engine, office.database, tmp_path / "secret.key", tmp_path / "kyc"
    )
    office.staff = exchange.staff = staff_of(
        office.database, more={**EXECUTORS, **kyc_decisions.executors(desk.cases)}
    )
    with office.database.write_durable() as connection:
        four_eyes.executor()(connection, SHELL, {"for": "REVIEW_KYC", "approvals": 1})
    try:
        cora, carl, ann = [
            await office.join(who, role)
            for who, role in (("cora", "compliance"), ("carl", "compliance"), ("ann", ""))
        ]
        case = desk.cases.open(ann.member, Level.BASIC).id
        desk.cases.set_person(case, owner(ann.member), person())
        desk.cases.step(case, Step.SUBMIT, owner(ann.member))

        async def decide(who, step, reason=""):
            return await who.op("kyc_decide", case=case, step=step, reason=reason)

        unclaimed = await decide(cora, "approve")  # tried when it is proposed
        assert (unclaimed.status_code, "SUBMITTED" in unclaimed.text) == (400, True)
        claimed = await cora.op("kyc_claim")
        assert claimed.json()["result"]["reviewer"] == f"member:{cora.member}"
        theirs = await decide(carl, "approve")
        assert (theirs.status_code, "not by you" in theirs.text) == (400, True)
        first = (await decide(cora, "approve")).json()["proposal"]
        assert desk.cases.case(case).state == CaseState.IN_REVIEW
        released = await decide(cora, "release")  # decides nothing, so it needs nobody
        assert released.json()["result"]["state"] == "SUBMITTED"

        async def approve(proposal):
            path = f"/admin/proposals/{proposal['id']}/approve"
            reply = await carl.http.post(path, json={"hash": proposal["hash"]})
            assert reply.status_code == 200, reply.text
            return reply.json()["proposal"]

        ended = await approve(first)
        assert (ended["state"], "SUBMITTED" in ended["reason"]) == ("REFUSED", True)
        assert desk.cases.case(case).state == CaseState.SUBMITTED
        await cora.op("kyc_claim")
        second = (await decide(cora, "approve")).json()["proposal"]
        assert (await approve(second))["state"] == "EXECUTED"
        assert desk.cases.case(case).state == CaseState.APPROVED
        assert desk.cases.history(case)[-1].who == f"member:{cora.member}"
        again = await carl.http.post(f"/admin/proposals/{second['id']}/carry-out")
        assert (again.status_code, "carried out by its last" in again.text) == (403, True)
        claims = rows(office, object="operation:kyc_claim")
        assert [row.outcome for row in claims] == ["done", "done"]
        office.staff.approvals.invariant()
    finally:
        desk.close()


async def test_who_has_the_same_owner_neither_proposes_nor_approves(office, tmp_path):
    exchange = office.venue.exchange
    exchange.kyc = desk = KycDesk(
        office.venue.engine, office.database, tmp_path / "secret.key", tmp_path / "kyc"
    )
    office.staff = exchange.staff = staff_of(
        office.database, more=kyc_decisions.executors(desk.cases)
    )
    with office.database.write_durable() as connection:
        four_eyes.executor()(connection, SHELL, {"for": "REVIEW_KYC", "approvals": 1})
    try:
        cora, carl, eve = [await office.join(who, "compliance") for who in ("cora", "carl", "eve")]
        ann, ben = await office.join("ann"), await office.join("ben")
        desk.cases.link(ann.member, carl.member, reviewer_of(SHELL), "his company")
        names = [exchange.members.by_id(b.member).name for b in (ann, ben)]
        asked = {"member": names[0], "other": names[1], "reason": "one address"}
        assert (await carl.op("kyc_link", **asked)).status_code == 403
        made = (await cora.op("kyc_link", **asked)).json()["proposal"]
        path = f"/admin/proposals/{made['id']}/approve"
        own = await carl.http.post(path, json={"hash": made["hash"]})
        assert (own.status_code, "concerns" in own.text) == (403, True)
        done = await eve.http.post(path, json={"hash": made["hash"]})
        assert done.json()["proposal"]["state"] == "EXECUTED", done.text
        group = tuple(sorted((ann.member, ben.member, carl.member)))
        assert desk.cases.group_of(ben.member) == group
    finally:
        desk.close()


async def test_each_look_at_a_member_is_a_row_before_it_is_given_out(office, tmp_path, monkeypatch):
    exchange = office.venue.exchange
    exchange.kyc = desk = KycDesk(
        office.venue.engine, office.database, tmp_path / "secret.key", tmp_path / "kyc",
        admin_kyc.noting(office.staff.audit),
    )  # fmt: skip
    try:
        cora, ann = await office.join("cora", "compliance"), await office.join("ann")
        case = desk.cases.open(ann.member, Level.BASIC).id
        made = await asyncio.to_thread(
            lambda: desk.documents.add(
                case, owner(ann.member), purpose="FRONT", declared="image/png", content=png()
            )
        )
        path = f"/admin/kyc/documents/{made.id}"
        seen = await cora.http.get(path, params={"reason": "to compare"})
        assert (seen.status_code, seen.content) == (200, png())
        assert seen.headers["content-disposition"].startswith("attachment")
        assert seen.headers["content-security-policy"] == "sandbox"
        assert seen.headers["x-content-type-options"] == "nosniff"
        [row] = rows(office, act="SEE_KYC")
        assert (row.who, row.object) == (f"member:{cora.member}", f"kyc document {made.id}")
        assert json.loads(row.payload)["reason"] == "to compare"
        for wrong in ("", "two\nlines"):
            assert (await cora.http.get(path, params={"reason": wrong})).status_code == 400
        assert (await ann.http.get(path, params={"reason": "mine"})).status_code == 404
        assert len(rows(office, act="SEE_KYC")) == 1

        def full(*_, **__):
            raise AccountsError("the audit log cannot be written")

        monkeypatch.setattr(office.staff.audit, "record", full)
        unseen = await cora.http.get(path, params={"reason": "to compare"})
        assert unseen.status_code == 400 and png() not in unseen.content
    finally:
        desk.close()


async def test_money_needs_a_second_pair_of_eyes(office):
    fin, two = await office.join("fin", "finance"), await office.join("two", "finance")
    asked = {"member": "alice", "asset": "USD", "amount": "5", "reason": "CORRECTION",
             "reference": "ticket 7"}  # fmt: skip
    before = office.venue.engine.balance(office.venue.alice.account, 1)
    made = await fin.op("money_credit", **asked)
    assert made.status_code == 202, made.text
    proposal = made.json()["proposal"]
    assert office.venue.engine.balance(office.venue.alice.account, 1) == before
    path = f"/admin/proposals/{proposal['id']}/approve"
    own = await fin.http.post(path, json={"hash": proposal["hash"]})
    assert own.status_code == 403
    other = await two.http.post(path, json={"hash": "00" * 32})
    assert other.status_code == 403
    both = await asyncio.gather(
        *(two.http.post(path, json={"hash": proposal["hash"]}) for _ in range(3))
    )
    assert sorted(r.status_code for r in both) == [200, 403, 403], [r.text for r in both]
    free, _ = office.venue.engine.balance(office.venue.alice.account, 1)
    assert free == before[0] + 5_000_000
    again = await two.http.post(f"/admin/proposals/{proposal['id']}/carry-out")
    assert again.status_code == 403
    assert office.venue.engine.balance(office.venue.alice.account, 1)[0] == free


async def test_a_change_needs_a_proof_that_is_fresh(office):
    sue = await office.join("sue", "support")
    office.now.ns += 1000 * 10**9
    reply = await sue.op("member_note", member="alice", text="called")
    assert (reply.status_code, reply.json()["error"]) == (403, "step_up_needed")
    assert (await sue.op("member_list")).status_code == 200


async def test_in_public_a_password_alone_changes_nothing(office):
    sue, vera = await office.join("sue", "support"), await office.join("vera")
    name = office.venue.exchange.members.by_id(vera.member).name
    note = {"member": name, "text": "called"}
    assert (await sue.op("member_note", **note)).status_code == 200  # on this machine alone
    office.desk.origin = Origin.read("http://localhost")
    refused = await sue.op("member_note", **note)
    assert (refused.status_code, refused.json()["error"]) == (403, "factor_needed")
    for path in ("/admin/proposals/1/approve", "/admin/roles"):
        reply = await sue.http.post(path, json={"hash": "00"})
        assert reply.json()["error"] == "factor_needed", path
    assert (await sue.op("member_show", member=name)).status_code == 200  # looking changes nothing
    app = pyotp.TOTP((await sue.ok("POST", "totp/enrol"))["secret"])
    await sue.ok("POST", "totp/confirm", code=app.at(office.now.ns // 10**9))
    assert (await sue.op("member_note", **note)).status_code == 200


async def test_csrf_size_and_shape(office):
    sue = await office.join("sue", "support")
    token = sue.http.headers.pop("x-csrf-token")
    assert (await sue.op("member_list")).json()["error"] == "csrf"
    sue.http.headers["x-csrf-token"] = token
    huge = await sue.http.post("/admin/member_find", content=b"{" + b" " * (1 << 20))
    assert huge.status_code == 413
    for body in (b"", b"[]", b"{", b'{"text": 5}', b'{"text": "a", "more": 1}', b"\xff"):
        reply = await sue.http.post(
            "/admin/member_find", content=body, headers={"content-type": "application/json"}
        )
        assert reply.status_code == 400 and set(reply.json()) == {"error", "message"}, reply.text
    assert (await sue.http.get("/admin/member_find")).status_code == 405


async def test_nobody_in_a_browser_is_sent_to_a_shell(office):
    sue = await office.join("sue", "support")
    said = (await sue.op("member_show", member="nobody")).json()["message"]
    assert said == "there is no member 'nobody'"


async def test_notes_are_kept_and_found(office):
    sue = await office.join("sue", "support")
    await sue.op("member_note", member="alice", text="called about a deposit")
    shown = (await sue.op("member_show", member="alice")).json()["result"]
    assert "called about a deposit" in shown["notes"][0]["payload"]
    assert (await sue.op("member_show", member="bob")).json()["result"]["notes"] == []


async def test_the_first_administrator_comes_by_a_link_that_works_once(office):
    ann, ben = await office.join("ann"), await office.join("ben")
    invitation = office.venue.exchange.invitation
    assert invitation.is_due()
    old, token = invitation.make(), invitation.make()
    for wrong in (old, "", "x" * 43):
        refused = await ann.refused("POST", "administrator", token=wrong)
        assert refused == (400, "wrong_token")
    await ann.ok("POST", "administrator", token=token)
    assert not invitation.is_due()
    assert await ben.refused("POST", "administrator", token=token) == (400, "wrong_token")
    assert (await ann.op("status")).status_code == 200
    late = invitation.make()
    office.now.ns += 25 * 3600 * 10**9
    await ben.login("ben@example.org")
    assert await ben.refused("POST", "administrator", token=late) == (400, "wrong_token")
