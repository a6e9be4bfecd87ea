"""POST /kyc/webhook/{provider}: what a provider found, signed; docs/operate/kyc.md has the form."""

import asyncio
import logging

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from excraft.accounts.kyc_errors import KycError, MessageRefused
from excraft.accounts.kyc_providers import BODY_BYTES_MAX
from excraft.gateway.errors import ApiError
from excraft.gateway.exchange import Exchange

WITHIN_S = 10.0
WEIGHT = 5
_LOGGER = logging.getLogger(__name__)


def routes(exchange: Exchange) -> list[Route]:
    """None when no provider is set."""
    if exchange.kyc is None or not exchange.kyc.webhooks:
        return []

    async def receive(request: Request) -> JSONResponse:
        try:
            exchange.limits.admit(request.client.host if request.client else "", WEIGHT)
        except ApiError as failure:
            return _answer(failure.status, "too many requests")
        webhook = exchange.kyc.webhooks.get(request.path_params["provider"])
        if webhook is None:
            return _answer(404, "there is no such provider")
        try:
            body = await asyncio.wait_for(_body(request), WITHIN_S)
        except (TimeoutError, ClientDisconnect):
            return _answer(408, "the body did not come in time")
        if body is None:
            return _answer(413, f"at most {BODY_BYTES_MAX} bytes")
        said = (request.headers.get(f"x-kyc-{name}", "") for name in ("timestamp", "signature"))
        try:
            case = await asyncio.to_thread(webhook.receive, *said, body)
        except MessageRefused as refused:
            _LOGGER.warning("a message to %s was refused: %s", webhook.name, refused)
            return _answer(401, str(refused))
        except KycError as refused:
            return _answer(409, str(refused))
        return JSONResponse({"case": case.id, "state": case.state.name})

    return [Route("/kyc/webhook/{provider}", receive, methods=["POST"])]


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            return None
    return bytes(body)


def _answer(status: int, why: str) -> JSONResponse:
    return JSONResponse({"error": why}, status)
