"""The floor of rest.py: a Starlette handler that only checks an HMAC, under the same server."""

import hmac
import sys
from hashlib import sha256

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


def application(secret: bytes) -> Starlette:
    """POST /api/v3/order with a signed query."""

    async def place(request: Request) -> Response:
        query, _, signature = request.scope["query_string"].rpartition(b"&signature=")
        made = hmac.new(secret, query, sha256).hexdigest()
        if not hmac.compare_digest(made.encode(), signature):
            return JSONResponse({"code": -1022}, 400)
        return JSONResponse({})

    return Starlette(routes=[Route("/api/v3/order", place, methods=["POST"])])


def main() -> None:
    """Serve until killed; the port is the first line printed."""
    config = uvicorn.Config(
        application(sys.argv[1].encode()), log_config=None, access_log=False, http="httptools",
        loop="uvloop", server_header=False, lifespan="off",
    )  # fmt: skip
    opened = config.bind_socket()
    print(opened.getsockname()[1], flush=True)
    uvicorn.Server(config).run(sockets=[opened])


if __name__ == "__main__":
    sys.exit(main())
