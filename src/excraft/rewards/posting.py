"""Posts what was published of days and rounds to the contracts: in order, once each, by itself.

A function of the dataset's folder and the chain; nothing else is remembered, so after any stop it
goes on where the chain is. What a guardian withdrew is left to a person.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from excraft.chain.contract import Contract, View, ask_all
from excraft.chain.deployment import Contracts
from excraft.chain.errors import ChainError, NotMined, Unreachable
from excraft.chain.posting import (
    DayPost,
    Differs,
    RoundPost,
    post_day,
    post_round,
    stands,
    withdrawn_before,
)
from excraft.chain.wallet import Wallet
from excraft.dataset.days import days_there, open_day, open_round
from excraft.dataset.errors import Damaged, DatasetError, NotPublished

PASSES_BY_ITSELF = (Unreachable, NotMined)
_LOGGER = logging.getLogger(__name__)


class Withheld(Exception):
    """A post that somebody withdrew is not posted again by a machine."""


def day_post(root: Path, day: int, first: bool) -> DayPost:
    """What is posted of a day below `root`; `first`: the contract has no day that stands. Raises
    NotPublished while it has no results, and other DatasetErrors."""
    found = open_day(root, day)
    results = found.results
    before = 0 if first else found.facts.total_before
    return DayPost(
        day, bytes.fromhex(results.claims_root), results.total, results.total - before,
        bytes.fromhex(found.dataset_hash),
    )  # fmt: skip


def round_post(root: Path, number: int) -> RoundPost:
    """What is posted of a round below `root`. Raises NotPublished while it has no results, and
    other DatasetErrors."""
    found = open_round(root, number)
    if found.manifest["results"] is None:
        raise NotPublished(f"{found.path.name} has no results yet")
    try:
        roots = found.manifest["results"]["roots"]
        congress, senate = (bytes.fromhex(roots[name]) for name in ("congress", "senate"))
    except (KeyError, TypeError, ValueError) as trouble:
        raise Damaged(f"{found.path.name}: its manifest is not whole: {trouble!r}") from None
    return RoundPost(number, congress, senate, bytes.fromhex(found.dataset_hash))


def rounds_there(root: Path) -> list[int]:
    """Rounds that are published below `root`, ascending."""
    return sorted(int(path.name[6:]) for path in root.glob("round-[0-9]*"))


class RootPoster:
    """`poll()` once, or `run()`; `failure` says what is wrong at the moment."""

    def __init__(
        self, root: Path, wallet: Wallet, contracts: Contracts, first_block: int,
        tell: Callable[[str], None] = _LOGGER.critical,
    ) -> None:  # fmt: skip
        """`root` is the folder of the dataset, `first_block` that of the first contract; `tell` is
        told, once each, what only a person can mend."""
        self.failure = ""
        self._root, self._wallet, self._contracts = root, wallet, contracts
        self._first_block, self._tell = first_block, tell
        self._final: dict[str, int] = {}  # below this number all is final and as published

    async def run(self, seconds: float = 2.0) -> None:
        """Poll until cancelled."""
        while True:
            try:
                await self.poll()
                self.failure = ""
            except (ChainError, DatasetError, Differs, Withheld) as error:
                if self.failure != str(error):
                    passes = isinstance(error, PASSES_BY_ITSELF)
                    (_LOGGER.warning if passes else self._tell)(f"posting roots: {error}")
                self.failure = str(error)
            await asyncio.sleep(seconds)

    async def poll(self) -> None:
        """Post all that is published and not posted; raises ChainError, DatasetError, Differs when
        the chain has something else than was published, Withheld."""
        rewards, rounds = self._contracts.rewards, self._contracts.rounds
        days = await asyncio.to_thread(days_there, self._root)
        await self._post(rewards, days, lambda n, first: day_post(self._root, n, first), post_day)
        numbers = await asyncio.to_thread(rounds_there, self._root)
        await self._post(rounds, numbers, lambda n, _: round_post(self._root, n), post_round)

    async def _post(
        self, contract: Contract, there: Sequence[int], read: Callable[[int, bool], Any],
        post: Callable[[Wallet, Contract, Any], Awaitable[None]],
    ) -> None:  # fmt: skip
        first, following = await ask_all(
            self._wallet.node, [View(contract, "first"), View(contract, "next")]
        )
        empty = first == following
        if empty and not there:
            return
        start = there[0] if empty else first
        number = max(start, min(self._final.get(contract.name, start), following))
        while number in there:
            try:
                found = await asyncio.to_thread(read, number, empty or number == first)
            except NotPublished:
                return
            if not await stands(contract, number, found.content):
                await self._check_not_withdrawn(contract, number, found.content)
                await post(self._wallet, contract, found)
            elif await contract.ask("isFinal", number):
                self._final[contract.name] = number + 1
            first, empty = (number, False) if empty else (first, False)
            number += 1

    async def _check_not_withdrawn(self, contract: Contract, number: int, content: tuple) -> None:
        why = await withdrawn_before(contract, self._first_block, number, content)
        if why:
            raise Withheld(
                f"{contract.name} {number} is not posted again: {why}; once somebody has looked, "
                f"`excraft contracts post` does it"
            )
