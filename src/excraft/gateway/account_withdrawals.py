"""/account/withdrawals: a member's own, each with a code or a passkey of its own."""

import asyncio
from typing import Any

from starlette.responses import Response

from excraft.accounts import mails
from excraft.accounts.refusals import Refused
from excraft.custody.errors import CustodyError, WithdrawalRefused
from excraft.custody.withdrawal import State
from excraft.custody.withdrawal_book import Found
from excraft.custody.withdrawal_choices import checked_entry
from excraft.custody.withdrawal_waits import note_for_member
from excraft.custody.withdrawals import Wish
from excraft.gateway.account_acts import Act, Asked, Body, Text
from excraft.gateway.account_opening import ensure_member
from excraft.gateway.account_proof import LeaveList, ListAddress, Proof, Withdraw, prove
from excraft.gateway.account_requests import answer
from excraft.gateway.told import tell
from excraft.units import NotExact

SHOWN = 200  # of a member's withdrawals


class _Wish(Proof, kw_only=True):
    asset: Text
    address: Text
    amount: Text
    network: Text = ""


class _Id(Body):
    id: int


class _Listed(Proof, kw_only=True):
    address: Text
    label: Text = ""


class _Address(Body):
    address: Text


class _Mode(Proof, kw_only=True):
    list_only: bool


async def _request(asked: Asked) -> Response:
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
    wish = Wish(
        member.account, member.id, asset.number, body.network, body.address, atoms, "session"
    )
    await _done(exchange.withdrawals.check(wish))  # before what is mistyped uses up a code
    await prove(asked, Withdraw(body.asset, body.address, body.amount, body.network))
    found = await _done(exchange.withdrawals.request(wish))
    amount = f"{asset.text(atoms)} {asset.symbol}"
    tell(asked.desk, asked.session.person_id, mails.withdrawal, amount, found.row.destination)
    return answer(201, await asyncio.to_thread(_shown, exchange, found))


async def _list(asked: Asked) -> Response:
    exchange = asked.exchange
    member = await ensure_member(exchange, asked.session.person_id)
    rows = []
    if exchange.withdrawals is not None:
        rows = await asyncio.to_thread(_rows, exchange, member.account)
    return answer(200, {"withdrawals": rows})


def _rows(exchange: Any, account: int) -> list[dict[str, Any]]:
    return [_shown(exchange, each) for each in exchange.withdrawals.book.find(account, SHOWN)]


async def _cancel(asked: Asked) -> Response:
    _served(asked.exchange)
    member = await ensure_member(asked.exchange, asked.session.person_id)
    if not 0 < asked.body.id < 1 << 62:
        raise Refused("not_found", "You have no such withdrawal.")
    withdrawals = asked.exchange.withdrawals
    found = await _done(withdrawals.cancel(member.account, asked.body.id))
    return answer(200, await asyncio.to_thread(_shown, asked.exchange, found))


async def _addresses(asked: Asked) -> Response:
    member = await ensure_member(asked.exchange, asked.session.person_id)

    def look() -> dict:
        choices = _choices(asked.exchange)
        mode = choices.mode(member.account)
        listed = [each._asdict() for each in choices.addresses(member.account)]
        return {"list_only": mode.list_only, "list_ends_ns": mode.ends_ns, "addresses": listed}

    return answer(200, await asyncio.to_thread(look))


async def _add_address(asked: Asked) -> Response:
    member = await ensure_member(asked.exchange, asked.session.person_id)
    body, choices = asked.body, _choices(asked.exchange)
    await _done(asyncio.to_thread(checked_entry, body.address, body.label))
    await prove(asked, ListAddress(body.address, body.label))
    kept = await _done(asyncio.to_thread(choices.add, member.account, body.address, body.label))
    _tell(asked, f"{kept} is on your list of addresses now.")
    return answer(201, {"address": kept})


async def _remove_address(asked: Asked) -> Response:
    member = await ensure_member(asked.exchange, asked.session.person_id)
    choices = _choices(asked.exchange)
    await _done(asyncio.to_thread(choices.remove, member.account, asked.body.address))
    return answer(200, {"message": "The address is no longer on your list."})


async def _set_mode(asked: Asked) -> Response:
    """Leaving list mode needs a proof, and takes a while."""
    member = await ensure_member(asked.exchange, asked.session.person_id)
    if not asked.body.list_only:
        await prove(asked, LeaveList())
    choices = _choices(asked.exchange)
    mode = await asyncio.to_thread(choices.set_mode, member.account, asked.body.list_only)
    if not asked.body.list_only:
        _tell(asked, "Soon withdrawals may go to addresses that are not on your list.")
    return answer(200, {"list_only": mode.list_only, "list_ends_ns": mode.ends_ns})


def _tell(asked: Any, what: str) -> None:
    tell(asked.desk, asked.session.person_id, mails.destinations, what)


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
    """Blocks."""
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
        "waits_for": _waits(exchange, found),
        "note": note_for_member(row.note),
        "reason": row.reason or "",
        "transaction": found.hash,
    }


def _waits(exchange: Any, found: Found) -> dict[str, Any] | None:
    """Everything that keeps it from being approved; None of one that is approved or ended."""
    if found.state not in (State.REQUESTED, State.WAITING):
        return None
    waits = exchange.withdrawals.waits(found)
    return {
        "approvals": waits.approvals,
        "approvals_needed": waits.needed,
        "address_until_ns": waits.until_ns or None,
        "frozen": bool(waits.frozen),
        "account_frozen": waits.account_frozen,
    }


ACTS = {
    ("GET", "withdrawals"): Act(_list),
    ("POST", "withdrawals"): Act(_request, _Wish),
    ("POST", "withdrawals/cancel"): Act(_cancel, _Id),
    ("GET", "withdrawals/addresses"): Act(_addresses),
    ("POST", "withdrawals/addresses"): Act(_add_address, _Listed),
    ("POST", "withdrawals/addresses/remove"): Act(_remove_address, _Address),
    ("POST", "withdrawals/list-mode"): Act(_set_mode, _Mode),
}
