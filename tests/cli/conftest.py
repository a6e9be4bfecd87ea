"""A data folder with a market, two funded members and some trades, and `excraft` as a process."""

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from excraft.cli.folder import Folder
from excraft.cli.wiring import opened
from excraft.gateway.admin import perform
from excraft.messages.commands import CancelOrder, OrderType, PlaceOrder, Side
from excraft.testing import forked

Run = Callable[..., subprocess.CompletedProcess]


async def _fill(folder: Folder) -> None:
    async with opened(folder) as exchange:
        for asset in ("BTC", "USDT"):
            await perform(exchange, "asset_add", {"symbol": asset, "decimals": 8, "name": asset})
        market = {"symbol": "BTCUSDT", "base": "BTC", "quote": "USDT", "tick": "0.01"}
        await perform(exchange, "market_add", market | {"lot": "0.00001"})
        for name in ("alice", "bob"):
            await perform(exchange, "member_add", {"name": name})
            for asset in ("BTC", "USDT"):
                given = {"member": name, "asset": asset, "amount": "100000", "reason": "DEPOSIT"}
                await perform(exchange, "money_credit", given | {"reference": "wire 7"})
        for step in range(20):
            maker = await _place(exchange, 0, Side.SELL, 6_000_000 + step)
            await _place(exchange, 1, Side.BUY, 6_000_000 + step // 2)
            if step % 3 == 0:
                await exchange.engine.execute(
                    CancelOrder(account=0, market=0, order_id=maker.sequence)
                )
        await exchange.history.wait(exchange.engine.position)


async def _place(exchange, account: int, side: Side, price: int):
    order = PlaceOrder(
        account=account, market=0, side=side, order_type=OrderType.LIMIT, price=price, quantity=700
    )
    return await exchange.engine.execute(order)


@pytest.fixture(scope="session")
def traded(tmp_path_factory) -> Path:
    """Made once; copy it before changing anything."""
    folder = Folder.make(tmp_path_factory.mktemp("traded") / "data")
    asyncio.run(_fill(folder))
    return folder.root


@pytest.fixture
def data(traded: Path, tmp_path: Path) -> Path:
    """A data folder of the test's own."""
    return Path(shutil.copytree(traded, tmp_path / "data"))


@pytest.fixture(scope="session")
def excraft() -> Run:
    """Run one command to its end."""
    return lambda *arguments: forked.run([str(one) for one in arguments], timeout=240)
