"""The page in a real browser, against a really running exchange, with a virtual authenticator."""

import base64
import email
import email.policy
import re
import time
from urllib.parse import quote

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from playwright.sync_api import expect, sync_playwright

from excraft.cli.control import ask
from excraft.testing.running import RunningExchange

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update",
         "--disable-sync"]  # fmt: skip
EMAIL, BOB, PASSWORD = "ann@example.org", "bob@example.org", "correct horse 7"


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    with RunningExchange(tmp_path_factory.mktemp("desk") / "data") as exchange:
        exchange.address = exchange.url.replace("127.0.0.1", "localhost")
        yield exchange


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """With an authenticator that verifies its user; an error on the page fails the test."""
    context = browser.new_context()
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda said: wrong.append(said.text) if "Security Policy" in said.text else 0
    )
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
               "hasUserVerification": True, "isUserVerified": True,
               "automaticPresenceSimulation": True}  # fmt: skip
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.set_default_timeout(10_000)
    yield page
    context.close()
    assert wrong == []


def mailed_link(exchange, kind, to):
    """The link of that kind that was mailed to somebody: mails are sent after the answer."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for file in sorted((exchange.data / "outbox").glob("*.eml"), reverse=True):
            mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            if mail["To"] == to and (
                found := re.search(rf"\S+/desk#{kind}=\S+", mail.get_content())
            ):
                return found[0]
        time.sleep(0.05)
    raise AssertionError(f"no mail to {to} with a link to {kind}")


def sign_up(exchange, page, who=EMAIL):
    page.goto(f"{exchange.address}/desk")
    page.get_by_role("button", name="Sign up").first.click()
    page.get_by_label("E-mail").fill(who)
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("form").get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("status")).to_contain_text("on its way")
    link = mailed_link(exchange, "confirm", who)
    assert link.startswith(f"{exchange.address}/desk#confirm=")
    page.goto("about:blank")
    page.goto(link)
    assert page.get_by_label("Token").input_value() == link.partition("=")[2]
    expect(page).to_have_url(f"{exchange.address}/desk")  # the token is out of sight
    page.get_by_label("The password you chose").fill(PASSWORD)
    page.get_by_role("button", name="Open my account").click()
    page.get_by_label("E-mail").fill(who)
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("form").get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Security")).to_be_visible()


def test_from_sign_up_to_an_order_signed_with_a_key_made_in_the_browser(exchange, page):
    sign_up(exchange, page)
    page.get_by_label("Name of the new passkey").fill("laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator("#recovery .code")).to_have_text(re.compile(r"(\w{4}(-\w{4}){3}\s*){10}"))
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page.locator("#who")).to_contain_text(EMAIL)
    page.get_by_role("button", name="API keys").click()
    page.locator("input[value=trade]").check()
    sent = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    page.get_by_role("button", name="Make the key").click()
    pem = page.locator("#made-secret").inner_text()
    key = page.locator("#made-key").inner_text()
    assert not any("PRIVATE" in body for body in sent) and any("PUBLIC KEY" in b for b in sent)
    assert signed(exchange, key, pem, "GET", "account").json()["canTrade"] is True
    (member,) = ask(exchange.data, "member_list")
    for asset, amount in (("BTC", "1"), ("USDT", "100")):
        ask(exchange.data, "asset_add", symbol=asset, decimals=8, name=asset)
        ask(exchange.data, "money_credit", member=member["name"], asset=asset, amount=amount,
            reason="DEPOSIT", reference="a wire")  # fmt: skip
    ask(exchange.data, "market_add", symbol="BTCUSDT", base="BTC", quote="USDT", tick="0.01",
        lot="0.001")  # fmt: skip
    order = signed(
        exchange, key, pem, "POST", "order",
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=20&",
    )  # fmt: skip
    assert order.json()["status"] == "NEW", order.text
    page.get_by_role("button", name="I have kept it").click()
    expect(page.locator("#keys")).to_contain_text("ed25519, may read, trade")
    page.get_by_role("button", name="Revoke").click()
    expect(page.locator("#keys")).to_contain_text("You have none.")
    assert signed(exchange, key, pem, "GET", "account").status_code == 401


def test_a_new_email_is_confirmed_by_a_link_and_kept_by_another(exchange, page):
    sign_up(exchange, page, BOB)
    card = page.locator("form").filter(has=page.get_by_role("heading", name="E-mail", exact=True))
    card.get_by_label("New e-mail").fill("bob.new@example.org")
    card.get_by_role("button", name="Change it").click()
    expect(page.locator("#security")).to_contain_text("A token is in the mailbox of bob.new@")
    page.get_by_role("button", name="Log out").click()
    out = page.get_by_role("heading", name="With a password")
    expect(out).to_be_visible()  # else leaving could outrun logging out
    page.goto("about:blank")
    page.goto(mailed_link(exchange, "email", "bob.new@example.org"))
    expect(page).to_have_url(f"{exchange.address}/desk")
    enter(page, BOB)
    expect(page.locator("#security")).to_contain_text("Confirmed; it comes into force in a day.")
    page.get_by_role("button", name="Security").click()
    expect(page.locator("#security")).to_contain_text("is confirmed and in force from")
    page.goto("about:blank")
    page.goto(mailed_link(exchange, "keep-email", BOB))
    page.get_by_role("button", name="Cancel the change").first.click()
    expect(page.locator("main")).to_contain_text("Your e-mail stays as it is")
    page.reload()
    enter(page, BOB)
    expect(page.locator("#security")).to_contain_text(f"It is {BOB}.")


def enter(page, who):
    """Log in with the password, on the page as it is."""
    page.get_by_label("E-mail").fill(who)
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("form").get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Security")).to_be_visible()


def signed(exchange, key, pem, method, path, query=""):
    query += f"timestamp={time.time_ns() // 1_000_000}"
    made = load_pem_private_key(pem.encode(), None).sign(query.encode())
    signature = quote(base64.b64encode(made).decode(), safe="")
    return httpx.request(
        method, f"{exchange.url}/api/v3/{path}?{query}&signature={signature}",
        headers={"X-MBX-APIKEY": key},
    )  # fmt: skip


def test_every_answer_has_its_own_nonce_and_nothing_else_may_run(exchange):
    seen = set()
    for _ in range(2):
        reply = httpx.get(f"{exchange.url}/desk")
        policy = reply.headers["content-security-policy"]
        nonce = re.search(r"script-src 'nonce-([\w-]+)'", policy)[1]
        assert reply.text.count(f'nonce="{nonce}"') == 2 and "unsafe" not in policy
        assert "<script>" not in reply.text and " style=" not in reply.text
        assert "onclick" not in reply.text and "frame-ancestors 'none'" in policy
        seen.add(nonce)
    assert len(seen) == 2
    for name in ("desk.js", "desk.css", "enter.js"):
        reply = httpx.get(f"{exchange.url}/desk/{name}")
        assert reply.status_code == 200 and "innerHTML" not in reply.text
        assert reply.headers["x-content-type-options"] == "nosniff"
    for name in ("pages.py", "desk.html", "..%2Fapp.py", "%2e%2e/app.py", "__init__.py"):
        assert httpx.get(f"{exchange.url}/desk/{name}").status_code == 404
