"""Custody in a running exchange: the chains it watches, deposit addresses, alarms, freezes.

An alarm that nobody resolved freezes the withdrawals of everybody, and the credits of its chain;
trading goes on.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Row

from excraft.chain.errors import ChainError
from excraft.chain.node import Node
from excraft.custody.addresses import Addresses
from excraft.custody.alarms import Alarms
from excraft.custody.book import Book
from excraft.custody.chains import ChainEntry, ChainsFile, Listed, deposit_settings
from excraft.custody.deposit import ChainSettings
from excraft.custody.deposits import Deposits, Ledger
from excraft.custody.errors import CreditFailed, Replaced, TooDeep
from excraft.custody.reconcile import Reconcile
from excraft.store.database import Database

_LOGGER = logging.getLogger(__name__)


class Watched:
    """One chain and who watches it; `failure` says what is wrong at the moment."""

    def __init__(self, entry: ChainEntry, node: Node) -> None:
        self.entry, self.node = entry, node
        self.failure = f"{entry.network} is not watched yet"
        self.book: Book | None = None
        self.deposits: Deposits | None = None
        self.reconcile: Reconcile | None = None
        self.settings: ChainSettings | None = None


class Custody:
    """`run` until cancelled. `listed`: assets by symbol, as they are now."""

    def __init__(
        self, file: ChainsFile, database: Database, ledger: Ledger, totals: Any,
        listed: Callable[[], Mapping[str, Listed]], alert: Callable[[str], None],
    ) -> None:  # fmt: skip
        """`totals`: custody.credited.Credited. `alert`: tells the operator, whatever happens."""
        self.addresses, self.alarms = Addresses(database, file.xpub), Alarms(database)
        self.chains = {e.chain: Watched(e, Node(e.url, e.chain)) for e in file.chains}
        self._database, self._ledger, self._totals = database, ledger, totals
        self._listed, self._alert = listed, alert
        self._open: list[Row] = []
        self._told: set[int] = set()

    @property
    def withdrawals_frozen(self) -> str:
        """Why nothing is paid out; empty when it is."""
        if not self._open:
            return ""
        first = self._open[0]
        return f"alarm {first.id} of chain {first.chain_id}: {first.reason}"

    async def run(self, seconds: float = 2.0) -> None:
        """Watch every chain, one after the other, until cancelled."""
        await self.look_at_alarms()
        while True:
            for watched in self.chains.values():
                await self._poll(watched)
            await self.look_at_alarms()
            await asyncio.sleep(seconds)

    async def close(self) -> None:
        for watched in self.chains.values():
            await watched.node.close()

    async def _poll(self, watched: Watched) -> None:
        try:
            if not self._ready(watched):
                return
            await watched.deposits.poll()
            await watched.reconcile.poll()
            watched.failure = ""
        except (ChainError, CreditFailed, TooDeep, Replaced) as error:
            self._failed(watched, str(error))
        except Exception as error:  # told, and tried again: one bug must not stop every chain
            _LOGGER.exception("chain %s", watched.entry.chain)
            self._failed(watched, f"{type(error).__name__}: {error}")

    def _ready(self, watched: Watched) -> bool:
        """Whether there is something to watch, after taking over assets listed meanwhile."""
        settings = deposit_settings(watched.entry, self._listed())
        if settings is None:
            watched.failure = f"the coin of {watched.entry.network} is not listed yet"
            return False
        if settings != watched.settings:
            watched.settings = settings
            watched.book = Book(self._database, settings)
            watched.deposits = Deposits(
                watched.node, watched.book, settings, self._ledger, self.addresses.all
            )
            watched.reconcile = Reconcile(
                watched.node, watched.book, settings, self._database,
                self.addresses.all, self._totals,
            )  # fmt: skip
        return True

    def _failed(self, watched: Watched, why: str) -> None:
        if watched.failure != why:
            _LOGGER.warning("chain %s: %s", watched.entry.chain, why)
        watched.failure = why

    # alarms

    async def look_at_alarms(self) -> None:
        """Learn which alarms are open, and tell the operator of new ones."""
        self._open = await asyncio.to_thread(self.alarms.open)
        for row in self._open:
            if row.id not in self._told:
                self._told.add(row.id)
                self._alert(f"ALARM {row.id} of chain {row.chain_id}: {row.reason}")

    # what doors ask for

    def networks(self, asset: int) -> list[tuple[ChainEntry, ChainSettings, str | None]]:
        """Chains over which an asset comes: (chain, settings, token or None for the coin)."""
        found = []
        for watched in self.chains.values():
            # Not watched yet is no reason to hide it: an asset may have been listed just now.
            settings = watched.settings or deposit_settings(watched.entry, self._listed())
            if settings is None:
                continue
            if settings.coin.number == asset:
                found.append((watched.entry, settings, None))
            for token, each in settings.tokens.items():
                if each.number == asset:
                    found.append((watched.entry, settings, token))
        return found

    async def address(self, account: int) -> str:
        """The account's deposit address, the same on every chain; made the first time."""
        return await asyncio.to_thread(self.addresses.of, account)

    async def deposits(self, account: int | None, limit: int = 1000) -> list[Row]:
        """Newest first, of one account or of everybody, over all chains."""
        books = [w.book for w in self.chains.values() if w.book is not None]
        rows = await asyncio.to_thread(
            lambda: [row for book in books for row in book.deposits(account, limit)]
        )
        return sorted(rows, key=lambda row: (row.seen_ns, row.id), reverse=True)[:limit]

    def network(self, chain: int) -> str:
        """Its name for clients; its number when it is no longer served."""
        return self.chains[chain].entry.network if chain in self.chains else str(chain)

    def confirmations(self, chain: int) -> int:
        return self.chains[chain].entry.confirmations if chain in self.chains else 1

    def tip(self, chain: int) -> int:
        """The newest block that was read there; 0 before the first."""
        watched = self.chains.get(chain)
        tip = watched.book.tip() if watched and watched.book else None
        return tip.number if tip else 0

    def status(self) -> dict[str, Any]:
        """What does not work at the moment, in words."""
        return {
            "frozen": self.withdrawals_frozen,
            "alarms": [
                {"id": row.id, "chain": row.chain_id, "reason": row.reason} for row in self._open
            ],
            "chains": [
                {
                    "chain": w.entry.chain, "network": w.entry.network, "failure": w.failure,
                    "reconciled": w.reconcile.report() if w.reconcile else [],
                }
                for w in self.chains.values()
            ],
        }  # fmt: skip


@contextlib.asynccontextmanager
async def watching(custody: Custody):
    """Runs it beside what is inside."""
    task = asyncio.create_task(custody.run(), name="custody")
    try:
        yield custody
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await custody.close()
