"""/account/administrator: whoever has the one-time link becomes the first administrator."""

import asyncio

from starlette.responses import Response

from excraft.accounts.refusals import Refused
from excraft.accounts.sessions import require_recent
from excraft.accounts.staff_errors import StaffError
from excraft.gateway.account_acts import Act, Asked, Body, Text
from excraft.gateway.account_opening import ensure_member
from excraft.gateway.account_requests import answer

RECENT_S = 900
WEIGHT = 50


class _Token(Body):
    token: Text


async def _accept(asked: Asked) -> Response:
    if asked.exchange.invitation is None:
        raise Refused("not_found", "There is nothing to accept here.")
    require_recent(asked.session, RECENT_S, asked.desk.clock())
    member = await ensure_member(asked.exchange, asked.session.person_id)
    try:
        await asyncio.to_thread(asked.exchange.invitation.accept, member.id, asked.body.token)
    except StaffError as refused:
        raise Refused("refused", str(refused)) from refused
    return answer(200, {"message": "You are administrator; /staff is open to you."})


ACTS = {("POST", "administrator"): Act(_accept, _Token, weight=WEIGHT)}
