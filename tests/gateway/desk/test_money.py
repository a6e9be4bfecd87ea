"""The page's section of money, in a real browser, over a real chain and signer."""

import time

import pyotp
import pytest
from playwright.sync_api import expect

from excraft.cli.control import ask
from tests.gateway.desk.test_page import browser, page, sign_up  # noqa: F401  (fixtures)
from tests.gateway.on_chain import on_chain, rpc

BOB, CAROL = "0x" + "b0" * 20, "0x" + "ca" * 20


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    """With ETH over a local chain; its signer is not there, so what is withdrawn waits."""
    data = tmp_path_factory.mktemp("money") / "data"
    no_delay = ("NEW_ADDRESS_DELAY_S", "FACTOR_DELAY_S", "LIST_OFF_DELAY_S")
    with on_chain(data, no_delay) as exchange:
        exchange.address = exchange.url.replace("127.0.0.1", "localhost")
        yield exchange


def test_a_member_deposits_and_withdraws_on_the_page(exchange, page):  # noqa: F811
    sign_up(exchange, page)
    read = "async () => (await (await fetch('/account/me')).json())"
    me = page.evaluate(read)
    level = {"name": "KYC_LEVEL", "value": 2}
    member = next(m for m in ask(exchange.data, "member_list") if m["account"] == me["account"])
    ask(exchange.data, "parameter_set", **level, member=member["name"])
    post = (
        "async ([path, body]) => (await (await fetch('/account/' + path, {method: 'POST', "
        f"headers: {{'content-type': 'application/json', 'x-csrf-token': '{me['csrf']}'}}, "
        "body: JSON.stringify(body)})).json())"
    )
    app = pyotp.TOTP(page.evaluate(post, ["totp/enrol", {}])["secret"])
    page.evaluate(post, ["totp/confirm", {"code": app.now()}])
    page.get_by_role("button", name="Money").click()
    address = page.locator("#deposit-address").inner_text()
    rich = rpc(exchange, "eth_accounts")[0]
    rpc(exchange, "eth_sendTransaction", {"from": rich, "to": address, "value": hex(2 * 10**18)})
    deadline = time.monotonic() + 20
    while not page.get_by_text("2.00000000 ETH over LOCAL: CREDITED").count():
        assert time.monotonic() < deadline, page.locator("#money").inner_text()
        page.get_by_role("button", name="Money").click()
        page.wait_for_timeout(300)
    money, out = page.locator("#money"), card(page, "Withdraw")
    out.get_by_label("Address").fill(BOB)
    out.get_by_label("Amount").fill("1.5")
    out.get_by_label("Code").fill(app.at(time.time() + 30))  # the first one is used
    out.get_by_role("button", name="Withdraw").click()
    expect(page.locator("#money")).to_contain_text("1.50000000 ETH over LOCAL: WAITING")
    expect(page.locator("#money")).to_contain_text("Waits for approvals: 0 of 1.")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#money")).to_contain_text("1.50000000 ETH over LOCAL: CANCELLED")
    page.get_by_role("button", name="Security").click()
    page.get_by_label("Name of the new passkey").fill("laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator("#security")).to_contain_text("used never")
    page.get_by_role("button", name="Money").click()
    out.get_by_label("Address").fill(BOB)
    out.get_by_label("Amount").fill("0.7")  # and no code: the passkey signs just this
    out.get_by_role("button", name="Withdraw").click()
    expect(money).to_contain_text("0.70000000 ETH over LOCAL: WAITING")
    lists_addresses(page)
    ask(exchange.data, "withdrawal_limit_set", name="NEW_ADDRESS_DELAY_S", value="86400")
    ask(exchange.data, "custody_freeze", reason="about somebody else")
    out.get_by_label("Address").fill(CAROL)
    out.get_by_label("Amount").fill("0.2")
    out.get_by_role("button", name="Withdraw").click()
    expect(money).to_contain_text("0.20000000 ETH over LOCAL: WAITING")
    expect(money).to_contain_text("Waits for approvals: 0 of 1.")
    expect(money).to_contain_text("the address is new")
    expect(money).to_contain_text("Waits: withdrawals are frozen at the moment")
    expect(money).not_to_contain_text("about somebody else")


def lists_addresses(page):  # noqa: F811
    """With the passkey: add one, keep withdrawals to the list, and leave that again."""
    add, money = card(page, "Add an address"), page.locator("#money")
    add.get_by_label("Destination").fill(BOB)
    add.get_by_label("Its name").fill("Bob's safe")
    add.get_by_role("button", name="Add it").click()
    expect(page.locator("#addresses")).to_contain_text("Bob's safe; paid without waiting")
    page.get_by_role("button", name="Withdraw only to the list").click()
    expect(money).to_contain_text("It is on: withdrawals go to the list only.")
    out = card(page, "Withdraw")
    out.get_by_label("Address").fill(CAROL)
    out.get_by_label("Amount").fill("0.2")
    out.get_by_role("button", name="Withdraw").click()
    expect(out).to_contain_text("is not on your list of addresses")
    page.get_by_role("button", name="Leave it").click()
    expect(page.get_by_role("button", name="Withdraw only to the list")).to_be_visible()
    page.locator("#addresses").get_by_role("button", name="Remove").click()
    expect(page.locator("#addresses")).to_contain_text("The list is empty.")


def card(page, title):  # noqa: F811
    """The form with this heading."""
    return page.locator("form").filter(has=page.get_by_role("heading", name=title, exact=True))
