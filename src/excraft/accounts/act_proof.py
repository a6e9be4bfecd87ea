"""What proves one sensitive act: a code, a passkey that signed this very act, or a step-up."""

import asyncio
import hashlib

from excraft.accounts.challenges import Purpose
from excraft.accounts.desk import Caller, Desk
from excraft.accounts.origins import Origin
from excraft.accounts.passkeys import Answer, new_challenge
from excraft.accounts.refusals import Refused
from excraft.accounts.sessions import Session, require_recent
from excraft.accounts.sign_in import Second, passkey_of
from excraft.accounts.throttle import CODE

STEP_UP_S = 120


async def begin(
    desk: Desk, caller: Caller, session: Session, origin: Origin, wanted: bytes
) -> dict:
    """Options for the browser, whose passkey then signs `wanted`: the act with all that it says."""
    nonce = new_challenge()
    options = await asyncio.to_thread(desk.passkeys.request, origin, _challenge(nonce, wanted))
    desk.challenges.keep(Purpose.ACT, session.id, caller.network, nonce)
    return options


def signed(desk: Desk, session: Session, origin: Origin, wanted: bytes, credential: dict) -> Answer:
    """What must have been signed for `wanted`; the nonce is used up, whatever the answer is worth.

    The challenge is made again from what is asked now: what was signed for another act, another
    amount or another address does not fit. Raises Refused.
    """
    nonce = desk.challenges.take(Purpose.ACT, session.id)
    return Answer(credential, _challenge(nonce, wanted), origin)


async def prove(desk: Desk, session: Session, second: Second, needs_factor: bool = True) -> None:
    """Use up a code, or check the passkey; without either, a step-up or login that is at most two
    minutes old. Each of them proves one act, and the next one needs another. Raises Refused.

    Nobody without a second factor passes, unless the act `needs_factor` not: a stolen session must
    not be enough.
    """
    on = await asyncio.to_thread(desk.second_factors.on, session.person_id)
    if needs_factor and not on:
        raise Refused(
            "second_factor_needed", "Turn on a second factor first; then you may do this."
        )
    if second.passkey is not None:
        await passkey_of(desk, second.passkey, session.person_id)
    elif second.code and on:
        key = (CODE, ("person", session.person_id))
        desk.throttle.enter(key)
        await asyncio.to_thread(desk.second_factors.check, session.person_id, second.code)
        desk.throttle.forget(key)
    else:
        require_recent(session, STEP_UP_S, desk.clock())
        await asyncio.to_thread(desk.sessions.use_up, session)


def _challenge(nonce: str, wanted: bytes) -> str:
    return hashlib.sha256(b"excraft act 1 " + bytes.fromhex(nonce) + wanted).hexdigest()
