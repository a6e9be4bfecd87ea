"""A reviewer's day on the page: take a case, look, ask, approve; and what others see of it."""

import json

from playwright.sync_api import expect

from tests.accounts.kyc_desk import png
from tests.accounts.test_kyc_documents import pdf
from tests.cli.test_member_story import PERSON, excraft, ok, until

HOSTILE = "<img src=x onerror=alert(1)>"


def submit(member, **changes) -> int:
    """The number of a case for level FULL that waits."""
    case = member.post("/account/kyc", level="FULL")["id"]
    ok(member.http.put(f"/account/kyc/{case}/person", json=PERSON | changes))
    for purpose, width in (("FRONT", 40), ("BACK", 41)):
        ok(member.http.post(
            f"/account/kyc/{case}/documents?purpose={purpose}", content=png(width=width),
            headers={"content-type": "image/png"},
        ))  # fmt: skip
    member.post(f"/account/kyc/{case}/submit")
    return case


def test_a_reviewer_claims_looks_and_approves(office):
    ada = office.join("ada")
    page = office.at_work("rita", "compliance")
    kyc = page.locator("#kyc")
    expect(kyc.get_by_text("Nothing waits. Cases that members submit appear here")).to_be_visible()
    case = submit(ada, name=HOSTILE, address="</dd><script>alert(2)</script>")
    page.reload()
    kyc.get_by_role("button", name="Take the oldest").click()
    expect(page.get_by_role("status").get_by_text(f"Case {case} is yours")).to_be_visible()
    kyc.get_by_text("See the data").click()
    kyc.get_by_label("Reason").first.fill("to compare")
    kyc.get_by_role("button", name="See it").first.click()
    expect(kyc.get_by_text(HOSTILE, exact=True)).to_be_visible()
    kyc.get_by_text("See: Front").click()
    form = kyc.locator("li", has_text="Front, image/png").first
    form.get_by_label("Reason").fill("to compare")
    form.get_by_role("button", name="See it").click()
    expect(kyc.get_by_role("img")).to_have_js_property("naturalWidth", 40)
    kyc.get_by_text("Reject", exact=True).first.click()
    kyc.get_by_role("button", name="Reject").click()  # without a reason it is not sent
    expect(kyc.get_by_label("Reason").locator("visible=true").last).to_be_focused()
    kyc.get_by_text("Approve", exact=True).first.click()
    kyc.get_by_role("button", name="Approve").click()
    expect(page.locator("#told")).to_have_text(f"Case {case} is approved.")
    expect(kyc.get_by_text("APPROVED, by you")).to_be_visible()
    until(lambda: ada.get("/account/kyc")["level"] == "FULL", "her level did not come")
    looks = [r for r in audit(office) if r["act"] == "SEE_KYC"]
    assert [json.loads(r["payload"])["reason"] for r in looks] == ["to compare"] * 2


def audit(office) -> list[dict]:
    return office.join("root", "administrator").get("/admin/audit?limit=1000")["rows"]


def test_asked_again_put_back_and_kept_from_others(office):
    bob, page = office.join("bob"), office.at_work("rita", "compliance")
    case = submit(bob, document_number="BOB7")
    other = office.at_work("remy", "compliance")
    other.locator("#kyc").get_by_role("button", name="Take the oldest").click()
    expect(other.locator("#told")).to_contain_text(f"Case {case} is yours")
    page.goto(f"{office.url}/staff#kyc/{case}")
    page.reload()
    kyc = page.locator("#kyc")
    remy = office.join("remy").number
    expect(kyc.get_by_text(f"Only member {remy} decides this case")).to_be_visible()
    assert kyc.get_by_role("button", name="Approve").count() == 0
    reply = office.join("rita").http.post(
        "/admin/kyc_decide", json={"case": case, "step": "approve", "reason": ""}
    )
    assert reply.status_code == 400 and "not by you" in reply.json()["message"]
    other.locator("#kyc").get_by_role("button", name="Put it back").click()
    expect(other.locator("#told")).to_contain_text("waits for another reviewer")
    page.reload()
    kyc.get_by_role("button", name="Take the oldest").click()
    kyc.get_by_text("Ask for more", exact=True).click()
    ask_form = kyc.locator("details", has_text="Ask for more")
    ask_form.get_by_label("Reason").fill(f"the back is missing {HOSTILE}")
    ask_form.get_by_role("button", name="Ask").click()
    expect(kyc.get_by_text(f"the back is missing {HOSTILE}")).to_be_visible()
    [found] = bob.get("/account/kyc")["cases"]
    assert (found["state"], found["reason"]) == ("MORE_NEEDED", f"the back is missing {HOSTILE}")


def test_an_auditor_sees_cases_and_decides_none(office):
    submit(office.join("cleo"), document_number="CLEO8")
    page = office.at_work("otto", "auditor")
    page.goto(f"{office.url}/staff#kyc/1")
    kyc = page.locator("#kyc")
    expect(kyc.get_by_role("heading", name="Case 1")).to_be_visible()
    for name in ("Take the oldest", "Approve", "Check again", "Revoke", "Link them"):
        assert kyc.get_by_role("button", name=name).count() == 0, name
    assert kyc.get_by_role("button", name="See it", include_hidden=True).count()


def test_who_is_no_staff_is_told_what_to_do(office):
    office.join("ada")
    page = office.window()
    page.goto(f"{office.url}/staff")
    page.get_by_label("E-mail").fill("ada@example.org")
    page.get_by_label("Password").fill("correct horse battery 7")
    page.locator("form").get_by_role("button", name="Log in").click()
    expect(page.get_by_text("You have no role here. An administrator gives roles")).to_be_visible()
    expect(page.get_by_role("link", name="your desk")).to_be_visible()
    assert not page.locator("#places a").count()


def test_a_role_that_is_taken_is_gone_with_the_next_click(office):
    page = office.at_work("tim", "compliance")
    excraft(office.data, "staff", "role", "take", office.join("tim").name, "compliance")
    page.locator("#kyc").get_by_role("button", name="Take the oldest").click()
    expect(page.get_by_text("You have no role here.")).to_be_visible()


def test_a_session_that_ended_leads_to_the_login(office):
    page = office.at_work("rita", "compliance")
    root = office.join("root", "administrator")
    root.post("/admin/member_end_sessions", member=office.join("rita").name)
    page.locator("#kyc").get_by_role("button", name="Take the oldest").click()
    expect(page.get_by_text("There is no session, or it ended; log in again.")).to_be_visible()
    expect(page.get_by_label("Password")).to_be_visible()
    assert "Case" not in page.locator("main").inner_text()
    office.join("rita").login()  # for the tests after this one


def test_a_document_is_never_something_to_open(office):
    """Its own answer says download, nothing runs and no guessing, whatever is in the file."""
    dan = office.join("dan")
    case = dan.post("/account/kyc", level="FULL")["id"]
    ok(dan.http.put(f"/account/kyc/{case}/person", json=PERSON | {"document_number": "DAN9"}))
    for purpose, content, kind in (
        ("FRONT", pdf(), "application/pdf"),
        ("BACK", png(), "image/png"),
    ):
        ok(dan.http.post(f"/account/kyc/{case}/documents?purpose={purpose}", content=content,
                         headers={"content-type": kind}))  # fmt: skip
    page = office.at_work("rita", "compliance")
    page.goto(f"{office.url}/staff#kyc/{case}")
    form = page.locator("#kyc li", has_text="application/pdf")
    form.locator("summary").click()
    form.get_by_label("Reason").fill("to compare")
    with page.expect_download() as saved:
        form.get_by_role("button", name="See it").click()
    assert saved.value.suggested_filename.endswith(".pdf")
    assert saved.value.path().read_bytes() == pdf()
    expect(form.get_by_text("It is saved, not opened")).to_be_visible()
    assert not page.locator("main img, main iframe, main embed, main object").count()
    shown = office.join("rita").post("/admin/kyc_show", case=case)["result"]
    for document in shown["documents"]:
        reply = office.join("rita").http.get(f"/admin/kyc/documents/{document['id']}?reason=x")
        assert reply.headers["content-type"] == "application/octet-stream"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["content-security-policy"] == "sandbox"
        assert reply.headers["content-disposition"].startswith("attachment")


def test_a_proof_that_is_too_old_is_asked_for_again(office):
    page = office.at_work("rita", "compliance")
    asked = []

    def old_once(route) -> None:
        asked.append(route.request.post_data)
        body = {"error": "step_up_needed", "message": "Give your password again."}
        route.fulfill(status=403, json=body) if len(asked) == 1 else route.continue_()

    page.route("**/admin/member_note", old_once)
    page.get_by_role("link", name="Members").click()
    page.get_by_label("Find").fill(office.join("ada").name)
    page.get_by_role("button", name="Find").click()
    page.locator("summary", has_text="Write a note").click()
    page.get_by_label("Note").fill("called")
    page.get_by_role("button", name="Keep it").click()
    dialog = page.get_by_role("dialog", name="Is it still you?")
    dialog.get_by_label("Password").fill("correct horse battery 7")
    dialog.get_by_role("button", name="Go on").click()
    expect(page.locator("#told")).to_have_text("Kept.")
    assert len(asked) == 2 and asked[0] == asked[1]


def test_under_four_eyes_two_reviewers_decide(office):
    """The rule itself is proposed on the page and approved by another administrator."""
    submit(office.join("eve"), document_number="EVE99")
    root = office.at_work("root", "administrator")
    root.get_by_role("link", name="Proposals").click()
    root.locator("summary", has_text="Change it").click()
    root.locator("select[name=act]").select_option("REVIEW_KYC")
    root.get_by_label("Approvals by others").fill("1")
    root.get_by_role("button", name="Propose it").click()
    expect(root.locator("#told")).to_contain_text("approval by others who may SET_FOUR_EYES")
    approve(office.at_work("rob", "administrator"), "SET_FOUR_EYES")
    rita = office.at_work("rita", "compliance")
    rita.get_by_role("button", name="Take the oldest").click()
    expect(rita.locator("#told")).to_contain_text("is yours")
    case = int(rita.locator("#told").inner_text().split()[1])
    rita.locator("summary", has_text="Approve").click()
    rita.get_by_role("button", name="Approve").click()
    expect(rita.locator("#told")).to_contain_text("This needs 1 approval by others who may REVIEW")
    approve(office.at_work("remy", "compliance"), "kyc_decide")
    shown = office.join("rita").post("/admin/kyc_show", case=case)["result"]
    assert shown["state"] == "APPROVED"


def approve(page, what: str) -> None:
    page.get_by_role("link", name="Proposals").click()
    row = page.locator("#proposals li", has_text=what)
    row.locator("summary", has_text="Approve").click()
    row.get_by_role("button", name="Approve").click()
    expect(page.locator("#told")).to_contain_text("is approved and done.")
