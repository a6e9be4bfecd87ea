"""/desk: one page of plain HTML, CSS and JavaScript modules, the same for everybody.

A new section is one more JavaScript file that is imported in desk.js and one more <section> in
desk.html. Only scripts and styles with the nonce of this very answer run; what they import inherits
it. Everything personal comes from /account.
"""

import secrets
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from excraft.gateway.errors import ApiError
from excraft.gateway.exchange import Exchange

TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
FOLDER = Path(__file__).parent
_HEADERS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


def policy(nonce: str) -> str:
    """Own files and own requests, nothing else: no inline script, no frame, no form that leaves."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        f"connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def routes(exchange: Exchange) -> list[Route]:
    """For the application; none when this exchange has no desk."""
    if exchange.desk is None:
        return []
    html = (FOLDER / "desk.html").read_text()
    files = {
        file.name: (file.read_bytes(), TYPES[file.suffix])
        for file in FOLDER.iterdir()
        if file.suffix in TYPES
    }

    def limited(request: Request) -> Response | None:
        try:
            exchange.limits.admit(request.client.host if request.client else "", 1)
        except ApiError as failure:
            headers = {k.decode(): v.decode() for k, v in failure.headers}
            return Response("Too many requests.", failure.status, headers, "text/plain")
        return None

    async def page(request: Request) -> Response:
        nonce = secrets.token_urlsafe(16)
        headers = _HEADERS | {"content-security-policy": policy(nonce)}
        text = html.replace("NONCE", nonce)
        return limited(request) or Response(text, 200, headers, "text/html; charset=utf-8")

    async def file(request: Request) -> Response:
        found = files.get(request.path_params["name"])
        if found is None:
            return limited(request) or Response("There is no such file.", 404, _HEADERS)
        body, kind = found
        return limited(request) or Response(body, 200, _HEADERS, kind)

    return [Route("/desk", page), Route("/desk/{name}", file)]
