"""/account: what people do in browsers, from the tables of the topics in ACTS.

A change needs the header X-CSRF-Token with the session's token (from the answer to login or GET
/account/me); where there is no session yet, an Origin that is this exchange. A request that has no
right to be here learns that first, before its body is read.
"""

import logging

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from excraft.accounts.refusals import Refused
from excraft.gateway import (
    account_api_keys,
    account_deposits,
    account_email,
    account_invitation,
    account_kyc,
    account_merit,
    account_passkeys,
    account_proof,
    account_referrals,
    account_security,
    account_sign_in,
    account_wallets,
    account_withdrawals,
    proofs,
)
from excraft.gateway.account_acts import WEIGHT, Acts, Asked, Raw
from excraft.gateway.account_requests import (
    answer,
    bounded,
    caller_of,
    check_address,
    check_origin,
    page_of,
    read_body,
    refusal,
    session_of,
)
from excraft.gateway.errors import ApiError
from excraft.gateway.exchange import Exchange

_log = logging.getLogger(__name__)
# A new topic is a file with its own table and one line here.
ACTS = Acts([
    account_sign_in.ACTS,
    account_security.ACTS,
    account_passkeys.ACTS,
    account_proof.ACTS,
    account_wallets.ACTS,
    account_api_keys.ACTS,
    account_deposits.ACTS,
    account_email.ACTS,
    account_kyc.ACTS,
    account_merit.ACTS,
    account_invitation.ACTS,
    account_referrals.ACTS,
    account_withdrawals.ACTS,
    proofs.ACTS,
])  # fmt: skip
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def routes(exchange: Exchange) -> list[Route]:
    """For the application; none when this exchange has no desk."""
    if exchange.desk is None:
        return []

    async def serve(request: Request) -> Response:
        try:
            return await _serve(exchange, request)
        except Refused as refused:
            return refusal(refused)
        except ApiError as failure:
            made = answer(failure.status, {"error": "limit", "message": failure.body()["msg"]})
            made.headers.update({k.decode(): v.decode() for k, v in failure.headers})
            return made
        except ClientDisconnect:
            return refusal(Refused("bad_request", "The body ended before it was whole."))
        except Exception:
            _log.exception("%s %s failed", request.method, request.url.path)
            return answer(500, {"error": "internal", "message": "Something is broken here."})

    return [Route("/account/{path:path}", serve, methods=METHODS)]


async def _serve(exchange: Exchange, request: Request) -> Response:
    address = request.client.host if request.client else ""
    exchange.limits.admit(address, WEIGHT)  # first, so that what is not found costs too
    check_address(request.scope)
    act, values = ACTS.find(request.method, request.path_params["path"])
    if act.weight > WEIGHT:
        exchange.limits.charge(address, act.weight - WEIGHT)
    session = None
    if act.needs_session:
        session = await session_of(exchange.desk, request)
    else:
        check_origin(request)
    caller = caller_of(request)._replace(page=page_of(exchange.desk, request))
    body = None
    if isinstance(act.shape, Raw):
        body = bounded(request, act.shape.bytes_max)
    elif act.shape is not None:
        body = await read_body(request, act.shape)
    return await act.run(Asked(exchange, request, caller, session, body, values))
