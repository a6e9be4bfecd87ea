"""How long 1,000 deposits in one block take from the chain to the last mark, 10,000 watched.

    python bench/custody.py [--deposits N]

A local anvil and SQLite; the ledger answers at once, so this is what custody itself costs.
"""

import argparse
import asyncio
import tempfile
import time

from excraft.chain.anvil import Anvil
from excraft.chain.node import Limits, Node
from excraft.custody.addresses import Owned
from excraft.custody.book import Book
from excraft.custody.deposit import Asset, ChainSettings
from excraft.custody.deposits import Deposits
from excraft.store.database import Database

WATCHED, AT_ONCE = 10_000, 250


class Ledger:
    def __init__(self) -> None:
        self.found: dict[str, int] = {}

    async def credit(self, account: int, asset: int, atoms: int, reference: str) -> int:
        return self.found.setdefault(reference, len(self.found) + 1)

    async def find(self, references) -> dict[str, int]:
        return {name: self.found[name] for name in references if name in self.found}


async def measure(node: Node, database: Database, count: int) -> None:
    """Prints the calls and the seconds of one poll."""
    owned = [Owned(f"0x{n + 10**6:040x}", n, n) for n in range(WATCHED)]
    source = (await node.web3.eth.accounts)[9]
    for start in range(0, count, AT_ONCE):
        await node.batch(
            [
                ("eth_sendTransaction", [{"from": source, "to": owned[n].address, "value": "0x1",
                                          "gas": hex(21_000), "nonce": hex(n)}])
                for n in range(start, min(count, start + AT_ONCE))
            ]
        )  # fmt: skip
    await node.batch([("anvil_mine", ["0x3"])])
    settings = ChainSettings(node.chain_id, Asset(0, 18, 18), confirmations=3, first_block=1)
    ledger, before, began = Ledger(), node.calls, time.perf_counter()
    await Deposits(node, Book(database, settings), settings, ledger, lambda: owned).poll()
    seconds = time.perf_counter() - began
    assert len(ledger.found) == count, f"{len(ledger.found)} of {count} were credited"
    print(f"{count} deposits credited in {seconds:.2f} s, {node.calls - before} calls to the node, "
          f"{WATCHED} addresses watched")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deposits", type=int, default=1000)
    count = parser.parse_args().deposits
    anvil = Anvil(mining=False)

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            database = Database(f"sqlite:///{folder}/custody.db")
            database.migrate()
            node = Node(anvil.url, anvil.chain_id, Limits(seconds=60.0))
            try:
                await measure(node, database, count)
            finally:
                await node.close()
                database.close()

    try:
        asyncio.run(run())
    finally:
        anvil.stop()


if __name__ == "__main__":
    main()
