"""Fill an exchange for the demo; safe to run again, it adds only what is missing."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from excraft.demo.table import ASSETS, DECIMALS, MARKETS, NAMES, VISITOR_NAMES, DemoMarket
from excraft.messages.commands import Cause, Credit, OpenAccount, SetParameter
from excraft.messages.events import EventKind
from excraft.messages.reasons import Reason
from excraft.parameters import Parameter
from excraft.units import parse_decimal

REFERENCE = "demo"


async def fill(exchange: Any, members_file: Path, bots_file: Path) -> None:
    """List, open, credit and make keys; then the two files (mode 0600) hold the secrets."""
    await _list_assets(exchange.engine)
    await _list_markets(exchange.engine)
    await _open_accounts(exchange)
    await _verify(exchange)
    await _credit(exchange)
    if not (members_file.exists() and bots_file.exists()):
        members = await asyncio.to_thread(_make_keys, exchange)
        write_secrets(bots_file, [m for m in members if m["name"] not in VISITOR_NAMES])
        write_secrets(members_file, [m for m in members if m["name"] in VISITOR_NAMES])


async def all_done(outcomes: list[Any]) -> list[Any]:
    """The first event of each command; together they are few records, so few syncs."""
    events = [outcome.events[0] for outcome in await asyncio.gather(*outcomes)]
    for event in events:
        if event.kind == EventKind.REFUSED:
            raise RuntimeError(f"a command of the demo was refused: {Reason(event.reason).name}")
    return events


async def _list_assets(engine: Any) -> None:
    missing = [a for a in ASSETS if engine.listings.asset(a.symbol) is None]
    await all_done([engine.list_asset(a.symbol, a.name, DECIMALS) for a in missing])


async def _list_markets(engine: Any) -> None:
    missing = [m for m in MARKETS if engine.listings.market(m.symbol) is None]
    listed = await all_done(
        [engine.list_market(m.symbol, (m.base, m.quote), m.tick, m.lot) for m in missing]
    )
    smallest = [
        SetParameter(parameter=Parameter.MIN_NOTIONAL_ATOMS, value=_dust(m), subject=event.market)
        for m, event in zip(missing, listed, strict=True)
    ]
    await all_done([engine.execute(command) for command in smallest])


def _dust(market: DemoMarket) -> int:
    """An order worth less than a thousandth of the typical one is refused."""
    worth = parse_decimal(market.price, DECIMALS) * parse_decimal(market.typical, DECIMALS)
    return worth // 10**DECIMALS // 1000


async def _open_accounts(exchange: Any) -> None:
    missing = [n for n in NAMES if exchange.members.by_name(n) is None]
    opened = await all_done([exchange.engine.execute(OpenAccount(reference=n)) for n in missing])
    for name, event in zip(missing, opened, strict=True):
        exchange.members.add(name, event.account)


async def _verify(exchange: Any) -> None:
    """The demo's members count as known, so that they may withdraw."""
    engine, level = exchange.engine, Parameter.KYC_LEVEL
    accounts = [exchange.members.by_name(n).account for n in NAMES]
    unknown = [a for a in accounts if not engine.listings.account_parameter(a, level)]
    await all_done(
        [engine.execute(SetParameter(parameter=level, value=2, subject=a)) for a in unknown]
    )


async def _credit(exchange: Any) -> None:
    accounts = [exchange.members.by_name(n).account for n in NAMES]
    poor = [a for a in accounts if not exchange.engine.balances(a)]
    engine = exchange.engine
    credits = [
        Credit(
            account=account,
            asset=engine.listings.asset(asset.symbol).number,
            amount=parse_decimal(asset.funds, DECIMALS),
            cause=Cause.DEMO,
            reference=REFERENCE,
        )
        for account in poor
        for asset in ASSETS
    ]
    await all_done([engine.execute(command) for command in credits])


def _make_keys(exchange: Any) -> list[dict[str, str]]:
    made = []
    for name in NAMES:
        key = exchange.api_keys.create(
            exchange.members.by_name(name), "HMAC", permissions=["READ", "TRADE"], label=REFERENCE
        )
        made.append({"name": name, "api_key": key.key, "secret": key.secret})
    return made


def write_secrets(file: Path, members: list[dict[str, str]]) -> None:
    """Whole or not at all, and readable by its owner only."""
    partial = file.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        json.dump(members, out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    partial.rename(file)
