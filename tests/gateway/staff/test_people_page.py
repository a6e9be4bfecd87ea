"""Members, markets, announcements, audit log and exports on the page, as far as roles go."""

import io

import pyarrow.parquet as parquet
import pytest
from playwright.sync_api import expect

from excraft.cli.control import ask
from tests.cli.test_member_story import excraft
from tests.gateway.staff.test_kyc_page import submit

HOSTILE = "<img src=x onerror=alert(1)>\"'</li><script>alert(2)</script>"
SECTIONS = ("KYC", "Withdrawals", "Proposals", "Alarms", "Members", "Markets", "Referrals",
            "Announcements", "Audit log", "Exports")  # fmt: skip
LOOKING = {"Log out", "See it", "Open", "Find", "Check every row", "Download"}


@pytest.fixture(scope="module")
def vera(people):
    """A member with money, a key, a note, a case and an announcement of hostile names."""
    vera, root = people.join("vera"), people.join("root", "administrator")
    ask(people.data, "asset_add", symbol="USD", decimals=2, name=HOSTILE[:40])
    ask(people.data, "money_credit", member=vera.name, asset="USD", amount="123.45",
        reason="DEPOSIT", reference=HOSTILE)  # fmt: skip
    vera.post("/account/api-keys", kind="HMAC", label=HOSTILE[:64], permissions=["READ"])
    root.post("/admin/member_note", member=vera.name, text=HOSTILE)
    root.post("/admin/announce", title=HOSTILE, text=HOSTILE)
    submit(vera, name=HOSTILE, address=HOSTILE)
    return vera


def go(page, section: str):
    page.get_by_role("link", name=section, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(section)
    return page.locator("main > section:visible")


def found(page, text: str):
    members = go(page, "Members")
    members.get_by_label("Find").fill(text)
    members.get_by_role("button", name="Find").click()
    return members


def test_support_freezes_and_sees_no_money(office, vera):
    page = office.at_work("sue", "support")
    assert page.locator("#places a").all_inner_texts() == ["Proposals", "Members"]
    members = found(page, "nobody-of-this-name")
    expect(members.get_by_text("Nobody. Try another part of the name")).to_be_visible()
    members = found(page, "vera@example.org")
    expect(members.get_by_role("heading", name=vera.name)).to_be_visible()
    assert members.get_by_role("heading", level=2).all_inner_texts() == [
        vera.name, "API keys", "Referrals", "Notes", "Acts",
    ]  # fmt: skip
    assert "123.45" not in members.inner_text()
    members.locator("summary", has_text="Freeze").click()
    members.get_by_label("Reason").fill("a stolen <b>telephone</b>")
    members.get_by_role("button", name="Freeze").click()
    expect(page.locator("#told")).to_have_text("Frozen: places nothing, withdraws nothing.")
    expect(members.locator(".mark")).to_have_text("FROZEN")
    assert not members.locator("summary", has_text="Unfreeze").count()
    shown = ask(office.data, "member_show", member=vera.name)
    assert shown["state"] == "FROZEN"
    cora = office.at_work("cora", "compliance")
    members = found(cora, vera.name)
    members.locator("summary", has_text="Unfreeze").click()
    members.get_by_label("Reason").fill("found again")
    members.get_by_role("button", name="Unfreeze").click()
    expect(members.locator(".mark").first).to_have_text("ACTIVE")
    expect(members.get_by_text("123.45000000 free, 0.00000000 locked")).to_be_visible()


def test_the_keyboard_is_enough(office, vera):
    page = office.at_work("sue", "support")
    expect(page.locator("#main")).to_be_focused()  # the first section has come
    page.get_by_role("link", name="Members").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Find").focus()
    page.keyboard.type(vera.name)
    page.keyboard.press("Enter")
    page.locator("summary", has_text="Write a note").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("called back")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#told")).to_have_text("Kept.")
    expect(page.get_by_text("called back")).to_be_visible()


def test_an_auditor_sees_all_and_can_change_nothing(office, vera):
    page = office.at_work("otto", "auditor")
    assert tuple(page.locator("#places a").all_inner_texts()) == SECTIONS
    for section in SECTIONS:
        shown = go(page, section)
        if section == "Members":
            shown = found(page, vera.name)
            expect(shown.get_by_role("heading", name="Money")).to_be_visible()
        seen = set(page.locator("button").all_text_contents())
        assert seen <= LOOKING, (section, seen - LOOKING)
    page.goto(f"{office.url}/staff#kyc/1")
    expect(page.get_by_role("heading", name="Case 1")).to_be_visible()
    assert set(page.locator("button").all_text_contents()) <= LOOKING
    for name, given in (
        ("kyc_claim", {}), ("member_freeze", {"member": vera.name, "reason": "x"}),
        ("announce", {"title": "x", "text": "x"}), ("withdrawal_refuse", {"id": 1, "reason": "x"}),
    ):  # fmt: skip
        reply = office.join("otto").http.post(f"/admin/{name}", json=given)
        assert (reply.status_code, reply.json()["error"]) == (403, "not_allowed"), name


def test_hostile_names_stay_text_everywhere(office, vera):
    """A dialog, an error or a request of theirs would fail the fixture."""
    page = office.at_work("root", "administrator")
    for section in SECTIONS:
        shown = found(page, vera.name) if section == "Members" else go(page, section)
        if section == "Members":
            expect(shown.get_by_text(HOSTILE, exact=True)).to_be_visible()  # the note
            expect(shown.get_by_text(HOSTILE[:64], exact=True)).to_be_visible()  # the key
        if section == "Announcements":
            expect(shown.get_by_text(HOSTILE).first).to_be_visible()
        assert not page.locator("main img, main script, main b").count(), section
    page.goto(f"{office.url}/staff#members/{HOSTILE}")
    expect(page.get_by_text("Nobody. Try another part of the name")).to_be_visible()
    for broken in ("#members/%", "#kyc/<b>", "#kyc/999999", "#nothing", "#audit/before=0"):
        page.goto(f"{office.url}/staff{broken}")
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert not page.locator("main img, main script, main b").count(), broken


def test_the_market_desk_lists_stops_and_resumes(office, vera):
    page = office.at_work("max", "market-desk")
    shown = go(page, "Markets")
    expect(shown.get_by_text("None is listed. A market needs two assets")).to_be_visible()
    shown.locator("summary", has_text="List an asset").click()
    shown.get_by_label("Symbol").last.fill("EUR")
    shown.get_by_label("Name").fill("Euro <i>x</i>")
    shown.get_by_role("button", name="List it").last.click()
    expect(page.locator("#told")).to_contain_text("approval by others who may LIST_ASSET")
    other = office.at_work("mia", "market-desk")
    go(other, "Proposals").locator("summary", has_text="Approve").click()
    other.get_by_role("button", name="Approve").click()
    expect(other.locator("#told")).to_contain_text("is approved and done.")
    page.reload()
    expect(shown.get_by_text("EUR: Euro <i>x</i>")).to_be_visible()
    shown.locator("summary", has_text="List a market").click()
    for label, text in (("Symbol", "EURUSD"), ("Base asset", "EUR"), ("Quote asset", "USD"),
                        ("Tick", "0.01"), ("Lot", "1")):  # fmt: skip
        shown.get_by_label(label).first.fill(text)
    shown.get_by_role("button", name="List it").first.click()
    row = shown.locator("li", has_text="EURUSD")
    expect(row.locator(".mark")).to_have_text("TRADING")
    row.locator("summary", has_text="Stop it").click()
    row.get_by_role("button", name="Stop it").click()
    expect(row.locator(".mark")).to_have_text("HALT")
    excraft(office.data, "staff", "role", "add", "night", "HALT_MARKET", "RESUME_MARKET")
    guard = office.at_work("nora", "night")
    assert guard.locator("#places a").all_inner_texts() == ["Proposals", "Markets"]
    by_name = go(guard, "Markets")
    by_name.locator("summary", has_text="By its symbol").click()
    by_name.get_by_label("Symbol").fill("EURUSD")
    by_name.locator("select[name=state]").select_option("TRADING")
    by_name.get_by_role("button", name="Do it").click()
    expect(guard.locator("#told")).to_have_text("EURUSD is TRADING.")
    page.reload()
    expect(row.locator(".mark")).to_have_text("TRADING")
    row.get_by_role("link", name="EURUSD").click()
    maker = shown.locator("li", has_text="MAKER_FEE_PPM")
    maker.locator("summary", has_text="Change MAKER_FEE_PPM").click()
    maker.get_by_label("Value").fill("250")
    maker.get_by_role("button", name="Change it").click()
    expect(page.locator("#told")).to_contain_text("approval by others who may SET_PARAMETER")


def test_announced_and_ended(office):
    page = office.at_work("max", "market-desk")
    shown = go(page, "Announcements")
    shown.locator("summary", has_text="Announce something").click()
    shown.get_by_label("Title").fill("Fees fall")
    shown.get_by_label("Text").fill("From tomorrow on.\nFor all.")
    shown.get_by_label("From").fill("2099-01-01T00:00")
    shown.get_by_role("button", name="Announce").click()
    row = shown.locator("li", has_text="Fees fall")
    expect(row.locator(".mark")).to_have_text("begins later")
    row.get_by_role("button", name="End it").click()
    expect(page.locator("#told")).to_contain_text("Ended")
    expect(row.locator(".mark")).to_have_text("ended")


def test_the_audit_log_is_paged_and_checked(office, vera):
    root = office.join("root", "administrator")
    for number in range(60):
        root.post("/admin/member_note", member=vera.name, text=f"note {number}")
    page = office.at_work("otto", "auditor")
    shown = go(page, "Audit log")
    head = shown.locator(".code").first.inner_text()
    newest = shown.locator("li strong").first.inner_text()
    shown.get_by_role("link", name="Older").click()
    expect(shown.get_by_role("link", name="The newest")).to_be_visible()
    older = int(shown.locator("li strong").first.inner_text().split(":")[0])
    assert older == int(newest.split(":")[0]) - 50
    shown.locator("summary", has_text="Check the chain").click()
    shown.get_by_label("A hash kept from before").fill(head)
    shown.get_by_role("button", name="Check every row").click()
    expect(shown.get_by_text("rows are whole.")).to_be_visible()
    shown.get_by_label("A hash kept from before").fill("ab" * 32)
    shown.get_by_role("button", name="Check every row").click()
    expect(shown.get_by_text("were cut off, or the log was written anew")).to_be_visible()
    shown.locator("summary", has_text="Find rows").click()
    shown.get_by_label("Act").fill("ANNOUNCE")
    shown.get_by_role("button", name="Find").click()
    expect(shown.locator("li strong").first).to_contain_text("ANNOUNCE")
    expect(page.locator("#audit")).not_to_contain_text("WRITE_NOTE")


def test_exports_are_saved_as_files(office, vera):
    page = office.at_work("fay", "finance")
    shown = go(page, "Exports")
    assert "Audit log" not in shown.inner_text()
    for name in ("csv", "parquet"):
        shown.locator("select[name=table]").select_option("entries")
        shown.locator("select[name=format]").select_option(name)
        with page.expect_download() as saved:
            shown.get_by_role("button", name="Download").click()
        assert saved.value.suggested_filename == f"entries.{name}"
        content = saved.value.path().read_bytes()
        if name == "csv":
            assert "123.45" in content.decode()
        else:
            assert (
                "123.45000000" in parquet.read_table(io.BytesIO(content))["amount_text"].to_pylist()
            )


def test_a_narrow_window_needs_no_sideways_scrolling(office, vera):
    narrow = {"viewport": {"width": 380, "height": 800}, "color_scheme": "dark"}
    page = office.at_work("root", "administrator", **narrow)
    for section in SECTIONS:
        found(page, vera.name) if section == "Members" else go(page, section)
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") <= 380, section


def test_codes_are_seen_and_closed_and_a_key_is_ended(office, vera):
    made = vera.post("/account/referrals")
    root = office.at_work("root", "administrator")
    shown = found(root, vera.name)
    row = shown.locator("li", has_text=made["code"])
    expect(row).to_contain_text("0 people")
    row.locator("summary", has_text="Close").click()
    row.get_by_label("Reason").fill("handed out as spam")
    row.get_by_role("button", name="Close it").click()
    expect(root.locator("#told")).to_have_text(f"Nobody signs up with {made['code']} any more.")
    shown.get_by_role("button", name="End it").click()
    expect(root.locator("#told")).to_have_text("The key has ended.")
    expect(shown.get_by_text("revoked")).to_be_visible()
    shown.locator("summary", has_text="Set who referred them").click()
    shown.get_by_label("Referrer").fill(office.join("ann").name)
    shown.get_by_label("Share").fill("1000")
    shown.get_by_role("button", name="Propose it").first.click()
    expect(root.locator("#told")).to_contain_text("approval by others who may SET_REFERRAL")
    shown = go(root, "Referrals")
    expect(shown.get_by_text("Nothing is owed to anybody.")).to_be_visible()
