"""Finding an act by its path, and bodies that are read piece by piece."""

import pytest

from excraft.accounts.refusals import Refused
from excraft.gateway import account
from excraft.gateway.account_acts import Act, Acts, Raw
from excraft.gateway.account_requests import answer

pytestmark = pytest.mark.anyio


async def _never(asked):
    raise AssertionError("not asked for")


def _code(acts, method, path):
    with pytest.raises(Refused) as refused:
        acts.find(method, path)
    return refused.value.code


def test_a_path_finds_its_act_and_what_stands_in_the_braces():
    listed, one, part = Act(_never), Act(_never, weight=9), Act(_never, Raw(5))
    acts = Acts([
        {("GET", "keys"): listed, ("DELETE", "keys/{id}"): one},
        {("PUT", "keys/{id}/{part}"): part, ("GET", "keys/all"): listed},
    ])  # fmt: skip
    assert acts.find("GET", "keys") == (listed, {})
    assert acts.find("DELETE", "keys/7 %2F") == (one, {"id": "7 %2F"})
    assert acts.find("PUT", "keys/7/label") == (part, {"id": "7", "part": "label"})
    assert acts.find("DELETE", "keys/{id}") == (one, {"id": "{id}"})
    for path in ("", "keys/", "key", "keys/7/", "keys//label", "keys/7/8/9", "/keys"):
        assert _code(acts, "GET", path) == "not_found", path
    assert _code(acts, "POST", "keys/7") == "wrong_method"
    assert _code(acts, "DELETE", "keys/all") == "wrong_method"
    assert len(acts.places()) == 4


def test_two_tables_cannot_have_the_same_place():
    with pytest.raises(ValueError, match="GET keys stands in two"):
        Acts([{("GET", "keys"): Act(_never)}, {("GET", "keys"): Act(_never)}])


async def test_a_raw_body_is_read_piece_by_piece_up_to_its_bound(shop, monkeypatch):
    seen = []

    async def upload(asked):
        async for part in asked.body:
            seen.append(len(part))
        return answer(200, {"bytes": sum(seen)})

    acts = Acts([{("PUT", "files/{name}"): Act(upload, Raw(3_000_000), True, weight=50)}])
    monkeypatch.setattr(account, "ACTS", acts)
    ann = shop.browser()
    assert await ann.refused("PUT", "files/a") == (401, "no_session")
    monkeypatch.undo()
    await ann.join()
    monkeypatch.setattr(account, "ACTS", acts)
    used = shop.venue.exchange.limits.used("127.0.0.1")

    async def pieces(count):
        for _ in range(count):
            yield b" " * 100_000

    reply = await ann.http.put("/account/files/a", content=pieces(30))
    assert (reply.status_code, reply.json()) == (200, {"bytes": 3_000_000}) and len(seen) > 1
    assert shop.venue.exchange.limits.used("127.0.0.1") == used + 50
    del seen[:]
    reply = await ann.http.put("/account/files/a", content=pieces(10**9))
    assert (reply.status_code, reply.json()["error"]) == (413, "too_large") and sum(seen) == 3e6
