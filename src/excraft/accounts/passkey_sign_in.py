"""Passkeys: add, remove, log in and step up with one.

Logins with passkeys and wallets are not counted by the throttle: a signature cannot be guessed, so
counting failures would only give strangers a way to keep others out.
"""

import asyncio
from typing import Any

from sqlalchemy import Connection

from excraft.accounts import mails
from excraft.accounts.api_keys import ApiKeys
from excraft.accounts.challenges import Purpose
from excraft.accounts.desk import Caller, Desk
from excraft.accounts.origins import Origin
from excraft.accounts.passkeys import Answer, new_challenge
from excraft.accounts.people import new_token
from excraft.accounts.sessions import Opened, Session, require_recent
from excraft.accounts.sign_in import SENSITIVE_S, open_session, passkey_of, take_factor

Credential = dict[str, Any]


async def begin_adding(desk: Desk, caller: Caller, session: Session, origin: Origin) -> dict:
    """Options for the browser; needs a step-up."""
    require_recent(session, SENSITIVE_S, desk.clock())
    challenge = new_challenge()

    def work() -> dict:
        name = desk.people.email_of(session.person_id)
        return desk.passkeys.creation(session.person_id, name, origin, challenge)

    options = await asyncio.to_thread(work)
    desk.challenges.keep(Purpose.ADD_PASSKEY, session.id, caller.network, challenge)
    return options


async def add(
    desk: Desk, caller: Caller, session: Session, origin: Origin, made: tuple[str, Credential]
) -> tuple[str, list[str]]:
    """(id, recovery codes: only with the first second factor). `made`: (label, credential)."""
    require_recent(session, SENSITIVE_S, desk.clock())
    label, credential = made
    challenge = desk.challenges.take(Purpose.ADD_PASSKEY, session.id)

    def work() -> tuple[str, list[str]]:
        with desk.database.write_durable() as connection:
            answer = Answer(credential, challenge, origin)
            passkey_id = desk.passkeys.add(connection, session.person_id, answer, label)
            return passkey_id, desk.second_factors.first_recovery(connection, session.person_id)

    added = await asyncio.to_thread(work)
    desk.tell(
        session.person_id, mails.happened, "A passkey was added", f"passkey: {label.strip()}\n",
        caller.seen,
    )  # fmt: skip
    return added


async def remove(
    desk: Desk, api_keys: ApiKeys, caller: Caller, session: Session, passkey_id: str
) -> list[str]:
    """Needs a step-up; API keys that may withdraw no more, when no second factor is left."""
    require_recent(session, SENSITIVE_S, desk.clock())

    def take(connection: Connection) -> str:
        return desk.passkeys.remove(connection, session.person_id, passkey_id)

    label, narrowed = await asyncio.to_thread(take_factor, desk, api_keys, session.person_id, take)
    desk.tell(
        session.person_id, mails.happened, "A passkey was removed",
        f"passkey: {label}\n{mails.narrowed(narrowed)}", caller.seen,
    )  # fmt: skip
    return narrowed


async def begin_login(desk: Desk, caller: Caller, origin: Origin) -> tuple[dict, str]:
    """(options, token for a cookie), the same whoever asks; a cookie from before is never used."""
    challenge, token = new_challenge(), new_token()
    options = await asyncio.to_thread(desk.passkeys.request, origin, challenge)
    desk.challenges.keep(Purpose.PASSKEY_LOGIN, token, caller.network, challenge)
    return options, token


def answer_of(desk: Desk, caller: Caller, origin: Origin, credential: Credential) -> Answer:
    """What was signed for the login that was begun, now used up; raises Refused."""
    challenge = desk.challenges.take(Purpose.PASSKEY_LOGIN, caller.ceremony_token)
    return Answer(credential, challenge, origin)


async def login(desk: Desk, caller: Caller, origin: Origin, credential: Credential) -> Opened:
    """A new session by a passkey alone, which is both factors."""
    person_id = await passkey_of(desk, answer_of(desk, caller, origin, credential))
    person = await asyncio.to_thread(desk.people.by_id, person_id)
    return await open_session(desk, caller, person)


async def begin_step_up(desk: Desk, caller: Caller, session: Session, origin: Origin) -> dict:
    """Options for the browser."""
    challenge = new_challenge()
    options = await asyncio.to_thread(desk.passkeys.request, origin, challenge)
    desk.challenges.keep(Purpose.PASSKEY_STEP_UP, session.id, caller.network, challenge)
    return options


async def step_up(desk: Desk, session: Session, origin: Origin, credential: Credential) -> None:
    """As password and code together."""
    challenge = desk.challenges.take(Purpose.PASSKEY_STEP_UP, session.id)
    await passkey_of(desk, Answer(credential, challenge, origin), session.person_id)
    await asyncio.to_thread(desk.sessions.proved, session)
