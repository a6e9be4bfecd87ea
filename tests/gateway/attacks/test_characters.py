"""A character of code 0, which PostgreSQL cannot keep, gets in nowhere, nor half a character."""

import re

import pytest

from excraft.gateway.account import ACTS
from excraft.gateway.account_acts import Raw

pytestmark = pytest.mark.anyio
JSON = {"content-type": "application/json"}
BODIES = (
    b'{"x": "\\u0000"}', b'{"\\u0000": 1}', b'{"x": "a\\\\\\u0000"}',
    b'{"x": "\\ud800"}', b'{"x": "\x00"}',
)  # fmt: skip


async def refused(browser, method, path, **kwargs) -> None:
    reply = await browser.http.request(method, path, **kwargs)
    where = (method, path, kwargs, reply.text)
    assert (reply.status_code, reply.json()["error"]) == (400, "bad_request"), where


async def test_in_no_place_of_account(town):
    for method, path in ACTS.places():
        if "{" in path:
            await refused(town.vera, method, "/account/" + re.sub("{.*?}", "a%00", path))
        else:
            await refused(town.vera, method, f"/account/{path}?purpose=%00")
        act, _ = ACTS.find(method, re.sub("{.*?}", "1", path))
        if act.shape is not None and not isinstance(act.shape, Raw):
            for body in BODIES:
                place = "/account/" + re.sub("{.*?}", "1", path)
                await refused(town.vera, method, place, content=body, headers=JSON)


async def test_in_no_page_of_staff(office):
    for path in ("/audit?who=%00", "/audit?act=a%00b", "/proposals?limit=%00", "/export/a%00.csv",
                 "/kyc/documents/x?reason=%00", "/kyc/documents/%00?reason=x"):  # fmt: skip
        await refused(office.root, "GET", f"/admin{path}")
    for body in BODIES:
        await refused(office.root, "POST", "/admin/member_find", content=body, headers=JSON)


async def test_a_text_that_only_looks_like_one_passes(office):
    said = b'{"text": "C:\\\\u0000"}'
    reply = await office.root.http.post("/admin/member_find", content=said, headers=JSON)
    assert reply.status_code == 200, reply.text
