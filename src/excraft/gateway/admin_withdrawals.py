"""The operator's operations about withdrawals, limits, and what our wallets sent."""

import asyncio

from excraft.accounts.errors import AccountsError
from excraft.accounts.staff_errors import NeedsApproval
from excraft.custody import limits
from excraft.gateway.admin import Refused, operation
from excraft.gateway.admin_rights import acting
from excraft.gateway.exchange import Exchange
from excraft.gateway.withdrawal_desk import WithdrawalDesk, shown


def _desk(exchange: Exchange) -> WithdrawalDesk:
    if exchange.withdrawals is None:
        raise Refused("this exchange serves no chain: there is no chains.json")
    return exchange.withdrawal_desk


async def _done(doing):
    try:
        return await doing
    except NeedsApproval:
        raise  # the door makes a proposal of it
    except AccountsError as refused:
        raise Refused(str(refused)) from refused


def _shown(exchange: Exchange, found) -> dict:
    asset = exchange.engine.listings.assets[found.row.asset]
    return shown(found, asset, exchange.withdrawals.networks().get(found.row.chain_id, ""))


@operation
async def withdrawal_list(exchange: Exchange, all: bool = False) -> list:
    """Open withdrawals, or also those that ended."""
    found = await _desk(exchange).queue(only_open=not all)
    return [_shown(exchange, each) for each in found]


@operation
async def withdrawal_show(exchange: Exchange, id: int) -> dict:
    """One withdrawal."""
    return _shown(exchange, await _done(_desk(exchange).get(id)))


@operation
async def withdrawal_approve(exchange: Exchange, id: int, seen: str) -> dict:
    """Approve it as the shell; `seen` is the hash that was shown."""
    found = await _done(_desk(exchange).approve(acting(), id, seen))
    return _shown(exchange, found)


@operation
async def withdrawal_refuse(exchange: Exchange, id: int, reason: str) -> dict:
    """Refuse it as the shell."""
    return _shown(exchange, await _done(_desk(exchange).refuse(acting(), id, reason)))


@operation
async def withdrawal_limits(exchange: Exchange) -> list:
    """What was set, and the default of what was not."""

    def look() -> list:
        with exchange.withdrawals.database.read() as connection:
            stored = limits.shown(connection)
        return stored + [
            {"name": name.value, "asset": -1, "level": -1, "value": rule.default, "changed_ns": 0}
            for name, rule in limits.RULES.items()
        ]

    _desk(exchange)
    rows = await asyncio.to_thread(look)
    assets = exchange.engine.listings.assets
    return [
        row | {"asset": assets[row["asset"]].symbol if 0 <= row["asset"] < len(assets) else ""}
        for row in rows
    ]


@operation
async def withdrawal_limit_set(
    exchange: Exchange, name: str, value: str, asset: str = "", level: int = -1
) -> None:
    """Set a limit; `value` is a decimal of the asset where it is an amount."""
    payload = limit_payload(exchange, name, value, asset, level)
    await _done(_desk(exchange).set_limit(acting(), payload))


def limit_payload(
    exchange: Exchange, name: str, value: str, asset: str = "", level: int = -1
) -> dict:
    """The same as what SET_LIMITS takes; raises Refused."""
    payload: dict = {"name": name}
    found = exchange.engine.listings.asset(asset) if asset else None
    if asset and found is None:
        raise Refused(f"there is no asset {asset!r}", "excraft asset list")
    if found is not None:
        payload["asset"] = found.number
    if level >= 0:
        payload["level"] = level
    in_atoms = found is not None and name != limits.Setting.APPROVALS
    if not in_atoms and not value.isdigit():
        raise Refused(f"{name} takes a whole number, not {value[:40]!r}")
    payload["value"] = found.atoms(value) if in_atoms else int(value)
    return payload


@operation
async def wallet_transactions(exchange: Exchange, limit: int = 100) -> list:
    """What our wallets sent: withdrawals, sweeps, top-ups, to cold; the newest first."""
    _desk(exchange)
    return await asyncio.to_thread(exchange.withdrawals.transactions, limit)


@operation
async def wallet_status(exchange: Exchange) -> dict:
    """What does not work at the moment, in words."""
    _desk(exchange)
    return exchange.withdrawals.status()
