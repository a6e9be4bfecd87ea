"""Requests to /account: what may come in, whose it is, and what every answer carries."""

import asyncio
import re
from collections.abc import AsyncIterator
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from excraft.accounts.desk import Caller, Desk
from excraft.accounts.origins import Origin, is_loopback
from excraft.accounts.refusals import Refused, no_session
from excraft.accounts.sessions import Session, csrf_token, seen_from

BODY_BYTES_MAX = 8 << 10
BODY_WITHIN_S = 15.0  # before outgoing.py ends the connection without a word
UNREAD = ("too_large", "too_slow")  # what else its client sends is not waited for
_CODE_0 = re.compile(rb"(?<!\\)(\\\\)*\\u0000")  # as JSON writes it
DEVICE_LASTS_S = 400 * 86_400  # what browsers keep at most
SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
STATUS = {
    "wrong_login": 401,
    "wrong_password": 401,
    "wrong_code": 401,
    "wrong_passkey": 401,
    "wrong_wallet": 401,
    "unknown_wallet": 401,
    "second_factor_needed": 401,
    "no_session": 401,
    "step_up_needed": 403,
    "csrf": 403,
    "factor_needed": 403,
    "not_found": 404,
    "wrong_method": 405,
    "too_slow": 408,
    "already_on": 409,
    "not_done": 409,
    "too_large": 413,
    "wrong_media_type": 415,
    "too_many_tries": 429,
    "busy": 503,
}


def answer(status: int, body: dict[str, Any]) -> Response:
    """JSON with the headers that keep a browser from doing anything else with it."""
    return Response(msgspec.json.encode(body), status, SECURITY_HEADERS, "application/json")


def refusal(refused: Refused) -> Response:
    """The answer to who was refused; 400 unless its code has another status."""
    made = answer(STATUS.get(refused.code, 400), {"error": refused.code, "message": str(refused)})
    if refused.code in UNREAD:
        made.headers["connection"] = "close"
    if refused.wait_s:
        made.headers["retry-after"] = str(refused.wait_s)
    return made


async def read_body(request: Request, shape: type) -> Any:
    """The body as `shape`; raises Refused before more than the bound is kept in memory."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused("wrong_media_type", "The body must be application/json.")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for part in bounded(request, BODY_BYTES_MAX):
                body += part
    except TimeoutError as slow:
        raise Refused("too_slow", f"The body did not come within {BODY_WITHIN_S:.0f} s.") from slow
    check_text(body)
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.MsgspecError as wrong:
        raise Refused("bad_request", f"The body is not what belongs here: {wrong}.") from wrong


def check_address(scope: Any) -> None:
    """Not every database keeps a character of code 0, so none gets in; raises Refused."""
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        raise Refused("bad_request", "The address has a character of code 0.")


def check_text(body: bytes) -> None:
    """The same for a body of JSON."""
    if _CODE_0.search(body):
        raise Refused("bad_request", "The body has a character of code 0.")


async def bounded(request: Request, bytes_max: int) -> AsyncIterator[bytes]:
    """The pieces of the body; raises Refused for what says that it is too large, or becomes it."""
    refused = Refused("too_large", f"The body has more than {bytes_max} bytes.")
    said = request.headers.get("content-length", "")
    if said.isdigit() and (len(said) > 18 or int(said) > bytes_max):
        raise refused
    read = 0
    async for part in request.stream():
        read += len(part)
        if read > bytes_max:
            raise refused
        yield part


def caller_of(request: Request) -> Caller:
    """Who asks, by address, browser and cookies; nothing of it is believed yet."""
    address = request.client.host if request.client else ""
    return Caller(
        seen_from(address, request.headers.get("user-agent", "")),
        request.cookies.get(cookie_name(request, "device"), ""),
        request.cookies.get(cookie_name(request, "session"), ""),
        request.cookies.get(cookie_name(request, "ceremony"), ""),
    )


async def session_of(desk: Desk, request: Request) -> Session:
    """The session of the cookie; raises Refused. Anything but GET needs its token in a header."""
    token = caller_of(request).session_token
    if not token:
        raise no_session()
    session = await asyncio.to_thread(desk.sessions.find, token)
    sent = request.headers.get("x-csrf-token", "").encode()
    if request.method != "GET" and not compare_digest(sent, csrf_token(token).encode()):
        raise Refused("csrf", "The header X-CSRF-Token must be the `csrf` of GET /account/me.")
    return session


def check_origin(request: Request) -> None:
    """For changes that need no session: the page must be ours; raises Refused.

    Browsers send Origin with each POST and no page can change it; other clients set it themselves.
    """
    origin, host = request.headers.get("origin", ""), request.headers.get("host", "")
    if not host or urlsplit(origin).netloc.lower() != host.lower():
        raise Refused(
            "csrf", f"The header Origin must name this exchange ({host[:80]}), not {origin[:80]!r}."
        )


def origin_of(desk: Desk, request: Request) -> Origin:
    """What passkeys and messages are bound to: the operator's setting, and on this machine alone
    the host that was asked for, which nobody far away can choose. Raises Refused."""
    if desk.origin is not None:
        return desk.origin
    host, client = request.url.hostname or "", request.client.host if request.client else ""
    if is_loopback(host) and is_loopback(client):
        return Origin.read(f"{request.url.scheme}://{request.url.netloc.lower()}")
    raise Refused(
        "no_origin", "The operator has not said where this exchange is found (EXCRAFT_ORIGIN)."
    )


def page_of(desk: Desk, request: Request) -> str:
    """The address of our page for mails; empty where nobody has said what it is."""
    try:
        return f"{origin_of(desk, request).url}/desk"
    except Refused:
        return ""


def cookie_name(request: Request, name: str) -> str:
    """__Host- makes the browser refuse it unless it is Secure, of this host and for all paths."""
    return f"__Host-{name}" if is_secure(request) else f"excraft-{name}"


def set_cookie(request: Request, response: Response, name: str, token: str) -> None:
    """Readable by no script, sent from our own pages only. The session's ends with the browser."""
    response.set_cookie(
        cookie_name(request, name), token,
        max_age=DEVICE_LASTS_S if name == "device" else None,
        path="/", secure=is_secure(request), httponly=True, samesite="strict",
    )  # fmt: skip


def clear_cookie(request: Request, response: Response, name: str) -> None:
    response.delete_cookie(
        cookie_name(request, name), path="/", secure=is_secure(request), httponly=True,
        samesite="strict",
    )  # fmt: skip


def is_secure(request: Request) -> bool:
    """False only for plain http between programs of one machine, where there is no certificate."""
    host = request.url.hostname or ""
    client = request.client.host if request.client else ""
    return request.url.scheme == "https" or not (is_loopback(host) and is_loopback(client))
