"""The operator's operations about chains: what came, what is wrong, freezing and thawing."""

import asyncio
import time
from typing import Any

from excraft.accounts.acts import Act
from excraft.accounts.errors import AccountsError
from excraft.accounts.staff_errors import NeedsApproval
from excraft.chain.errors import ChainError
from excraft.custody import alarms, book
from excraft.custody.deposit import FOUND, Status
from excraft.custody.reading_again import missed
from excraft.gateway.admin import Refused, member_of, operation
from excraft.gateway.admin_rights import acting
from excraft.gateway.exchange import Exchange

SHOWN_MAX = 100
ROWS_MAX = 100_000  # of one account, that are looked through


def _custody(exchange: Exchange) -> Any:
    if exchange.custody is None:
        raise Refused("this exchange serves no chain: there is no chains.json")
    return exchange.custody


@operation
async def custody_status(exchange: Exchange) -> dict:
    """What is frozen, what does not work, and the last comparison with the chain."""
    found, assets = _custody(exchange).status(), exchange.engine.listings.assets
    for chain in found["chains"]:
        rows = chain["reconciled"]
        chain["reconciled"] = [row | {"symbol": assets[row["asset"]].symbol} for row in rows]
    return found


@operation
async def custody_deposits(
    exchange: Exchange, member: str = "", limit: int = 100, found: bool = False
) -> list:
    """What came, the newest first; `found`: only what waits for `custody_release`."""
    custody, account = _custody(exchange), None
    if member:
        account = member_of(exchange, member).account
    assets = exchange.engine.listings.assets
    rows = await custody.deposits(account, limit, found)
    names = await asyncio.to_thread(_names, exchange, {row.account for row in rows})
    return [
        {
            "id": row.id, "network": custody.network(row.chain_id), "account": row.account,
            "member": names.get(row.account, ""), "address": row.address,
            "asset": assets[row.asset].symbol, "amount": assets[row.asset].text(row.atoms),
            "state": Status(row.status).name, "transaction": row.transaction,
            "block": row.block, "note": row.note or "",
        }
        for row in rows
    ]  # fmt: skip


def _names(exchange: Exchange, accounts: set[int]) -> dict[int, str]:
    """Of the members behind accounts; our own wallets have none. Blocks."""
    found = {account: exchange.members.by_account(account) for account in accounts}
    return {account: member.name for account, member in found.items() if member is not None}


@operation
async def custody_freeze(exchange: Exchange, reason: str) -> str:
    """Stop all withdrawals; trading goes on."""
    custody, who = _custody(exchange), acting()
    if not reason.strip():
        raise Refused("a freeze needs a reason: whoever thaws it must know")
    chain = next(iter(custody.chains))

    def sound(connection) -> None:
        alarms.sound(connection, chain, f"frozen by {who.who}: {reason}", time.time_ns())

    await _act(exchange, Act.FREEZE_WITHDRAWALS, "withdrawals", {"reason": reason}, sound)
    return custody.withdrawals_frozen


@operation
async def custody_resolve(exchange: Exchange, alarm: int, resolution: str) -> str:
    """Somebody looked and says what was done; what is still frozen afterwards, "" when nothing."""
    custody, who = _custody(exchange), acting()
    if not resolution.strip():
        raise Refused("say what was found and done")

    def resolve(connection) -> None:
        if alarms.resolve(connection, alarm, who.who, resolution, time.time_ns()) is None:
            raise Refused(f"there is no open alarm {alarm}", "excraft custody status")

    payload = {"resolution": resolution}
    await _act(exchange, Act.UNFREEZE_WITHDRAWALS, f"alarm:{alarm}", payload, resolve)
    return custody.withdrawals_frozen


@operation
async def custody_accept(
    exchange: Exchange, network: str, asset: str, address: str, units: str, reason: str
) -> str:
    """Take what an address holds too much as the exchange's own money; `units` must be all of it.
    Less than explained is never accepted. Its alarm stays until it is resolved."""
    custody, who = _custody(exchange), acting()
    if not reason.strip():
        raise Refused("say whose money it is and how it came there")
    number = next((a.number for a in exchange.engine.listings.assets if a.symbol == asset), None)
    found = [n for n in custody.networks(number) if n[0].network == network]
    reconcile = custody.chains[found[0][0].chain].reconcile if found else None
    if reconcile is None:
        raise Refused(f"no chain {network!r} with {asset!r} is watched now")
    place = (address.lower(), found[0][2])

    def accept(connection) -> None:
        over = reconcile.surplus(place)
        if not over or units != str(over):
            raise Refused(
                f"{address[:60]!r} holds {over} units too much, so {units[:80]!r} is not accepted"
            )
        reconcile.accept(connection, place, who.who, reason)

    payload = {"network": network, "asset": asset, "units": units, "reason": reason}
    await _act(exchange, Act.UNFREEZE_WITHDRAWALS, f"address:{place[0]}", payload, accept)
    return custody.withdrawals_frozen


@operation
async def custody_release(exchange: Exchange, deposit: int, member: str, reason: str) -> str:
    """Credit what the comparison found at a member's address; it is credited with the next poll."""
    custody, account = _custody(exchange), member_of(exchange, member).account
    if not reason.strip():
        raise Refused("say how it is known that this member sent it")
    row = await _row(custody, account, deposit)
    asset = custody.chains[row.chain_id].settings.asset(row.token) if row else None
    if row is None or row.log > FOUND or row.status != Status.KEPT_BACK:
        raise Refused(
            f"{deposit} is nothing that was found and kept back for {member!r}",
            "excraft custody deposits",
        )
    if objection := asset.objection(row.atoms):
        raise Refused(f"deposit {deposit} cannot be credited: {objection}")

    def release(connection) -> None:
        if not book.release(connection, deposit, account):
            raise Refused(f"deposit {deposit} was decided a moment ago")

    payload = {"member": member_of(exchange, member).id, "reason": reason}
    await _act(exchange, Act.CREDIT, f"deposit:{deposit}", payload, release)
    return custody.withdrawals_frozen


@operation
async def custody_forget(exchange: Exchange, deposit: int, reason: str) -> str:
    """What was found is not there, as when a node lied; found again should it be there."""
    custody = _custody(exchange)
    if not reason.strip():
        raise Refused("say how it is known that it is not there")

    def forget(connection) -> None:
        if not book.forget(connection, deposit):
            raise Refused(f"deposit {deposit} was not found by a comparison, or was credited")

    await _act(exchange, Act.UNFREEZE_WITHDRAWALS, f"deposit:{deposit}", {"reason": reason}, forget)
    return custody.withdrawals_frozen


@operation
async def custody_read_again(
    exchange: Exchange, network: str, first: int, last: int, reason: str
) -> dict:
    """Read blocks a second time and make deposits of what was missed, as far as addresses hold
    more than is explained; credited once the alarm about it is resolved."""
    custody = _custody(exchange)
    if not reason.strip():
        raise Refused("say why these blocks are read again")
    watched = next((w for w in custody.chains.values() if w.entry.network == network), None)
    if watched is None or watched.reconcile is None:
        raise Refused(f"no chain {network!r} is watched now", "excraft custody status")
    async with custody.turn:
        try:
            found = await missed(watched, first, last)
        except ChainError as wrong:
            raise Refused(f"the blocks could not be read: {wrong}") from wrong
        if found.new:
            payload = {
                "blocks": [first, last], "reason": reason,
                "transactions": [arrival.transaction for arrival in found.new[:SHOWN_MAX]],
            }  # fmt: skip

            def add(connection) -> None:
                watched.book.add_missed(connection, found.new)

            await _act(exchange, Act.UNFREEZE_WITHDRAWALS, f"chain:{network}", payload, add)
            watched.reconcile.compare_again()
    return {
        name: [{"transaction": a.transaction, "address": a.address, "units": str(a.units)}
               for a in arrivals[:SHOWN_MAX]]
        for name, arrivals in found._asdict().items()
    }  # fmt: skip


async def _row(custody: Any, account: int, deposit: int) -> Any:
    rows = await custody.deposits(account, ROWS_MAX)
    return next((row for row in rows if row.id == deposit), None)


async def _act(exchange: Exchange, act: Act, object: str, payload: dict, work) -> None:
    who = acting()

    def carry_out() -> None:
        with exchange.staff.audit.acting(who, act, object, payload) as connection:
            work(connection)

    try:
        await asyncio.to_thread(carry_out)
    except NeedsApproval:
        raise
    except AccountsError as refused:
        raise Refused(str(refused)) from refused
    await exchange.custody.look_at_alarms()
