"""The engine as custody sees it: commands carried out, or refused with a reason, or not known."""

from typing import Any

from excraft.custody.errors import LedgerAway
from excraft.engine.errors import EngineError
from excraft.log import LogError
from excraft.messages.commands import Command
from excraft.messages.events import EventKind
from excraft.messages.reasons import Reason
from excraft.parameters import AccountState, Parameter


class EngineLedger:
    """See custody.withdrawals.Ledger."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    async def carry_out(self, command: Command) -> tuple[int, str]:
        """(position, name of the Reason; empty when done); raises LedgerAway."""
        try:
            outcome = await self._engine.execute(command)
        except (EngineError, LogError) as error:
            raise LedgerAway(f"the exchange does not take it now: {error}") from error
        first = outcome.events[0]
        refused = first.kind == EventKind.REFUSED
        return outcome.position, Reason(first.reason).name if refused else ""

    def level(self, account: int) -> int:
        """KYC level."""
        return self._engine.listings.account_parameter(account, Parameter.KYC_LEVEL)

    def frozen(self, account: int) -> bool:
        state = self._engine.listings.account_parameter(account, Parameter.ACCOUNT_STATE)
        return state != AccountState.ACTIVE
