"""/account: who I am, step-up, password, second factor, sessions."""

import asyncio

from starlette.responses import Response

from excraft.accounts import sign_in
from excraft.accounts.refusals import Refused
from excraft.accounts.sessions import csrf_token
from excraft.gateway.account_acts import Act, Asked, Body, Text
from excraft.gateway.account_opening import ensure_member
from excraft.gateway.account_proof import ChangePassword, Proof, second_of
from excraft.gateway.account_requests import answer


class _StepUp(Body):
    password: Text
    code: Text = ""


class _Password(Proof, kw_only=True):
    current: Text
    new: Text


class _Code(Body):
    code: Text


async def _step_up(asked: Asked) -> Response:
    await sign_in.step_up(asked.desk, asked.session, asked.body.password, asked.body.code)
    return answer(200, {"message": "Sensitive acts are open for a while."})


async def _password(asked: Asked) -> Response:
    body = asked.body
    second = second_of(asked, ChangePassword())
    await sign_in.change_password(asked.desk, asked.session, body.current, body.new, second)
    return answer(200, {"message": "The password is changed; other sessions are ended."})


async def _enrol(asked: Asked) -> Response:
    secret, uri = await sign_in.enrol(asked.desk, asked.session)
    return answer(200, {"secret": secret, "uri": uri})


async def _confirm_enrolment(asked: Asked) -> Response:
    codes = await sign_in.confirm_enrolment(asked.desk, asked.session, asked.body.code)
    return answer(200, {"recovery_codes": codes})


async def _disable(asked: Asked) -> Response:
    narrowed = await sign_in.disable(asked.desk, asked.exchange.api_keys, asked.session)
    return answer(200, {"message": f"The app is off.{told_of(narrowed)}"})


def told_of(narrowed: list[str]) -> str:
    """What a second factor took with it, for the answer."""
    lost = len(narrowed)
    return f" API keys that may no longer withdraw: {lost}." if lost else ""


async def _me(asked: Asked) -> Response:
    person_id, desk = asked.session.person_id, asked.desk
    member = await ensure_member(asked.exchange, person_id)

    def look() -> dict:
        return {
            "email": desk.people.email_of(person_id),
            "member": member.id,
            "account": member.account,
            "second_factor": desk.second_factors.on(person_id),
            "app": desk.second_factors.app_on(person_id),
            "passkeys": len(desk.passkeys.list(person_id)),
            "recovery_codes_left": desk.second_factors.recovery_left(person_id),
            "csrf": csrf_token(asked.caller.session_token),
        }

    return answer(200, await asyncio.to_thread(look))


async def _sessions(asked: Asked) -> Response:
    found = await asyncio.to_thread(asked.desk.sessions.list, asked.session.person_id)
    shown = [
        {
            "id": s.id, "created_ns": s.created_ns, "seen_ns": s.seen_ns,
            "address": s.seen_from.address, "browser": s.seen_from.browser,
            "current": s.id == asked.session.id,
        }
        for s in found
    ]  # fmt: skip
    return answer(200, {"sessions": shown})


async def _revoke(asked: Asked) -> Response:
    session_id = asked.values["id"]
    revoke, person_id = asked.desk.sessions.revoke, asked.session.person_id
    if not await asyncio.to_thread(revoke, person_id, session_id):
        raise Refused("not_found", f"You have no session {session_id[:40]!r}.")
    return answer(200, {"message": "The session is ended and its device forgotten."})


async def _devices(asked: Asked) -> Response:
    found = await asyncio.to_thread(asked.desk.sessions.devices, asked.session.person_id)
    shown = [
        {
            "id": d.id, "created_ns": d.created_ns, "seen_ns": d.seen_ns,
            "address": d.seen_from.address, "browser": d.seen_from.browser,
            "logged_in": d.session_id is not None, "current": d.id == asked.session.device_id,
        }
        for d in found
    ]  # fmt: skip
    return answer(200, {"devices": shown})


async def _forget(asked: Asked) -> Response:
    """Needs no step-up: whoever lost a device is in a hurry."""
    device_id, person_id = asked.values["id"], asked.session.person_id
    if not await asyncio.to_thread(asked.desk.sessions.forget, person_id, device_id):
        raise Refused("not_found", f"You have no device {device_id[:40]!r}.")
    return answer(200, {"message": "The device is forgotten, and nobody is logged in on it."})


ACTS = {
    ("GET", "me"): Act(_me),
    ("POST", "step-up"): Act(_step_up, _StepUp),
    ("POST", "password"): Act(_password, _Password),
    ("POST", "totp/enrol"): Act(_enrol, Body),
    ("POST", "totp/confirm"): Act(_confirm_enrolment, _Code),
    ("POST", "totp/disable"): Act(_disable, Body),
    ("GET", "sessions"): Act(_sessions),
    ("DELETE", "sessions/{id}"): Act(_revoke),
    ("GET", "devices"): Act(_devices),
    ("DELETE", "devices/{id}"): Act(_forget),
}
