"""What staff announces is shown to everybody while it is in force, as it was written."""

import time

import pytest

from tests.gateway.account.test_staff_door import StaffBrowser, office, rows  # noqa: F401

pytestmark = pytest.mark.anyio
SECOND = 10**9


async def shown(office) -> list[str]:  # noqa: F811
    reply = await StaffBrowser(office).http.get("/announcements")
    assert reply.status_code == 200
    return [each["title"] for each in reply.json()["announcements"]]


async def test_from_a_time_to_a_time(office):  # noqa: F811
    desk = await office.join("max", "market-desk")
    now = time.time_ns()
    for title, span in (
        ("old", {"from_ns": 1, "until_ns": 2}), ("now", {}),
        ("later", {"from_ns": now + 3600 * SECOND}), ("newer", {"until_ns": now + 3600 * SECOND}),
    ):  # fmt: skip
        made = await desk.op("announce", title=title, text="<b>text</b>", **span)
        assert made.status_code == 200, made.text
    assert await shown(office) == ["newer", "now"]
    assert len(rows(office, act="ANNOUNCE", outcome="done")) == 4
    number = (await desk.op("announce", title="wrong", text="x")).json()["result"]["id"]
    assert (await shown(office))[0] == "wrong"
    assert (await desk.op("announcement_end", id=number)).status_code == 200
    assert await shown(office) == ["newer", "now"]
    again = await desk.op("announcement_end", id=number)
    assert (again.status_code, again.json()["error"]) == (400, "refused")


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""}, {"title": "two\nlines"}, {"title": "x" * 121}, {"text": " "},
        {"text": "x" * 5001}, {"from_ns": -1}, {"from_ns": 5, "until_ns": 5}, {"until_ns": -1},
        {"from_ns": 2**63}, {"until_ns": 2**63},
    ],
)  # fmt: skip
async def test_what_cannot_be_announced(office, wrong):  # noqa: F811
    desk = await office.join("max", "market-desk")
    reply = await desk.op("announce", **{"title": "a", "text": "b"} | wrong)
    assert (reply.status_code, reply.json()["error"]) == (400, "refused"), reply.text
    assert await shown(office) == []
    for number in (0, -1, 9, 2**63):
        assert (await desk.op("announcement_end", id=number)).status_code == 400
