"""The application at /admin: who may come in, operations as routes, and the OpenAPI document."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ConfigDict, create_model
from starlette.exceptions import HTTPException

from excraft.accounts import actors
from excraft.accounts.acts import READING
from excraft.accounts.desk import Desk
from excraft.accounts.errors import AccountsError
from excraft.accounts.refusals import Refused as NotIn
from excraft.accounts.second_factor import any_on
from excraft.accounts.sessions import require_recent
from excraft.accounts.staff_errors import NeedsApproval, StaffError
from excraft.gateway import admin, operations  # noqa: F401
from excraft.gateway.account_opening import ensure_member
from excraft.gateway.account_requests import (
    SECURITY_HEADERS,
    check_address,
    check_text,
    refusal,
    session_of,
)
from excraft.gateway.admin_rights import RIGHTS, as_actor, payload_of
from excraft.gateway.errors import ApiError
from excraft.gateway.exchange import Exchange
from excraft.gateway.staff import desk, exports

BODY_BYTES_MAX = 64 << 10
BODY_WITHIN_S = 20.0
RECENT_S = 900  # since password and code were given, for what changes something
WEIGHT = 5
_LOGGER = logging.getLogger(__name__)


def application(exchange: Exchange) -> "Door":
    """For the mount at /admin."""
    return Door(exchange, staff_app(exchange))


class Door:
    """Lets staff in, with a bounded body; everybody else finds nothing here."""

    def __init__(self, exchange: Exchange, app: FastAPI) -> None:
        self._exchange, self._app = exchange, app

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http":
            return
        try:
            scope.setdefault("state", {})["actor"] = await self._actor(scope)
            body = await asyncio.wait_for(_read(receive), BODY_WITHIN_S)
        except NotIn as refused:
            return await refusal(refused)(scope, receive, send)
        except ApiError as failure:
            return await _answer(failure.status, "limit", failure.text)(scope, receive, send)
        except TimeoutError:
            return await _answer(408, "too_slow", "The body did not come.")(scope, receive, send)
        await self._app(scope, _once(body, receive), _guarded(send))

    async def _actor(self, scope: dict) -> actors.Actor:
        """Raises Refused: no session, no CSRF token, no staff, or the proof is too long ago."""
        exchange, request = self._exchange, Request(scope)
        exchange.limits.admit(request.client.host if request.client else "", WEIGHT)
        session = await session_of(exchange.desk, request)
        member = await ensure_member(exchange, session.person_id)
        actor = actors.member(member.id)
        if not await asyncio.to_thread(exchange.staff.roles.roles_of, member.id):
            raise NotIn("not_found", "There is nothing here.")
        check_address(scope)
        if request.method != "GET" and _changes(scope):
            require_recent(session, RECENT_S, exchange.desk.clock())
            await asyncio.to_thread(_require_factor, exchange.desk, session.person_id)
        return actor


def _require_factor(desk: Desk, person_id: int) -> None:
    """Where the public finds the exchange a password alone changes nothing; blocks, and raises
    Refused. On this machine alone, where one tries it out, there is no public."""
    if desk.origin is None:
        return
    with desk.database.read() as connection:
        if not any_on(connection, person_id):
            raise NotIn(
                "factor_needed",
                "Staff acts with a second factor only: add a passkey or an app at /desk, under "
                "Security, then log in again.",
            )


def _changes(scope: dict) -> bool:
    """Whether the operation of this path changes something; what is not known does."""
    right = RIGHTS.get(scope["path"].rsplit("/", 1)[-1])
    return right is None or not (not callable(right.act) and right.act in READING)


def staff_app(exchange: Exchange) -> FastAPI:
    """Operations and the desk's routes, documented by their own signatures."""
    app = FastAPI(
        title="ExCraft staff", version="1", docs_url=None, redoc_url=None, openapi_url=None
    )
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(admin.Refused, _refused)
    app.add_exception_handler(AccountsError, _refused)
    app.add_exception_handler(Exception, _bug)
    for name, (function, _) in sorted(admin.OPERATIONS.items()):
        right = RIGHTS.get(name)
        if right is not None and not right.shell_only:
            app.add_api_route(
                f"/{name}", _route(exchange, name, function), methods=["POST"], name=name,
                description=inspect.getdoc(function), responses=_RESPONSES, tags=["operations"],
            )  # fmt: skip
    app.state.exchange, app.state.files = exchange, exports.Files()
    app.include_router(desk.routes)
    app.include_router(exports.routes)

    @app.get("/openapi.json", include_in_schema=False)
    async def document() -> JSONResponse:
        return JSONResponse(app.openapi())

    return app


_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"description": "It needs approval by others: the proposal that was made."},
    400: {"description": "Refused, with a sentence that says why."},
    403: {"description": "None of your roles allows it, or give your password and code again."},
}


def _route(exchange: Exchange, name: str, function: Callable) -> Callable[..., Awaitable[Any]]:
    parameters = [*inspect.signature(function).parameters.values()][1:]
    fields: dict[str, Any] = {
        p.name: (p.annotation, ... if p.default is p.empty else p.default) for p in parameters
    }
    shape = create_model(name, __config__=ConfigDict(extra="forbid", strict=True), **fields)

    async def run(request: Request, arguments: shape) -> JSONResponse:
        given = arguments.model_dump()
        with as_actor(request.state.actor):
            try:
                result = await admin.perform(exchange, name, given)
            except NeedsApproval:
                return await _proposed(exchange, request.state.actor, name, given)
        return JSONResponse({"result": msgspec.to_builtins(result)})

    return run


async def _proposed(
    exchange: Exchange, actor: actors.Actor, name: str, given: dict[str, Any]
) -> JSONResponse:
    """What nobody does alone waits as a proposal; desk.py carries it out once it is approved."""
    act = RIGHTS[name].of(given)

    def propose() -> Any:
        payload = desk.payload(exchange, name, given) or payload_of(exchange, name, given)
        return exchange.staff.approvals.propose(actor, act, payload)

    made = await asyncio.to_thread(propose)
    return JSONResponse({"proposal": desk.shown(made)}, 202)


async def _read(receive: Callable) -> bytes:
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise NotIn("bad_request", "The body ended before it was whole.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_BYTES_MAX:
            raise NotIn("too_large", f"The body has more than {BODY_BYTES_MAX} bytes.")
    check_text(body)
    try:
        msgspec.json.decode(body or b"null")  # refuses what no database can keep, as "\ud800"
    except (msgspec.DecodeError, UnicodeError, RecursionError) as wrong:
        raise NotIn("bad_request", f"The body is no JSON: {str(wrong)[:200]}.") from wrong
    return bytes(body)


def _once(body: bytes, receive: Callable) -> Callable:
    """The body that was read; then what comes from the client, which is that it went away."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> dict:
        return messages.pop(0) if messages else await receive()

    return again


def _guarded(send: Callable) -> Callable:
    """Every answer tells the browser to do nothing else with it."""
    extra = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]

    async def guarded(message: dict) -> None:
        if message["type"] == "http.response.start":
            known = {name for name, _ in message["headers"]}
            message["headers"] = [
                *message["headers"], *(pair for pair in extra if pair[0] not in known)
            ]  # fmt: skip
        await send(message)

    return guarded


def _answer(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error": code, "message": message}, status)


async def _invalid(_: Request, wrong: Exception) -> JSONResponse:
    first = wrong.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "the body"
    return _answer(400, "bad_request", f"{where}: {first['msg']}"[:300])


async def _http(_: Request, wrong: Exception) -> JSONResponse:
    codes = {404: "not_found", 405: "wrong_method"}
    return _answer(wrong.status_code, codes.get(wrong.status_code, "bad_request"), wrong.detail)


async def _refused(_: Request, wrong: Exception) -> JSONResponse:
    if isinstance(wrong, NotIn):
        return refusal(wrong)
    allowed = isinstance(wrong.__cause__ or wrong, StaffError)
    return _answer(403 if allowed else 400, "not_allowed" if allowed else "refused", str(wrong))


async def _bug(request: Request, wrong: Exception) -> JSONResponse:
    _LOGGER.error("%s %s failed", request.method, request.url.path, exc_info=wrong)
    return _answer(500, "internal", "Something is broken here.")
