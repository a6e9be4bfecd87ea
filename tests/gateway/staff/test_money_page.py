"""Withdrawals, alarms and proposals on the page, over a real chain whose balances are bent."""

import time

import pyotp
import pytest
from playwright.sync_api import expect

from excraft.cli.control import ask
from tests.cli.test_member_story import until
from tests.gateway.on_chain import on_chain, rpc

BOB, ETHER = "0xB0B0b0B0B0B0B0b0B0B0B0b0b0b0b0B0b0b0B0B0", 10**18


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    """With ETH over a local chain; its signer is not there. Two must approve each withdrawal."""
    data = tmp_path_factory.mktemp("money") / "data"
    with on_chain(data, ("NEW_ADDRESS_DELAY_S", "FACTOR_DELAY_S")) as exchange:
        ask(data, "withdrawal_limit_set", name="APPROVALS", value="2", asset="ETH")
        yield exchange


def bend(exchange, address: str, ether: int) -> None:
    """What the chain says an address holds, from the next block on."""
    rpc(exchange, "anvil_setBalance", address, hex(ether * ETHER))
    rpc(exchange, "anvil_mine", "0x1")


def rich(office, name: str = "ada"):
    """A member with 3 ETH from the chain, who may withdraw them."""
    ada = office.join(name)
    if hasattr(ada, "address"):
        return ada
    ask(office.data, "parameter_set", name="KYC_LEVEL", value=2, member=ada.name)
    ada.app = pyotp.TOTP(ada.post("/account/totp/enrol")["secret"])
    ada.post("/account/totp/confirm", code=ada.app.now())
    ada.address = ada.post("/account/deposit-address")["address"]
    giver = rpc(office.exchange, "eth_accounts")[0]
    paid = {"from": giver, "to": ada.address, "value": hex(3 * ETHER)}
    rpc(office.exchange, "eth_sendTransaction", paid)
    until(lambda: [d for d in ada.get("/account/deposits")["deposits"] if d["state"] == "CREDITED"],
          "the deposit was not credited")  # fmt: skip
    return ada


def withdraw(ada, amount: str) -> int:
    """Its number; once for each member, for the code after the next comes in half a minute."""
    code = ada.app.at(time.time() + 30)
    made = ada.post("/account/withdrawals", asset="ETH", address=BOB, amount=amount, code=code)
    return made["id"]


def test_two_administrators_approve_and_a_reason_refuses(office):
    one, two = [office.at_work(name, "administrator") for name in ("root", "rob")]
    for page in (one, two):
        page.get_by_role("link", name="Withdrawals").click()
    expect(one.get_by_text("None is open. What members withdraw appears here")).to_be_visible()
    ada = rich(office)
    id = withdraw(ada, "1")
    for page, count in ((one, 1), (two, 2)):
        page.reload()
        row = page.locator("#withdrawals li", has_text=f"{id}: 1.00000000 ETH over LOCAL")
        expect(row.locator("dl")).to_contain_text(f"{count - 1} of 2 approvals")
        row.locator("summary", has_text="Approve").click()
        expect(row.get_by_text(f"over LOCAL to {BOB}. Compare the address.")).to_be_visible()
        row.get_by_role("button", name="Approve").click()
        expect(page.locator("#told")).to_have_text(f"You approved withdrawal {id}.")
    expect(row.locator(".mark")).to_have_text("APPROVED")
    expect(row.locator("dl")).to_contain_text("the signer")
    row.locator("summary", has_text="Refuse").click()
    row.get_by_label("Reason").fill("the customer <b>called</b>")
    row.get_by_role("button", name="Refuse").click()
    expect(two.locator("#withdrawals")).to_contain_text("does not answer")


def test_a_lack_is_an_alarm_that_two_administrators_end(office):
    ada, abe = rich(office), rich(office, "abe")
    page = office.at_work("root", "administrator")
    page.get_by_role("link", name="Alarms").click()
    alarms = page.locator("#alarms")
    expect(alarms.get_by_text("There are none. A difference between chain and")).to_be_visible()
    bend(office.exchange, ada.address, 2)
    seen(page, f"{ada.address.lower()} holds", alarms)
    expect(alarms.get_by_text("Withdrawals are frozen:")).to_be_visible()
    cora = office.at_work("cora", "compliance")
    cora.get_by_role("link", name="Alarms").click()
    expect(cora.get_by_text("Who may UNFREEZE_WITHDRAWALS resolves it.")).to_be_visible()
    assert not cora.get_by_role("button", name="Resolve").count()
    id = withdraw(abe, "0.5")
    cora.get_by_role("link", name="Withdrawals").click()
    expect(cora.locator("#withdrawals")).to_contain_text("resolved")
    cora.locator("summary", has_text="Refuse").last.click()
    cora.get_by_label("Reason").last.fill("not while there is an alarm")
    cora.get_by_role("button", name="Refuse").last.click()
    expect(cora.locator("#told")).to_contain_text(f"Withdrawal {id} is refused")
    bend(office.exchange, ada.address, 3)
    alarms.locator("summary", has_text="Resolve").click()
    alarms.get_by_label("What was found and done").fill("the node lied")
    alarms.get_by_role("button", name="Resolve").click()
    expect(page.locator("#told")).to_contain_text(
        "This needs 1 approval by others who may UNFREEZE"
    )
    approve(office, "rob", "administrator", "the node lied")
    seen(page, "Withdrawals go on.", alarms)


def approve(office, name, role, what) -> None:
    page = office.at_work(name, role)
    page.get_by_role("link", name="Proposals").click()
    row = page.locator("#proposals li", has_text=what)
    row.locator("summary", has_text="Approve").click()
    row.get_by_role("button", name="Approve").click()
    expect(page.locator("#told")).to_contain_text("is approved and done.")


def seen(page, text: str, place) -> None:
    """With as many reloads as the exchange needs to notice."""

    def look() -> bool:
        page.reload()
        expect(place.get_by_role("heading", name="Chains")).to_be_visible()
        return text in place.inner_text()

    until(look, f"{text!r} does not appear in {place.inner_text()}")


def test_found_coin_is_released_by_two_of_finance(office):
    ada = rich(office)
    page = office.at_work("fay", "finance")
    page.get_by_role("link", name="Alarms").click()
    alarms = page.locator("#alarms")
    bend(office.exchange, ada.address, 5)
    seen(page, "2.00000000 ETH over LOCAL", alarms)
    alarms.locator("summary", has_text="Release to the member").click()
    alarms.get_by_label("Reason").last.fill("her contract wallet")
    alarms.get_by_role("button", name="Release").click()
    expect(page.locator("#told")).to_contain_text("This needs 1 approval by others who may CREDIT")
    page.get_by_role("link", name="Proposals").click()
    proposals = page.locator("#proposals")
    expect(proposals.get_by_text("You proposed it, so another one approves.")).to_be_visible()
    approve(office, "fred", "finance", "her contract wallet")
    rpc(office.exchange, "anvil_mine", "0x1")
    until(lambda: len([d for d in ada.get("/account/deposits")["deposits"]
                       if d["state"] == "CREDITED"]) == 2, "it was not credited")  # fmt: skip
    page.reload()
    expect(proposals.get_by_text("None waits. What needs four eyes appears here")).to_be_visible()


def test_a_limit_is_proposed_and_refused(office):
    page = office.at_work("root", "administrator")
    page.get_by_role("link", name="Withdrawals").click()
    page.locator("summary", has_text="Set one").click()
    page.locator("select[name=name]").select_option("APPROVE_ABOVE")
    page.locator("input[name=asset]").fill("ETH")
    page.get_by_label("Value").fill("90071992.54740993")  # atoms that no float has
    page.get_by_role("button", name="Set it").click()
    expect(page.locator("#told")).to_contain_text("approval by others who may SET_LIMITS")
    other = office.at_work("rob", "administrator")
    other.get_by_role("link", name="Proposals").click()
    row = other.locator("#proposals li", has_text="90071992.54740993 ETH")
    row.locator("summary", has_text="Refuse").click()
    row.get_by_label("Reason").fill("too much")
    row.get_by_role("button", name="Refuse").click()
    expect(other.locator("#told")).to_contain_text("is refused.")
    other.get_by_role("link", name="Also those that ended").click()
    ended = other.locator("#proposals li", has_text="90071992.54740993 ETH")
    expect(ended.locator(".mark")).to_have_text("REFUSED")
    expect(ended).to_contain_text("too much")
