"""What a restored database does not know: withdrawals from the log, transactions from the signer.

Looked for after each start, until all of it is taken up. Whatever the log has and no row says is
an alarm, which freezes withdrawals until somebody looked; docs/operate/backup-restore.md.
"""

import asyncio
from collections.abc import Iterable

import numpy as np

from excraft.custody.alarms import Alarms
from excraft.custody.errors import LedgerAway
from excraft.custody.signer.requests import Void
from excraft.custody.withdrawal import Payment, read_approval, read_reference
from excraft.custody.withdrawal_book import WithdrawalBook
from excraft.custody.withdrawal_facts import CLOSED, Fact, Step
from excraft.custody.withdrawal_steps import Parts
from excraft.messages.codec import Record
from excraft.messages.commands import Cause, CommandKind, Release

_KINDS = np.array(
    [CommandKind.RESERVE, CommandKind.RELEASE, CommandKind.SPEND, CommandKind.APPROVE_WITHDRAWAL],
    np.uint8,
)


class CatchingUp:
    """`take_up` until `done`; then nothing is missing."""

    def __init__(self, parts: Parts, book: WithdrawalBook) -> None:
        self.done = False
        self._parts, self._book = parts, book
        self._held: dict[int, Fact] | None = None  # reserved only, to be given back
        self._closed: list[int] = []  # made again, and their transactions perhaps unknown

    async def take_up(self) -> None:
        """Raises SignerRefused, SignerAway or LedgerAway; what was done then stays done."""
        if self._held is None:
            missing = self._parts.facts.missing  # before the rows are read: they come first
            known = await asyncio.to_thread(self._book.ids)
            await self._take_up_rows(missing(known))
        for id, fact in list(self._held.items()):
            await self._give_back(id, fact)
            del self._held[id]
        while self._closed:
            for sender in self._parts.senders.values():
                await sender.recalled.withdrawal(self._closed[-1])
            self._closed.pop()
        for sender in self._parts.senders.values():
            await sender.recall_all()
        self.done = True

    async def _take_up_rows(self, missing: list[int]) -> None:
        held: dict[int, Fact] = {}
        facts = {id: self._parts.facts.of(id) for id in missing}
        told = await asyncio.to_thread(_told, self._parts.records(), facts) if missing else {}
        for id, fact in facts.items():
            payment, found = told.get(id, (None, fact))
            await asyncio.to_thread(self._take_up, id, found, payment)
            if fact.steps == Step.RESERVED:
                held[id] = fact
            elif fact.steps & CLOSED:
                self._closed.append(id)
        self._held = held

    def _take_up(self, id: int, fact: Fact, payment: Payment | None) -> None:
        """The alarm first: after a stop in between it is found again."""
        chain = payment.chain if payment else min(self._parts.senders, default=0)
        if fact.steps & CLOSED:
            why = "the database is older than the log: withdrawals that ended since are unknown"
        else:
            why = f"the database does not know withdrawal {id} of account {fact.account}, "
            why += f"{fact.atoms} atoms of asset {fact.asset}, "
            if payment:
                why += f"approved to {payment.destination}: its row is made again from the log"
            elif fact.steps & Step.APPROVED:
                why += "which the log approved, and cannot make its row again"
            else:
                why += "which nobody approved: its money is given back"
        Alarms(self._parts.database).sound(chain, why)
        if payment:
            self._book.rebuild(payment, fact)

    async def _give_back(self, id: int, fact: Fact) -> None:
        if self._parts.facts.of(id).steps & CLOSED:
            return
        await self._parts.signer.ask(Void(id=id))
        _, refused = await self._parts.ledger.carry_out(
            Release(account=fact.account, asset=fact.asset, amount=fact.atoms,
                    cause=Cause.WITHDRAWAL, reference=f"withdrawal:{id}:{fact.commitment}")
        )  # fmt: skip
        if refused:
            raise LedgerAway(f"the ledger refused to release withdrawal {id}: {refused}")


def _told(
    records: Iterable[Record], facts: dict[int, Fact]
) -> dict[int, tuple[Payment | None, Fact]]:
    """By id: the payment that the log approved, and its positions, of each that it approved."""
    reserved: dict[tuple[int, str], int] = {}
    closed: dict[int, int] = {}
    approved: dict[int, list[tuple[int, Payment]]] = {}
    for record in records:
        rows = np.flatnonzero(np.isin(record.commands["kind"], _KINDS))
        texts = record.texts() if len(rows) else {}
        for index in rows.tolist():
            row, text = record.commands[index], texts.get(index, "")
            if row["kind"] == CommandKind.APPROVE_WITHDRAWAL:
                payment = _payment(row, text)
                if payment is not None and payment.id in facts:
                    approved.setdefault(payment.id, []).append((record.position, payment))
                continue
            found = read_reference(text) if row["number"] == Cause.WITHDRAWAL else None
            if found is None or found[0] not in facts:
                continue
            if row["kind"] == CommandKind.RESERVE:
                reserved.setdefault(found, record.position)
            else:
                closed[found[0]] = record.position
    return {
        id: (payment, facts[id]._replace(
            commitment=payment.commitment, account=payment.account, asset=payment.asset,
            atoms=payment.atoms, reserved=reserved[id, payment.commitment], approved=position,
            closed=closed.get(id, 0),
        ))
        for id, made in approved.items()
        for position, payment in made
        if facts[id].steps & Step.APPROVED
        and facts[id].commitment in ("", payment.commitment)
        and (id, payment.commitment) in reserved
    }  # fmt: skip


def _payment(row: np.void, text: str) -> Payment | None:
    try:
        approved = read_approval(text)
    except ValueError:
        return None
    return approved.payment(int(row["account"]), int(row["market"]), int(row["amount"]))
