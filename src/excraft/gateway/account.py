"""/account: sign-up, login, sessions and second factor, for people in browsers.

A change needs the header X-CSRF-Token with the session's token (from the answer to login or GET
/account/me); where there is no session yet, an Origin that is this exchange. A request that has no
right to be here learns that first, before its body is read.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from excraft.accounts import sign_in, sign_up
from excraft.accounts.desk import Caller, Desk
from excraft.accounts.refusals import Refused
from excraft.accounts.sessions import Session, csrf_token
from excraft.gateway import account_deposits, account_withdrawals
from excraft.gateway.account_opening import ensure_member
from excraft.gateway.account_requests import (
    answer,
    caller_of,
    check_origin,
    clear_cookie,
    read_body,
    refusal,
    session_of,
    set_cookie,
)
from excraft.gateway.errors import ApiError
from excraft.gateway.exchange import Exchange

WEIGHT = 5  # of the same limit by address that the trading API counts in
_log = logging.getLogger(__name__)
Text = Annotated[str, msgspec.Meta(max_length=512)]
_MAILED = "If that address can be used here, a mail with the next step is on its way."


class _Body(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Nothing, and the ground of all others."""


class _Credentials(_Body):
    email: Text
    password: Text


class _Login(_Credentials):
    code: Text = ""


class _Token(_Body):
    token: Text
    password: Text


class _Email(_Body):
    email: Text


class _StepUp(_Body):
    password: Text
    code: Text = ""


class _Password(_Body):
    current: Text
    new: Text
    code: Text = ""


class _Code(_Body):
    code: Text


class Asked(NamedTuple):
    """One request that may be done; `session` is None where none is needed."""

    exchange: Exchange
    request: Request
    caller: Caller
    session: Session | None
    body: Any

    @property
    def desk(self) -> Desk:
        return self.exchange.desk


class Act(NamedTuple):
    """What is done for one method and path; `shape` None takes no body."""

    run: Callable[[Asked], Awaitable[Response]]
    shape: type | None
    needs_session: bool = True


async def _sign_up(asked: Asked) -> Response:
    await sign_up.sign_up(asked.desk, asked.caller, asked.body.email, asked.body.password)
    return answer(202, {"message": _MAILED})


async def _confirm(asked: Asked) -> Response:
    body = asked.body
    person_id = await sign_up.confirm(asked.desk, asked.caller, body.token, body.password)
    await ensure_member(asked.exchange, person_id)
    return answer(201, {"message": "Your account is open; log in."})


async def _ask_reset(asked: Asked) -> Response:
    await sign_up.ask_reset(asked.desk, asked.caller, asked.body.email)
    return answer(202, {"message": _MAILED})


async def _reset(asked: Asked) -> Response:
    await sign_up.reset(asked.desk, asked.caller, asked.body.token, asked.body.password)
    return answer(200, {"message": "The password is changed and every session ended; log in."})


async def _login(asked: Asked) -> Response:
    body = asked.body
    opened = await sign_in.login(asked.desk, asked.caller, body.email, body.password, body.code)
    member = await ensure_member(asked.exchange, opened.session.person_id)
    made = answer(200, {"csrf": csrf_token(opened.token), "account": member.account})
    set_cookie(asked.request, made, "session", opened.token)
    set_cookie(asked.request, made, "device", opened.device_token)
    return made


async def _logout(asked: Asked) -> Response:
    await asyncio.to_thread(asked.desk.sessions.end, asked.session)
    made = answer(200, {"message": "You are logged out."})
    clear_cookie(asked.request, made, "session")
    return made


async def _step_up(asked: Asked) -> Response:
    await sign_in.step_up(asked.desk, asked.session, asked.body.password, asked.body.code)
    return answer(200, {"message": "Sensitive acts are open for a while."})


async def _password(asked: Asked) -> Response:
    body = asked.body
    await sign_in.change_password(asked.desk, asked.session, body.current, body.new, body.code)
    return answer(200, {"message": "The password is changed; other sessions are ended."})


async def _enrol(asked: Asked) -> Response:
    secret, uri = await sign_in.enrol(asked.desk, asked.session)
    return answer(200, {"secret": secret, "uri": uri})


async def _confirm_enrolment(asked: Asked) -> Response:
    codes = await sign_in.confirm_enrolment(asked.desk, asked.session, asked.body.code)
    return answer(200, {"recovery_codes": codes})


async def _disable(asked: Asked) -> Response:
    await sign_in.disable(asked.desk, asked.session)
    return answer(200, {"message": "The second factor is off."})


async def _me(asked: Asked) -> Response:
    person_id, desk = asked.session.person_id, asked.desk
    member = await ensure_member(asked.exchange, person_id)

    def look() -> dict:
        return {
            "email": desk.people.email_of(person_id),
            "member": member.id,
            "account": member.account,
            "second_factor": desk.second_factors.on(person_id),
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
    session_id = asked.request.path_params["path"].removeprefix("sessions/")
    revoke, person_id = asked.desk.sessions.revoke, asked.session.person_id
    if not await asyncio.to_thread(revoke, person_id, session_id):
        raise Refused("not_found", f"You have no session {session_id[:40]!r}.")
    return answer(200, {"message": "The session is ended and its device forgotten."})


ACTS = {
    ("POST", "sign-up"): Act(_sign_up, _Credentials, needs_session=False),
    ("POST", "confirm"): Act(_confirm, _Token, needs_session=False),
    ("POST", "login"): Act(_login, _Login, needs_session=False),
    ("POST", "password/reset"): Act(_ask_reset, _Email, needs_session=False),
    ("POST", "password/reset/confirm"): Act(_reset, _Token, needs_session=False),
    ("POST", "logout"): Act(_logout, _Body),
    ("POST", "step-up"): Act(_step_up, _StepUp),
    ("POST", "password"): Act(_password, _Password),
    ("POST", "totp/enrol"): Act(_enrol, _Body),
    ("POST", "totp/confirm"): Act(_confirm_enrolment, _Code),
    ("POST", "totp/disable"): Act(_disable, _Body),
    ("GET", "me"): Act(_me, None),
    ("GET", "sessions"): Act(_sessions, None),
    ("DELETE", "sessions/{id}"): Act(_revoke, None),
}
for topic in (account_deposits, account_withdrawals):
    ACTS |= {place: Act(*row) for place, row in topic.ROUTES.items()}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def routes(exchange: Exchange) -> list[Route]:
    """For the application; none when this exchange has no desk."""
    if exchange.desk is None:
        return []

    async def serve(request: Request) -> Response:
        try:
            return await _serve(exchange, request)
        except Refused as refused:
            return refusal(refused)
        except ApiError as failure:
            made = answer(failure.status, {"error": "limit", "message": failure.body()["msg"]})
            made.headers.update({k.decode(): v.decode() for k, v in failure.headers})
            return made
        except ClientDisconnect:
            return refusal(Refused("bad_request", "The body ended before it was whole."))
        except Exception:
            _log.exception("%s %s failed", request.method, request.url.path)
            return answer(500, {"error": "internal", "message": "Something is broken here."})

    return [Route("/account/{path:path}", serve, methods=METHODS)]


async def _serve(exchange: Exchange, request: Request) -> Response:
    exchange.limits.admit(request.client.host if request.client else "", WEIGHT)
    act, caller = _act(request), caller_of(request)
    session = None
    if act.needs_session:
        session = await session_of(exchange.desk, request)
    else:
        check_origin(request)
    body = await read_body(request, act.shape) if act.shape else None
    return await act.run(Asked(exchange, request, caller, session, body))


def _act(request: Request) -> Act:
    path = request.path_params["path"]
    if path.startswith("sessions/"):
        path = "sessions/{id}"
    act = ACTS.get((request.method, path))
    if act is None:
        allowed = [method for method, known in ACTS if known == path]
        if not allowed:
            raise Refused("not_found", f"There is nothing at /account/{path[:80]}.")
        raise Refused("wrong_method", f"{path} takes {' and '.join(allowed)} only.")
    return act
