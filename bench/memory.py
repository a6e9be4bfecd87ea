"""Resident memory per account, per open order and per market, measured.

excraft bench memory [--accounts 200000] [--orders 500000] [--markets 2000] [--json]

Each figure is the growth of a fresh process's resident memory, divided by how many were made.
Tables grow by doubling, so the figure lies between one and two times what a row takes; the counts
of the defaults are shown with it. Account: opened, with a balance in two assets. Order: resting.
Market: listed, without orders; traded market: 100 orders rest in it at 100 prices and 500 trades
happened.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np

from durable import with_listings
from excraft.engine.effects import Effects
from excraft.kernel import Kernel
from excraft.marketdata import MarketData
from excraft.messages.codec import Record
from excraft.messages.commands import (
    COMMAND,
    Cause,
    CommandKind,
    OrderType,
    Side,
    TimeInForce,
)

SECOND = 1_000_000_000  # between records, so that candles form
PAGE = os.sysconf("SC_PAGE_SIZE")
SIZE = 1 << 14  # commands of a record
ASSETS_OF_AN_ACCOUNT = 2
PRICES = 200  # ticks over which the orders of a market are spread
LEVELS, TRADES = 100, 500  # of a market that trades
FEW = 64  # markets, accounts and orders that are there before anything is measured


def resident() -> int:
    """Bytes of this process that are in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


class Exchange:
    """A kernel, and as wished the order read model and the market data behind it."""

    def __init__(self, *, orders: bool = False, marketdata: bool = False) -> None:
        self.kernel = Kernel(reuse_events=True)
        self.effects = Effects() if orders else None
        self.marketdata = MarketData() if marketdata else None
        self.accounts = self.assets = self.markets = 0

    def send(self, rows: np.ndarray) -> None:
        for at in range(0, len(rows), SIZE):
            kernel = self.kernel
            record = with_listings(
                Record(kernel.position + 1, kernel.sequence, kernel.time_ns + SECOND,
                       rows[at : at + SIZE])
            )  # fmt: skip
            events = kernel.step(record)
            if self.effects is not None:
                self.effects.apply(record, events)
            if self.marketdata is not None:
                self.marketdata.apply(record, events)

    def open_accounts(self, count: int) -> None:
        """Each with money in two assets."""
        rows = np.zeros(count * (1 + ASSETS_OF_AN_ACCOUNT), COMMAND)
        rows["account"], rows["market"] = -1, -1
        rows["kind"] = CommandKind.OPEN_ACCOUNT
        money = rows[count:]
        money["kind"], money["number"] = CommandKind.CREDIT, Cause.DEPOSIT
        money["account"] = self.accounts + np.repeat(np.arange(count), ASSETS_OF_AN_ACCOUNT)
        money["market"] = np.tile(np.arange(ASSETS_OF_AN_ACCOUNT), count)
        money["amount"] = 10**12
        self.accounts += count
        self.send(rows)

    def list_assets(self, count: int) -> None:
        rows = np.zeros(count, COMMAND)
        rows["account"], rows["market"] = -1, -1
        rows["kind"], rows["amount"] = CommandKind.LIST_ASSET, 8
        self.assets += count
        self.send(rows)

    def list_markets(self, count: int) -> None:
        """All of the first two assets."""
        rows = np.zeros(count, COMMAND)
        rows["account"], rows["market"] = -1, 0
        rows["kind"], rows["order_id"] = CommandKind.LIST_MARKET, 1
        rows["quantity"], rows["price"] = 1_000, 10
        self.markets += count
        self.send(rows)

    def rest(self, count: int) -> None:
        """Orders to buy that nobody meets, spread over markets, accounts and prices."""
        rows, number = np.zeros(count, COMMAND), np.arange(count)
        rows["kind"], rows["order_type"] = CommandKind.PLACE_ORDER, OrderType.LIMIT
        rows["time_in_force"], rows["side"] = TimeInForce.GTC, Side.BUY
        rows["market"], rows["account"] = number % self.markets, number % self.accounts
        rows["price"] = 10_000 - number // self.markets % PRICES
        rows["quantity"] = 1
        self.send(rows)

    def warm(self) -> None:
        """A whole record of cancels that find nothing, so that working memory is there."""
        rows = np.zeros(SIZE, COMMAND)
        rows["kind"], rows["order_id"] = CommandKind.CANCEL_ORDER, 1
        self.send(rows)

    def trade(self, count: int) -> None:
        """List markets; then in each, by turns, an order that rests and one that takes it all."""
        first = self.markets
        self.list_markets(count)
        rows = np.zeros((LEVELS + 2 * TRADES, count), COMMAND)
        rows["kind"], rows["order_type"] = CommandKind.PLACE_ORDER, OrderType.LIMIT
        rows["time_in_force"], rows["quantity"] = TimeInForce.GTC, 1
        rows["market"] = first + np.arange(count)
        rows["price"][:LEVELS] = 10_000 - np.arange(LEVELS)[:, None]
        rows["price"][LEVELS:] = 10_001
        rows["side"][LEVELS::2], rows["side"][LEVELS + 1 :: 2] = Side.BUY, Side.SELL
        rows["account"] = np.arange(LEVELS + 2 * TRADES)[:, None] % self.accounts
        self.send(rows.ravel())


def grown(what: str, count: int, exchange: Exchange) -> dict:
    """Bytes per one of `count` more."""
    exchange.list_assets(ASSETS_OF_AN_ACCOUNT)
    exchange.open_accounts(FEW if what == "account" else 1_000)
    exchange.list_markets(FEW)
    exchange.rest(FEW)
    exchange.warm()
    before = resident()
    more = {
        "account": exchange.open_accounts, "order": exchange.rest,
        "market": exchange.list_markets, "traded_market": exchange.trade,
    }  # fmt: skip
    more[what](count)
    found = (resident() - before) / count
    if what == "order" and exchange.kernel.tables.open_orders != count + FEW:
        raise SystemExit(f"{exchange.kernel.tables.open_orders} orders rest, not {count + FEW}")
    return {"count": count, "bytes_each": round(found)}


PARTS = {
    "kernel": {},
    "kernel_and_orders": {"orders": True},
    "kernel_and_marketdata": {"marketdata": True},
}


def run(options: argparse.Namespace) -> dict:
    """Each figure in a process of its own."""
    counts = {
        "account": options.accounts, "order": options.orders, "market": options.markets,
        "traded_market": options.markets // 2,
    }  # fmt: skip
    result: dict = {"benchmark": "memory"}
    for what, count in counts.items():
        found = {}
        for part in PARTS:
            done = subprocess.run(
                [sys.executable, __file__, "--one", what, part, str(count)],
                check=True, stdout=subprocess.PIPE,
            )  # fmt: skip
            found[part] = json.loads(done.stdout)["bytes_each"]
        alone = found["kernel"]
        result[f"per_{what}"] = {
            "count": count, "kernel": alone,
            "order_read_model": found["kernel_and_orders"] - alone,
            "marketdata": found["kernel_and_marketdata"] - alone,
        }  # fmt: skip
    return result


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="excraft bench memory", description=__doc__)
    parser.add_argument("--accounts", type=int, default=200_000)
    parser.add_argument("--orders", type=int, default=500_000)
    parser.add_argument("--markets", type=int, default=2_000)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.one is not None:
        what, part, count = options.one
        print(json.dumps(grown(what, int(count), Exchange(**PARTS[part]))))
        return 0
    result = run(options)
    if options.json:
        print(json.dumps(result))
        return 0
    for name, value in result.items():
        for part, figure in value.items() if isinstance(value, dict) else ():
            print(f"{name:>18} {part:>18}  {figure:,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
