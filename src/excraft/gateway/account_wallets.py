"""/account/wallets: Ethereum wallets that may log in, by messages of ERC-4361."""

import asyncio
from typing import Annotated

import msgspec
from starlette.responses import Response

from excraft.accounts import wallet_sign_in
from excraft.accounts.challenges import Purpose
from excraft.accounts.contract_wallets import SIGNATURE_BYTES_MAX
from excraft.accounts.people import new_token
from excraft.accounts.sessions import require_recent
from excraft.accounts.sign_in import SENSITIVE_S, Second
from excraft.accounts.wallet_messages import CHAIN_ID_MAX
from excraft.gateway.account_acts import Act, Asked, Body, Text
from excraft.gateway.account_opening import ensure_member
from excraft.gateway.account_requests import answer, origin_of, set_cookie
from excraft.gateway.account_sign_in import MAILED, logged_in


class _Wallet(Body):
    address: Text
    chain_id: Annotated[int, msgspec.Meta(ge=1, le=CHAIN_ID_MAX)] = 1


class _Signature(Body):
    """Of a wallet that is a contract it may be long."""

    signature: Annotated[str, msgspec.Meta(max_length=2 + 2 * SIGNATURE_BYTES_MAX)]


class _WithCode(_Signature):
    code: Text = ""


class _Confirm(_Signature):
    token: Text


class _Email(Body):
    email: Text
    referral: Text = ""


def _message(asked: Asked, purpose: Purpose, bound: str) -> str:
    said = (origin_of(asked.desk, asked.request), asked.body.address, asked.body.chain_id)
    return wallet_sign_in.begin(asked.desk, asked.caller, purpose, bound, said)


async def _list(asked: Asked) -> Response:
    found = await asyncio.to_thread(asked.desk.wallets.list, asked.session.person_id)
    return answer(200, {"wallets": [each._asdict() for each in found]})


async def _begin_linking(asked: Asked) -> Response:
    require_recent(asked.session, SENSITIVE_S, asked.desk.clock())
    return answer(200, {"message": _message(asked, Purpose.LINK_WALLET, asked.session.id)})


async def _link(asked: Asked) -> Response:
    signature = asked.body.signature
    address = await wallet_sign_in.link(asked.desk, asked.caller, asked.session, signature)
    return answer(201, {"address": address})


async def _unlink(asked: Asked) -> Response:
    await wallet_sign_in.unlink(asked.desk, asked.caller, asked.session, asked.values["id"])
    return answer(200, {"message": "The wallet is unlinked; it opens nothing any more."})


async def _begin_login(asked: Asked) -> Response:
    token = new_token()
    made = answer(200, {"message": _message(asked, Purpose.WALLET_LOGIN, token)})
    set_cookie(asked.request, made, "ceremony", token)
    return made


async def _login(asked: Asked) -> Response:
    second = Second(asked.body.code)
    opened = await wallet_sign_in.login(asked.desk, asked.caller, asked.body.signature, second)
    return await logged_in(asked, opened)


async def _begin_step_up(asked: Asked) -> Response:
    return answer(200, {"message": _message(asked, Purpose.WALLET_STEP_UP, asked.session.id)})


async def _step_up(asked: Asked) -> Response:
    second = Second(asked.body.code)
    await wallet_sign_in.step_up(
        asked.desk, asked.caller, asked.session, asked.body.signature, second
    )
    return answer(200, {"message": "Sensitive acts are open for a while."})


async def _sign_up(asked: Asked) -> Response:
    body = asked.body
    await wallet_sign_in.sign_up(asked.desk, asked.caller, body.email, body.referral)
    return answer(202, {"message": MAILED})


async def _confirm(asked: Asked) -> Response:
    """The message that was signed is that of a login."""
    body = asked.body
    person_id = await wallet_sign_in.confirm(asked.desk, asked.caller, body.token, body.signature)
    await ensure_member(asked.exchange, person_id)
    return answer(201, {"message": "Your account is open; log in with the wallet."})


ACTS = {
    ("GET", "wallets"): Act(_list),
    ("POST", "wallets/message"): Act(_begin_linking, _Wallet),
    ("POST", "wallets"): Act(_link, _Signature),
    ("DELETE", "wallets/{id}"): Act(_unlink),
    ("POST", "login/wallet/message"): Act(_begin_login, _Wallet, needs_session=False),
    ("POST", "login/wallet"): Act(_login, _WithCode, needs_session=False),
    ("POST", "step-up/wallet/message"): Act(_begin_step_up, _Wallet),
    ("POST", "step-up/wallet"): Act(_step_up, _WithCode),
    ("POST", "sign-up/wallet"): Act(_sign_up, _Email, needs_session=False),
    ("POST", "confirm/wallet"): Act(_confirm, _Confirm, needs_session=False),
}
