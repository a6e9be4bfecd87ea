"""The demo's signer: keys of its own in DIR/signer, a child process that goes with the exchange.

An operator's signer is started separately, as another user: docs/operate/withdrawals.md.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from excraft.cli.bots import AGAIN_AFTER_S, end
from excraft.cli.folder import Folder
from excraft.custody import limits
from excraft.custody.chains import ChainEntry, ChainsFile
from excraft.custody.limits import Setting
from excraft.custody.signer import keys as key_files
from excraft.custody.signer import settings as setting_files
from excraft.demo.table import ASSETS
from excraft.gateway.exchange import Exchange
from excraft.units import format_decimal, parse_decimal

GWEI, ETHER = 10**9, 10**18
CAP_PART = 200  # of what a member of the demo gets, in one withdrawal; ten times that in a day


class Wallets(NamedTuple):
    """What chains.json says of the demo's keys."""

    xpub: str
    hot: str
    cold: str


def demo_wallets(folder: Folder) -> Wallets:
    """Of the keys in DIR/signer, which are made the first time; nothing secret is returned."""
    place = keys_of(folder)
    found = (place / key_files.MNEMONIC).exists()
    keys = key_files.opened(place) if found else key_files.made(place)
    return Wallets(keys.xpub, keys.hot.address, keys.demo_cold.address)


def keys_of(folder: Folder) -> Path:
    """The folder of the demo's keys."""
    return folder.root / "signer"


@asynccontextmanager
async def demo_signer(
    folder: Folder, exchange: Exchange, found: ChainsFile | None
) -> AsyncIterator[None]:
    """A signer for the demo's chains while the exchange runs; its assets are listed by now."""
    if found is None or exchange.withdrawals is None:
        yield
        return
    await asyncio.to_thread(_prepare, folder, exchange, found)
    keeping = asyncio.create_task(_keep(folder), name="demo signer")
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


def _prepare(folder: Folder, exchange: Exchange, found: ChainsFile) -> None:
    """Its settings, and limits that let a visitor withdraw at once; what is there stays."""
    path = keys_of(folder) / setting_files.FILE
    if path.exists():
        return
    rules = [_rules(exchange, chain) for chain in found.chains]
    path.write_text(json.dumps({"chains": rules}, indent=1))
    with exchange.withdrawals.database.write_durable() as connection:
        for setting in (Setting.NEW_ADDRESS_DELAY_S, Setting.FACTOR_DELAY_S):
            limits.change(connection, {"name": setting.value, "value": 0})
        for asset in {a["asset"]: a for rule in rules for a in rule["assets"]}.values():
            value = parse_decimal(asset["per_withdrawal"], asset["decimals"]) // 2
            payload = {"name": "APPROVE_ABOVE", "asset": asset["asset"], "value": value}
            limits.change(connection, payload)


def _rules(exchange: Exchange, chain: ChainEntry) -> dict:
    assets, funds = [], {asset.symbol: asset.funds for asset in ASSETS}
    for each in chain.assets:
        listed = exchange.engine.listings.asset(each.symbol)
        if listed is not None:
            most = parse_decimal(funds.get(each.symbol, "1"), listed.decimals) // CAP_PART
            assets.append(
                {"asset": listed.number, "symbol": each.symbol, "token": each.token,
                 "decimals": listed.decimals, "chain_decimals": each.chain_decimals,
                 "per_withdrawal": format_decimal(most, listed.decimals, listed.decimals),
                 "per_day": format_decimal(10 * most, listed.decimals, listed.decimals)}
            )  # fmt: skip
    return {
        "chain": chain.chain, "hot": chain.hot, "cold": chain.cold, "gas_max": 300_000,
        "gas_price_max_wei": 500 * GWEI, "gas_day_wei": 10 * ETHER,
        "top_up_max_wei": ETHER // 10, "assets": assets,
    }  # fmt: skip


async def _keep(folder: Folder) -> None:
    """Started again when it ends; it ends when its input does, so never later than we."""
    said = keys_of(folder) / "signer.log"
    while True:
        handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "excraft", "signer", "--data", str(folder.root),
                "--keys", str(keys_of(folder)), "--until-input-ends",
                stdin=asyncio.subprocess.PIPE, stdout=handle, stderr=handle,
                start_new_session=True,  # Ctrl-C is for the exchange, which then ends the child
            )  # fmt: skip
        finally:
            os.close(handle)
        try:
            code = await child.wait()
        finally:
            await end(child)
        print(f"the demo's signer ended with code {code}, {said} says why; again in "
              f"{AGAIN_AFTER_S:.0f} s", file=sys.stderr, flush=True)  # fmt: skip
        await asyncio.sleep(AGAIN_AFTER_S)
