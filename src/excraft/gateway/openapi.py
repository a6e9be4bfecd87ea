"""/openapi.json: what programs may call beside the trading API: /account, and what is public.

Made from the tables and routes themselves: a body is the shape that is really read. (/admin has its
own document, behind its door; the trading API has docs/reference/trading-api.md.)
"""

import inspect
import re
from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from excraft.gateway import account
from excraft.gateway.account_acts import Raw
from excraft.gateway.errors import ApiError
from excraft.gateway.exchange import Exchange

WEIGHT = 20
REF = "#/components/schemas/{name}"
_ERROR = {
    "type": "object", "required": ["error", "message"],
    "properties": {"error": {"type": "string"}, "message": {"type": "string"}},
}  # fmt: skip


def routes(exchange: Exchange, public: Iterable[BaseRoute]) -> list[Route]:
    """For the application; `public`: routes for everybody that are to be in it."""
    plain = [route for route in public if isinstance(route, Route)]
    made = document([route for route in plain if not route.path.startswith("/account/")])

    async def show(request: Request) -> Response:
        try:
            exchange.limits.admit(request.client.host if request.client else "", WEIGHT)
        except ApiError as failure:
            return JSONResponse({"error": failure.text}, failure.status)
        return JSONResponse(made)

    return [Route("/openapi.json", show)] if exchange.desk is not None else []


def document(public: Iterable[Route]) -> dict[str, Any]:
    """OpenAPI 3.1."""
    places = sorted(account.ACTS.places(), key=lambda place: (place[1], place[0]))
    acts = [(method, path, account.ACTS.of(method, path)) for method, path in places]
    shapes = [act.shape for _, _, act in acts if isinstance(act.shape, type)]
    schemas, components = msgspec.json.schema_components(shapes, ref_template=REF)
    bodies = dict(zip(shapes, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in public:
        for method in sorted((route.methods or set()) - {"HEAD"}):
            shown = _operation(route.path, _said(route.endpoint), None, session=False)
            paths.setdefault(_plain(route.path), {})[method.lower()] = shown
    for method, path, act in acts:
        body = bodies.get(act.shape) if isinstance(act.shape, type) else None
        shown = _operation(path, _said(act.run), body, session=act.needs_session)
        if isinstance(act.shape, Raw):
            shown["requestBody"] = {"content": {"application/octet-stream": {}}}
        if act.needs_session and method != "GET":
            shown["parameters"].append(
                {"name": "X-CSRF-Token", "in": "header", "required": True,
                 "schema": {"type": "string"}}
            )  # fmt: skip
        paths.setdefault(f"/account/{path}", {})[method.lower()] = shown
    return {
        "openapi": "3.1.0", "info": {"title": "ExCraft", "version": "1"}, "paths": paths,
        "components": {
            "schemas": components | {"Error": _ERROR},
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-session"}
            },
        },
    }  # fmt: skip


def _operation(path: str, said: str, body: Any, session: bool) -> dict[str, Any]:
    error = {"content": {"application/json": {"schema": {"$ref": REF.format(name="Error")}}}}
    made: dict[str, Any] = {
        "description": said,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"{(\w+)", path)
        ],
        "responses": {
            "2XX": {"description": "Done, or what was asked for."},
            "4XX": {"description": "Why not, in a word and a sentence.", **error},
        },
    }
    if body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if session:
        made["security"] = [{"session": []}]
    return made


def _said(function: Any) -> str:
    return inspect.getdoc(function) or function.__name__.strip("_").replace("_", " ")


def _plain(path: str) -> str:
    return re.sub(r"{(\w+):\w+}", r"{\1}", path)
