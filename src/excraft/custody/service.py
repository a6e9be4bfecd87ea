"""Custody in a running exchange: the chains it watches, deposit addresses, alarms, freezes.

An alarm that nobody resolved freezes the withdrawals of everybody, and the credits of its chain;
a chain that cannot be compared for SILENT_S freezes them until it is. Trading goes on.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Row

from excraft.beside import beside
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

SILENT_S = 120.0
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
        self.good_at: float | None = None  # when chain and ledger were last compared in whole
        self.head, self.moved_at = "", 0.0  # the newest block, and since when it is that one
        self.still = ""  # that its node tells no newer block
        self.polled = False  # since the start


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
        self._clock, self._wall, self._looked = time.monotonic, time.time, False
        self.turn = asyncio.Lock()  # of who reads chains: the watching, or a second reading
        self._open: list[Row] = []
        self._told: set[int] = set()
        self._silent_told: set[int] = set()

    @property
    def withdrawals_frozen(self) -> str:
        """Why nothing is paid out; empty when it is."""
        if not self._looked:
            return "the alarms were not read yet"
        for row in self._open:
            return f"alarm {row.id} of chain {row.chain_id}: {row.reason}"
        for watched in self.chains.values():
            if not watched.polled:
                return f"{watched.entry.network} was not looked at yet"
        return next((self._silence(w) for w in self.chains.values() if self._is_silent(w)), "")

    def _is_silent(self, watched: Watched) -> bool:
        if watched.settings is None:
            return False
        never = watched.good_at is None
        return never or bool(watched.still) or self._clock() - watched.good_at >= SILENT_S

    def _silence(self, watched: Watched) -> str:
        if watched.still:
            return watched.still
        since = "yet" if watched.good_at is None else f"for {SILENT_S:.0f} s"
        return (
            f"{watched.entry.network} could not be compared with the ledger {since}: "
            f"{watched.failure or 'its node does not answer'}"
        )

    def _stillness(self, watched: Watched) -> str:
        """That the node tells no newer block, by our clock or its block's; empty when it does."""
        head, now = watched.deposits.head, self._clock()
        if head.hash != watched.head:
            watched.head, watched.moved_at = head.hash, now
        age = max(now - watched.moved_at, self._wall() - head.seconds)
        if not watched.entry.still_s or age < watched.entry.still_s:
            return ""
        return (
            f"{watched.entry.network} stands still: the newest block that its node tells, "
            f"{head.number}, is older than {watched.entry.still_s} s"
        )

    async def run(self, seconds: float = 2.0) -> None:
        """Watch every chain, one after the other, until cancelled."""
        while True:
            for watched in self.chains.values():
                async with self.turn:
                    await self._poll(watched)
                await self._look()
            await asyncio.sleep(seconds)

    async def _look(self) -> None:
        try:
            await self.look_at_alarms()
        except Exception:  # a database that fails now must not end the watching for good
            _LOGGER.exception("the alarms could not be read; those known stay")

    async def close(self) -> None:
        for watched in self.chains.values():
            await watched.node.close()

    async def _poll(self, watched: Watched) -> None:
        try:
            if not self._ready(watched):
                return
            await watched.deposits.poll()
            await watched.reconcile.poll()
            while watched.reconcile.told:
                self._alert(f"{watched.entry.network}: {watched.reconcile.told.pop(0)}")
            watched.still = self._stillness(watched)
            watched.failure, watched.good_at = watched.still, self._clock()
        except (ChainError, CreditFailed, TooDeep, Replaced) as error:
            self._failed(watched, str(error))
        except Exception as error:  # told, and tried again: one bug must not stop every chain
            _LOGGER.exception("chain %s", watched.entry.chain)
            self._failed(watched, f"{type(error).__name__}: {error}")
        finally:
            watched.polled = True

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
        self._open, self._looked = await asyncio.to_thread(self.alarms.open), True
        for row in self._open:
            if row.id not in self._told:
                self._told.add(row.id)
                self._alert(f"ALARM {row.id} of chain {row.chain_id}: {row.reason}")
        silent = {chain for chain, watched in self.chains.items() if self._is_silent(watched)}
        for chain in silent - self._silent_told:
            self._alert(f"withdrawals are frozen: {self._silence(self.chains[chain])}")
        self._silent_told = silent

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

    async def deposits(
        self, account: int | None, limit: int = 1000, found: bool = False
    ) -> list[Row]:
        """Newest first, of one account or of everybody, over all chains; `found`: only what the
        comparison found and nobody released."""
        books = [w.book for w in self.chains.values() if w.book is not None]
        rows = await asyncio.to_thread(
            lambda: [row for book in books for row in book.deposits(account, limit, found)]
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
                {
                    "id": row.id, "chain": row.chain_id, "reason": row.reason,
                    "raised_ns": row.raised_ns,
                }
                for row in self._open
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
    try:
        async with beside(custody.run(), "custody"):
            yield custody
    finally:
        await custody.close()
