"""Proofs of liabilities: GET /liabilities for everybody, /account/liabilities for each member."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from excraft.accounts.refusals import Refused
from excraft.custody.liabilities import LiabilitiesError
from excraft.custody.liabilities_files import DamagedLiabilities, Days
from excraft.gateway.account_acts import Act, Asked
from excraft.gateway.account_opening import ensure_member
from excraft.gateway.account_requests import answer
from excraft.gateway.errors import ApiError
from excraft.gateway.exchange import Exchange

WEIGHT = 20
SHOWN = 400  # days


class Proofs:
    """The published days, and the secret without which no proof can be made."""

    def __init__(self, days: Days, secret: bytes) -> None:
        self.days, self._secret = days, secret

    def roots(self) -> list[dict[str, Any]]:
        """The newest days first."""
        return [self.days.root(day) for day in reversed(self.days.published()[-SHOWN:])]

    def of(self, day: str, account: int, name: str) -> dict[str, Any]:
        """The proof of one member; raises Refused."""
        if day not in self.days.published():
            raise Refused("not_found", f"Nothing is published for {day[:20]!r}.")
        try:
            return self.days.proof(day, account, name, self._secret)
        except LiabilitiesError as none:
            raise Refused("not_found", f"{str(none)[0].upper()}{str(none)[1:]}.") from none


def routes(exchange: Exchange) -> list[Route]:
    """The public list; what is damaged is told as that, not hidden."""

    async def show(request: Request) -> Response:
        try:
            exchange.limits.admit(request.client.host if request.client else "", WEIGHT)
            roots = await asyncio.to_thread(exchange.proofs.roots)
        except ApiError as failure:
            return JSONResponse(failure.body(), failure.status)
        except DamagedLiabilities as damaged:
            return JSONResponse({"error": str(damaged)}, 500)
        return JSONResponse({"days": roots})

    return [Route("/liabilities", show)] if exchange.proofs is not None else []


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
