"""People at /account: what the honest do."""

import asyncio

import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from excraft.store.schema_people import people
from tests.gateway.account.browser import GOOD, OTHER, SECOND

pytestmark = pytest.mark.anyio


async def _with_totp(ann):
    """(the app, recovery codes) after enrolling."""
    app = pyotp.TOTP((await ann.ok("POST", "totp/enrol"))["secret"])
    code = app.at(ann.shop.now.ns // SECOND)
    return app, (await ann.ok("POST", "totp/confirm", code=code))["recovery_codes"]


async def test_from_sign_up_to_a_member_who_is_logged_in(shop):
    ann = shop.browser()
    opened = await ann.join("  Ann@Example.ORG ")
    me = await ann.ok("GET", "me")
    assert me["email"] == "ann@example.org" and me["second_factor"] is False
    assert me["account"] == opened["account"] == 3 and me["csrf"] == opened["csrf"]
    assert shop.venue.engine.listings.accounts == 4
    await ann.ok("POST", "logout")
    assert await ann.refused("GET", "me") == (401, "no_session")
    assert [subject for _, subject, _ in shop.mails()] == [
        "Confirm your e-mail", "Login from a new device",
    ]  # fmt: skip
    await ann.login()
    assert (await ann.ok("GET", "me"))["account"] == 3


async def test_nothing_that_names_a_person_is_readable_in_the_database(shop, tmp_path):
    ann = shop.browser()
    await ann.join()
    cookies = [c.value for c in ann.http.cookies.jar]
    raw = b"".join(f.read_bytes() for f in tmp_path.glob("excraft.db*"))
    for secret in ("ann@example", "Firefox", GOOD, *cookies):
        assert secret.encode() not in raw
    with shop.database.read() as connection:
        stored = connection.execute(select(people.c.password)).scalar_one()
    assert stored.startswith("$argon2id$")


async def test_sessions_are_listed_and_revoked_at_once(shop):
    ann, phone, bob = shop.browser(), shop.browser("192.0.2.9"), shop.browser()
    await ann.join()
    phone.http.base_url = phone.http.headers["origin"] = "https://localhost"
    await phone.login()
    await bob.join("bob@example.org")
    shown = (await ann.ok("GET", "sessions"))["sessions"]
    assert sorted(s["address"] for s in shown) == ["127.0.0.1", "192.0.2.9"]
    other = next(s["id"] for s in shown if not s["current"])
    assert await bob.refused("DELETE", f"sessions/{other}") == (404, "not_found")
    await phone.ok("GET", "me")
    await ann.ok("DELETE", f"sessions/{other}")
    assert await phone.refused("GET", "me") == (401, "no_session")
    assert len((await ann.ok("GET", "sessions"))["sessions"]) == 1
    alerts = len(shop.mails())
    await phone.login()  # its device was forgotten: an alert again
    assert len(shop.mails()) == alerts + 1


async def test_devices_are_listed_and_forgotten_each_alone(shop):
    ann, phone, tablet = shop.browser(), shop.browser("127.0.0.2"), shop.browser("127.0.0.3")
    await ann.join()
    for browser in (phone, tablet):
        shop.now.ns += 5 * SECOND
        await browser.login()
    await tablet.ok("POST", "logout")  # a device without a session
    shown = (await ann.ok("GET", "devices"))["devices"]
    assert [(d["address"], d["logged_in"], d["current"]) for d in shown] == [
        ("127.0.0.3", False, False), ("127.0.0.2", True, False), ("127.0.0.1", True, True),
    ]  # fmt: skip
    told = len(shop.mails())
    await tablet.login()
    assert len(shop.mails()) == told  # it is known
    await tablet.ok("POST", "logout")
    for gone in (shown[0], shown[1]):
        await ann.ok("DELETE", f"devices/{gone['id']}")
        assert await ann.refused("DELETE", f"devices/{gone['id']}") == (404, "not_found")
    assert await phone.refused("GET", "me") == (401, "no_session")
    await tablet.login()
    assert shop.mails()[-1][1] == "Login from a new device"
    shop.now.ns += 13 * 3600 * SECOND
    await ann.login()
    shown = (await ann.ok("GET", "devices"))["devices"]
    assert [d["logged_in"] for d in shown] == [True, False]  # the tablet's has ended by itself


async def test_nobody_sees_or_forgets_the_device_of_another(shop):
    ann, eve = shop.browser(), shop.browser()
    await ann.join()
    await eve.join("eve@example.org")
    [hers] = (await ann.ok("GET", "devices"))["devices"]
    assert hers["id"] not in (await eve.send("GET", "devices")).text
    assert await eve.refused("DELETE", f"devices/{hers['id']}") == (404, "not_found")
    await ann.ok("GET", "me")


async def test_a_session_ends_by_itself(shop):
    ann = shop.browser()
    await ann.join()
    for _ in range(15):
        shop.now.ns += 11 * 3600 * SECOND
        await ann.ok("GET", "me")
    shop.now.ns += 5 * 3600 * SECOND  # 170 h: older than seven days, though never idle
    assert await ann.refused("GET", "me") == (401, "no_session")
    await ann.login()
    shop.now.ns += 13 * 3600 * SECOND
    assert await ann.refused("GET", "me") == (401, "no_session")


async def test_a_new_password_ends_the_other_sessions(shop):
    ann, thief = shop.browser(), shop.browser()
    await ann.join()
    await thief.login()
    refused = await thief.refused("POST", "password", current="a guess", new=OTHER)
    assert refused == (401, "wrong_password")
    for bad in ("short", "a" * 20, "ann@example.org", "x" * 300):
        refused = await ann.refused("POST", "password", current=GOOD, new=bad)
        assert refused == (400, "bad_password")
    await ann.ok("POST", "password", current=GOOD, new=OTHER)
    await ann.ok("GET", "me")
    assert await thief.refused("GET", "me") == (401, "no_session")
    assert shop.mails()[-1][1] == "The password was changed"
    await thief.login(password=OTHER)


async def test_passwords_are_the_same_however_they_were_typed(shop):
    ann = shop.browser()
    await ann.join(password="\u212bngstr\u00f6m \ufb01sh")
    await ann.login(password="A\u030angstro\u0308m fish")


async def test_a_hash_of_old_parameters_is_made_anew_at_login(shop):
    ann = shop.browser()
    await ann.join()
    shop.desk.passwords._hasher = newer = PasswordHasher(2, 16, 1)
    await ann.login()
    person = shop.desk.people.by_email("ann@example.org")
    assert "m=16,t=2" in person.password and newer.verify(person.password, GOOD)
    await ann.login()


async def test_the_second_factor(shop):
    ann = shop.browser()
    await ann.join()
    assert await ann.refused("POST", "totp/confirm", code="123456") == (401, "wrong_code")
    secret = (await ann.ok("POST", "totp/enrol"))["secret"]
    assert await ann.refused("POST", "totp/confirm", code="12") == (401, "wrong_code")
    await shop.browser().login()  # not on before a code was right
    app = pyotp.TOTP(secret)
    code = app.at(shop.now.ns // SECOND)
    recovery = (await ann.ok("POST", "totp/confirm", code=code))["recovery_codes"]
    assert len(set(recovery)) == 10 and await ann.refused("POST", "totp/enrol") == (
        409, "already_on",
    )  # fmt: skip
    phone, login = shop.browser(), {"email": "ann@example.org", "password": GOOD}
    assert await phone.refused("POST", "login", **login) == (401, "second_factor_needed")
    # the code that turned it on is used up, and so is any of an earlier step
    assert await phone.refused("POST", "login", **login, code=code) == (401, "wrong_code")
    shop.now.ns += 30 * SECOND
    code = app.at(shop.now.ns // SECOND)
    replies = await asyncio.gather(*(phone.send("POST", "login", **login, code=code) for _ in "ab"))
    assert sorted(r.status_code for r in replies) == [200, 401]
    await phone.login(code=recovery[0].lower())
    assert await phone.refused("POST", "login", **login, code=recovery[0]) == (401, "wrong_code")
    assert (await phone.ok("GET", "me"))["recovery_codes_left"] == 9


async def test_sensitive_acts_need_a_recent_proof(shop):
    ann = shop.browser()
    await ann.join()
    app, recovery = await _with_totp(ann)
    shop.now.ns += 601 * SECOND
    assert await ann.refused("POST", "totp/disable") == (403, "step_up_needed")
    refused = await ann.refused("POST", "step-up", password=GOOD)
    assert refused == (401, "second_factor_needed")
    refused = await ann.refused("POST", "step-up", password=OTHER, code=recovery[0])
    assert refused == (401, "wrong_password")
    await ann.ok("POST", "step-up", password=GOOD, code=app.at(shop.now.ns // SECOND))
    await ann.ok("POST", "totp/disable")
    await shop.browser().login()
    refused = await ann.refused("POST", "login", email="ann@example.org", password=OTHER)
    assert refused == (401, "wrong_login")


async def test_a_crash_between_confirming_and_opening_is_mended_at_login(shop):
    ann, engine = shop.browser(), shop.venue.engine
    await ann.ok("POST", "sign-up", email="ann@example.org", password=GOOD)
    execute, shop.venue.exchange.members.add = engine.execute, _crash
    token = shop.token("ann@example.org")
    assert (await ann.refused("POST", "confirm", token=token, password=GOOD))[0] == 500
    del shop.venue.exchange.members.add
    assert engine.execute == execute
    replies = await asyncio.gather(*(shop.browser().login() for _ in range(4)))
    assert len({r["account"] for r in replies}) == 1
    assert len(shop.venue.exchange.members.all()) == 4


def _crash(*_):
    raise RuntimeError("the power went")


async def test_cookies_and_headers(shop):
    ann = shop.browser()
    await ann.join()
    reply = await ann.send("POST", "login", email="ann@example.org", password=GOOD)
    for cookie in reply.headers.get_list("set-cookie"):
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Path=/" in cookie
        assert "Secure" not in cookie and "Domain" not in cookie
    for made in (reply, await ann.send("GET", "nothing"), await ann.send("PUT", "login")):
        assert made.headers["content-security-policy"].startswith("default-src 'none'")
        assert made.headers["x-content-type-options"] == "nosniff"
        assert made.headers["cache-control"] == "no-store"
    for address, host in (
        ("127.0.0.1", "https://x.org"), ("192.0.2.1", "http://localhost"),
        ("127.0.0.1", "http://x.org"),
    ):  # fmt: skip
        far = shop.browser(address, origin=host, host=host)
        reply = await far.send("POST", "login", email="ann@example.org", password=GOOD)
        for cookie in reply.headers.get_list("set-cookie"):
            assert cookie.startswith("__Host-") and "Secure" in cookie
