"""/account/email: the address of the account, and its change."""

import asyncio

from starlette.responses import Response

from excraft.accounts import email_change
from excraft.gateway.account_acts import Act, Asked, Body, Text
from excraft.gateway.account_proof import ChangeEmail, Proof, prove
from excraft.gateway.account_requests import answer

ASKED = "A mail with the next step is on its way to the new address, and one to the old."


class _New(Proof, kw_only=True):
    email: Text


class _Token(Body):
    token: Text


async def _state(asked: Asked) -> Response:
    desk, person_id = asked.desk, asked.session.person_id

    def look() -> dict:
        change = desk.email_changes.pending(person_id)
        return {"email": desk.people.email_of(person_id), "change": change and change._asdict()}

    return answer(200, await asyncio.to_thread(look))


async def _ask(asked: Asked) -> Response:
    email = await email_change.checked(asked.desk, asked.session, asked.body.email)
    await prove(asked, ChangeEmail(asked.body.email), needs_factor=False)
    await email_change.ask(asked.desk, asked.caller, asked.session, email)
    return answer(202, {"message": ASKED})


async def _confirm(asked: Asked) -> Response:
    due_ns = await email_change.confirm(asked.desk, asked.session, asked.body.token)
    return answer(200, {"message": "Confirmed; it comes into force in a day.", "due_ns": due_ns})


async def _cancel(asked: Asked) -> Response:
    """Needs no step-up: it leaves everything as it is."""
    await email_change.cancel(asked.desk, asked.session)
    return answer(200, {"message": "Cancelled; your e-mail stays as it is."})


async def _keep(asked: Asked) -> Response:
    await email_change.cancel_mailed(asked.desk, asked.caller, asked.body.token)
    return answer(200, {"message": "Your e-mail stays as it is, and every session is ended."})


ACTS = {
    ("GET", "email"): Act(_state),
    ("POST", "email"): Act(_ask, _New),
    ("DELETE", "email"): Act(_cancel),
    ("POST", "email/confirm"): Act(_confirm, _Token),
    ("POST", "email/keep"): Act(_keep, _Token, needs_session=False),
}
