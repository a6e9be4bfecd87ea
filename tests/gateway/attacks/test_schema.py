"""/admin's own OpenAPI document, and what comes of values that nobody thought of."""

import asyncio
import json
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.gateway.attacks.staff_rows import STAFF
from tests.gateway.attacks.town import changed, state

pytestmark = pytest.mark.anyio
EXAMPLES = 3
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]


def operations(document: dict) -> list:
    """Of the document, in its order."""
    schema = schemathesis.openapi.from_dict(document)
    return [found.ok() for found in schema.get_all_operations()]


def cases(operation) -> list:
    """The same few each time, of values that the schema allows."""
    found: list = []

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def collect(case) -> None:
        found.append(case)

    collect()
    return found


async def sent(browser, case):
    """The answer, which must be one that the document promises, and no failure of ours."""
    known = case.as_transport_kwargs(base_url="http://localhost/admin")
    kept = {k: known[k] for k in ("method", "url", "params", "json") if k in known}
    reply = await browser.http.request(**kept)
    assert reply.status_code < 500, (case.operation.label, kept, reply.text)
    if reply.status_code >= 400:
        assert set(reply.json()) == {"error", "message"}, (case.operation.label, reply.text)
    else:
        case.validate_response(reply, checks=CHECKS)
    return reply


async def test_what_the_document_allows_breaks_nothing(office):
    document = (await office.root.http.get("/admin/openapi.json")).json()
    made = await asyncio.to_thread(lambda: [(o, cases(o)) for o in operations(document)])
    assert len(made) == len(STAFF) - 1, "all but the document itself"
    people = office.people | {"administrator": office.root}
    for operation, tried in made:
        for role, browser in people.items():
            before = await state(office)
            all_of_it = role in ("administrator", "nothing")
            replies = [await sent(browser, case) for case in tried[: None if all_of_it else 1]]
            if all(reply.status_code >= 400 for reply in replies):
                after = await state(office)
                assert not changed(before, after, "audit_log"), (operation.label, role)
    assert office.staff.audit.verify().broken is None
    office.staff.approvals.invariant()
    assert office.venue.engine._kernel._state.invariant() == []


WORST = {
    int: (2**63, -(2**63) - 1, 10**30, -1),
    str: ("\0", "\ud800", "x" * 50_000, "", "' OR 1=1 --"),
}


async def test_the_worst_values_in_each_place(office):
    """One by one into calls that are good; each answer is one of ours."""
    for place, rows in STAFF.items():
        said = await rows[0].say(office)
        for part in ("values", "query", "body"):
            for name, value in getattr(said, part).items():
                for worst in WORST.get(type(value), ()):
                    twisted = getattr(said, part) | {name: worst}
                    if part == "values":
                        twisted = {name: quote(str(worst).encode(errors="replace"), safe="")}
                        twisted = said.values | twisted
                    reply = await _sent(office.root, place, said._replace(**{part: twisted}))
                    where = (place, name, repr(worst)[:40], reply.text[:300])
                    assert reply.status_code < 500, where
                    if reply.status_code >= 400:
                        assert set(reply.json()) == {"error", "message"}, where
    assert office.venue.engine._kernel._state.invariant() == []


async def _sent(browser, place, said):
    path = f"/admin{place.path.format(**said.values)}"
    query = {k: str(v).encode(errors="replace").decode() for k, v in said.query.items()}
    content = json.dumps(said.body) if place.method == "POST" else None
    headers = {"content-type": "application/json"}
    return await browser.http.request(
        place.method, path, params=query, content=content, headers=headers
    )
