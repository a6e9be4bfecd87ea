"""The application: HTTP in, one endpoint of the list, JSON out.

Requests to a listed endpoint go by a dict of (method, path) past Starlette's router and request
objects; everything else, WebSockets first of all, is Starlette's.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from excraft.gateway import (
    account,
    admin_announcements,
    auth,
    errors,
    kyc_webhook,
    merit_public,
    openapi,
    pages,
    proofs,
)
from excraft.gateway.endpoints import ENDPOINTS, PERMISSION, Endpoint, Security
from excraft.gateway.errors import ApiError
from excraft.gateway.exchange import Exchange
from excraft.gateway.spot.params import fields
from excraft.gateway.staff import door as staff
from excraft.gateway.streams import routes

Headers = list[tuple[bytes, bytes]]
_LOGGER = logging.getLogger(__name__)
_JSON = (b"content-type", b"application/json;charset=UTF-8")
_encode = msgspec.json.encode


class Gateway(Starlette):
    """The application of one exchange; `routes` are those that are no listed endpoint."""

    def __init__(self, exchange: Exchange, routes: Iterable[BaseRoute], lifespan=None) -> None:
        super().__init__(
            routes=list(routes),
            lifespan=lifespan,
            exception_handlers={404: _no_path, 405: _no_method, Exception: _bug},
        )
        self.state.exchange = exchange
        self._exchange = exchange
        self._endpoints = {(e.method, e.path): e for e in ENDPOINTS}
        self._paths = {e.path for e in ENDPOINTS}

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return await super().__call__(scope, receive, send)
        endpoint = self._endpoints.get((scope["method"], scope["path"]))
        if endpoint is not None:
            status, headers, body = await serve(self._exchange, endpoint, scope, receive)
        elif scope["path"] in self._paths:
            status, headers, body = _failed(errors.wrong_method(), [])
        else:
            return await super().__call__(scope, receive, send)
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def application(
    exchange: Exchange,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager] | None = None,
) -> Gateway:
    """REST, WebSocket API, streams and /account of one exchange."""
    more = [
        *account.routes(exchange),
        *pages.routes(exchange),
        *kyc_webhook.routes(exchange),
        *proofs.routes(exchange),
        *merit_public.routes(exchange),
        *admin_announcements.routes(exchange),
    ]
    more += openapi.routes(exchange, more)
    if exchange.staff is not None and exchange.desk is not None:
        more.append(Mount("/admin", staff.application(exchange)))
    return Gateway(exchange, [*routes(exchange), *more], lifespan)


async def serve(
    exchange: Exchange, endpoint: Endpoint, scope: dict, receive: Callable[[], Awaitable[dict]]
) -> tuple[int, Headers, bytes]:
    """(status, headers, body) of one request; never raises but for cancellation."""
    client = scope.get("client")
    address = client[0] if client else ""
    headers = [_JSON]
    caller = None
    try:
        weight = endpoint.weight if isinstance(endpoint.weight, int) else 1
        used = exchange.limits.admit(address, weight)
        key, body = await _read(exchange, endpoint, scope, receive)
        sent = fields(scope["query_string"])
        if body:
            sent = fields(body) | sent
        if weight is not endpoint.weight:
            used = exchange.limits.charge(address, endpoint.weight(sent) - 1)
        if endpoint.security is not Security.NONE:
            caller = _caller(exchange, endpoint, key, address, (sent, scope["query_string"], body))
        reply = await endpoint.run(exchange, caller, endpoint.spec.read(sent))
        if endpoint.free:
            used = exchange.limits.refund(address, weight)
    except ApiError as failure:
        return _failed(failure, _used(headers, exchange.limits.used(address)))
    except Exception:
        _LOGGER.exception("%s %s failed", endpoint.method, endpoint.path)
        return _failed(errors.internal(), _used(headers, exchange.limits.used(address)))
    _used(headers, used)
    if endpoint.counts:
        tens, day = exchange.limits.order_counts(caller.account)
        headers.append((b"x-mbx-order-count-10s", b"%d" % tens))
        headers.append((b"x-mbx-order-count-1d", b"%d" % day))
    return 200, headers, _encode(reply)


async def _read(
    exchange: Exchange, endpoint: Endpoint, scope: dict, receive: Callable[[], Awaitable[dict]]
) -> tuple[str, bytes]:
    """(API key, body) of a request; raises BadParameter for a body that is too large."""
    key, length, chunked = "", 0, False
    for name, value in scope["headers"]:
        if name == b"x-mbx-apikey":
            key = value.decode("latin-1")
        elif name == b"content-length":
            length = int(value) if value.isdigit() else 0
        elif name == b"transfer-encoding":
            chunked = True
    if endpoint.method == "GET" or not (length or chunked):
        return key, b""
    most = exchange.settings.body_bytes_max
    if length > most:
        raise errors.too_large(most)
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise errors.undecodable()  # nobody is left to read it
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most:
            raise errors.too_large(most)
    return key, body


def _caller(exchange: Exchange, endpoint: Endpoint, key: str, address: str, request: tuple):
    sent, query, body = request
    caller, found = auth.caller_of(exchange, key, address, PERMISSION[endpoint.security])
    auth.authenticate(exchange, found, sent, query, body)
    found.used_from = address or auth.NO_ADDRESS
    if endpoint.security is Security.WITHDRAW:
        return caller._replace(asked=auth.hash_of_request(key, query, body))
    return caller


def _used(headers: Headers, used: int) -> Headers:
    text = b"%d" % used
    headers.append((b"x-mbx-used-weight", text))
    headers.append((b"x-mbx-used-weight-1m", text))
    return headers


def _failed(failure: ApiError, headers: Headers) -> tuple[int, Headers, bytes]:
    if not headers:
        headers = [_JSON]
    headers.extend(failure.headers)
    return failure.status, headers, _encode(failure.body())


def _response(failure: ApiError) -> Response:
    return Response(_encode(failure.body()), failure.status, media_type="application/json")


async def _no_path(request: Request, reason: Any) -> Response:
    return _response(errors.no_such_path())


async def _no_method(request: Request, reason: Any) -> Response:
    return _response(errors.wrong_method())


async def _bug(request: Request, reason: Exception) -> Response:
    _LOGGER.error("%s %s failed", request.method, request.url.path, exc_info=reason)
    return _response(errors.internal())
