"""A running exchange with members and staff, and pages of a real browser that fail on errors."""

from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from excraft.testing.running import RunningExchange
from tests.cli.test_member_story import PASSWORD, Person, excraft
from tests.gateway.desk.test_page import browser  # noqa: F401  (a fixture)


class Office:
    """Who works at one exchange, and their windows."""

    def __init__(self, exchange, browser, clients: ExitStack) -> None:  # noqa: F811
        self.exchange, self.url, self.data = exchange, exchange.url, exchange.data
        self._browser, self._clients, self.wrong = browser, clients, []
        self._people: dict[str, Person] = {}

    def join(self, name: str, role: str = "") -> Person:
        """A member, the same one each time; with a role of staff when one is named."""
        if name not in self._people:
            made = Person(self.exchange, self.data, f"{name}@example.org", self._clients)
            made.name = made.get("/account/me")["account"]
            made.number = made.get("/account/me")["member"]
            shown = excraft(self.data, "member", "list")
            [made.name] = [w for w in shown.split() if w.startswith(f"person-{made.number}-")]
            self._people[name] = made
            if role:
                excraft(self.data, "staff", "role", "give", made.name, role)
        return self._people[name]

    def window(self, **options):
        """A new window; an error or a broken policy in it fails the test at its end."""
        context = self._clients.enter_context(self._browser.new_context(**options))
        page = context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("dialog", lambda opened: (self.wrong.append(opened.message), opened.dismiss()))
        page.on(
            "console",
            lambda said: self.wrong.append(said.text) if "Security Policy" in said.text else 0,
        )
        page.set_default_timeout(10_000)
        return page

    def at_work(self, name: str, role: str = "", **options):
        """The window of one who is logged in at /staff."""
        self.join(name, role)
        page = self.window(**options)
        page.goto(f"{self.url}/staff")
        page.get_by_label("E-mail").fill(f"{name}@example.org")
        page.get_by_label("Password").fill(PASSWORD)
        page.locator("form").get_by_role("button", name="Log in").click()
        expect(page.locator("#who")).to_contain_text("member")
        return page


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    with RunningExchange(tmp_path_factory.mktemp("staff") / "data") as exchange:
        yield exchange


@pytest.fixture(scope="module")
def clients():
    with ExitStack() as clients:
        yield clients


@pytest.fixture(scope="module")
def people(exchange, browser, clients):  # noqa: F811
    return Office(exchange, browser, clients)


@pytest.fixture
def office(people):
    yield people
    wrong, people.wrong = people.wrong, []
    assert wrong == []
