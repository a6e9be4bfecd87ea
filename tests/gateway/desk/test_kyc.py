"""The page's section of who somebody is, and the link of the first administrator, in a browser."""

import pytest
from playwright.sync_api import expect

from excraft.testing.running import RunningExchange
from tests.accounts.kyc_desk import png
from tests.gateway.desk.test_page import (  # noqa: F401  (fixtures)
    EMAIL,
    PASSWORD,
    browser,
    page,
    sign_up,
)

REVIEWER = "root@example.org"


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    with RunningExchange(tmp_path_factory.mktemp("kyc") / "data") as exchange:
        exchange.address = exchange.url.replace("127.0.0.1", "localhost")
        yield exchange


def test_a_member_shows_who_they_are(exchange, page, tmp_path):  # noqa: F811
    sign_up(exchange, page)
    page.get_by_role("button", name="Who you are").click()
    section = page.locator("#kyc")
    section.locator("form", has_text="Level FULL").get_by_role("button", name="Begin").click()
    for label, text in (
        ("Name", "Ada Example"), ("Born", "1990-12-31"), ("Country", "FR"),
        ("Number", "12AB34567"), ("Address", "1 rue de l'Exemple, Paris"),
    ):  # fmt: skip
        section.get_by_label(label, exact=False).first.fill(text)
    section.get_by_role("button", name="Keep").click()
    expect(section.get_by_text("Kept, sealed")).to_be_visible()
    section.get_by_label("File").set_input_files(
        {"name": "a.svg", "mimeType": "image/svg+xml", "buffer": b"<svg onload='x'></svg>"}
    )
    section.get_by_role("button", name="Send").click()
    expect(section.get_by_text("is not taken")).to_be_visible()
    section.get_by_label("File").set_input_files(
        {"name": "front.png", "mimeType": "image/png", "buffer": png()}
    )
    section.get_by_role("button", name="Send").click()
    expect(section.get_by_text("Front, image/png")).to_be_visible()
    section.get_by_role("button", name="Submit").click()
    expect(section.get_by_text("It waits for a reviewer.")).to_be_visible()
    approve_as_somebody_else(exchange, page.context.browser)
    page.get_by_role("button", name="Who you are").click()
    expect(section.get_by_text("You are known: FULL.")).to_be_visible()


def approve_as_somebody_else(exchange, browser) -> None:  # noqa: F811
    """In another window: sign up, become the administrator by the link, review on /staff."""
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(10_000)
        sign_up(exchange, page, REVIEWER)
        token = exchange.heard().split("#administrator=")[1].split()[0]
        page.goto(f"{exchange.address}/desk#administrator={token}")  # only the # changes
        expect(page.get_by_text("You are administrator; /staff is open to you.")).to_be_visible()
        expect(page).to_have_url(f"{exchange.address}/desk")  # the token is out of sight
        page.goto(f"{exchange.address}/staff")
        page.get_by_role("button", name="Take the oldest").click()
        page.locator("summary", has_text="Approve").click()
        page.get_by_role("button", name="Approve").click()
        expect(page.locator("#told")).to_have_text("Case 1 is approved.")


def test_the_link_counts_once(exchange, page):  # noqa: F811
    """The member of the story above opens it too, and logs in."""
    token = exchange.heard().split("#administrator=")[1].split()[0]
    page.goto(f"{exchange.address}/desk#administrator={token}")
    expect(page).to_have_url(f"{exchange.address}/desk")  # the token is out of sight
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("form").get_by_role("button", name="Log in").click()
    expect(page.get_by_text("The link was used, expired")).to_be_visible()
