"""The page's section of referrals, in a real browser, from a code to somebody who came by it."""

from playwright.sync_api import expect

from excraft.cli.control import ask
from tests.gateway.desk.test_page import (  # noqa: F401  (fixtures)
    BOB,
    PASSWORD,
    browser,
    exchange,
    mailed_link,
    page,
    sign_up,
)


def test_a_code_is_handed_out_as_a_link_and_counts(exchange, browser, page):  # noqa: F811
    ask(exchange.data, "parameter_set", name="NEW_REFERRAL_SHARE_PPM", value=200_000)
    sign_up(exchange, page)
    page.get_by_role("button", name="Referrals").click()
    mine = page.locator("#referrals")
    expect(mine).to_contain_text("You get 20 % of the trading fees")
    expect(mine).to_contain_text("You have none.")
    page.get_by_role("button", name="Make a code").click()
    expect(mine).to_contain_text("0 people signed up with it")
    code = mine.locator(".code").inner_text()
    other = browser.new_context().new_page()
    other.goto(f"{exchange.address}/desk#referral={code}")
    assert other.get_by_label("Referral code").input_value() == code
    other.get_by_label("E-mail").fill(BOB)
    other.get_by_label("Password").fill(PASSWORD)
    other.locator("form").get_by_role("button", name="Sign up").click()
    expect(other.get_by_role("status")).to_contain_text("on its way")
    other.goto("about:blank")
    other.goto(mailed_link(exchange, "confirm", BOB))
    other.get_by_label("The password you chose").fill(PASSWORD)
    other.get_by_role("button", name="Open my account").click()
    expect(other.get_by_role("heading", name="With a password")).to_be_visible()
    page.get_by_role("button", name="Referrals").click()
    expect(mine).to_contain_text("1 person signed up with it")
    page.get_by_role("button", name="Close").click()
    expect(mine).to_contain_text("closed")
    assert not page.get_by_role("button", name="Copy the link").count()
    other.reload()
    other.get_by_role("button", name="Sign up").first.click()
    other.get_by_label("E-mail").fill("cid@example.org")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_label("Referral code").fill("2345-678K")
    other.locator("form").get_by_role("button", name="Sign up").click()
    expect(other.get_by_role("status")).to_contain_text("is no referral code")
    other.context.close()
