"""How a person who confirmed their e-mail becomes a member with an account."""

import asyncio

from excraft.accounts.members import Member
from excraft.accounts.refusals import Refused
from excraft.engine.errors import EngineError
from excraft.gateway.exchange import Exchange
from excraft.messages.commands import OpenAccount
from excraft.messages.events import EventKind


async def ensure_member(exchange: Exchange, person_id: int) -> Member:
    """Their member, made now if there is none yet; what a crash left half done is finished here.

    The name is made of numbers: personal data stays out of the log and out of `members`. The time
    is part of it because an operator may name members too, and must not hit this one by accident.
    """
    desk, members = exchange.desk, exchange.members
    person = await asyncio.to_thread(desk.people.by_id, person_id)
    if person.member_id is not None:
        return await asyncio.to_thread(members.by_id, person.member_id)
    async with desk.opening:
        name = f"person-{person_id}-{person.created_ns}"
        member = await asyncio.to_thread(members.by_name, name)
        if member is None:
            account = await _open(exchange, name)
            member = await asyncio.to_thread(members.add, name, account)
        await asyncio.to_thread(desk.people.set_member, person_id, member.id)
    return member


async def _open(exchange: Exchange, reference: str) -> int:
    try:
        outcome = await exchange.engine.execute(OpenAccount(reference=reference))
    except EngineError as error:
        raise _later() from error
    first = outcome.events[0]
    if first.kind == EventKind.REFUSED:
        raise _later()
    return first.account


def _later() -> Refused:
    return Refused("busy", "Your account cannot be opened at this moment; log in later.", 60)
