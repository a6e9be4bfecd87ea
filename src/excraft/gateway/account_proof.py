"""/account/proof: a passkey signs one sensitive act with all that it says, and opens only that."""

from typing import Any

import msgspec
from starlette.responses import Response

from excraft.accounts import act_proof
from excraft.accounts.sign_in import Second
from excraft.gateway.account_acts import Act, Asked, Body, Text
from excraft.gateway.account_requests import answer, origin_of


class Proof(Body):
    """How a sensitive act is proved; neither: by a step-up a moment ago."""

    code: Text = ""  # of the app, or a recovery code
    passkey: dict[str, Any] | None = None  # what one signed for this act


class Withdraw(Body, tag_field="act", tag="withdraw"):
    asset: Text
    address: Text
    amount: Text
    network: Text = ""


class ListAddress(Body, tag_field="act", tag="list_address"):
    address: Text
    label: Text = ""


class LeaveList(Body, tag_field="act", tag="leave_list"):
    """Withdrawals shall go to any address again."""


class ChangePassword(Body, tag_field="act", tag="change_password"):
    """The new one is not said before it is set."""


class ChangeEmail(Body, tag_field="act", tag="change_email"):
    email: Text


Wanted = Withdraw | ListAddress | LeaveList | ChangePassword | ChangeEmail


async def _begin(asked: Asked) -> Response:
    origin = origin_of(asked.desk, asked.request)
    options = await act_proof.begin(
        asked.desk, asked.caller, asked.session, origin, msgspec.json.encode(asked.body)
    )
    return answer(200, {"options": options})


def second_of(asked: Asked, wanted: Wanted) -> Second:
    """What the body of the act gives as its proof; raises Refused."""
    body = asked.body
    if body.passkey is None:
        return Second(body.code)
    origin, act = origin_of(asked.desk, asked.request), msgspec.json.encode(wanted)
    signed = act_proof.signed(asked.desk, asked.session, origin, act, body.passkey)
    return Second(passkey=signed)


async def prove(asked: Asked, wanted: Wanted, needs_factor: bool = True) -> None:
    """Raises Refused unless the body proves that its member wants exactly this."""
    await act_proof.prove(asked.desk, asked.session, second_of(asked, wanted), needs_factor)


ACTS = {("POST", "proof/passkey/options"): Act(_begin, Wanted)}
