"""/account/referrals: codes to hand out, who came by them, and what that brought."""

import asyncio

from starlette.responses import Response

from excraft.accounts import referral_codes
from excraft.accounts.refusals import Refused
from excraft.gateway.account_acts import Act, Asked, Body
from excraft.gateway.account_opening import ensure_member
from excraft.gateway.account_requests import answer
from excraft.parameters import Parameter


async def _state(asked: Asked) -> Response:
    """Codes with the number of people; nobody is named."""
    member = await ensure_member(asked.exchange, asked.session.person_id)
    referrals, engine = asked.exchange.referrals, asked.exchange.engine
    codes = await asyncio.to_thread(referrals.referrals.of, asked.session.person_id)
    came_by = await asyncio.to_thread(referrals.referrals.by, asked.session.person_id)
    assets = engine.listings.assets
    earned = referrals.earnings.of(member.account, len(assets))
    return answer(200, {
        "share_ppm": engine.listings.parameters[Parameter.NEW_REFERRAL_SHARE_PPM],
        "next_payout_ns": referrals.next_ns(),
        "codes": [code._asdict() | {"code": referral_codes.shown(code.code)} for code in codes],
        "earned": [
            {"asset": assets[number].symbol, "amount": assets[number].text(atoms)}
            for number, atoms in earned.items()
        ],
        "came_by": came_by and referral_codes.shown(came_by[0]),
    })  # fmt: skip


async def _create(asked: Asked) -> Response:
    create = asked.exchange.referrals.referrals.create
    code = await asyncio.to_thread(create, asked.session.person_id)
    return answer(201, {"code": referral_codes.shown(code)})


async def _close(asked: Asked) -> Response:
    code = referral_codes.read(asked.values["code"])
    close = asked.exchange.referrals.referrals.close
    if not await asyncio.to_thread(close, asked.session.person_id, code):
        raise Refused("not_found", "You have no such referral code.")
    return answer(200, {"message": "Nobody can sign up with it any more; who did stays yours."})


ACTS = {
    ("GET", "referrals"): Act(_state),
    ("POST", "referrals"): Act(_create, Body),
    ("DELETE", "referrals/{code}"): Act(_close),
}
