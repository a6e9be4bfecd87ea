"""The wallet endpoints of withdrawals (/sapi/v1/capital/withdraw).

A key needs the permission WITHDRAW and a list of addresses that it may be used from; no code is
asked for, and so the money goes to destinations on the member's own list only. A request without
`withdrawOrderId` that is sent again byte for byte is the same withdrawal, not another one.
`amount` is all that leaves the balance; the destination gets it less the fee, and history shows the
two apart.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

from excraft.accounts import mails
from excraft.custody.errors import CustodyError, WithdrawalRefused
from excraft.custody.withdrawal import State
from excraft.custody.withdrawal_book import Found
from excraft.custody.withdrawal_waits import note_for_member
from excraft.custody.withdrawals import Wish
from excraft.gateway import errors
from excraft.gateway.auth import Caller
from excraft.gateway.exchange import Exchange
from excraft.gateway.spot import params
from excraft.gateway.spot.params import Param, Spec
from excraft.gateway.told import tell
from excraft.units import NotExact

APPLY = Spec(
    Param("coin", params.NAME, True),
    Param("withdrawOrderId", params.CLIENT_ID),
    Param("network", params.NAME),
    Param("address", params.NAME, True),
    Param("addressTag", params.NAME),
    Param("amount", params.NAME, True),
    Param("transactionFeeFlag", params.TRUTH),
    Param("name", params.NAME),
    Param("walletType", params.LONG),
)
HASH_LENGTH = 64  # a client's has 36 characters at most
HISTORY = Spec(
    Param("coin", params.NAME),
    Param("withdrawOrderId", params.NAME),
    Param("status", params.LONG),
    Param("offset", params.LONG),
    Param("limit", params.bounded(1, clamp=1000)),
    Param("idList", params.NAME),
    Param("startTime", params.TIME),
    Param("endTime", params.TIME),
)
STATUS = {
    State.REQUESTED: 0,
    State.CANCELLED: 1,
    State.WAITING: 2,
    State.REFUSED: 3,
    State.APPROVED: 4,
    State.SENT: 4,
    State.FAILED: 5,
    State.DONE: 6,
}
_CODES = {
    "address": (-4007, "Address validation is not passed."),
    "factor_changed": (-4017, "Withdrawal is prohibited after a change of the second factor."),
    "too_many": (-4015, "Withdraw is limited."),
    "not_verified": (-4015, "Withdraw is limited."),
    "frozen": (-4015, "Withdraw is limited."),
    "network": (-4019, "Current asset is not open for withdrawal."),
    "amount": (-4022, "Not less than the minimum pick-up quantity."),
    "day_limit": (-4023, "Within 24 hours, the withdrawal exceeds the maximum amount."),
    "insufficient": (-4026, "You have insufficient balance."),
    "not_listed": (-4035, "This address is not on the whitelist. Please join and try again."),
    "duplicate": (-4104, "This withdrawOrderId was used already."),
}


async def apply(exchange: Exchange, caller: Caller, values: dict) -> dict:
    """POST sapi/v1/capital/withdraw/apply."""
    key = exchange.api_keys.find(caller.key)
    if key is None or not key.ips:
        raise errors.rejected_key()  # as any key that lacks what it needs
    asset = exchange.engine.listings.asset(values["coin"])
    if asset is None:
        raise errors.Refused(-4018, "We don't have this asset.")
    if exchange.withdrawals is None:
        raise _refusal(WithdrawalRefused("network", "this exchange serves no chain"))
    if values.get("addressTag"):
        raise _refusal(WithdrawalRefused("address", "addresses here have no tag: send none"))
    try:
        atoms = asset.atoms(values["amount"])
    except NotExact as wrong:
        raise _refusal(WithdrawalRefused("amount", str(wrong))) from wrong
    wish = Wish(
        caller.account, caller.member_id, asset.number, values.get("network", ""),
        values["address"], atoms, f"key:{caller.key[:64]}",
        values.get("withdrawOrderId") or caller.asked or None, "withdrawOrderId" not in values,
    )  # fmt: skip
    owner = await _owner(exchange, caller)
    try:
        found = await exchange.withdrawals.request(wish)
    except WithdrawalRefused as refused:
        raise _refusal(refused) from refused
    except CustodyError as away:
        raise errors.busy() from away
    if owner is not None:
        amount = f"{asset.text(atoms)} {asset.symbol}"
        tell(exchange.desk, owner, mails.withdrawal, amount, found.row.destination)
    return {"id": str(found.row.id)}


async def _owner(exchange: Exchange, caller: Caller) -> int | None:
    """Who is told of it, for a stolen key should be noticed; None of members without mail."""
    if exchange.desk is None:
        return None
    return await asyncio.to_thread(exchange.desk.people.of_member, caller.member_id)


def _refusal(refused: WithdrawalRefused) -> errors.ApiError:
    code, text = _CODES.get(refused.code, (-4032, "Withdraw verification exception."))
    return errors.Refused(code, f"{text} ({refused})")


async def history(exchange: Exchange, caller: Caller, values: dict) -> list[dict]:
    """GET sapi/v1/capital/withdraw/history: the newest first."""
    if exchange.withdrawals is None:
        return []
    if values.get("status", 0) not in STATUS.values():
        raise errors.invalid("status")
    asset = exchange.engine.listings.asset(values["coin"]) if "coin" in values else None
    if "coin" in values and asset is None:
        raise errors.invalid("coin")
    found = await asyncio.to_thread(exchange.withdrawals.book.find, caller.account)
    ids = {part for part in values.get("idList", "").split(",") if part}
    kept = [
        f
        for f in found
        if (asset is None or f.row.asset == asset.number)
        and values.get("withdrawOrderId", f.row.client_id) == f.row.client_id
        and values.get("status", STATUS[f.state]) == STATUS[f.state]
        and (not ids or str(f.row.id) in ids)
        and values.get("startTime", 0) <= f.row.requested_ns // 10**6
        and values.get("endTime", 1 << 62) >= f.row.requested_ns // 10**6
    ]
    start = values.get("offset", 0)
    networks = exchange.withdrawals.networks()
    return [
        _row(exchange, each, networks) for each in kept[start : start + values.get("limit", 1000)]
    ]


def _row(exchange: Exchange, found: Found, networks: dict[int, str]) -> dict[str, Any]:
    row, asset = found.row, exchange.engine.listings.assets[found.row.asset]
    shown = {
        "id": str(row.id),
        "amount": asset.text(row.atoms - row.fee),
        "transactionFee": asset.text(row.fee),
        "coin": asset.symbol,
        "status": STATUS[found.state],
        "address": row.destination,
        "txId": found.hash,
        "applyTime": _time(row.requested_ns),
        "network": networks.get(row.chain_id, ""),
        "transferType": 0,
        "withdrawOrderId": _own_name(row.client_id),
        "info": row.reason or note_for_member(row.note),
        "confirmNo": 0,
        "walletType": 0,
        "txKey": "",
    }
    if found.state == State.DONE:
        shown |= {
            "completeTime": _time(row.closed_ns),
            "confirmNo": exchange.withdrawals.confirmations(row.chain_id),
        }
    return shown


def _own_name(client_id: str | None) -> str:
    """Empty where the client gave none and ours, a hash that is longer than any, stands there."""
    return client_id if client_id and len(client_id) < HASH_LENGTH else ""


def _time(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")
