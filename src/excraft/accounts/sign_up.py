"""Sign-up, confirmation and reset. What we know of an e-mail is told to its mailbox only.

The answers of `sign_up` and `ask_reset` do not depend on whether the e-mail is known, nor does the
time they take: all that depends on it is done after the answer.

Confirming needs the mailed token and the password of that sign-up: who signs up with another's
e-mail lacks the token, and its owner, who may click it by mistake, lacks the password.
"""

import asyncio

from sqlalchemy.exc import IntegrityError

from excraft.accounts import emails, mails, passwords, referral_codes
from excraft.accounts.desk import Caller, Desk
from excraft.accounts.people import Purpose
from excraft.accounts.refusals import Refused, wrong_token
from excraft.accounts.throttle import MAIL, NETWORK, PAIR


async def sign_up(
    desk: Desk, caller: Caller, email: str, password: str, referral: str = ""
) -> None:
    """Mail a token to confirm with, or say there that the e-mail has an account. Whether there is
    such a referral code is said there too, so that nobody learns here which codes there are."""
    email = emails.normalise(email)
    password = passwords.read_new(password, email)
    code = referral_codes.read(referral)
    admit_mail(desk, caller, email)
    hashed = await desk.passwords.hash(password)

    def work() -> None:
        if desk.people.by_email(email) is not None:
            desk.outbox.send(mails.already_here(email))
        else:
            token = desk.people.invite(email, hashed, referral=code)
            said = told_of(desk, code)
            desk.outbox.send(mails.confirm(email, token, caller.page, said))

    desk.background.take(work)


def told_of(desk: Desk, code: str) -> str:
    """What the mail says of a referral code; empty without one. Blocks."""
    return mails.referral(referral_codes.shown(code), desk.referrals.is_open(code)) if code else ""


async def confirm(desk: Desk, caller: Caller, token: str, password: str) -> int:
    """The id of the person that is there now; raises Refused."""
    password = passwords.normalise(password)
    keys = ((NETWORK, caller.network), (PAIR, ("confirm", caller.network)))
    desk.throttle.enter(*keys)
    pending = await asyncio.to_thread(desk.people.pending, Purpose.CONFIRM, token)
    if not await desk.passwords.verify(pending and pending.password, password):
        raise wrong_token()
    person_id = await asyncio.to_thread(_confirmed, desk, token, pending)
    desk.throttle.take_back(*keys)
    return person_id


def _confirmed(desk: Desk, token: str, pending) -> int:
    try:
        with desk.database.write_durable() as connection:
            if not desk.people.take(connection, Purpose.CONFIRM, token):
                raise wrong_token()
            person_id = desk.people.add(connection, pending.email, pending.password)
            desk.referrals.add(connection, person_id, pending.referral)
            return person_id
    except IntegrityError as error:  # confirmed before, with the token of another sign-up
        raise wrong_token() from error


async def ask_reset(desk: Desk, caller: Caller, email: str) -> None:
    """Mail a token to set a password with, or say there that there is no account."""
    email = emails.normalise(email)
    admit_mail(desk, caller, email)

    def work() -> None:
        person = desk.people.by_email(email)
        if person is None:
            desk.outbox.send(mails.no_account(email))
        else:
            desk.outbox.send(mails.reset(email, desk.people.allow_reset(person), caller.page))

    desk.background.take(work)


async def reset(desk: Desk, caller: Caller, token: str, password: str) -> None:
    """Set a new password; ends every session and forgets every device. The second factor stays."""
    keys = ((NETWORK, caller.network),)
    desk.throttle.enter(*keys)
    pending = await asyncio.to_thread(desk.people.pending, Purpose.RESET, token)
    if pending is None:
        raise wrong_token()
    email = await asyncio.to_thread(desk.people.email_of, pending.person_id)
    hashed = await desk.passwords.hash(passwords.read_new(password, email))
    await asyncio.to_thread(_reset, desk, token, pending.person_id, hashed)
    desk.throttle.take_back(*keys)
    desk.tell(pending.person_id, mails.changed, "The password")


def _reset(desk: Desk, token: str, person_id: int, hashed: str) -> None:
    with desk.database.write_durable() as connection:
        if not desk.people.take(connection, Purpose.RESET, token):
            raise wrong_token()
        desk.people.set_password(connection, person_id, hashed)
        desk.email_changes.cancel(connection, person_id)  # the old mailbox is there and used
        desk.sessions.revoke_all(connection, person_id)


def admit_mail(desk: Desk, caller: Caller, email: str) -> None:
    """So that nobody floods a mailbox from one network; counted whoever the mailbox belongs to."""
    hashed = desk.people.email_hash(email)
    try:
        desk.throttle.enter((MAIL, (hashed, caller.network)), (NETWORK, ("mail", caller.network)))
    except Refused as refused:
        raise Refused(
            "too_many_tries",
            f"Too many mails were asked for from here; wait {refused.wait_s} seconds.",
            refused.wait_s,
        ) from refused
