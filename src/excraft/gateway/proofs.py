"""Proofs of liabilities: /liabilities for everybody, /account/liabilities for each member."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from excraft.accounts.refusals import Refused
from excraft.custody.liabilities import LiabilitiesError
from excraft.custody.liabilities_files import ROOT_NAME, DamagedLiabilities, Days
from excraft.gateway.account_acts import Act, Asked
from excraft.gateway.account_opening import ensure_member
from excraft.gateway.account_requests import answer
from excraft.gateway.errors import ApiError
from excraft.gateway.exchange import Exchange

WEIGHT = 20
SHOWN = 400  # days
# A published root never changes: whoever has it needs not ask again.
FOR_EVER = {
    "cache-control": "public, max-age=31536000, immutable",
    "x-content-type-options": "nosniff",
}


class Proofs:
    """The published days, and the secret without which no proof can be made."""

    def __init__(self, days: Days, secret: bytes) -> None:
        self.days, self._secret = days, secret

    def roots(self) -> list[dict[str, Any]]:
        """The newest days first."""
        return [self.days.root(day) for day in reversed(self.days.published()[-SHOWN:])]

    def file(self, day: str) -> bytes | None:
        """The root of a day as it was published; None when there is none."""
        if day not in self.days.published():
            return None
        self.days.root(day)  # is whole
        return (self.days.folder / day / ROOT_NAME).read_bytes()

    def of(self, day: str, account: int, name: str) -> dict[str, Any]:
        """The proof of one member; raises Refused."""
        if day not in self.days.published():
            raise Refused("not_found", f"Nothing is published for {day[:20]!r}.")
        try:
            return self.days.proof(day, account, name, self._secret)
        except LiabilitiesError as none:
            raise Refused("not_found", f"{str(none)[0].upper()}{str(none)[1:]}.") from none


def routes(exchange: Exchange) -> list[Route]:
    """The public list and files; what is damaged is told as that, not hidden."""

    async def show(request: Request) -> Response:
        roots = await asyncio.to_thread(exchange.proofs.roots)
        return JSONResponse({"days": roots})

    async def file(request: Request) -> Response:
        day = request.path_params["day"]
        found = await asyncio.to_thread(exchange.proofs.file, day)
        if found is None:
            return JSONResponse({"error": f"nothing is published for {day[:20]!r}"}, 404)
        return Response(found, media_type="application/json", headers=FOR_EVER)

    if exchange.proofs is None:
        return []
    return [
        Route("/liabilities", _public(exchange, show)),
        Route("/liabilities/{day}/root.json", _public(exchange, file)),
    ]


def _public(exchange: Exchange, answer_to: Callable[[Request], Awaitable[Response]]) -> Callable:
    async def bounded(request: Request) -> Response:
        try:
            exchange.limits.admit(request.client.host if request.client else "", WEIGHT)
            return await answer_to(request)
        except ApiError as failure:
            return JSONResponse(failure.body(), failure.status)
        except DamagedLiabilities as damaged:
            return JSONResponse({"error": str(damaged)}, 500)

    return bounded


async def _mine(asked: Asked) -> Response:
    exchange = asked.exchange
    if exchange.proofs is None:
        raise Refused("not_found", "This exchange publishes no proofs.")
    member = await ensure_member(exchange, asked.session.person_id)
    day = asked.values["day"]
    found = await asyncio.to_thread(exchange.proofs.of, day, member.account, member.name)
    made = answer(200, found)
    made.headers["content-disposition"] = f'attachment; filename="proof-{day}.json"'
    return made


ACTS = {("GET", "liabilities/{day}"): Act(_mine, weight=WEIGHT)}
