"""One withdrawal at a time, step by step: each is looked up in the log before it is taken."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from sqlalchemy import Row

from excraft.chain.errors import ChainError
from excraft.custody import limits as stored_limits
from excraft.custody.alarms import Alarms
from excraft.custody.errors import (
    CannotBePaid,
    LedgerAway,
    Replaced,
    SignerAway,
    SignerRefused,
)
from excraft.custody.limits import Setting
from excraft.custody.sender import Sender
from excraft.custody.sent import Kind, Plan, Status
from excraft.custody.signer.requests import Void
from excraft.custody.signer_client import SignerClient
from excraft.custody.sweeps import Sweeper
from excraft.custody.withdrawal import State, approval_text
from excraft.custody.withdrawal_book import Found, Route, WithdrawalBook
from excraft.custody.withdrawal_facts import CLOSED, Fact, Facts, Step
from excraft.custody.withdrawal_waits import Waits
from excraft.messages.codec import Record
from excraft.messages.commands import (
    ApproveWithdrawal,
    Cause,
    Command,
    Release,
    Reserve,
    Spend,
)
from excraft.store.database import Database

SYSTEM = "exchange"  # who decided, where no person did
AWAY = (LedgerAway, ChainError, SignerAway, SignerRefused, Replaced)  # for a while, or until told
NAMED_MAX = 5  # approvers in the log; a text there has its bound
ASK_AGAIN_NS = 30 * 10**9  # after the signer refused a withdrawal
_LOGGER = logging.getLogger(__name__)


class Ledger(Protocol):
    """What withdrawals need of the exchange."""

    async def carry_out(self, command: Command) -> tuple[int, str]:
        """(position, why it was refused; empty when done), once durable; raises LedgerAway."""
        ...

    def level(self, account: int) -> int:
        """KYC level."""
        ...

    def frozen(self, account: int) -> bool: ...


class Parts(NamedTuple):
    """What withdrawals work with.

    routes   every way out that is open now
    owner    the account whose deposit address this is (EIP-55), None when nobody's
    own      addresses of the exchange itself, in small letters
    frozen   why nothing is paid at the moment; empty when it is
    records  the whole log, read from its files
    still_may  those of the approvers who may approve now, as when they did
    """

    database: Database
    ledger: Ledger
    facts: Facts
    signer: SignerClient
    senders: Mapping[int, Sender]
    routes: Callable[[], Sequence[Route]]
    owner: Callable[[str], int | None]
    own: Callable[[], Iterable[str]]
    frozen: Callable[[], str]
    records: Callable[[], Iterable[Record]]
    sweepers: Sequence[Sweeper] = ()
    still_may: Callable[[Sequence[str]], Sequence[str]] = lambda approvers: approvers


class Steps:
    """Moves withdrawals; `sending` is held by whoever talks to a wallet."""

    def __init__(self, parts: Parts, book: WithdrawalBook) -> None:
        self.sending = asyncio.Lock()
        self._parts, self._book = parts, book
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task] = set()
        self._unsigned: set[int] = set()  # the signer was asked: it knows nothing of them
        self._refused: dict[int, tuple[int, str]] = {}  # by the signer: until when, and why

    async def move(self, id: int) -> None:
        """As far as it goes, also when who asked goes away: a step half seen would be repeated."""
        task = asyncio.ensure_future(self._moved(id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)

    def stopped(self, row: Row) -> str:
        """Why nothing new is signed for a transaction of ours; empty when it is."""
        if why := self._parts.frozen():
            return f"withdrawals are frozen: {why}"
        if row.account is None or row.attempt > 1:  # one that was signed holds up those after it
            return ""
        return "the account is frozen" if self._parts.ledger.frozen(row.account) else ""

    async def finished(self) -> None:
        """Once nothing is under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _moved(self, id: int) -> None:
        async with self._locks[id]:
            while True:
                found = await asyncio.to_thread(self._book.get, id)
                if found.row.closed_ns is not None:
                    break
                try:
                    why = await self._step(found)
                except AWAY as error:
                    why = str(error)
                if why is not None:
                    if why != found.row.note:
                        await asyncio.to_thread(self._book.note, id, why)
                    return
        self._parts.facts.forget(id)
        self._locks.pop(id, None)
        self._refused.pop(id, None)
        self._unsigned.discard(id)

    async def _step(self, found: Found) -> str | None:
        """Take the next step; what it waits for, or None when there may be another one."""
        row, fact = found.row, self._parts.facts.of(found.row.id)
        if fact.steps & CLOSED:
            await asyncio.to_thread(self._believe, found, fact)
        elif found.state in (State.CANCELLED, State.REFUSED, State.FAILED):
            return await self._give_back(found, fact)
        elif altered := _altered(found, fact):
            return await self._refuse_altered(found, fact, altered)
        elif found.state == State.REQUESTED:
            await self._hold(found, fact)
        elif fact.steps & Step.APPROVED and row.decision is None:
            await asyncio.to_thread(self._book.decide, row.id, "approve", SYSTEM, "by the log")
        elif found.state == State.WAITING:
            return await self._decide(found)
        elif row.approved_position is None:
            await self._write_approval(found, fact)
        else:
            return await self._pay(found, fact)
        return None

    def _believe(self, found: Found, fact: Fact) -> None:
        """The log closed it; a database that does not know is an old one and learns of it."""
        id, paid = found.row.id, fact.steps & Step.SPENT
        why = "" if paid else "the log gave the money back; the database did not know why"
        self._book.decide(id, "approve" if paid else "fail", SYSTEM, why)
        if not paid and found.row.decision == "approve":
            self._book.decide(id, "fail", SYSTEM, why, "approve")
        self._book.reserved(id, fact.reserved)
        if paid:
            self._book.approved(id, fact.approved)
        self._book.closed(id, fact.closed)

    async def _hold(self, found: Found, fact: Fact) -> None:
        position, refused = fact.reserved, ""
        payment = found.payment
        if not fact.steps & Step.RESERVED:
            position, refused = await self._parts.ledger.carry_out(
                Reserve(account=payment.account, asset=payment.asset, amount=payment.atoms,
                        cause=Cause.WITHDRAWAL, reference=payment.reference)
            )  # fmt: skip
        if refused:
            await asyncio.to_thread(self._book.decide, payment.id, "refuse", SYSTEM, refused)
        else:
            await asyncio.to_thread(self._book.reserved, payment.id, position)

    async def _give_back(self, found: Found, fact: Fact) -> str | None:
        """What the log says was reserved, whatever the row says now; what the log approved only
        when it can never be paid."""
        position = None
        if fact.steps & Step.APPROVED and (why := await self._may_be_paid(found)):
            return why
        if fact.steps & Step.RESERVED:
            position, refused = await self._parts.ledger.carry_out(
                Release(account=fact.account, asset=fact.asset, amount=fact.atoms,
                        cause=Cause.WITHDRAWAL,
                        reference=f"withdrawal:{found.row.id}:{fact.commitment}")
            )  # fmt: skip
            if refused:
                raise LedgerAway(f"the ledger refused to release it: {refused}")
            if found.row.reserved_position is None:
                await asyncio.to_thread(self._book.reserved, found.row.id, fact.reserved)
        await asyncio.to_thread(self._book.closed, found.row.id, position)
        return None

    async def _may_be_paid(self, found: Found) -> str:
        """Why the money stays where it is; empty once the signer promised never to sign, or the
        chain shows that what it signed moved nothing."""
        row, outcome = found.row, None
        try:
            await self._parts.signer.ask(Void(id=row.id))
            return ""
        except SignerRefused as refused:
            why = f"its money is not given back though the row says {row.decision}: {refused}"
        if sender := self._parts.senders.get(row.chain_id):
            outcome = await sender.outcome(row.id)
        if outcome in (Status.REVERTED, Status.EMPTY):
            return ""
        if why != row.note:
            _LOGGER.critical("withdrawal %s: %s", row.id, why)
        if row.decision != "fail" or outcome == Status.CONFIRMED:  # it is, or may be, paid
            decide, alarms = self._book.decide, Alarms(self._parts.database)
            sentence = f"withdrawal {row.id}: {why}"
            await asyncio.to_thread(alarms.sound, row.chain_id, sentence)
            await asyncio.to_thread(decide, row.id, "approve", SYSTEM, why, row.decision)
        return why

    async def _refuse_altered(self, found: Found, fact: Fact, altered: str) -> str | None:
        """An alarm, once: who could write this row could write others, so nothing is paid until
        somebody looked. One on its way waits for that too; all others are given back."""
        row, decide, alarms = found.row, self._book.decide, Alarms(self._parts.database)
        if row.note != altered:  # which it says from the alarm on
            _LOGGER.critical("withdrawal %s: %s", row.id, altered)
            sentence = f"withdrawal {row.id}: {altered}"
            await asyncio.to_thread(alarms.sound, row.chain_id, sentence)
        what = "refuse" if row.decision is None else "fail"
        if what == "fail" and fact.steps & Step.APPROVED:
            return altered
        if await asyncio.to_thread(decide, row.id, what, SYSTEM, altered, row.decision):
            return None
        return altered

    async def _decide(self, found: Found) -> str | None:
        if why := (await asyncio.to_thread(self.waits, found)).sentence:
            return why
        await asyncio.to_thread(self._book.decide, found.row.id, "approve", SYSTEM)
        return None

    def waits(self, found: Found) -> Waits:
        """Of one that is not approved yet. Blocks."""
        row, parts = found.row, self._parts
        with parts.database.read() as connection:
            limits = stored_limits.load(connection)
        needed = row.needed
        if row.atoms > limits.of(Setting.APPROVE_ABOVE, row.asset):
            needed = max(needed, limits.of(Setting.APPROVALS, row.asset))
        until = row.waits_until_ns if row.waits_until_ns > self._book.now_ns else 0
        return Waits(
            len(parts.still_may(found.approvers)), needed, until, parts.frozen(),
            parts.ledger.frozen(row.account),
        )  # fmt: skip

    async def _write_approval(self, found: Found, fact: Fact) -> None:
        payment, position = found.payment, fact.approved
        if not fact.steps & Step.APPROVED:
            valid = await asyncio.to_thread(self._parts.still_may, found.approvers)
            text = approval_text(payment, found.row.reserved_position, [*valid[:NAMED_MAX]])
            position, refused = await self._parts.ledger.carry_out(
                ApproveWithdrawal(account=payment.account, asset=payment.asset,
                                  amount=payment.atoms, text=text)
            )  # fmt: skip
            if refused:
                why = f"the ledger refused the approval: {refused}"
                await asyncio.to_thread(
                    self._book.decide, payment.id, "fail", SYSTEM, why, "approve"
                )
                return
        await asyncio.to_thread(self._book.approved, payment.id, position)

    async def _pay(self, found: Found, fact: Fact) -> str | None:
        payment = found.payment
        sender = self._parts.senders.get(payment.chain)
        if sender is None:
            return f"chain {payment.chain} is not served at the moment"
        async with self.sending:
            rows = await asyncio.to_thread(sender.book.of_withdrawals, [payment.id])
            rows = rows.get(payment.id, [])
            ends = {row.status for row in rows}
            if Status.CONFIRMED in ends:
                return await self._spend(found, fact)
            if ends & {Status.REVERTED, Status.EMPTY}:
                why = "the transaction failed on the chain"
                return await self._fail(payment.id, why)
            if rows:
                return sender.notes.get(rows[-1].id) or "waits for the chain"
            if payment.id not in self._unsigned:
                if await sender.recalled.withdrawal(payment.id):
                    return "waits for the chain"
                self._unsigned.add(payment.id)
            if why := self._parts.frozen():
                return f"withdrawals are frozen: {why}"
            if self._parts.ledger.frozen(payment.account):
                return "the account is frozen"
            if (said := self._refused.get(payment.id)) and self._book.now_ns < said[0]:
                return said[1]
            hot = (await sender.wallet()).hot
            plan = Plan(Kind.WITHDRAWAL, hot, payment.destination, payment.token, payment.units,
                        payment.id)  # fmt: skip
            try:
                await sender.pay(plan)
            except SignerRefused as refused:
                self._refused[payment.id] = self._book.now_ns + ASK_AGAIN_NS, str(refused)
                raise
            except CannotBePaid as cannot:
                await self._parts.signer.ask(Void(id=payment.id))
                return await self._fail(payment.id, str(cannot))
        return "waits for the chain"

    async def _fail(self, id: int, why: str) -> None:
        await asyncio.to_thread(self._book.decide, id, "fail", SYSTEM, why, "approve")

    async def _spend(self, found: Found, fact: Fact) -> None:
        payment = found.payment
        position, refused = await self._parts.ledger.carry_out(
            Spend(account=payment.account, asset=payment.asset, amount=payment.atoms - payment.fee,
                  fee=payment.fee, cause=Cause.WITHDRAWAL, reference=payment.reference)
        )  # fmt: skip
        if refused:
            raise LedgerAway(f"the ledger refused to spend it: {refused}")
        await asyncio.to_thread(self._book.closed, payment.id, position)


def _altered(found: Found, fact: Fact) -> str:
    """Why a row is not what was asked for; empty when it is."""
    commitment = found.payment.commitment
    if commitment != found.row.commitment or fact.commitment not in ("", commitment):
        return "it is not what was asked for: the database was altered"
    if fact.steps and not fact.steps & CLOSED and not fact.commitment:
        return "the log knows another withdrawal with this number: the database is an old one"
    return ""
