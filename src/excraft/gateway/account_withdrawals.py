"""/account/withdrawals: a member's own, with a code of the second factor for each."""

import asyncio
from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from excraft.accounts import codes
from excraft.accounts.refusals import Refused
from excraft.custody.errors import CustodyError, WithdrawalRefused
from excraft.custody.withdrawal_book import Found
from excraft.custody.withdrawals import Wish
from excraft.gateway.account_opening import ensure_member
from excraft.gateway.account_requests import answer
from excraft.units import NotExact

Text = Annotated[str, msgspec.Meta(max_length=512)]
SHOWN = 200  # of a member's withdrawals


class _Body(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Nothing, and the ground of all others."""


class _Wish(_Body):
    asset: Text
    address: Text
    amount: Text
    network: Text = ""
    code: Text = ""


class _Id(_Body):
    id: int


class _Listed(_Body):
    address: Text
    label: Text = ""
    code: Text = ""


class _Address(_Body):
    address: Text


class _Mode(_Body):
    list_only: bool
    code: Text = ""


async def _request(asked: Any) -> Response:
    exchange, body = asked.exchange, asked.body
    _served(exchange)
    asset = exchange.engine.listings.asset(body.asset)
    if asset is None:
        raise Refused("bad_request", f"There is no asset {body.asset[:40]!r}.")
    try:
        atoms = asset.atoms(body.amount)
    except NotExact as wrong:
        raise Refused("bad_request", f"The amount: {wrong}.") from wrong
    member = await ensure_member(exchange, asked.session.person_id)
    await codes.prove(asked.desk, asked.session, body.code)
    wish = Wish(
        member.account, member.id, asset.number, body.network, body.address, atoms, "session"
    )
    found = await _done(exchange.withdrawals.request(wish))
    return answer(201, _shown(exchange, found))


async def _list(asked: Any) -> Response:
    exchange = asked.exchange
    member = await ensure_member(exchange, asked.session.person_id)
    rows = []
    if exchange.withdrawals is not None:
        book = exchange.withdrawals.book
        found = await asyncio.to_thread(book.find, member.account, SHOWN)
        rows = [_shown(exchange, each) for each in found]
    return answer(200, {"withdrawals": rows})


async def _cancel(asked: Any) -> Response:
    _served(asked.exchange)
    member = await ensure_member(asked.exchange, asked.session.person_id)
    if not 0 < asked.body.id < 1 << 62:
        raise Refused("not_found", "You have no such withdrawal.")
    withdrawals = asked.exchange.withdrawals
    found = await _done(withdrawals.cancel(member.account, asked.body.id))
    return answer(200, _shown(asked.exchange, found))


async def _addresses(asked: Any) -> Response:
    member = await ensure_member(asked.exchange, asked.session.person_id)

    def look() -> dict:
        choices = _choices(asked.exchange)
        mode = choices.mode(member.account)
        listed = [each._asdict() for each in choices.addresses(member.account)]
        return {"list_only": mode.list_only, "list_ends_ns": mode.ends_ns, "addresses": listed}

    return answer(200, await asyncio.to_thread(look))


async def _add_address(asked: Any) -> Response:
    member = await ensure_member(asked.exchange, asked.session.person_id)
    body, choices = asked.body, _choices(asked.exchange)
    await codes.prove(asked.desk, asked.session, body.code)
    kept = await _done(asyncio.to_thread(choices.add, member.account, body.address, body.label))
    return answer(201, {"address": kept})


async def _remove_address(asked: Any) -> Response:
    member = await ensure_member(asked.exchange, asked.session.person_id)
    choices = _choices(asked.exchange)
    await _done(asyncio.to_thread(choices.remove, member.account, asked.body.address))
    return answer(200, {"message": "The address is no longer on your list."})


async def _set_mode(asked: Any) -> Response:
    """Leaving list mode needs a code, and takes a while."""
    member = await ensure_member(asked.exchange, asked.session.person_id)
    if not asked.body.list_only:
        await codes.prove(asked.desk, asked.session, asked.body.code)
    choices = _choices(asked.exchange)
    mode = await asyncio.to_thread(choices.set_mode, member.account, asked.body.list_only)
    return answer(200, {"list_only": mode.list_only, "list_ends_ns": mode.ends_ns})


def _served(exchange: Any) -> None:
    if exchange.withdrawals is None:
        raise Refused("bad_request", "This exchange serves no chain, so nothing can be withdrawn.")


def _choices(exchange: Any):
    _served(exchange)
    return exchange.withdrawals.choices


async def _done(doing: Any) -> Any:
    """What custody refuses becomes an answer with its own code."""
    try:
        return await doing
    except WithdrawalRefused as refused:
        code = refused.code if refused.code == "not_found" else "refused"
        raise Refused(code, f"{str(refused)[0].upper()}{str(refused)[1:]}.") from refused
    except CustodyError as away:
        raise Refused("busy", "Withdrawals are not taken at this moment; try later.", 60) from away


def _shown(exchange: Any, found: Found) -> dict[str, Any]:
    row, asset = found.row, exchange.engine.listings.assets[found.row.asset]
    return {
        "id": row.id,
        "state": found.state.value,
        "asset": asset.symbol,
        "amount": asset.text(row.atoms),
        "fee": asset.text(row.fee),
        "network": exchange.withdrawals.networks().get(row.chain_id, str(row.chain_id)),
        "address": row.destination,
        "requested_ns": row.requested_ns,
        "waits_until_ns": row.waits_until_ns,
        "note": row.note,
        "reason": row.reason or "",
        "transaction": found.hash,
    }


# (method, path below /account): (what it does, the shape of its body or None)
ROUTES = {
    ("GET", "withdrawals"): (_list, None),
    ("POST", "withdrawals"): (_request, _Wish),
    ("POST", "withdrawals/cancel"): (_cancel, _Id),
    ("GET", "withdrawals/addresses"): (_addresses, None),
    ("POST", "withdrawals/addresses"): (_add_address, _Listed),
    ("POST", "withdrawals/addresses/remove"): (_remove_address, _Address),
    ("POST", "withdrawals/list-mode"): (_set_mode, _Mode),
}
