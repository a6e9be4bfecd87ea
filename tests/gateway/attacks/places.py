"""Everything that can be called, read from the running application itself."""

from typing import Any, NamedTuple

from fastapi.routing import APIRoute
from starlette.routing import Mount, Route, WebSocketRoute

from excraft.gateway import account
from excraft.gateway.streams.methods import METHODS
from excraft.gateway.streams.sessions import SESSION_METHODS


class Place(NamedTuple):
    """One thing to call. `door` is where: rest, account, admin, open, ws-api, ws."""

    door: str
    method: str
    path: str


def places_of(app: Any) -> set[Place]:
    """All of them; raises TypeError for a kind of route that nobody taught this function."""
    found = {Place("rest", method, path) for method, path in app._endpoints}
    for route in app.routes:
        match route:
            case Mount(path="/admin"):
                found |= _of_staff(route.app._app.routes)
            case Route(path="/account/{path:path}"):
                found |= {Place("account", m, p) for m, p in account.ACTS.places()}
            case WebSocketRoute(path="/ws-api/v3"):
                names = [*METHODS, *SESSION_METHODS]
                found |= {Place("ws-api", "", name) for name in names}
            case WebSocketRoute():
                found.add(Place("ws", "", route.path))
            case Route():
                methods = route.methods - {"HEAD"}
                found |= {Place("open", method, route.path) for method in methods}
            case _:
                raise TypeError(f"{route!r} is of a kind that no attack is made for")
    return found


def _of_staff(routes: Any) -> set[Place]:
    found = set()
    for route in routes:
        if inner := getattr(route, "original_router", None):  # of FastAPI's include_router
            found |= _of_staff(inner.routes)
        elif isinstance(route, APIRoute):
            found |= {Place("admin", method, route.path) for method in route.methods}
        else:
            raise TypeError(f"{route!r} is of a kind that no attack is made for")
    return found
