"""/account: sign-up, confirmation, login, reset and logout."""

import asyncio
from typing import Any

from starlette.responses import Response

from excraft.accounts import passkey_sign_in, sign_in, sign_up
from excraft.accounts.sessions import Opened, csrf_token
from excraft.gateway.account_acts import Act, Asked, Body, Text
from excraft.gateway.account_opening import ensure_member
from excraft.gateway.account_requests import answer, clear_cookie, origin_of, set_cookie

MAILED = "If that address can be used here, a mail with the next step is on its way."


class _Credentials(Body):
    email: Text
    password: Text


class _SignUp(_Credentials):
    referral: Text = ""


class _Login(_Credentials):
    code: Text = ""
    passkey: dict[str, Any] | None = None


class _Token(Body):
    token: Text
    password: Text


class _Email(Body):
    email: Text


async def _sign_up(asked: Asked) -> Response:
    body = asked.body
    await sign_up.sign_up(asked.desk, asked.caller, body.email, body.password, body.referral)
    return answer(202, {"message": MAILED})


async def _confirm(asked: Asked) -> Response:
    body = asked.body
    person_id = await sign_up.confirm(asked.desk, asked.caller, body.token, body.password)
    await ensure_member(asked.exchange, person_id)
    return answer(201, {"message": "Your account is open; log in."})


async def _ask_reset(asked: Asked) -> Response:
    await sign_up.ask_reset(asked.desk, asked.caller, asked.body.email)
    return answer(202, {"message": MAILED})


async def _reset(asked: Asked) -> Response:
    await sign_up.reset(asked.desk, asked.caller, asked.body.token, asked.body.password)
    return answer(200, {"message": "The password is changed and every session ended; log in."})


async def _login(asked: Asked) -> Response:
    body = asked.body
    second = sign_in.Second(body.code)
    if body.passkey is not None:
        origin = origin_of(asked.desk, asked.request)
        signed = passkey_sign_in.answer_of(asked.desk, asked.caller, origin, body.passkey)
        second = sign_in.Second(passkey=signed)
    opened = await sign_in.login(asked.desk, asked.caller, body.email, body.password, second)
    return await logged_in(asked, opened)


async def logged_in(asked: Asked, opened: Opened) -> Response:
    """The answer to every login, with its cookies."""
    member = await ensure_member(asked.exchange, opened.session.person_id)
    made = answer(200, {"csrf": csrf_token(opened.token), "account": member.account})
    set_cookie(asked.request, made, "session", opened.token)
    set_cookie(asked.request, made, "device", opened.device_token)
    if asked.caller.ceremony_token:
        clear_cookie(asked.request, made, "ceremony")
    return made


async def _logout(asked: Asked) -> Response:
    await asyncio.to_thread(asked.desk.sessions.end, asked.session)
    made = answer(200, {"message": "You are logged out."})
    clear_cookie(asked.request, made, "session")
    return made


ACTS = {
    ("POST", "sign-up"): Act(_sign_up, _SignUp, needs_session=False),
    ("POST", "confirm"): Act(_confirm, _Token, needs_session=False),
    ("POST", "login"): Act(_login, _Login, needs_session=False),
    ("POST", "password/reset"): Act(_ask_reset, _Email, needs_session=False),
    ("POST", "password/reset/confirm"): Act(_reset, _Token, needs_session=False),
    ("POST", "logout"): Act(_logout, Body),
}
