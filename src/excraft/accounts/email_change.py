"""Change the e-mail of an account: asked for, confirmed, cancelled.

The new mailbox confirms with a token, in a session of the account: neither alone is enough, so a
mistyped address gets nobody in. The old mailbox is told at once and can cancel, which also ends
every session, until a day after the confirmation. Withdrawals wait for all of that time.

Whether the new address has an account is told to its mailbox only: the answer, what is under way
and what the old mailbox gets are the same.
"""

import asyncio

from excraft.accounts import emails
from excraft.accounts.desk import Caller, Desk
from excraft.accounts.refusals import Refused, wrong_token
from excraft.accounts.sessions import Session
from excraft.accounts.sign_up import admit_mail
from excraft.accounts.throttle import MAIL, NETWORK


async def checked(desk: Desk, session: Session, email: str) -> str:
    """Normalised; raises Refused. Before the proof, so that what is mistyped uses up none."""
    email = emails.normalise(email)
    if email == await asyncio.to_thread(desk.people.email_of, session.person_id):
        raise Refused("bad_email", f"{email} is the e-mail of your account already.")
    return email


async def ask(desk: Desk, caller: Caller, session: Session, email: str) -> None:
    """Mail both addresses; who asks has proved it, and `email` is `checked`. Raises Refused."""
    person_id = session.person_id
    desk.throttle.enter((MAIL, ("change of e-mail", person_id)))
    admit_mail(desk, caller, email)

    def work() -> None:
        taken = desk.people.by_email(email) is not None
        changes = desk.email_changes
        with desk.database.write_durable() as connection:
            confirm, cancel = changes.ask(connection, person_id, email)
            kind = "email_taken" if taken else "email_confirm"
            page = caller.page
            changes.mail(connection, person_id, kind, to=email, token=confirm, page=page)
            seen = caller.seen
            changes.mail(
                connection, person_id, "email_asked", email=email, token=cancel, page=page,
                address=seen.address, browser=seen.browser,
            )  # fmt: skip

    await asyncio.to_thread(work)


async def confirm(desk: Desk, session: Session, token: str) -> int:
    """When it comes into force."""
    due_ns = await asyncio.to_thread(desk.email_changes.confirm, session.person_id, token)
    if due_ns is None:
        raise wrong_token()
    return due_ns


async def cancel(desk: Desk, session: Session) -> None:
    """By who is logged in."""

    def work() -> bool:
        with desk.database.write_durable() as connection:
            gone = desk.email_changes.cancel(connection, session.person_id)
            if gone:
                desk.email_changes.mail(connection, session.person_id, "email_kept")
            return gone

    if not await asyncio.to_thread(work):
        raise Refused("not_found", "No change of your e-mail is under way.")


async def cancel_mailed(desk: Desk, caller: Caller, token: str) -> None:
    """By the old mailbox, which may not be whoever is logged in: ends every session."""
    keys = ((NETWORK, caller.network),)
    desk.throttle.enter(*keys)

    def work() -> int | None:
        with desk.database.write_durable() as connection:
            person_id = desk.email_changes.cancel_mailed(connection, token)
            if person_id is not None:
                desk.sessions.revoke_all(connection, person_id)
                desk.email_changes.mail(connection, person_id, "email_kept")
            return person_id

    if await asyncio.to_thread(work) is None:
        raise Refused(
            "wrong_token",
            "This token cancels nothing: the change was cancelled, is in force, or never was.",
        )
    desk.throttle.take_back(*keys)
