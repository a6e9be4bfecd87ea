"""Stakes and claims on chain as far as they are final, whatever the chain does."""

import asyncio
import logging
from collections.abc import Callable

from excraft.chain.claims import Claims
from excraft.chain.contract_logs import ContractLogs
from excraft.chain.deployment import Deployment, check, contracts_of
from excraft.chain.errors import ChainError, Reorganised
from excraft.chain.node import Node
from excraft.chain.vault import VaultStakes

_LOGGER = logging.getLogger(__name__)


class Watcher:
    """`poll()` once, or `run()`: `stakes` and `claims` are whole for all seconds before
    `known_until`, and `failure` says what is wrong at the moment.

    When a block goes away that was deep enough, everything is read anew from the deployment on, and
    what stood here stays until that is done; `anew` counts how often that happened.
    """

    def __init__(
        self, node: Node, deployment: Deployment, confirmations: int,
        clock: Callable[[], int] | None = None,
    ) -> None:  # fmt: skip
        """`clock`, in seconds: only for a chain that makes no blocks on its own, whose next block
        is made later than now; then all is known until now."""
        self.stakes, self.claims = VaultStakes(), Claims()
        self.known_until, self.anew, self.failure = 0, 0, ""
        self._node, self._deployment, self._clock = node, deployment, clock
        self._confirmations = confirmations
        self._logs = self._from_the_beginning()

    async def run(self, seconds: float = 2.0) -> None:
        """Poll until cancelled."""
        while True:
            try:
                await self.poll()
                self.failure = ""
            except ChainError as error:
                if self.failure != str(error):
                    _LOGGER.warning("contracts: %s", error)
                self.failure = str(error)
            await asyncio.sleep(seconds)

    async def poll(self) -> None:
        """Read what became final; raises ChainError, Lost when the contracts are gone, and leaves
        what it had."""
        try:
            await self._read()
        except Reorganised as changed:
            await check(self._node, self._deployment)
            _LOGGER.critical("%s; stakes and claims are read anew", changed)
            self.anew += 1
            kept = self._logs, self.stakes, self.claims
            self._logs = self._from_the_beginning()
            self.stakes, self.claims = VaultStakes(), Claims()
            try:
                await self._read()
            except BaseException:
                self._logs, self.stakes, self.claims = kept
                raise

    async def _read(self) -> None:
        now = self._clock() if self._clock else 0
        for event in await self._logs.read():
            if event.contract == "StakeVault":
                self.stakes.add(event)
            elif event.name == "Claimed":
                self.claims.add(event)
        if self._logs.tip is not None:
            self.known_until = max(now, self._logs.tip.seconds)

    def _from_the_beginning(self) -> ContractLogs:
        _, vault, _, rewards = contracts_of(self._node, self._deployment)
        return ContractLogs(
            self._node, [vault, rewards], self._deployment.first_block, self._confirmations
        )
