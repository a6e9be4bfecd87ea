"""Login, step-up, and what a person changes about how they log in."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection

from excraft.accounts import emails, mails, passwords
from excraft.accounts.api_keys import ApiKeys
from excraft.accounts.credentials import Permission
from excraft.accounts.desk import Caller, Desk
from excraft.accounts.passkeys import Answer, CountWentBack, wrong_passkey
from excraft.accounts.people import Person
from excraft.accounts.refusals import Refused, wrong_login
from excraft.accounts.second_factor import any_on, void_recovery
from excraft.accounts.sessions import Opened, Session, require_recent
from excraft.accounts.throttle import CODE, DEVICE, NETWORK, PAIR, Key

SENSITIVE_S = 600  # how long a step-up lasts for changes of the second factor


class Second(NamedTuple):
    """What is given beside a password or a wallet: a code of the app, a recovery code, or what a
    passkey signed."""

    code: str = ""
    passkey: Answer | None = None


async def login(desk: Desk, caller: Caller, email: str, password: str, second: Second) -> Opened:
    """A new session; `second` is looked at if a second factor is on.

    An unknown e-mail and a wrong password are refused alike, after the same work.
    """
    password = passwords.normalise(password)
    email = _normal(email)
    person, device = await asyncio.to_thread(_find, desk, caller, email)
    keys = _keys(desk, caller, email, device)
    desk.throttle.enter(*keys)
    if not await _verified(desk, keys, person, password):
        raise wrong_login()
    await second_factor(desk, person.id, device, second, keys)
    if desk.passwords.outdated(person.password):
        newer = await desk.passwords.hash(password, known=True)
        await asyncio.to_thread(desk.people.rehashed, person, newer)
        person = person._replace(password=newer)
    opened = await open_session(desk, caller, person)
    _passed(desk, keys)
    return opened


async def open_session(desk: Desk, caller: Caller, person: Person) -> Opened:
    """For somebody who has proved who they are; a device or network that is new is told."""

    def work() -> tuple[Opened, bool]:
        opened = desk.sessions.open(person, caller.seen, caller.device_token, caller.session_token)
        return opened, desk.networks.seen(person.id, caller.seen.address)

    opened, known = await asyncio.to_thread(work)
    if opened.new_device:
        desk.tell(person.id, mails.new_device, caller.seen)
    elif not known:
        desk.tell(person.id, mails.new_network, caller.seen)
    return opened


async def step_up(desk: Desk, session: Session, password: str, code: str) -> None:
    """Give password and code again, for `require_recent`."""
    await _prove(desk, session, passwords.normalise(password), Second(code))
    await asyncio.to_thread(desk.sessions.proved, session)


async def change_password(
    desk: Desk, session: Session, current: str, new: str, second: Second
) -> None:
    """Ends the other sessions and forgets the other devices."""
    email = await asyncio.to_thread(desk.people.email_of, session.person_id)
    new = passwords.read_new(new, email)
    person = await _prove(desk, session, passwords.normalise(current), second)
    hashed = await desk.passwords.hash(new, known=True)

    def work() -> None:
        with desk.database.write_durable() as connection:
            desk.people.set_password(connection, person.id, hashed)
            desk.sessions.revoke_all(connection, person.id, but=session)

    await asyncio.to_thread(work)
    desk.tell(person.id, mails.changed, "The password")


async def enrol(desk: Desk, session: Session) -> tuple[str, str]:
    """(secret, URI) of a second factor that is on once `confirm_enrolment` had a code of it."""
    require_recent(session, SENSITIVE_S, desk.clock())

    def work() -> tuple[str, str]:
        name = desk.people.email_of(session.person_id)
        return desk.second_factors.enrol(session.person_id, name)

    return await asyncio.to_thread(work)


async def confirm_enrolment(desk: Desk, session: Session, code: str) -> list[str]:
    """The recovery codes, shown this once."""
    require_recent(session, SENSITIVE_S, desk.clock())
    keys = ((CODE, ("session", session.id)),)
    desk.throttle.enter(*keys)
    codes = await asyncio.to_thread(desk.second_factors.confirm, session.person_id, code)
    desk.throttle.forget(*keys)
    desk.tell(session.person_id, mails.changed, "The second factor")
    return codes


async def disable(desk: Desk, api_keys: ApiKeys, session: Session) -> list[str]:
    """Turn the app off; API keys that may withdraw no more, when no second factor is left."""
    require_recent(session, SENSITIVE_S, desk.clock())

    def take(connection: Connection) -> None:
        desk.second_factors.disable(connection, session.person_id)

    _, narrowed = await asyncio.to_thread(take_factor, desk, api_keys, session.person_id, take)
    desk.tell(session.person_id, mails.changed, "The second factor", mails.narrowed(narrowed))
    return narrowed


def take_factor(
    desk: Desk, api_keys: ApiKeys, person_id: int, take: Callable[[Connection], Any]
) -> tuple[Any, list[str]]:
    """(what `take` gives, API keys that lost WITHDRAW): with the last second factor go the recovery
    codes and what only it had allowed, in one transaction. Blocks."""
    narrowed = []
    with desk.database.write_durable() as connection:
        taken = take(connection)
        if not any_on(connection, person_id):
            void_recovery(connection, person_id)
            member_id = desk.people.member_of(connection, person_id)
            if member_id is not None:
                narrowed = api_keys.narrow(connection, member_id, Permission.WITHDRAW)
    if narrowed:
        api_keys.refresh_or_tell()
    return taken, narrowed


def _normal(email: str) -> str:
    try:
        return emails.normalise(email)
    except Refused:  # the answer is that of any unknown e-mail
        return ""


def _find(desk: Desk, caller: Caller, email: str) -> tuple[Person | None, str | None]:
    """(person, id of the device if this person logged in with it before)."""
    person = desk.people.by_email(email)
    if person is None or not caller.device_token:
        return person, None
    return person, desk.sessions.knows_device(person.id, caller.device_token)


def _keys(desk: Desk, caller: Caller, email: str, device: str | None) -> tuple[Key, ...]:
    if device is not None:
        return ((DEVICE, device),)
    return (PAIR, (desk.people.email_hash(email), caller.network)), (NETWORK, caller.network)


async def _verified(
    desk: Desk, keys: tuple[Key, ...], person: Person | None, password: str
) -> bool:
    """Whether it is theirs; a line that is full is nobody's failure."""
    known = keys[0][0] is DEVICE
    try:
        return await desk.passwords.verify(person and person.password, password, known=known)
    except Refused:
        desk.throttle.take_back(*keys)
        raise


def _passed(desk: Desk, keys: tuple[Key, ...]) -> None:
    """A network's other failures stay counted: one account of one's own must not wipe them."""
    desk.throttle.forget(*(key for key in keys if key[0] is not NETWORK))
    desk.throttle.take_back(*(key for key in keys if key[0] is NETWORK))


async def second_factor(
    desk: Desk,
    person_id: int,
    device: str | None,
    second: Second,
    keys: tuple[Key, ...],
    *,
    always: bool = False,
) -> None:
    """Check it if one is needed, or `always`; the password, or the wallet, was right."""
    if not always and not await asyncio.to_thread(desk.second_factors.on, person_id):
        return
    if not second.code and second.passkey is None:
        desk.throttle.take_back(*keys)
        raise Refused("second_factor_needed", "Give a code of your app or a passkey too.")
    code_key = (CODE, ("device", device) if device else ("person", person_id))
    desk.throttle.enter(code_key)
    if second.passkey is not None:
        await passkey_of(desk, second.passkey, person_id)
    else:
        await asyncio.to_thread(desk.second_factors.check, person_id, second.code)
    desk.throttle.forget(code_key)


async def passkey_of(desk: Desk, answer: Answer, person_id: int | None = None) -> int:
    """The person whose passkey signed, who must be this one if one is named; raises Refused."""
    try:
        found = await asyncio.to_thread(desk.passkeys.check, answer)
    except CountWentBack as copied:
        desk.tell(
            copied.person_id, mails.changed_nothing, "A passkey was refused",
            f"passkey: {copied.label}\n\nIt counted backwards, as a copy of it would.\n",
        )  # fmt: skip
        raise wrong_passkey() from copied
    if person_id is not None and found != person_id:
        raise wrong_passkey()
    return found


async def _prove(desk: Desk, session: Session, password: str, second: Second) -> Person:
    """The person, when password and second factor are right; who stole a session guesses slowly."""
    keys = ((DEVICE, ("session", session.id)),)
    desk.throttle.enter(*keys)
    person = await asyncio.to_thread(desk.people.by_id, session.person_id)
    if not await _verified(desk, keys, person, password):
        raise Refused("wrong_password", "The password is wrong.")
    await second_factor(desk, person.id, session.device_id, second, keys)
    desk.throttle.forget(*keys)
    return person
