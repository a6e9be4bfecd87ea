"""The engine as the watcher of deposits sees it: credits once, and knows what was credited."""

import asyncio
from collections.abc import Sequence
from typing import Any

from excraft.custody.credited import Credited
from excraft.custody.errors import CreditFailed, CreditRefused
from excraft.engine.errors import EngineError
from excraft.log import LogError
from excraft.messages.commands import Cause, Credit
from excraft.messages.events import EventKind
from excraft.messages.reasons import Reason


class DepositLedger:
    """See custody.deposits.Ledger. `credited` follows the engine."""

    def __init__(self, engine: Any, credited: Credited) -> None:
        self._engine, self._credited = engine, credited
        self._flying: set[asyncio.Task] = set()

    async def credit(self, account: int, asset: int, atoms: int, reference: str) -> int:
        """The command goes on also when the one who asked was cancelled: `find` waits for it."""
        command = Credit(
            account=account, asset=asset, amount=atoms, cause=Cause.DEPOSIT, reference=reference
        )
        task = asyncio.create_task(self._engine.execute(command))
        self._flying.add(task)
        task.add_done_callback(self._landed)
        try:
            outcome = await asyncio.shield(task)
        except (EngineError, LogError) as error:
            raise CreditFailed(f"the exchange does not take it now: {error}") from error
        first = outcome.events[0]
        if first.kind == EventKind.REFUSED:
            raise CreditRefused(Reason(first.reason).name)
        return outcome.position

    async def find(self, references: Sequence[str]) -> dict[str, int]:
        """Raises CreditFailed while the engine stands still: then nobody knows."""
        if self._flying:
            await asyncio.wait(self._flying)
        if self._engine.failure:
            raise CreditFailed(self._engine.failure)
        return self._credited.find(references)

    def _landed(self, task: asyncio.Task) -> None:
        self._flying.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited was told
