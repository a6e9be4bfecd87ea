"""The page's section of merit, in a real browser: a pool, its door, stake, and where rewards go."""

from playwright.sync_api import expect

from excraft.cli.control import ask
from tests.gateway.desk.test_page import (  # noqa: F401  (fixtures)
    BOB,
    browser,
    exchange,
    page,
    sign_up,
)


def card(page, title):  # noqa: F811
    return page.locator("#merit .card").filter(
        has=page.get_by_role("heading", name=title, exact=True)
    )


def test_a_pool_is_founded_and_joined(exchange, browser, page):  # noqa: F811
    ask(exchange.data, "asset_add", symbol="EXT", decimals=8, name="EXT")
    ask(exchange.data, "parameter_set", name="EXT_ASSET", value=1)
    sign_up(exchange, page)
    [member] = ask(exchange.data, "member_list")
    ask(exchange.data, "money_credit", member=member["name"], asset="EXT", amount="100",
        reason="DEPOSIT", reference="a wire")  # fmt: skip
    page.get_by_role("button", name="Merit").click()
    expect(page.locator("#merit")).to_contain_text("You are in no pool in this round.")
    pools = card(page, "Pools")
    pools.get_by_label("Name of a new pool").fill("Aurora <b>x</b>")
    pools.get_by_role("button", name="Found it").click()
    expect(card(page, "Your pool")).to_contain_text("With the next round you are in pool 1.")
    stake = card(page, "Stake")
    stake.get_by_label("Amount").first.fill("101")
    stake.get_by_role("button", name="Stake").click()
    expect(stake.get_by_role("status").first).to_contain_text("You have less than that free")
    stake.get_by_label("Amount").first.fill("40")
    stake.get_by_role("button", name="Stake").click()
    expect(stake).to_contain_text("40.00000000 EXT count for you")
    stake.get_by_label("Amount").last.fill("15")
    stake.get_by_role("button", name="Ask back").click()
    expect(stake).to_contain_text("25.00000000 EXT count for you")
    expect(stake).to_contain_text("15.00000000 EXT, free again")
    other = browser.new_context().new_page()
    sign_up(exchange, other, BOB)
    other.get_by_role("button", name="Merit").click()
    expect(card(other, "Pools")).to_contain_text("Aurora <b>x</b>")
    card(other, "Pools").get_by_role("button", name="Apply").click()
    page.get_by_role("button", name="Merit").click()
    master = page.locator("#merit .card").filter(has_text="as its master")
    master.get_by_role("button", name="Admit").click()
    expect(master).to_contain_text("Nobody asks to be admitted.")
    other.get_by_role("button", name="Merit").click()
    expect(card(other, "Your pool")).to_contain_text("With the next round you are in pool 1.")
    card(other, "Your pool").get_by_role("button", name="Leave").click()
    expect(card(other, "Your pool")).not_to_contain_text("With the next round")
    going = page.locator("#merit form").filter(has_text="Where rewards go")
    going.get_by_label("Address").fill("0x" + "ab" * 20)
    going.get_by_label("claim on chain instead").check()
    going.get_by_role("button", name="Keep it").click()
    expect(going).to_contain_text("You claim them on chain with 0xabab")
    master.get_by_text("Members in this round: 0").click()
    expect(master).to_contain_text("You alone.")
    expect(card(page, "Your days")).to_contain_text("None is published yet.")
    assert not page.locator("#merit b").count()
    other.context.close()


def test_everybody_sees_rounds_and_pools_without_a_session(exchange, browser):  # noqa: F811
    """After the story above: one pool, no day yet."""
    narrow = browser.new_context(viewport={"width": 360, "height": 800}).new_page()
    wrong = []
    narrow.on("pageerror", lambda error: wrong.append(str(error)))
    narrow.goto(f"{exchange.url}/rounds")
    expect(narrow.locator("main")).to_contain_text("Round 0, day 1 of 7")
    expect(narrow.locator("main")).to_contain_text("None yet: a day is published when it is over.")
    narrow.get_by_role("link", name="Aurora <b>x</b>").click()
    expect(narrow.get_by_role("heading", name="Aurora <b>x</b>", exact=True)).to_be_visible()
    expect(narrow.locator("main")).to_contain_text("the master admits who applies")
    assert narrow.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for address, why in (
        ("#pool/77", "there is no pool 77."),
        ("#day/5", "day 5 is not published"),
    ):
        narrow.goto(f"{exchange.url}/rounds{address}")
        expect(narrow.get_by_role("alert")).to_contain_text(why)
    narrow.goto(f"{exchange.url}/rounds#pool/x")  # no such place: the overview
    expect(narrow.get_by_role("heading", name="Pools", exact=True)).to_be_visible()
    assert wrong == []
    narrow.context.close()
