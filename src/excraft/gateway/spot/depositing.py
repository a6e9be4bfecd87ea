"""The wallet endpoints of deposits (/sapi/v1/capital/deposit), and the networks of each coin."""

import asyncio
from typing import Any

from excraft.custody.deposit import Status, log_name
from excraft.gateway import errors
from excraft.gateway.auth import Caller
from excraft.gateway.exchange import Exchange
from excraft.gateway.spot import params, shapes
from excraft.gateway.spot.params import Param, Spec
from excraft.units import format_decimal

ADDRESS = Spec(
    Param("coin", params.NAME, True),
    Param("network", params.NAME),
    Param("amount", params.NAME),
)
HISTORY = Spec(
    Param("coin", params.NAME),
    Param("status", params.LONG),
    Param("startTime", params.TIME),
    Param("endTime", params.TIME),
    Param("offset", params.LONG),
    Param("limit", params.bounded(1, clamp=1000)),
    Param("txId", params.NAME),
    Param("includeSource", params.TRUTH),
)
PENDING, DONE, WRONG = 0, 1, 7
STATUS = {
    Status.SEEN: PENDING,
    Status.CONFIRMED: PENDING,
    Status.CREDITED: DONE,
    Status.KEPT_BACK: WRONG,
}
ROWS_MAX = 10_000
ADDRESS_REGEX = "^(0x)[0-9A-Fa-f]{40}$"


async def address(exchange: Exchange, caller: Caller, values: dict) -> dict:
    """GET sapi/v1/capital/deposit/address."""
    [found, *_] = await addresses(exchange, caller, values)
    return {name: found[name] for name in ("coin", "address", "tag")} | {"url": ""}


async def addresses(exchange: Exchange, caller: Caller, values: dict) -> list[dict]:
    """GET sapi/v1/capital/deposit/address/list: one for each network, all the same."""
    asset = exchange.engine.listings.asset(values["coin"])
    ways = exchange.custody.networks(asset.number) if asset and exchange.custody else []
    wanted = values.get("network", "")
    ways = [way for way in ways if wanted in ("", way[0].network)]
    if not ways:
        raise errors.invalid("network" if wanted and asset else "coin")
    own = await exchange.custody.address(caller.account)
    return [
        {"coin": asset.symbol, "address": own, "tag": "", "isDefault": int(place == 0)}
        for place, _ in enumerate(ways)
    ]


async def history(exchange: Exchange, caller: Caller, values: dict) -> list[dict]:
    """GET sapi/v1/capital/deposit/hisrec, newest first."""
    custody = exchange.custody
    if custody is None:
        return []
    rows = await custody.deposits(caller.account, ROWS_MAX)
    assets = exchange.engine.listings.assets
    wanted = {
        "coin": lambda row, value: assets[row.asset].symbol == value,
        "status": lambda row, value: STATUS[row.status] == value,
        "startTime": lambda row, value: row.seen_ns >= value * shapes.MS,
        "endTime": lambda row, value: row.seen_ns <= value * shapes.MS,
        "txId": lambda row, value: row.transaction == value,
    }
    rows = [
        row
        for row in rows
        if row.status in STATUS
        and all(test(row, values[name]) for name, test in wanted.items() if name in values)
    ]
    first = values.get("offset", 0)
    tips = {
        chain: await asyncio.to_thread(custody.tip, chain) for chain in {r.chain_id for r in rows}
    }
    part = rows[first : first + values.get("limit", 1000)]
    return [_shown(exchange, row, tips[row.chain_id]) for row in part]


def _shown(exchange: Exchange, row: Any, tip: int) -> dict:
    asset = exchange.engine.listings.assets[row.asset]
    needed = exchange.custody.confirmations(row.chain_id)
    deep = min(needed, max(0, tip - row.block + 1))
    # Two coins in one transaction are two rows, so the log's place is part of the id.
    return {
        "id": f"{row.chain_id}-{row.transaction}-{log_name(row.log)}",
        "amount": asset.text(row.atoms),
        "coin": asset.symbol,
        "network": exchange.custody.network(row.chain_id),
        "status": STATUS[row.status],
        "address": row.address,
        "addressTag": "",
        "txId": row.transaction,
        "insertTime": row.seen_ns // shapes.MS,
        "completeTime": (row.credited_ns or 0) // shapes.MS,
        "transferType": 0,
        "confirmTimes": f"{deep}/{needed}",
        "unlockConfirm": needed,
        "walletType": 0,
    }


def networks(exchange: Exchange, asset: Any) -> list[dict]:
    """The networkList of a coin."""
    if exchange.custody is None:
        return []
    routes = exchange.withdrawals.routes() if exchange.withdrawals is not None else []
    shown = []
    for place, (entry, settings, token) in enumerate(exchange.custody.networks(asset.number)):
        out = next((r for r in routes if (r.chain, r.token) == (entry.chain, token)), None)
        paid = out is not None and not exchange.custody.withdrawals_frozen
        shown.append(
            {
                "network": entry.network, "coin": asset.symbol, "name": entry.network,
                "isDefault": place == 0, "depositEnable": True, "withdrawEnable": paid,
                "depositDesc": "", "withdrawDesc": "", "specialTips": "",
                "resetAddressStatus": False,
                "withdrawFee": asset.text(out.fee) if out else shapes.ZERO,
                "withdrawMin": asset.text(out.minimum) if out else shapes.ZERO,
                "withdrawMax": "9999999999.99999999",
                "withdrawIntegerMultiple": _step(asset, out),
                "depositDust": asset.text(settings.asset(token).minimum),
                "minConfirm": settings.confirmations, "unLockConfirm": settings.confirmations,
                "addressRegex": ADDRESS_REGEX, "memoRegex": "", "sameAddress": False,
                "estimatedArrivalTime": 0, "busy": False, "contractAddress": token or "",
            }
        )  # fmt: skip
    return shown


def _step(asset: Any, out: Any) -> str:
    """The least by which amounts differ that can leave: a unit of the chain, or an atom."""
    decimals = min(asset.decimals, out.chain_decimals) if out else asset.decimals
    return format_decimal(1, decimals, decimals)
