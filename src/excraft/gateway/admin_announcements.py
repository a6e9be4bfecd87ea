"""Announcements: staff makes and ends them, GET /announcements shows everybody those in force."""

import asyncio
import time
from typing import Any

from sqlalchemy import insert, or_, select, update
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from excraft.gateway.admin import Refused, operation
from excraft.gateway.admin_rights import acting
from excraft.gateway.errors import ApiError
from excraft.gateway.exchange import Exchange
from excraft.store.schema_announcements import announcements

TITLE_MAX, TEXT_MAX, SHOWN = 120, 5_000, 100
NS_MAX = 2**63 - 1
WEIGHT = 5
_c = announcements.c


@operation
async def announce(
    exchange: Exchange, title: str, text: str, from_ns: int = 0, until_ns: int = 0
) -> dict:
    """Tell everybody, from now or a later time on; `until_ns` 0: until it is ended."""
    now = time.time_ns()
    begins = from_ns or now
    if not (1 <= len(title.strip()) <= TITLE_MAX and title.isprintable()):
        raise Refused(f"a title is one line of 1 to {TITLE_MAX} characters")
    if not 1 <= len(text.strip()) <= TEXT_MAX:
        raise Refused(f"a text has 1 to {TEXT_MAX} characters, not {len(text.strip())}")
    if not 0 < begins <= NS_MAX or not (until_ns == 0 or begins < until_ns <= NS_MAX):
        raise Refused(f"it must end after it begins: {begins} to {until_ns} ns since 1970")
    row = {"title": title.strip(), "text": text.strip(), "who": acting().who,
           "from_ns": begins, "until_ns": until_ns or None, "made_ns": now}  # fmt: skip

    def keep() -> int:
        with exchange.history.database.write_durable() as connection:
            return connection.execute(insert(announcements).values(row)).inserted_primary_key[0]

    return {"id": await asyncio.to_thread(keep)}


@operation
async def announcement_end(exchange: Exchange, id: int) -> None:
    """Show it no longer; it stays in the database."""
    now = time.time_ns()
    open_ = (_c.id == id) & or_(_c.until_ns.is_(None), _c.until_ns > now)

    def end() -> int:
        with exchange.history.database.write_durable() as connection:
            change = update(announcements).where(open_)
            return connection.execute(change.values(until_ns=now)).rowcount

    if not (0 < id <= NS_MAX and await asyncio.to_thread(end)):
        raise Refused(f"there is no announcement {id} that has not ended")


@operation
async def announcement_list(exchange: Exchange) -> list:
    """Those that were made, also what begins later or has ended; the newest first."""

    def look() -> list[dict[str, Any]]:
        with exchange.history.database.read() as connection:
            rows = connection.execute(select(announcements).order_by(_c.id.desc()).limit(SHOWN))
            return [row._asdict() for row in rows]

    return await asyncio.to_thread(look)


def in_force(exchange: Exchange, now: int) -> list[dict[str, Any]]:
    """The newest first. Blocks."""
    asked = select(_c.id, _c.title, _c.text, _c.from_ns, _c.until_ns).where(
        _c.from_ns <= now, or_(_c.until_ns.is_(None), _c.until_ns > now)
    )
    with exchange.history.database.read() as connection:
        rows = connection.execute(asked.order_by(_c.from_ns.desc(), _c.id.desc()).limit(SHOWN))
        return [row._asdict() for row in rows]


def routes(exchange: Exchange) -> list[Route]:
    """For the application."""

    async def show(request: Request) -> JSONResponse:
        try:
            exchange.limits.admit(request.client.host if request.client else "", WEIGHT)
        except ApiError as failure:
            return JSONResponse(failure.body(), failure.status)
        found = await asyncio.to_thread(in_force, exchange, time.time_ns())
        return JSONResponse({"announcements": found})

    return [Route("/announcements", show)]
