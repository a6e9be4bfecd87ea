"""Deposits from the chain to the ledger, and the comparison of both, with many addresses watched.

excraft bench custody [--deposits 1000] [--watched 10000] [--json]

A local anvil, SQLite, and the real engine with its log in files: 1,000 payments in one block are
read, confirmed and credited in one poll; then every address is compared with the chain once.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from excraft.chain.anvil import Anvil
from excraft.chain.node import Limits, Node
from excraft.custody.addresses import Owned
from excraft.custody.alarms import Alarms
from excraft.custody.book import Book
from excraft.custody.credited import Credited
from excraft.custody.deposit import Asset, ChainSettings
from excraft.custody.deposits import Deposits
from excraft.custody.reconcile import Reconcile
from excraft.engine.service import Engine
from excraft.gateway.deposit_ledger import DepositLedger
from excraft.kernel import Kernel
from excraft.log import FileLog
from excraft.messages.commands import OpenAccount, pack
from excraft.store.database import Database

AT_ONCE = 250


async def pay(node: Node, owned: list[Owned], count: int) -> None:
    """One payment to each of the first addresses, all in one block."""
    source = (await node.web3.eth.accounts)[9]
    for start in range(0, count, AT_ONCE):
        await node.batch(
            [
                ("eth_sendTransaction", [{"from": source, "to": owned[n].address, "gas": "0x5208",
                                          "value": hex(10**10), "nonce": hex(n)}])
                for n in range(start, min(count, start + AT_ONCE))
            ]
        )  # fmt: skip
    await node.batch([("anvil_mine", ["0x3"])])


async def measure(folder: Path, options: argparse.Namespace) -> dict:
    """Seconds and calls to the node."""
    anvil, log = Anvil(mining=False), FileLog(folder / "log")
    database, credited = Database(f"sqlite:///{folder}/custody.db"), Credited()
    database.migrate()
    engine = Engine(log, Kernel())
    engine.subscribe(lambda record, events, _: credited.apply(record, events), columns=True)
    node = Node(anvil.url, anvil.chain_id, Limits(seconds=60.0))
    try:
        await engine.start()
        await engine.list_asset("ETH", "Ether", 8)
        row, _ = pack(OpenAccount())
        await engine.submit_many(row * options.watched, options.watched)
        owned = [Owned(f"0x{n + 10**6:040x}", n, n) for n in range(options.watched)]
        await pay(node, owned, options.deposits)
        settings = ChainSettings(node.chain_id, Asset(0, 8, 18), confirmations=3, first_block=1)
        book, ledger = Book(database, settings), DepositLedger(engine, credited)
        before, begun = node.calls, time.perf_counter()
        await Deposits(node, book, settings, ledger, lambda: owned).poll()
        spent, calls = time.perf_counter() - begun, node.calls - before
        assert engine.balance(options.deposits - 1, 0) == (1, 0), "not everybody was credited"
        before, begun = node.calls, time.perf_counter()
        await Reconcile(node, book, settings, database, lambda: owned, credited).poll()
        compared, asked = time.perf_counter() - begun, node.calls - before
        assert not Alarms(database).open(), "the ledger is not what the chain holds"
    finally:
        await engine.stop()
        await node.close()
        log.close()
        database.close()
        anvil.stop()
    return {
        "benchmark": "custody", "watched": options.watched, "deposits": options.deposits,
        "credited_s": round(spent, 2), "calls": calls,
        "reconciled_s": round(compared, 2), "reconcile_calls": asked,
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="excraft bench custody", description=__doc__)
    parser.add_argument("--deposits", type=int, default=1000)
    parser.add_argument("--watched", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(measure(Path(folder), options))
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:>16}  {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
