"""What staff does with withdrawals, whatever the door: each act with its audit row.

The doors prove who acts. Nobody approves their own, and approving says what was seen.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from excraft.accounts import holdings
from excraft.accounts.actors import Actor, stored
from excraft.accounts.acts import Act
from excraft.accounts.audit import Audit
from excraft.accounts.executors import Executors
from excraft.accounts.staff_errors import BadPayload, NotAllowed, WrongState
from excraft.custody import limits, withdrawal_approval
from excraft.custody.errors import SignerAway, SignerRefused, WithdrawalRefused
from excraft.custody.withdrawal import State
from excraft.custody.withdrawal_approval import Approver
from excraft.custody.withdrawal_book import Found
from excraft.custody.withdrawals import Withdrawals
from excraft.store.database import Database


class WithdrawalDesk:
    """Every method raises StaffError with a sentence for the one who asked."""

    def __init__(
        self, withdrawals: Withdrawals, audit: Audit, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._withdrawals, self._audit, self._clock = withdrawals, audit, clock

    async def queue(self, only_open: bool = True, limit: int = 200) -> list[Found]:
        """Oldest first while open; else the newest first."""
        book = self._withdrawals.book
        return await asyncio.to_thread(book.open if only_open else lambda: book.find(None, limit))

    async def get(self, id: int) -> Found:
        found = None
        if 0 < id < 1 << 62:
            found = await asyncio.to_thread(self._withdrawals.book.get, id)
        if found is None:
            raise WrongState(f"there is no withdrawal {id}"[:80])
        return found

    async def approve(self, actor: Actor, id: int, seen: str) -> Found:
        """`seen`: the hash of what the approver was shown."""
        found = await self.get(id)

        def work(connection: Connection) -> None:
            withdrawal_approval.approve(connection, id, _approver(actor), seen, self._clock())

        payload = {"hash": seen[:64], "member": found.row.member_id}
        await asyncio.to_thread(self._act, actor, Act.APPROVE_WITHDRAWAL, (id, payload), work)
        return await self._moved(id)

    async def refuse(self, actor: Actor, id: int, reason: str) -> Found:
        """Also one that was approved, as long as the signer did not sign it."""
        found = await self.get(id)
        payload = {"reason": reason, "member": found.row.member_id}
        if found.state == State.APPROVED:
            return await self._give_up(actor, found, payload)

        def work(connection: Connection) -> None:
            withdrawal_approval.refuse(connection, id, _approver(actor), reason, self._clock())

        await asyncio.to_thread(self._act, actor, Act.REFUSE_WITHDRAWAL, (id, payload), work)
        return await self._moved(id)

    async def _give_up(self, actor: Actor, found: Found, payload: dict[str, Any]) -> Found:
        """The audit row first: that it was tried must be there whatever the signer says."""
        id, reason = found.row.id, payload["reason"]

        def check(connection: Connection) -> None:
            withdrawal_approval.check_reason(reason)
            if actor.member_id == found.row.member_id:
                raise NotAllowed(f"withdrawal {id} is your own; another refuses it")

        await asyncio.to_thread(self._act, actor, Act.REFUSE_WITHDRAWAL, (id, payload), check)
        try:
            return await self._withdrawals.give_up(id, actor.who, reason)
        except (WithdrawalRefused, SignerRefused, SignerAway) as why:
            raise WrongState(str(why)) from why

    async def set_limit(self, actor: Actor, payload: dict[str, Any]) -> None:
        """For a shell at once; a member of staff proposes it."""

        def work() -> None:
            with self._audit.acting(actor, Act.SET_LIMITS, "limits", payload) as connection:
                set_limits(connection, actor, payload)

        await asyncio.to_thread(work)

    def _act(self, actor: Actor, act: Act, about: tuple[int, dict], work) -> None:
        id, payload = about
        with self._audit.acting(actor, act, f"withdrawal:{id}", payload) as connection:
            try:
                work(connection)
            except WithdrawalRefused as refused:
                raise WrongState(str(refused)) from refused

    async def _moved(self, id: int) -> Found:
        await self._withdrawals.move(id)
        return await self.get(id)


def set_limits(connection: Connection, _: Actor, payload: dict[str, Any]) -> None:
    """Executor of SET_LIMITS: carries out an approved proposal, or a shell's own act."""
    try:
        limits.change(connection, payload)
    except WithdrawalRefused as wrong:
        raise BadPayload(str(wrong)) from wrong


EXECUTORS: Executors = {Act.SET_LIMITS: set_limits}


def still_may(database: Database, approvers: Sequence[str]) -> list[str]:
    """Those who may approve withdrawals now; what somebody lost since they cannot have done."""
    with database.read() as connection:
        return [
            who
            for who in approvers
            if Act.APPROVE_WITHDRAWAL in holdings.acts_of(connection, stored(who))
        ]


def _approver(actor: Actor) -> Approver:
    return Approver(actor.who, actor.eyes, actor.member_id)


def shown(found: Found, asset, network: str) -> dict[str, Any]:
    """A withdrawal for people of staff; `hash` is what an approver signs off."""
    row = found.row
    return {
        "id": row.id,
        "state": found.state.value,
        "member": row.member_id,
        "account": row.account,
        "asset": asset.symbol,
        "amount": asset.text(row.atoms),
        "fee": asset.text(row.fee),
        "network": network or str(row.chain_id),
        "destination": row.destination,
        "origin": row.origin,
        "requested_ns": row.requested_ns,
        "waits_until_ns": row.waits_until_ns,
        "needed": row.needed,
        "approved_by": list(found.approvers),
        "note": row.note,
        "reason": row.reason or "",
        "transaction": found.hash,
        "hash": row.commitment,
    }
