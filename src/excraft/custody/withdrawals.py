"""Withdrawals: asked for, held in the log, approved, signed, sent, and closed exactly once.

Each step is written down before it is taken and looked up in the log before it is taken again:
after any stop `poll` takes up every withdrawal where it was. docs/operate/withdrawals.md has the
picture.
"""

import asyncio
import itertools
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from excraft.custody.alarms import Alarms
from excraft.custody.catching_up import CatchingUp
from excraft.custody.errors import WithdrawalRefused
from excraft.custody.sender import Sender
from excraft.custody.signer.requests import Void
from excraft.custody.withdrawal import State, checked_address, checked_amount, units_of
from excraft.custody.withdrawal_book import Found, Request, Route, WithdrawalBook
from excraft.custody.withdrawal_choices import Choices
from excraft.custody.withdrawal_facts import Step
from excraft.custody.withdrawal_steps import AWAY, Parts, Steps
from excraft.custody.withdrawal_waits import Waits

_LOGGER = logging.getLogger(__name__)


class Wish(NamedTuple):
    """What a door passes on; who asks is proven. `repeats`: the same client id is no mistake but
    the same request again."""

    account: int
    member_id: int
    asset: int
    network: str  # empty: the asset's only one
    destination: str
    atoms: int  # with the fee
    origin: str  # session, or key:NAME
    client_id: str | None = None
    repeats: bool = False


class Withdrawals:
    """`request`, `cancel`, `give_up`; `poll` or `run` moves what was asked for."""

    def __init__(self, parts: Parts, book: WithdrawalBook) -> None:
        self.book, self.failure, self._behind = book, "", ""
        self.choices, self.database = Choices(parts.database), parts.database
        self._parts = parts
        self._told: set[str] = set()
        self._steps, self._catching_up = Steps(parts, book), CatchingUp(parts, book)

    async def run(self, seconds: float = 2.0, sweep_every: int = 15) -> None:
        """Poll until cancelled, and look for what is to be swept every so many times."""
        for turn in itertools.count():
            try:
                await self.poll()
                if turn % sweep_every == sweep_every - 1:
                    await self.sweep()
                self.failure = ""
            except Exception as error:  # told, and tried again: nobody's money may be forgotten
                if self.failure != str(error):
                    _LOGGER.exception("withdrawals")
                self.failure = f"{type(error).__name__}: {error}"
            await asyncio.sleep(seconds)

    async def stop(self) -> None:
        """Wait for the steps that are under way; `run` was cancelled before."""
        await self._steps.finished()

    async def sweep(self) -> None:
        """Bring deposits to the hot wallets, and what is too much there to cold; nothing moves
        while withdrawals are frozen."""
        if self._parts.frozen():
            return
        for sweeper in self._parts.sweepers:
            try:
                async with self._steps.sending:
                    await sweeper.look()
            except AWAY as error:
                _LOGGER.warning("sweeps of chain %s: %s", sweeper.chain_id, error)

    def status(self) -> dict[str, Any]:
        """What does not work at the moment, in words; empty texts where all is well."""
        senders = self._parts.senders.items()
        return {
            "failure": self.failure,
            "catching_up": self._behind,
            "frozen": self._parts.frozen(),
            "signer": self._parts.signer.failure,
            "wallets": {str(chain): sender.failure for chain, sender in senders},
            "sweeps": {k: v for each in self._parts.sweepers for k, v in each.notes.items()},
        }

    def transactions(self, limit: int) -> list[dict[str, Any]]:
        """What our wallets sent, the newest first of each chain."""
        columns = ("id", "chain_id", "kind", "withdrawal_id", "source", "destination", "token",
                   "units", "nonce", "attempt", "status", "hash", "gas_paid", "block")  # fmt: skip
        return [
            {name: getattr(row, name) for name in columns}
            for sender in self._parts.senders.values()
            for row in sender.book.all(limit)
        ]

    async def poll(self) -> None:
        """Move everything as far as it goes now."""
        if not self._catching_up.done:
            await self._catch_up()
        for sender in self._parts.senders.values():
            try:
                async with self._steps.sending:
                    await sender.poll(self._steps.stopped)
            except AWAY as error:
                _LOGGER.warning("chain %s: %s", sender.node.chain_id, error)
            await self._sound(sender)
        wrong: Exception | None = None
        for found in await asyncio.to_thread(self.book.open):
            try:
                await self._steps.move(found.row.id)
            except Exception as error:  # the others must not wait for a bug with this one
                _LOGGER.exception("withdrawal %s", found.row.id)
                wrong = error
        if wrong is not None:
            raise wrong

    async def _sound(self, sender: Sender) -> None:
        """What is wrong with a whole wallet is an alarm, which tells the operator and freezes."""
        why = sender.failure
        if why and why not in self._told:
            chain = sender.node.chain_id
            await asyncio.to_thread(Alarms(self.database).sound, chain, why)
            self._told.add(why)

    async def _catch_up(self) -> None:
        try:
            async with self._steps.sending:
                await self._catching_up.take_up()
            self._behind = ""
        except AWAY as error:
            if self._behind != str(error):
                _LOGGER.warning("what the database does not know: %s", error)
            self._behind = str(error)

    # what doors ask for

    def routes(self) -> Sequence[Route]:
        """Every way out that is open now."""
        return self._parts.routes()

    def networks(self) -> dict[int, str]:
        """Name of each chain."""
        return {route.chain: route.network for route in self._parts.routes()}

    def confirmations(self, chain: int) -> int:
        """That a transaction there has when it is done; 0 of a chain that is not served."""
        sender = self._parts.senders.get(chain)
        return sender.settings.confirmations if sender else 0

    def route(self, asset: int, network: str) -> Route:
        """Raises WithdrawalRefused when there is none, or more than one without a network."""
        ways = [r for r in self._parts.routes() if r.asset == asset]
        chosen = [r for r in ways if network in ("", r.network)]
        if len(chosen) == 1:
            return chosen[0]
        names = ", ".join(r.network for r in ways) or "none"
        raise WithdrawalRefused(
            "network", f"{network[:40]!r} is no network of this asset; there are {names}"
        )

    async def check(self, wish: Wish) -> tuple[Route, str, int]:
        """(route, address, units on the chain) of what is well formed; raises WithdrawalRefused."""
        route = self.route(wish.asset, wish.network)
        destination = checked_address(wish.destination)
        left = checked_amount(wish.atoms, route.fee, route.minimum)
        return route, destination, units_of(left, route.decimals, route.chain_decimals)

    async def request(self, wish: Wish) -> Found:
        """The new withdrawal, its money held; raises WithdrawalRefused."""
        route, destination, units = await self.check(wish)
        await asyncio.to_thread(self._check_destination, wish.account, route, destination)
        ledger = self._parts.ledger
        request = Request(
            wish.account, wish.member_id, route, destination, wish.atoms, units, wish.origin,
            wish.client_id, ledger.level(wish.account), ledger.frozen(wish.account),
        )  # fmt: skip
        id = await asyncio.to_thread(self._take, request, wish.repeats)
        await self._steps.move(id)
        found = await asyncio.to_thread(self.book.get, id)
        if found.state == State.REFUSED:
            raise WithdrawalRefused(*_refusal(found))
        return found

    def _take(self, request: Request, repeats: bool) -> int:
        try:
            return self.book.take(request, self._parts.facts.highest)
        except WithdrawalRefused as refused:
            if not (repeats and refused.code == "duplicate"):
                raise
        return self.book.of_client(request.account, request.client_id)

    def _check_destination(self, account: int, route: Route, destination: str) -> None:
        small = destination.lower()
        if small in set(self._parts.own()):
            raise WithdrawalRefused("address", f"{destination} is a wallet of this exchange")
        if small == route.token:
            raise WithdrawalRefused(
                "address", f"{destination} is the token's own contract: what it gets is lost"
            )
        owner = self._parts.owner(destination)
        if owner is not None:
            whose = "your own" if owner == account else "another member's"
            raise WithdrawalRefused(
                "address",
                f"{destination} is {whose} deposit address here; nothing has to leave for that",
            )

    def waits(self, found: Found) -> Waits:
        """What one that is not approved waits for. Blocks."""
        return self._steps.waits(found)

    async def move(self, id: int) -> None:
        """As far as it goes now, after somebody approved or refused it."""
        await self._steps.move(id)

    async def cancel(self, account: int, id: int) -> Found:
        """Give the money back; raises WithdrawalRefused once it is too late, or not theirs."""
        found = await asyncio.to_thread(self.book.get, id)
        if found is None or found.row.account != account:
            raise WithdrawalRefused("not_found", f"you have no withdrawal {id}")
        approved = self._parts.facts.of(id).steps & Step.APPROVED  # the row may be an old one
        decide = self.book.decide
        if approved or not await asyncio.to_thread(decide, id, "cancel", f"account:{account}"):
            raise WithdrawalRefused(
                "too_late", f"withdrawal {id} is {found.state} and cannot be cancelled any more"
            )
        await self._steps.move(id)
        return await asyncio.to_thread(self.book.get, id)

    async def give_up(self, id: int, who: str, reason: str) -> Found:
        """Refuse one that was approved and not signed: the signer promises never to. Raises
        WithdrawalRefused, SignerRefused when it was signed, SignerAway."""
        async with self._steps.sending:
            found = await asyncio.to_thread(self.book.get, id)
            if found is None:
                raise WithdrawalRefused("not_found", f"there is no withdrawal {id}")
            if found.state == State.APPROVED:
                await self._parts.signer.ask(Void(id=id))
                done = await asyncio.to_thread(
                    self.book.decide, id, "refuse", who, reason, "approve"
                )
            else:
                done = await asyncio.to_thread(self.book.decide, id, "refuse", who, reason)
        if not done:
            raise WithdrawalRefused("too_late", f"withdrawal {id} is {found.state} already")
        await self._steps.move(id)
        return await asyncio.to_thread(self.book.get, id)


def _refusal(found: Found) -> tuple[str, str]:
    reason = found.row.reason or ""
    if reason == "INSUFFICIENT_FUNDS":
        return "insufficient", "your free balance is less than that"
    if reason == "NOT_VERIFIED":
        return "not_verified", "pass KYC first; then you may withdraw"
    return "refused", f"the withdrawal was refused: {reason}"
