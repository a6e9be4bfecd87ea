"""The watcher: walks the chain block by block, and credits each deposit once.

A poll reads the head, then whole ranges of blocks with one call each, whatever the number of
addresses. What was seen moves with the block it is in: when a parent hash does not fit, the rows go
back to the common ancestor first. Between a credit and its mark lies a moment in which everything
may stop; so the log is asked for the reference before each credit, and before anything is orphaned.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from sqlalchemy import Row

from excraft.chain.blocks import Block, Header, TokenTransfer
from excraft.chain.errors import AnswerTooLarge, BadAnswer, ChainError
from excraft.chain.node import Node
from excraft.custody.addresses import Owned
from excraft.custody.book import Book
from excraft.custody.deposit import COIN, HOUSE, Arrival, ChainSettings, reference
from excraft.custody.errors import CreditFailed, CreditRefused, TooDeep

RECEIPTS = 200  # of one call
LOOKED_BACK = 64  # headers of one call, for the common ancestor
ROLLBACKS = 8  # in one poll; a node that changes its mind more often is no help
_LOGGER = logging.getLogger(__name__)
_Place = tuple[str, str, str]  # token, address, hash of a block


class Ledger(Protocol):
    """What custody needs of the exchange."""

    async def credit(self, account: int, asset: int, atoms: int, reference: str) -> int:
        """Position in the log, once it is durable. Raises CreditRefused when it is not taken,
        for good; CreditFailed when that is not known."""
        ...

    async def find(self, references: Sequence[str]) -> dict[str, int]:
        """Positions of the credits with these references that are in the log. Must see every
        credit whose call ended, in whatever way and in whatever process."""
        ...


class Deposits:
    """Watches one chain. `poll()` once, or `run()`; `failure` says what is wrong at the moment,
    `head` is the newest block that the node told."""

    def __init__(
        self, node: Node, book: Book, settings: ChainSettings, ledger: Ledger,
        owned: Callable[[], Iterable[Owned]],
    ) -> None:  # fmt: skip
        """`owned`: Addresses.all, or what else knows whose addresses there are."""
        if node.chain_id != settings.chain_id:
            raise ValueError(f"the node is of chain {node.chain_id}, not {settings.chain_id}")
        self.failure, self.head = "", None
        self._node, self._book, self._settings, self._ledger = node, book, settings, ledger
        self._owned, self._by_address = owned, {}
        self._range, self._mine = settings.range_blocks, False

    async def run(self, seconds: float = 2.0) -> None:
        """Poll until cancelled; raises Replaced when another watcher took over."""
        while True:
            try:
                await self.poll()
                self.failure = ""
            except (ChainError, CreditFailed, TooDeep) as error:
                if self.failure != str(error):
                    _LOGGER.warning("chain %s: %s", self._settings.chain_id, error)
                self.failure = str(error)
            await asyncio.sleep(seconds)

    async def poll(self) -> None:
        """Read what is new, confirm, credit; raises ChainError and leaves what it had done."""
        if not self._mine:
            await asyncio.to_thread(self._book.take_over)
            self._mine = True
        await self._mark_found(await asyncio.to_thread(self._book.confirmed))
        self.head = await self._node.head()
        await self._walk(self.head)
        tip = await asyncio.to_thread(self._book.tip)
        if tip is not None:
            # Counted from the block that was read, never from the height that a node claims.
            deep = tip.number - self._settings.confirmations + 1
            await asyncio.to_thread(self._book.confirm, deep)
        await self._credit()

    # blocks

    async def _walk(self, head: Header) -> None:
        # After the head: whoever was shown an address before its block was mined is in here.
        await self._know_addresses()
        rollbacks = 0
        while True:
            tip = await asyncio.to_thread(self._book.tip)
            if tip is not None and tip.number >= head.number:
                fits = await self._holds(head)
                if fits:
                    return
            else:
                fits = await self._next_range(tip, head)
            if not fits:
                rollbacks += 1
                if rollbacks > ROLLBACKS:
                    raise BadAnswer(f"{self._node.name} changes its chain while it is read")
                await self._roll_back(min(tip.number, head.number))

    async def _know_addresses(self) -> None:
        owned = await asyncio.to_thread(self._owned)
        self._by_address = {each.address.lower(): each for each in owned}
        self._by_address |= {own: Owned(own, HOUSE, -1) for own in self._settings.own}

    async def read_again(self, first: int, last: int) -> list[Arrival]:
        """What arrived in blocks that were read before, as the node tells it now; changes nothing.
        Raises BadAnswer when the blocks are not those that were read."""
        await self._know_addresses()
        kept, found, parent = await asyncio.to_thread(self._book.hashes, first, last), [], ""
        for start in range(first, last + 1, self._settings.range_blocks):
            end = min(last, start + self._settings.range_blocks - 1)
            blocks, logs = await self._node.blocks(start, end, [*self._settings.tokens])
            for header in (block.header for block in blocks):
                if header.parent != (parent or header.parent):
                    raise BadAnswer(f"{self._node.name} changed its chain while it was read")
                if kept.get(header.number, header.hash) != header.hash:
                    raise BadAnswer(f"block {header.number} is another than the one that was read")
                parent = header.hash
            found += await self._arrivals(blocks, logs)
        return found

    async def _holds(self, head: Header) -> bool:
        """Whether the head is a block that was read already: nothing is new."""
        kept = await asyncio.to_thread(self._book.hashes, head.number, head.number)
        if not kept:
            raise BadAnswer(f"{self._node.name} is at block {head.number}, far behind")
        return kept[head.number] == head.hash

    async def _next_range(self, tip: Header | None, head: Header) -> bool:
        """Reads on from `tip`; False when the next block has another parent."""
        start = self._settings.first_block
        first = tip.number + 1 if tip else (head.number if start is None else start)
        if first > head.number:
            raise BadAnswer(f"block {first}, the first to be read, is not there yet")
        while True:
            last = min(head.number, first + self._range - 1)
            try:
                blocks, logs = await self._node.blocks(first, last, [*self._settings.tokens])
                break
            except AnswerTooLarge:
                if last == first:
                    raise
                self._range = max(1, (last - first + 1) // 2)
        self._range = min(self._settings.range_blocks, self._range * 2)
        if tip is not None and blocks[0].header.parent != tip.hash:
            return False
        arrivals = await self._arrivals(blocks, logs)
        headers = [block.header for block in blocks]
        if tip is None and first > 0:
            # The first common ancestor, should all that is read from here on go away.
            headers = [*await self._node.headers([first - 1]), *headers]
            if headers[0].hash != headers[1].parent:
                raise BadAnswer(f"{self._node.name} changed its chain while it was read")
        await asyncio.to_thread(self._book.add, headers, arrivals)
        return True

    async def _roll_back(self, top: int) -> None:
        while True:
            kept = await asyncio.to_thread(self._book.hashes, top - LOOKED_BACK + 1, top)
            if not kept:
                why = f"the chain differs from all of the {self._settings.kept_blocks} blocks kept"
                await asyncio.to_thread(self._book.alarm, why)
                raise TooDeep(why)
            now = await self._node.headers(sorted(kept, reverse=True))
            same = next((h.number for h in now if h.hash == kept[h.number]), None)
            if same is not None:
                break
            top = min(kept) - 1
        # Rows may be credited and not marked: the log knows, and they must not end as orphans.
        await self._mark_found(await asyncio.to_thread(self._book.confirmed))
        lost = await asyncio.to_thread(self._book.roll_back, same)
        if lost:
            _LOGGER.critical(
                "chain %s: %s credited deposits left the chain above block %s; crediting stops",
                self._settings.chain_id, lost, same,
            )  # fmt: skip

    # what arrived

    async def _arrivals(
        self, blocks: Sequence[Block], logs: Sequence[TokenTransfer]
    ) -> list[Arrival]:
        coins = [
            (block.header, transfer)
            for block in blocks
            for transfer in block.transfers
            if self._is_deposit(transfer.source, transfer.to)
        ]
        tokens = [log for log in logs if log.units and self._is_deposit(log.source, log.to)]
        wanted = {t.transaction: h.hash for h, t in coins}
        wanted |= {log.transaction: log.block_hash for log in tokens}
        receipts = await self._receipts(wanted)
        arrivals = []
        for header, transfer in coins:
            if receipts[transfer.transaction].succeeded:
                owner = self._by_address[transfer.to]
                arrivals.append(
                    Arrival(transfer.transaction, COIN, owner.address, owner.account, None,
                            transfer.units, header.number, header.hash)
                )  # fmt: skip
        parents = {block.header.hash: block.header.parent for block in blocks}
        moved = await self._moved(logs)
        for log, units, note in await self._risen(tokens, parents, moved):
            owner = self._by_address[log.to]
            within = log.log - receipts[log.transaction].first_log
            arrivals.append(
                Arrival(log.transaction, within, owner.address, owner.account, log.token, units,
                        log.block, log.block_hash, note)
            )  # fmt: skip
        return arrivals

    def _is_deposit(self, source: str, to: str) -> bool:
        """What the exchange's own wallets and addresses send is no deposit."""
        return to in self._by_address and source not in self._by_address

    async def _receipts(self, wanted: dict[str, str]) -> dict:
        names, found = [*wanted], {}
        for start in range(0, len(names), RECEIPTS):
            for receipt in await self._node.receipts(names[start : start + RECEIPTS]):
                if receipt.block_hash != wanted[receipt.transaction]:
                    raise BadAnswer(f"{receipt.transaction} moved to another block meanwhile")
                found[receipt.transaction] = receipt
        return found

    async def _moved(self, logs: Sequence[TokenTransfer]) -> Counter[_Place]:
        """Units that our own transactions took from an address in a block, less what they brought
        there: as the token says, but no more than we sent, and not what it says of others."""
        said: Counter[tuple[str, ...]] = Counter()
        for log in logs:
            if log.source in self._by_address:
                said[log.transaction, log.block_hash, log.token, log.source, log.to] += log.units
        rows = await asyncio.to_thread(self._book.sent, {transaction for transaction, *_ in said})
        sent = {
            (row.hash, row.token, row.source.lower(), row.destination.lower()): int(row.units)
            for row in rows
        }
        moved: Counter[_Place] = Counter()
        for (transaction, block, token, source, to), units in said.items():
            units = min(units, sent.get((transaction, token, source, to), 0))
            moved[token, source, block] += units
            moved[token, to, block] -= units
        return moved

    async def _risen(
        self, logs: Sequence[TokenTransfer], parents: dict[str, str], moved: Mapping[_Place, int]
    ) -> list[tuple[TokenTransfer, int, str]]:
        """Each transfer with what may be credited: no more than the address really got, beside
        what we ourselves took from it (a sweep) in the same block."""
        places = list(dict.fromkeys((log.token, log.to, log.block_hash) for log in logs))
        left: dict[_Place, int] = {}
        for start in range(0, len(places), RECEIPTS):
            part = places[start : start + RECEIPTS]
            before = [(token, owner, parents[block]) for token, owner, block in part]
            told = await self._node.token_balances([*part, *before])
            for place, after, until in zip(part, told, told[len(part) :], strict=False):
                known = after is not None and until is not None
                left[place] = max(0, after - until + moved[place]) if known else 0
        result = []
        for log in sorted(logs, key=lambda log: (log.block, log.log)):
            place = (log.token, log.to, log.block_hash)
            units = min(log.units, left[place])
            left[place] -= units
            note = (
                ""
                if units == log.units
                else (
                    f"the token says {log.units} units, the balance of the address rose by {units}"
                )
            )
            result.append((log, units, note))
        return result

    # credits

    async def _mark_found(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Marks those whose credit is in the log already; returns the others."""
        if not rows:
            return rows
        names = {self._reference(row): row for row in rows}
        found = await self._ledger.find([*names])
        done = {names[name].id: position for name, position in found.items()}
        await asyncio.to_thread(self._book.settle, done, {})
        return [row for row in rows if row.id not in done]

    async def _credit(self) -> None:
        most = self._settings.credits_at_once
        while not await asyncio.to_thread(self._book.alarms):
            rows = await asyncio.to_thread(self._book.confirmed, most)
            if not rows:
                return
            await self._credit_these(await self._mark_found(rows))

    async def _credit_these(self, rows: Sequence[Row]) -> None:
        outcomes = await asyncio.gather(
            *(
                self._ledger.credit(row.account, row.asset, row.atoms, self._reference(row))
                for row in rows
            ),
            return_exceptions=True,
        )
        credited, refused, failed = {}, {}, []
        for row, outcome in zip(rows, outcomes, strict=True):
            if isinstance(outcome, CreditRefused):
                refused[row.id] = f"the ledger refused it: {outcome}"
            elif isinstance(outcome, BaseException):
                failed.append(outcome)  # nobody knows what became of it; the next poll looks
            else:
                credited[row.id] = outcome
        await asyncio.to_thread(self._book.settle, credited, refused)
        if failed:
            raise failed[0]

    def _reference(self, row: Row) -> str:
        return reference(self._settings.chain_id, row.transaction, row.log)
