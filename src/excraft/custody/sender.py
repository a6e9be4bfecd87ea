"""Sends what our wallets pay on one chain: priced, planned, signed, sent, replaced, settled.

One thing at a time, each step on the disk before the next: whatever stops in between is taken up
where it was. A nonce is planned before the signer is asked and asked for again until it is
answered, so there are no gaps; an open one is offered more until it is mined.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Row

from excraft.chain import transfers
from excraft.chain.errors import ChainError, NodeRefused
from excraft.chain.node import Node
from excraft.chain.transfers import Mined, Price
from excraft.custody.errors import CannotBePaid, SignerAway, SignerRefused
from excraft.custody.recalled import Recalled
from excraft.custody.sent import Kind, Plan, SentBook, Status
from excraft.custody.signer.requests import Made, Wallet
from excraft.custody.signer_client import SignerClient
from excraft.custody.signing import request_of

SECOND_NS = 10**9
COIN_GAS = 21_000  # of a payment to whom is no contract
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SendingSettings:
    """`replace_s`: how long an offer stands before a higher one is made."""

    confirmations: int = 12
    replace_s: float = 120.0
    resend_s: float = 15.0
    hello_s: float = 30.0  # how long the signer's caps are believed to be what they were
    look_back_s: float = 30.0
    look_back_blocks: int = 256

    def __post_init__(self) -> None:
        if self.confirmations < 1:
            raise ValueError(f"confirmations must be at least 1, not {self.confirmations}")


class Sender:
    """`notes`: why an open transaction does not move, by its row; `failure`: what is wrong with
    the wallet as a whole, for which nothing new is sent."""

    def __init__(
        self, node: Node, book: SentBook, signer: SignerClient, settings: SendingSettings,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:  # fmt: skip
        self.notes: dict[int, str] = {}
        self.failure = ""
        self.book, self.node = book, node
        self.recalled = Recalled(book, signer)
        self._signer, self.settings, self._clock = signer, settings, clock
        self._sent_at: dict[int, int] = {}
        self._held: dict[int, tuple[int, str]] = {}  # when a higher offer was refused, and why
        self._looked_back = 0
        self._wallet: Wallet | None = None
        self._asked_at = 0

    async def wallet(self) -> Wallet:
        """What the signer says of this chain; raises SignerAway, or SignerRefused."""
        now = self._clock()
        if self._wallet is None or now - self._asked_at > self.settings.hello_s * SECOND_NS:
            hello, chain = await self._signer.hello(), self.node.chain_id
            self._wallet = next((w for w in hello.wallets if w.chain == chain), None)
            self._asked_at = now
            if self._wallet is None:
                raise SignerRefused(f"the signer does not serve chain {chain}")
        return self._wallet

    async def poll(self, stopped: Callable[[Row], str] = lambda row: "") -> None:
        """Settle what was mined, and push what was not. Raises ChainError or SignerAway.

        `stopped`: why nothing new is signed for a row; what was signed is still sent again."""
        await self._look_back()
        rows = await self._open()
        if not rows:
            self.notes.clear()
            self._held.clear()
            return
        await self._settle(rows)
        await self._look_for_strangers()
        rows = await self._open()
        signed = self._newest([row for row in rows if row.hash is not None])
        standing = {(row.source, row.nonce): row for row in signed}
        for row in self._newest(rows):
            try:
                before = standing.get((row.source, row.nonce))
                self._note(row.id, await self._push(row, before, self.failure or stopped(row)))
            except (SignerRefused, SignerAway, NodeRefused, TooDear) as why:
                self._note(row.id, str(why))

    async def pay(self, plan: Plan) -> None:
        """Send something new. Raises CannotBePaid when it would fail on the chain, SignerRefused,
        SignerAway, ChainError; NotEnough when the wallet has to be filled first."""
        if self.failure:
            raise SignerRefused(self.failure)
        if any(row.status == Status.PLANNED for row in await self._open()):
            raise SignerAway("an earlier transaction waits for the signer")
        wallet = await self.wallet()
        price = await self._tried(plan, wallet)
        mined = await transfers.nonce(self.node, plan.source)
        nonce = await self._next_nonce(plan, mined)
        id = await asyncio.to_thread(self.book.plan, plan, nonce, price)
        row = next(row for row in await self._open() if row.id == id)
        await self._sign(row)

    async def _tried(self, plan: Plan, wallet: Wallet) -> Price:
        """What it takes; raises as `pay` does."""
        most = wallet.gas_max if plan.token else min(wallet.gas_max, wallet.coin_gas_max)
        price = await self.price(COIN_GAS, wallet)
        left = await self._check_funds(plan, price)
        offer = price._replace(gas=min(most, COIN_GAS + left // max(price.fee_max, 1)))
        gas, why = await transfers.trial(
            self.node, plan.source, plan.destination, plan.token, plan.units, offer
        )
        if why and offer.gas < most:
            raise NotEnough(f"{plan.source} has coin for {offer.gas} gas, and with that: {why}")
        if why:
            raise CannotBePaid(why)
        price = price._replace(gas=gas if gas == COIN_GAS else min(gas * 5 // 4, most))
        await self._check_funds(plan, price)
        return price

    async def _next_nonce(self, plan: Plan, mined: int) -> int:
        """After the last one that was used here; `mined`: so many are used, says the node."""
        last = await asyncio.to_thread(self.book.last_nonce, plan.source)
        if last is None:  # the first, also of a wallet that others used before us
            return mined
        number = plan.number if plan.kind == Kind.SWEEP else None
        for missing in range(last + 1, mined):  # ours, if the database is an old one
            if not await self.recalled.nonce(plan.source, missing, number):
                self._stop(
                    f"nonce {missing} of {plan.source} on chain {self.node.chain_id} is used, says "
                    f"the node, and the signer signed nothing with it: the node lies, or somebody "
                    f"else has the key"
                )
                raise SignerRefused(self.failure)
        return max(last + 1, mined)

    def _stop(self, why: str) -> None:
        if self.failure != why:
            _LOGGER.critical(why)
        self.failure = why

    async def price(self, gas: int, wallet: Wallet, least: Price | None = None) -> Price:
        """What is offered now; `least`: what stood before, of which a replacement takes an eighth
        more. Raises TooDear when the signer would not sign that much."""
        now = await transfers.fees(self.node)
        tip = max(now.tip, least.tip * 9 // 8 + 1 if least else 0)
        fee_max = max(2 * now.base + tip, least.fee_max * 9 // 8 + 1 if least else 0)
        most = wallet.gas_price_max_wei
        if gas > wallet.gas_max:
            raise SignerRefused(f"it takes {gas} gas; the signer signs up to {wallet.gas_max}")
        if now.base + tip > most or (least and least.fee_max * 9 // 8 + 1 > most):
            raise TooDear(
                f"gas costs {now.base + tip} wei now; the signer signs up to {most}: it waits"
            )
        return Price(gas, min(fee_max, most), min(tip, most))

    async def recall_all(self) -> None:
        """Follow everything that the signer signed here and no row knows: the database may be an
        old one. Raises SignerRefused or SignerAway."""
        wallet = await self.wallet()
        places = await asyncio.to_thread(self.book.sources)
        for source, number in [(wallet.hot, None), *places]:
            await self.recalled.source(source, number)

    async def outcome(self, id: int) -> Status | None:
        """What became of a withdrawal that was signed, once that is deep in the chain. Asked are
        signer and node: a row may be altered. Raises ChainError, SignerRefused, SignerAway."""
        made = {each.hash: each for each in await self.recalled.made(id)}
        found = await transfers.mined(self.node, [*made]) if made else {}
        head = await self.node.head() if found else None
        for hash, mined in found.items():
            deep = head.number - mined.block + 1 >= self.settings.confirmations
            if deep and await self._stands(mined):
                return await self._end(made[hash], mined)
        return None

    # one poll

    async def _settle(self, rows: list[Row]) -> None:
        signed = {row.hash: row for row in rows if row.hash is not None}
        head = await self.node.head()
        found = await transfers.mined(self.node, [*signed]) if signed else {}
        for hash, row in signed.items():
            if hash not in found and row.status == Status.MINED:
                await asyncio.to_thread(self.book.unmined, row.id)
        for hash, mined in found.items():
            row = signed[hash]
            deep = head.number - mined.block + 1 >= self.settings.confirmations
            if deep and await self._stands(mined):
                end = await self._end(row, mined)
                await asyncio.to_thread(self.book.settle, row.id, end, mined)
                if end != Status.CONFIRMED and row.closed_position is not None:
                    self._stop(
                        f"withdrawal {row.withdrawal_id} was closed as paid, and {hash} is {end} "
                        f"in block {mined.block} now: look at it"
                    )
                self.notes.pop(row.id, None)
            elif (row.status, row.block_hash) != (Status.MINED, mined.block_hash):
                await asyncio.to_thread(self.book.mined, row.id, mined)

    async def _end(self, row: Row | Made, mined: Mined) -> Status:
        """EMPTY, after which the money is given back, only when nothing left our wallet: neither
        does the token say so, nor did the balance fall. What left otherwise than it should is
        found by whoever compares chain and ledger."""
        if not mined.succeeded:
            return Status.REVERTED
        mine = (row.token, row.source.lower())
        if row.token is None or mine in [(each.token, each.source) for each in mined.moved]:
            return Status.CONFIRMED
        [parent] = await self.node.headers([mined.block - 1])
        after, before = await self.node.token_balances(
            [(row.token, row.source, hash) for hash in (mined.block_hash, parent.hash)]
        )
        stood = after is not None and before is not None and after >= before
        return Status.EMPTY if stood else Status.CONFIRMED

    async def _look_back(self) -> None:
        """Now and then: whether what was settled lately is still in the chain."""
        now = self._clock()
        if now - self._looked_back < self.settings.look_back_s * SECOND_NS:
            return
        self._looked_back = now
        head = await self.node.head()
        first = max(0, head.number - self.settings.look_back_blocks)
        rows = await asyncio.to_thread(self.book.settled_since, first)
        found = await transfers.mined(self.node, [r.hash for r in rows]) if rows else {}
        for row in rows:
            now_in = found.get(row.hash)
            if now_in is None and head.number < row.block:
                continue  # the node is behind: it knows nothing of that block yet
            if now_in is not None and not await self._stands(now_in):
                continue
            await self._compare(row, now_in)

    async def _compare(self, row: Row, now_in: Mined | None) -> None:
        """What was settled with what the chain says of it now."""
        paid = row.status == Status.CONFIRMED
        what = f"chain {row.chain_id}: {row.hash} was settled in block {row.block} as {row.status}"
        if now_in is None and not paid:  # its money was given back
            self._stop(f"{what}, which left; it failed there and may be mined again: look at it")
        elif now_in is None:
            _LOGGER.critical("%s, which left; it is sent again", what)
            await asyncio.to_thread(self.book.reopen, row)
        elif now_in.succeeded != (row.status != Status.REVERTED):
            did = "succeeded" if now_in.succeeded else "failed"
            self._stop(f"{what}, and {did} in block {now_in.block}: look at it")
        elif now_in.block_hash != row.block_hash and row.status == Status.EMPTY:
            self._stop(f"{what}, and is now in block {now_in.block}: look at it")
        elif now_in.block_hash != row.block_hash and paid:
            _LOGGER.critical("%s, and is now in block %s", what, now_in.block)
            await asyncio.to_thread(self.book.reopen, row)

    async def _stands(self, mined: Mined) -> bool:
        """Whether the block of a receipt is one of the chain."""
        [header] = await self.node.headers([mined.block])
        return header.hash == mined.block_hash

    async def _look_for_strangers(self) -> None:
        """A nonce that is used up on the chain, and not by us: somebody else has the key."""
        rows = [row for row in await self._open() if row.hash is not None]
        waiting = {}
        for row in self._newest(rows):
            if row.status == Status.SIGNED:
                waiting.setdefault(row.source, row)
        head = await self.node.head() if waiting else None
        for source, row in waiting.items():
            block = head.number - self.settings.confirmations + 1
            if block < 0 or await transfers.nonce(self.node, source, hex(block)) <= row.nonce:
                continue
            if await transfers.mined(self.node, [r.hash for r in rows if r.source == source]):
                continue  # mined since we looked; the next poll settles it
            self._stop(
                f"nonce {row.nonce} of {source} on chain {row.chain_id} was used by a "
                f"transaction that is not ours: somebody else has its key, or another exchange"
            )

    async def _push(self, row: Row, standing: Row | None, stopped: str) -> str:
        """Why it waits. `standing`: signed before with this nonce; it is sent again when no more
        is offered."""
        if row.status == Status.MINED:
            return ""
        if row.status == Status.PLANNED and stopped:
            await self._withdraw_plan(row)
            if standing is not None:
                await self._send(standing.id, standing.raw, standing.hash)
            return stopped
        try:
            if row.status == Status.PLANNED:
                await self._sign(row)
            elif self._is_due(row) and not stopped:
                await self._replace(row)
            else:
                await self._send(row.id, row.raw, row.hash)
                return stopped or self._held.get(row.id, (0, ""))[1]
            return ""
        except (TooDear, SignerRefused, SignerAway) as why:
            if standing is not None:
                if isinstance(why, SignerRefused):
                    self._held[standing.id] = self._clock(), str(why)
                await self._send(standing.id, standing.raw, standing.hash)
            raise

    def _is_due(self, row: Row) -> bool:
        """Whether the offer stood long enough, also since a higher one was refused."""
        since = max(row.sent_ns, self._held.get(row.id, (0, ""))[0])
        return self._clock() - since > self.settings.replace_s * SECOND_NS

    async def _replace(self, row: Row) -> None:
        before = Price(row.gas, row.fee_max, row.tip)
        price = await self.price(row.gas, await self.wallet(), before)
        plan = Plan(row.kind, row.source, row.destination, row.token, int(row.units),
                    row.withdrawal_id, row.number)  # fmt: skip
        made = await asyncio.to_thread(self.book.plan, plan, row.nonce, price, row.attempt + 1)
        newer = next(each for each in await self._open() if each.id == made)
        await self._sign(newer)

    async def _sign(self, row: Row) -> None:
        try:
            answer = await self._signer.ask(request_of(row))
        except SignerRefused:
            await self._withdraw_plan(row)
            raise
        await asyncio.to_thread(self.book.signed, row.id, answer.hash, answer.raw)
        await self._send(row.id, answer.raw, answer.hash)

    async def _withdraw_plan(self, row: Row) -> None:
        """The signer will not sign it now; but it may have, and its answer was lost."""
        number = row.number if row.kind == Kind.SWEEP else None
        await self.recalled.nonce(row.source, row.nonce, number)
        await asyncio.to_thread(self.book.unplan, row.id)  # unless it was learned just now

    async def _send(self, id: int, raw: str, hash: str) -> None:
        """Now and then again: a node may forget it."""
        now = self._clock()
        if now - self._sent_at.get(id, 0) < self.settings.resend_s * SECOND_NS:
            return
        self._sent_at[id] = now
        await transfers.send(self.node, raw, hash)

    # what there is

    async def _check_funds(self, plan: Plan, price: Price) -> int:
        """Coin that is left then; raises NotEnough. What the wallet has, less what is under way,
        must cover it all."""
        places = [(plan.source, None)] + ([(plan.source, plan.token)] if plan.token else [])
        has = await transfers.balances(self.node, places)
        busy = {None: 0, plan.token: 0}
        for row in self._newest(await self._open()):
            if row.source == plan.source and row.status != Status.MINED:
                busy[None] += row.gas * row.fee_max
                if row.token in busy:
                    busy[row.token] += int(row.units)
        needs = {None: price.gas * price.fee_max}
        needs[plan.token] = needs.get(plan.token, 0) + plan.units
        for (source, token), there in zip(places, has, strict=True):
            if there - busy[token] < needs.get(token, 0):
                what = token or "the native coin"
                raise NotEnough(
                    f"{source} has {there} units of {what}, {busy[token]} of them under way; "
                    f"{needs[token]} are needed"
                )
        return has[0] - busy[None] - needs[None]

    async def _open(self) -> list[Row]:
        return await asyncio.to_thread(self.book.open)

    def _newest(self, rows: list[Row]) -> list[Row]:
        """One row for each nonce: the newest attempt, or the one that is mined."""
        newest: dict[tuple, Row] = {}
        for row in rows:
            place = (row.source, row.nonce)
            if place not in newest or newest[place].status != Status.MINED:
                newest[place] = row
        return [*newest.values()]

    def _note(self, id: int, why: str) -> None:
        if why and self.notes.get(id) != why:
            _LOGGER.warning("transaction %s: %s", id, why)
        self.notes[id] = why


class NotEnough(ChainError):
    """The wallet has to be filled first."""


class TooDear(ChainError):
    """Gas costs more at the moment than the signer signs."""
