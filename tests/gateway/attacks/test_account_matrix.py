"""/account: every act with what is Vera's, by everybody who is not Vera; then by her."""

import pytest

from excraft.accounts.acts import BUILT_IN
from tests.gateway.attacks.account_rows import ACCOUNT, ANYBODY, BEARER
from tests.gateway.attacks.town import DAY, changed, leaked, state

pytestmark = pytest.mark.anyio


async def send(browser, place, said):
    path = "/account/" + place.path.format(**said.values)
    headers = {}
    if isinstance(said.body, bytes):
        headers["content-type"] = "image/png"
        return await browser.http.request(
            place.method, f"{path}?purpose=BACK", content=said.body, headers=headers
        )
    json = said.body if place.method in ("POST", "PUT") else None
    return await browser.http.request(place.method, path, json=json)


def code_of(reply) -> tuple[int, str]:
    return reply.status_code, reply.json().get("error", "")


async def test_acts_of_a_member(town):
    town.her.day = DAY
    key = town.her.key
    stranger, others = town.browser("127.0.2.1"), [town.mallory]
    others += [await town.join(role, role) for role in BUILT_IN if role != "member"]
    for place, act in ACCOUNT.items():
        if act.theirs == ANYBODY:
            continue
        said = await act.say(town)
        before = await state(town)
        for headers in ({}, {"x-mbx-apikey": key.key}, {"cookie": "excraft-session=" + "a" * 43}):
            stranger.http.headers.update(headers)
            assert code_of(await send(stranger, place, said)) == (401, "no_session"), place
            stranger.http.headers.pop("x-mbx-apikey", None)
        await _without_its_token(town, place, said)
        assert not changed(before, await state(town)), place
        for other in [] if act.theirs == BEARER else others if act.theirs else others[:1]:
            await _another(town, other, place, act, said)
        reply = await send(town.vera, place, said)
        assert reply.status_code < 300, (place, reply.text)


async def _without_its_token(town, place, said) -> None:
    """Vera's own browser, made to ask by another page: it has no token."""
    if place.method != "GET":
        token = town.vera.http.headers.pop("x-csrf-token")
        assert code_of(await send(town.vera, place, said)) == (403, "csrf"), place
        town.vera.http.headers["x-csrf-token"] = token


async def _another(town, other, place, act, said) -> None:
    before, hers = await state(town), await state(town, town.vera)
    reply = await send(other, place, said)
    where = (place, other.email, reply.text)
    if not act.theirs:
        assert reply.status_code < 300, where
    else:
        assert code_of(reply) in act.theirs, where
    text = reply.text
    for value in [*said.values.values(), *_texts(said.body)]:
        text = text.replace(str(value), "")  # what they said themselves is no secret
    assert not leaked(town, text), where
    after = await state(town)
    if not act.own_change:
        assert not changed(before, after), where
    assert not changed(hers, await state(town, town.vera)), where


def _texts(body):
    return [v for v in body.values() if isinstance(v, str)] if isinstance(body, dict) else []


async def test_acts_without_a_session(town):
    """Another page cannot begin them, and nobody else can end what Vera began."""
    thief = town.browser("127.0.2.2")
    for place, act in ACCOUNT.items():
        if act.theirs != ANYBODY:
            continue
        said = await act.say(town)
        before = await state(town)
        origin = thief.http.headers["origin"]
        for wrong in ("", "null", "http://evil.example"):
            thief.http.headers["origin"] = wrong
            assert code_of(await send(thief, place, said)) == (403, "csrf"), place
        thief.http.headers["origin"] = origin
        if place.path in ("login/passkey", "login/wallet"):
            assert code_of(await send(thief, place, said)) == (400, "no_challenge"), place
        assert not changed(before, await state(town)), place
        reply = await send(town.vera, place, said)
        assert reply.status_code < 300, (place, reply.text)
        if "csrf" in reply.json():
            town.vera.http.headers["x-csrf-token"] = reply.json()["csrf"]
