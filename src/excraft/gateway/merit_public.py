"""/merit, /pools and /rewards for everybody: numbers, and the published files themselves."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from excraft.dataset.days import day_name, round_name
from excraft.dataset.errors import DatasetError
from excraft.dataset.manifest import NAME
from excraft.dataset.tables import TABLES
from excraft.gateway import merit_days, merit_desk
from excraft.gateway.errors import ApiError
from excraft.gateway.exchange import Exchange
from excraft.merit.pools import Pool

WEIGHT, FILE_WEIGHT = 5, 50
FILES = {NAME, *(f"{name}.{kind}" for name in TABLES for kind in ("csv", "parquet"))}
HEADERS = {"x-content-type-options": "nosniff", "cache-control": "no-store"}
NUMBER_MAX = 10**9


def routes(exchange: Exchange) -> list[Route]:
    """For the application; none when this exchange keeps no merit."""
    if exchange.merit is None:
        return []

    def place(path: str, run: Callable[[Request], Awaitable[Any]], weight: int = WEIGHT) -> Route:
        return _placed(exchange, path, run, weight)

    async def merit(_: Request) -> dict:
        """The day and round that run, the numbers that hold, and who has seats."""
        return merit_desk.running(exchange) | {"seats": await merit_desk.seats(exchange)}

    async def markets(_: Request) -> dict:
        """What a fill counts in each market, of 10,000, and whether the market is a price source:
        where it is none, the fee of a buyer counts nothing."""
        return {"markets": merit_desk.markets(exchange)}

    async def pools(_: Request) -> dict:
        """Pools by their rank on the last published day, then by members: the first 400. `last`:
        what each did on that day."""
        last = await asyncio.to_thread(_last_day, exchange)
        every = exchange.merit.pools.pools
        ordered = sorted(every.values(), key=lambda p: _place(p, last.get(p.number)))
        shown = [
            merit_desk.pool_shown(exchange, p) | {"last": _did(exchange, last.get(p.number))}
            for p in ordered[: merit_desk.SHOWN]
        ]
        return {"pools": shown, "of": len(every)}

    async def pool(request: Request) -> dict:
        """One pool, and what it did on the last 31 published days, the newest first."""
        number = number_of(request, "number")
        found = exchange.merit.pools.pools.get(number)
        if found is None:
            raise LookupError(f"there is no pool {number}")
        shown = merit_desk.pool_shown(exchange, found)
        return shown | {"days": await asyncio.to_thread(_days_of_pool, exchange, number)}

    async def rewards(_: Request) -> dict:
        """The published days, the newest first: sums, hashes, roots."""
        return {"days": await asyncio.to_thread(merit_desk.days_shown, exchange.dataset)}

    async def file(request: Request) -> Response:
        """A published file: `kind` is day or round, `file` such as manifest.json or fills.csv."""
        return await _file(exchange, request)

    return [
        place("/merit", merit),
        place("/merit/markets", markets),
        place("/pools", pools),
        place("/pools/{number}", pool),
        place("/rewards", rewards),
        place("/rewards/{kind}/{number}/{file}", file, FILE_WEIGHT),
    ]


def _placed(
    exchange: Exchange, path: str, run: Callable[[Request], Awaitable[Any]], weight: int
) -> Route:
    """A route whose callers are limited, and whose refusals are JSON."""

    async def bounded(request: Request) -> Response:
        address = request.client.host if request.client else ""
        try:
            exchange.limits.admit(address, weight)
            found = await run(request)
        except ApiError as failure:
            headers = {k.decode(): v.decode() for k, v in failure.headers}
            return JSONResponse({"error": failure.text}, failure.status, headers)
        except (LookupError, DatasetError) as none:
            return JSONResponse({"error": str(none.args[0])}, 404, HEADERS)
        return found if isinstance(found, Response) else JSONResponse(found, 200, HEADERS)

    bounded.__doc__ = run.__doc__
    return Route(path, bounded)


async def _file(exchange: Exchange, request: Request) -> Response:
    """Nothing but what is published has such a name; raises LookupError."""
    kind, number = request.path_params["kind"], number_of(request, "number")
    name = request.path_params["file"]
    names = {"day": day_name, "round": round_name}
    if kind not in names or name not in FILES:
        raise LookupError(f"there is no {kind[:20]!r} with a file {name[:40]!r}")
    path = exchange.dataset / names[kind](number) / name
    if not await asyncio.to_thread(path.is_file):
        raise LookupError(f"{kind} {number} is not published, or has no {name}")
    return FileResponse(path, headers=HEADERS)


def number_of(request: Request, name: str) -> int:
    """A number of the path; raises LookupError."""
    text = request.path_params[name]
    if not (text.isascii() and text.isdigit()) or int(text[:12]) > NUMBER_MAX:
        raise LookupError(f"{text[:20]!r} is no number here")
    return int(text)


def _last_day(exchange: Exchange) -> dict[int, merit_days.PoolDay]:
    day = next(merit_days.newest(exchange.dataset), None)
    return {} if day is None else merit_days.pools_of(exchange.dataset, day.facts.day)


def _place(pool: Pool, did: merit_days.PoolDay | None) -> tuple:
    """Where a pool stands in the list of all."""
    rank = did.rank if did else 0
    return (pool.closed, rank == 0, rank, -pool.members, pool.number)


def _did(exchange: Exchange, did: merit_days.PoolDay | None) -> dict[str, Any] | None:
    if did is None:
        return None
    volume = merit_desk.volume(exchange, did.poe)
    big = {"poe": str(did.poe), "units": str(did.units), "volume": str(volume)}
    return did._asdict() | big


def _days_of_pool(exchange: Exchange, number: int) -> list[dict[str, Any]]:
    """What a pool was, did and got on the last days."""
    found = []
    for day in islice(merit_days.newest(exchange.dataset), merit_days.SHOWN):
        facts = day.facts
        did = merit_days.pools_of(exchange.dataset, facts.day).get(number)
        if did is not None:
            when = {"day": facts.day, "round": facts.round, "end": facts.end}
            found.append(when | _did(exchange, did))
    return found
