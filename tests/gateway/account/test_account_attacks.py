"""People at /account: what the others try."""

import asyncio

import httpx
import pytest

from tests.gateway.account.browser import GOOD, ORIGIN, OTHER, SECOND

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"email": 1, "password": "x"}', b'{"email": "a@b.cc"}', b"\xff",
     b'{"email": "a@b.cc", "password": "x", "admin": true}',
     b'{"email": "a@b.cc", "password": "' + b"x" * 513 + b'"}'],
)  # fmt: skip
async def test_bodies_that_are_not_what_belongs_here(shop, body):
    headers = {"content-type": "application/json", "origin": ORIGIN}
    reply = await shop.browser().http.post("/account/login", content=body, headers=headers)
    assert (reply.status_code, reply.json()["error"]) == (400, "bad_request")


async def test_characters_that_are_none(shop):
    headers = {"content-type": "application/json", "origin": ORIGIN}
    for body in (
        b'{"email": "a@b.cc", "password": "\\ud800 abcdefghi"}',
        b'{"email": "\\udfff@b.cc", "password": "correct horse"}',
        b'{"email": "a@b.cc", "password": "\\u0000 abcdefghi"}',
    ):
        reply = await shop.browser().http.post("/account/login", content=body, headers=headers)
        assert reply.status_code in (400, 401), reply.text


async def test_a_body_that_is_too_large_is_not_read_to_its_end(shop):
    read = 0

    async def endless():
        nonlocal read
        while True:
            read += 1
            yield b" " * 1024

    headers = {"content-type": "application/json"}
    reply = await shop.browser().http.post("/account/login", content=endless(), headers=headers)
    assert (reply.status_code, reply.json()["error"]) == (413, "too_large") and read < 20


async def test_who_has_no_session_learns_that_before_the_body_is_read(shop):
    reply = await shop.browser().http.post("/account/password", content=b"x" * 99_999)
    assert reply.status_code == 401


async def test_answers_do_not_say_whether_an_e_mail_is_known(shop):
    await shop.browser().join()
    seen = []
    for who in ("ann@example.org", "nobody@example.org"):
        stranger, replies = shop.browser("192.0.2.5", ORIGIN), []
        del shop.hashing.calls[:]
        for path, more in (
            ("login", {"password": OTHER}),
            ("sign-up", {"password": OTHER}),
            ("password/reset", {}),
        ):
            reply = await stranger.send("POST", path, email=who, **more)
            replies.append((reply.status_code, reply.content, sorted(reply.headers)))
        seen.append((replies, list(shop.hashing.calls)))
    assert seen[0] == seen[1]
    assert seen[0][1] == ["verify", "hash"]
    told = {(to, subject) for to, subject, _ in shop.mails()}
    assert ("ann@example.org", "You have an account already") in told
    assert ("ann@example.org", "Set a new password") in told
    assert ("nobody@example.org", "Confirm your e-mail") in told
    assert ("nobody@example.org", "There is no account with this address") in told


async def test_who_signs_up_with_anothers_e_mail_gets_nothing(shop):
    mallory, ann = shop.browser(), shop.browser()
    await mallory.ok("POST", "sign-up", email="ann@example.org", password=OTHER)
    planted = shop.token("ann@example.org")
    refused = await ann.refused("POST", "confirm", token=planted, password=GOOD)
    assert refused == (400, "wrong_token")  # she clicked, but it is not her password
    await ann.join()
    refused = await mallory.refused("POST", "confirm", token=planted, password=OTHER)
    assert refused == (400, "wrong_token")
    assert (await mallory.refused("POST", "login", email="ann@example.org", password=OTHER)) == (
        401, "wrong_login",
    )  # fmt: skip


async def test_tokens_work_once_for_their_purpose_and_in_time(shop):
    ann = shop.browser()
    await ann.ok("POST", "sign-up", email="ann@example.org", password=GOOD)
    token = shop.token("ann@example.org")
    wrong = (400, "wrong_token")
    assert await ann.refused("POST", "password/reset/confirm", token=token, password=OTHER) == wrong
    shop.now.ns += 86_401 * SECOND
    assert await ann.refused("POST", "confirm", token=token, password=GOOD) == wrong
    await ann.join()
    used = shop.token("ann@example.org")
    assert await ann.refused("POST", "confirm", token=used, password=GOOD) == wrong
    await ann.ok("POST", "password/reset", email="ann@example.org")
    token = shop.token("ann@example.org")
    assert await ann.refused("POST", "confirm", token=token, password=GOOD) == wrong
    shop.now.ns += 3_601 * SECOND
    assert await ann.refused("POST", "password/reset/confirm", token=token, password=OTHER) == wrong


async def test_a_reset_ends_every_session_and_its_token_is_not_taken_twice(shop):
    ann, thief = shop.browser(), shop.browser()
    await ann.join()
    await thief.login()
    await ann.ok("POST", "password/reset", email="ann@example.org")
    first = shop.token("ann@example.org")
    await ann.ok("POST", "password/reset", email="ann@example.org")
    second = shop.token("ann@example.org")
    replies = await asyncio.gather(
        *(
            ann.send("POST", "password/reset/confirm", token=first, password=OTHER + str(i))
            for i in range(4)
        )
    )
    won = [i for i, reply in enumerate(replies) if reply.status_code == 200]
    assert len(won) == 1
    for token in (first, second):
        refused = await ann.refused("POST", "password/reset/confirm", token=token, password=GOOD)
        assert refused == (400, "wrong_token")
    for browser in (ann, thief):
        assert await browser.refused("GET", "me") == (401, "no_session")
    refused = await thief.refused("POST", "login", email="ann@example.org", password=GOOD)
    assert refused == (401, "wrong_login")
    await ann.login(password=OTHER + str(won[0]))


async def test_a_login_that_a_reset_overtakes_gets_no_session(shop):
    ann, thief = shop.browser(), shop.browser()
    await ann.join()
    checked = shop.desk.second_factors.on

    def slow(person_id):
        with shop.database.write_durable() as connection:
            shop.desk.people.set_password(connection, person_id, "changed meanwhile")
        return checked(person_id)

    shop.desk.second_factors.on = slow
    refused = await thief.refused("POST", "login", email="ann@example.org", password=GOOD)
    assert refused == (401, "wrong_login")


async def test_guesses_are_slowed_but_nobody_else_is_locked_out(shop):
    ann, mallory = shop.browser(), shop.browser("192.0.2.66", ORIGIN)
    await ann.join()
    tried = [
        (await mallory.send("POST", "login", email="ann@example.org", password=f"guess {i}"))
        for i in range(12)
    ]
    assert [r.status_code for r in tried] == [401] * 5 + [429] * 7
    assert int(tried[-1].headers["retry-after"]) == 1
    await shop.browser("192.0.2.7").login()  # from elsewhere, on a new device
    for _ in range(3):  # from the guesser's own network she comes in with a device known before
        same = httpx.ASGITransport(app=shop.app, client=("192.0.2.66", 9))
        ann.http._transport = same
        ann.http.base_url = ann.http.headers["origin"] = "https://localhost"
        for cookie in list(ann.http.cookies.jar):
            ann.http.cookies.set(cookie.name.replace("excraft", "__Host"), cookie.value)
        await ann.login()
    refused = await mallory.refused("POST", "login", email="ann@example.org", password=GOOD)
    assert refused == (429, "too_many_tries")  # the right one does not help who must wait


async def test_many_guesses_at_once_gain_nothing(shop):
    await shop.browser().join()
    mallory = shop.browser("192.0.2.66", ORIGIN)
    replies = await asyncio.gather(
        *(
            mallory.send("POST", "login", email="ann@example.org", password=f"guess {i}")
            for i in range(40)
        )
    )
    assert sum(r.status_code == 401 for r in replies) == 5


async def test_a_device_of_one_person_is_no_pass_for_another(shop):
    mallory = shop.browser("192.0.2.66", ORIGIN)
    await shop.browser().join()
    await mallory.join("mallory@example.org")
    login = {"email": "ann@example.org", "password": "a guess of hers"}
    codes = [(await mallory.refused("POST", "login", **login))[0] for _ in range(7)]
    assert codes == [401] * 5 + [429] * 2


async def test_mails_to_one_address_from_one_network_are_few(shop):
    mallory = shop.browser("192.0.2.66", ORIGIN)
    sent = [
        (await mallory.send("POST", "password/reset", email="ann@example.org")).status_code
        for _ in range(6)
    ]
    assert sent == [202] * 3 + [429] * 3
    assert len(shop.mails()) == 3
    await shop.browser().ok("POST", "password/reset", email="ann@example.org")


async def test_a_planted_session_is_worth_nothing_after_login(shop):
    ann, mallory = shop.browser(), shop.browser()
    await ann.join()
    await mallory.join("mallory@example.org")
    planted = {c.name: c.value for c in mallory.http.cookies.jar}
    victim = shop.browser()
    for name, value in planted.items():
        victim.http.cookies.set(name, value, domain="localhost.local")
    await victim.login()
    assert (await victim.ok("GET", "me"))["email"] == "ann@example.org"
    sent = [c.value for c in victim.http.cookies.jar]
    assert not set(sent) & set(planted.values())
    assert await mallory.refused("GET", "me") == (401, "no_session")  # its own ended with it
    invented = shop.browser()
    invented.http.cookies.set("excraft-session", "a" * 43)
    assert await invented.refused("GET", "me") == (401, "no_session")


async def test_changes_need_the_token_of_the_session(shop):
    ann, bob = shop.browser(), shop.browser()
    await ann.join()
    await bob.join("bob@example.org")
    for token in ("", "x", bob.http.headers["x-csrf-token"]):
        ann.http.headers["x-csrf-token"] = token
        for method, path in (
            ("POST", "logout"), ("POST", "password"), ("POST", "totp/enrol"), ("POST", "step-up"),
            ("POST", "totp/disable"), ("DELETE", "sessions/1"),
        ):  # fmt: skip
            assert await ann.refused(method, path) == (403, "csrf")
    assert (await ann.ok("GET", "me"))["email"] == "ann@example.org"


async def test_other_pages_cannot_start_anything(shop):
    ann = shop.browser()
    body = {"email": "ann@example.org", "password": GOOD}
    for origin in ("", "null", "http://evil.example", "http://localhost.evil.example"):
        ann.http.headers["origin"] = origin
        for path in ("sign-up", "login", "password/reset", "password/reset/confirm", "confirm"):
            assert await ann.refused("POST", path, **body) == (403, "csrf")
    ann.http.headers["origin"] = ORIGIN
    reply = await ann.http.post("/account/login", data=body)
    assert (reply.status_code, reply.json()["error"]) == (415, "wrong_media_type")


async def test_a_flood_of_strangers_takes_no_place_of_who_was_here_before(shop):
    ann = shop.browser()
    await ann.join()
    room = shop.desk.passwords._room[False]
    taken = 0
    while room.acquire(blocking=False):
        taken += 1
    stranger = shop.browser("192.0.2.66", ORIGIN)
    login = {"email": "ann@example.org", "password": GOOD}
    for _ in range(7):  # and a full line is not held against who was turned away
        assert await stranger.refused("POST", "login", **login) == (503, "busy")
    await ann.login()
    await ann.ok("POST", "password", current=GOOD, new=OTHER)
    room.release(taken)
    await stranger.ok("POST", "login", email="ann@example.org", password=OTHER)
