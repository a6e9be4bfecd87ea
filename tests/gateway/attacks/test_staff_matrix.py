"""/admin: every operation and page for every role, with values that are good for who may."""

import pytest

from tests.gateway.attacks.staff_rows import STAFF
from tests.gateway.attacks.town import changed, leaked, state

pytestmark = pytest.mark.anyio


async def send(browser, place, said):
    path = f"/admin{place.path.format(**said.values)}"
    body = {"json": said.body} if place.method == "POST" else {}
    return await browser.http.request(place.method, path, params=said.query, **body)


def code_of(reply) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]


async def test_every_role(office):
    for place, rows in STAFF.items():
        for row in rows:
            said = await row.say(office)
            before = await state(office)
            await _who_may_not(office, place, row, said)
            after = await state(office)
            assert not changed(before, after, "audit_log"), place
            who = office.teller if "proposer" in row.may else office.root
            reply = await send(who, place, said)
            assert reply.status_code == row.status, (place, reply.text)
            if place.method == "GET" or reply.status_code == 200:
                await _who_may(office, place, row, said)
    assert office.staff.audit.verify().broken is None
    office.staff.approvals.invariant()


async def _who_may_not(office, place, row, said) -> None:
    for browser, wanted in (
        (office.browser("127.0.3.1"), (401, "no_session")), (office.vera, (404, "not_found")),
        (office.mallory, (404, "not_found")),
    ):  # fmt: skip
        reply = await send(browser, place, said)
        assert code_of(reply) == wanted, (place, reply.text)
    for role, browser in office.people.items():
        if role not in row.may:
            reply = await send(browser, place, said)
            assert code_of(reply) == (403, "not_allowed"), (place, role, reply.text)
            assert not leaked(office, _unsaid(reply.text, said)), (place, role, reply.text)


def _unsaid(text: str, said) -> str:
    for value in [*said.values.values(), *said.query.values(), *said.body.values()]:
        text = text.replace(str(value), "")
    return text


async def _who_may(office, place, row, said) -> None:
    """All others who may are let in, though some are too late for what is done once."""
    for role in row.may & set(office.people):
        reply = await send(office.people[role], place, said)
        once = "/proposals/" in place.path or place.path.startswith("/withdrawal_")
        let = reply.status_code in (200, 202, 400) or (once and reply.status_code == 403)
        denied = reply.status_code == 403 and "none of their roles" in reply.text
        assert let and not denied, (place, role, reply.text)


async def test_what_is_no_operation_is_not_there(office):
    for path in ("/nonsense", "/api_key_create", "/", "/docs", "/redoc", "/openapi.yaml"):
        for method in ("GET", "POST"):
            reply = await office.root.http.request(method, f"/admin{path}")
            assert reply.status_code in (403, 404, 405), (path, reply.text)
