"""/desk for members, /rounds for everybody and /staff for those who work here: HTML, CSS and
JavaScript modules.

A page is a folder with NAME.html, the same for everybody; what is personal comes from /account and
/admin. A new section is one more JavaScript file that is imported in NAME.js and one more <section>
in NAME.html. Only scripts and styles with the nonce of this very answer run; what they import
inherits it.
"""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from excraft.gateway.errors import ApiError
from excraft.gateway.exchange import Exchange


class Page(NamedTuple):
    """Served at /name from `folder`. `images`: what its pictures may come from."""

    name: str
    folder: Path
    images: str = "'self'"


PAGES = (
    Page("desk", Path(__file__).parent / "desk"),
    Page("rounds", Path(__file__).parent / "rounds"),
    # Pictures of KYC documents are fetched, checked and shown as blobs: in an <img> nothing runs.
    Page("staff", Path(__file__).parent / "staff" / "page", "'self' blob:"),
)
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_HEADERS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


def policy(nonce: str, images: str) -> str:
    """Own files and own requests, nothing else: no inline script, no frame, no form that leaves."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        f"connect-src 'self'; img-src {images}; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def routes(exchange: Exchange) -> list[Route]:
    """For the application; none when this exchange has no desk."""
    if exchange.desk is None:
        return []

    def limited(request: Request) -> Response | None:
        try:
            exchange.limits.admit(request.client.host if request.client else "", 1)
        except ApiError as failure:
            headers = {k.decode(): v.decode() for k, v in failure.headers}
            return Response("Too many requests.", failure.status, headers, "text/plain")
        return None

    return [route for page in PAGES for route in _routes_of(page, limited)]


def _routes_of(page: Page, limited: Callable[[Request], Response | None]) -> list[Route]:
    html = (page.folder / f"{page.name}.html").read_text()
    files = {
        file.name: (file.read_bytes(), TYPES[file.suffix])
        for file in page.folder.iterdir()
        if file.suffix in TYPES
    }

    async def whole(request: Request) -> Response:
        nonce = secrets.token_urlsafe(16)
        headers = _HEADERS | {"content-security-policy": policy(nonce, page.images)}
        text = html.replace("NONCE", nonce)
        return limited(request) or Response(text, 200, headers, "text/html; charset=utf-8")

    async def file(request: Request) -> Response:
        found = files.get(request.path_params["name"])
        if found is None:
            return limited(request) or Response("There is no such file.", 404, _HEADERS)
        body, kind = found
        return limited(request) or Response(body, 200, _HEADERS, kind)

    return [Route(f"/{page.name}", whole), Route(f"/{page.name}/{{name}}", file)]
