"""A code of the second factor for one sensitive act, or a step-up that counts for one."""

import asyncio

from excraft.accounts.desk import Desk
from excraft.accounts.refusals import Refused
from excraft.accounts.sessions import Session, require_recent
from excraft.accounts.throttle import CODE

STEP_UP_S = 120


async def prove(desk: Desk, session: Session, code: str) -> None:
    """Use up `code`; without one, a step-up or login that is at most two minutes old, as with a
    passkey. Either way it proves one act, and the next one needs another. Raises Refused.

    Nobody without a second factor passes: a stolen session must not be enough.
    """
    if not await asyncio.to_thread(desk.second_factors.on, session.person_id):
        raise Refused(
            "second_factor_needed", "Turn on a second factor first; then you may do this."
        )
    if not code:
        require_recent(session, STEP_UP_S, desk.clock())
        await asyncio.to_thread(desk.sessions.use_up, session)
        return
    key = (CODE, ("person", session.person_id))
    desk.throttle.enter(key)
    await asyncio.to_thread(desk.second_factors.check, session.person_id, code)
    desk.throttle.forget(key)
