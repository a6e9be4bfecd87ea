"""/admin: every operation and page for every role, with values that are good for who may."""

import pytest

from excraft.accounts.acts import READING
from excraft.accounts.audit import Filter
from excraft.gateway.admin_rights import RIGHTS
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
    """Who may not changes nothing and learns nothing; who may does it, and the audit log knows."""
    for place, rows in STAFF.items():
        for row in rows:
            office.acting = office.root
            said = await row.say(office)
            before = await state(office)
            await _who_may_not(office, place, row, said)
            assert not changed(before, await state(office), "audit_log"), place
            if "proposer" in row.may:
                await _who_may(office, place, row, said, office.teller)
                continue
            await _who_may(office, place, row, said, office.root)
            if _only_looks(place):
                assert not changed(before, await state(office), "audit_log", "kyc_history"), place
            for role in sorted(row.may & set(office.people)):
                office.acting = office.people[role]
                await _who_may(office, place, row, await row.say(office), office.acting)
    assert office.staff.audit.verify().broken is None
    office.staff.approvals.invariant()


def _only_looks(place) -> bool:
    right = RIGHTS.get(place.path.strip("/"))
    return place.method == "GET" or (right is not None and right.act in READING)


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


async def _who_may(office, place, row, said, browser) -> None:
    head = office.staff.audit.head().number
    reply = await send(browser, place, said)
    assert reply.status_code == row.status, (place, browser.email, reply.text)
    if not _only_looks(place):
        last = office.staff.audit.newest(Filter(who=f"member:{browser.member.id}"), 1)
        assert last and last[0].number > head and last[0].outcome != "denied", place


async def test_what_is_no_operation_is_not_there(office):
    for path in ("/nonsense", "/api_key_create", "/", "/docs", "/redoc", "/openapi.yaml"):
        for method in ("GET", "POST"):
            reply = await office.root.http.request(method, f"/admin{path}")
            assert reply.status_code in (403, 404, 405), (path, reply.text)
