"""The round service: closes days on the log's clock, publishes them, and pays what they bring.

Nothing is remembered that the log or the published folders do not have, and each step may be done
again: the same day published once more changes nothing, and what reached an account already is
known from the log.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from eth_utils import to_checksum_address

from excraft.beside import repeating
from excraft.cli.day_end import hash_at
from excraft.cli.folder import Folder
from excraft.cli.round_results import Paid, credits_after, publish_round_of
from excraft.cli.salts import salt_of
from excraft.dataset.days import open_day
from excraft.dataset.ids import member_id
from excraft.gateway.exchange import Exchange
from excraft.merit.calendar import SECOND
from excraft.merit.publishing import Before, accounts_by_id, publish_day
from excraft.merit.state import ClosedDay, Merit
from excraft.messages.commands import (
    Cause,
    Command,
    MeritAct,
    OpenAccount,
    Release,
    SetParameter,
    Transfer,
)
from excraft.messages.events import EventKind
from excraft.messages.merit import Verb
from excraft.messages.reasons import Reason
from excraft.parameters import Parameter
from excraft.rewards.close import close

LOOK_EVERY_S = 1.0
TOGETHER = 1_000  # commands of one record
VAULT_OLD_S = 3_600  # a chain is final within that
WALLETS_AGAIN_S = 30  # as often members may have linked others, though the vault is as it was
HOUSE = "rewards"  # the member whose account pays
_LOGGER = logging.getLogger(__name__)


class RoundService:
    """`alert`: what an operator must know; told once while it is the same."""

    def __init__(
        self, exchange: Exchange, merit: Merit, folder: Folder, clock: Callable[[], int],
        alert: Callable[[str], None] = _LOGGER.error,
    ) -> None:  # fmt: skip
        self.taken_told: dict[tuple[int, int], int] = {}  # the most, by pool and round
        self.exchange, self.merit, self.folder = exchange, merit, folder
        merit.newest_published = Paid.newest_day(folder.dataset)
        self._engine, self._clock, self._alert = exchange.engine, clock, alert
        self.said, self._pools_set = "", -1  # what an operator was told last, and is still so
        self._vault: dict[str, int] = {}  # units by address, as taken over at second `_vault_at`
        self._vault_at = 0
        self._at_work = asyncio.Lock()

    async def step(self) -> None:
        """Everything that is due, in its order; raises what stands in the way. One at a time: an
        operator may ask for it while it runs, and what is due must not be paid by both."""
        async with self._at_work:
            await self.tick()
            await self.take_vault()
            await self.publish()
            await self.set_pools()
            await self.release()
            await self.pay()

    async def tick(self) -> None:
        """A record beyond the end of the day, when no other one came."""
        calendar = self.merit.calendar
        if calendar.begin >= 0 and calendar.over(self._clock()):
            await self._sent([MeritAct(verb=Verb.CLOSE_DAY, value=calendar.day)])

    def id_of(self, number: int, account: int) -> bytes:
        """Whose rows are an account's in the days of a round; for that member alone."""
        return member_id(salt_of(self.folder.dataset, number), account)

    async def take_vault(self) -> None:
        """What is staked in the vault, as far as it is final, becomes an act of the log: from its
        record on it counts. Whose it is says the wallet that a member linked, and so proved."""
        on_chain, second = self.exchange.on_chain, self._clock() // SECOND
        if on_chain is None or second - on_chain.watcher.known_until > VAULT_OLD_S:
            return  # not read up to now: what is not seen yet may still be there
        units, again = on_chain.watcher.stakes.all_staked(), self._vault_at + WALLETS_AGAIN_S
        if units == self._vault and second < again:
            return
        staked = await asyncio.to_thread(self._of_members, units)
        counted = {a: units for a, (units, _) in self.merit.stakes.counted["vault"].items()}
        await self._sent([
            MeritAct(verb=Verb.VAULT_STAKED, other=account, text=str(staked.get(account, 0)))
            for account in sorted({*staked, *counted})
            if staked.get(account, 0) != counted.get(account, 0)
        ])  # fmt: skip
        self._vault, self._vault_at = units, second

    def _of_members(self, staked: Mapping[str, int]) -> dict[int, int]:
        """Units by account; what belongs to no wallet of a member counts for nobody."""
        addresses = {to_checksum_address(address): units for address, units in staked.items()}
        found = Counter[int]()
        for address, account in self.exchange.desk.wallets.accounts(addresses).items():
            found[account] += addresses[address]
        return dict(found)

    # ---- what is published

    async def publish(self) -> None:
        """Every closed day, the oldest first, with its rewards; and rounds that are over."""
        for closed in list(self.merit.closed):
            if closed.day > self.merit.newest_published:  # or it came from an older snapshot again
                await asyncio.to_thread(self._publish, closed)
            self.merit.published(closed.day)

    def _publish(self, closed: ClosedDay) -> None:
        root = self.folder.dataset
        salt = salt_of(root, closed.round)
        before, credited = self._before(closed)
        at = closed.position
        record_hash = (hash_at(self.folder, at) if at else bytes(32)).hex()
        day = close(publish_day(root, self.spool, closed, salt, record_hash, before))
        accounts = np.arange(closed.accounts, dtype=np.int64)  # an id may be anybody's
        if closed.ends_round:
            publish_round_of(root, closed, salt, accounts)
        # the last of all: with it the day is done, and its fills are not needed again
        credits_after(root, closed.day, day, accounts_by_id(salt, accounts), credited)

    @property
    def spool(self) -> Path:
        return self.folder.dataset / "fills"

    def _before(self, closed: ClosedDay) -> tuple[Before, Paid]:
        """What the day before left: claims by account, sums, and what was to be credited."""
        if closed.day == 0:
            return Before({}, 0, 0, None), Paid({}, {})
        day = open_day(self.folder.dataset, closed.day - 1)
        left = Paid.load(self.folder.dataset, closed.day - 1)
        done = day.results
        return Before(left.claims, done.carry, done.total, done.price), left

    # ---- what follows in the log

    async def set_pools(self) -> None:
        """The kernel knows in which pool an account is, for markets of a pool alone."""
        if self._pools_set == self.merit.calendar.round:
            return
        listings, of = self._engine.listings, dict(self.merit.pools.pool_of)
        number = self.merit.calendar.round
        commands = [
            SetParameter(
                parameter=Parameter.ACCOUNT_POOL, value=of.get(account, 0), subject=account
            )
            for account in range(listings.accounts)
            if listings.account_parameter(account, Parameter.ACCOUNT_POOL) != of.get(account, 0)
        ]
        await self._sent(commands)
        self._pools_set = number

    async def release(self) -> None:
        """Stake that was asked back, after its delay."""
        ext = self.merit.known.ext()
        if ext is None:
            return
        for one in self.merit.stakes.due(self._clock() // SECOND):
            await self._sent(
                [Release(account=one.account, asset=ext, amount=one.atoms, cause=Cause.STAKE)]
            )

    async def pay(self) -> None:
        """What is to be credited and did not reach its account yet, from the house's account."""
        ext, last = self.merit.known.ext(), await asyncio.to_thread(self._last)
        if ext is None or last is None:
            return
        due = last.due(self.merit.rewarded, self.merit.known.unit())
        if not due:
            return
        house = await self._house()
        due.pop(house, None)
        free, _ = self._engine.balance(house, ext)
        needed = sum(due.values())
        if free < needed:
            symbol = self._engine.listings.assets[ext]
            self._tell(
                f"rewards wait: the member {HOUSE!r} has {symbol.text(free)} {symbol.symbol} and "
                f"owes {symbol.text(needed)}; credit it"
            )
            return
        self.said = ""
        commands = [
            Transfer(account=house, to=account, asset=ext, amount=atoms, cause=Cause.REWARD)
            for account, atoms in sorted(due.items())
        ]
        await self._sent(commands)

    def _last(self) -> Paid | None:
        return Paid.newest(self.folder.dataset)

    async def _house(self) -> int:
        members = self.exchange.members
        member = await asyncio.to_thread(members.by_name, HOUSE)
        if member is None:
            outcome = await self._engine.execute(OpenAccount(reference=HOUSE))
            member = await asyncio.to_thread(members.add, HOUSE, outcome.events[0].account)
        if member.account not in self.merit.known.houses:
            await self._sent([MeritAct(verb=Verb.MARK_HOUSE, other=member.account, value=1)])
        return member.account

    def _tell(self, sentence: str) -> None:
        if sentence != self.said:
            self.said = sentence
            self._alert(sentence)

    async def _sent(self, commands: list[Command]) -> None:
        """Carry them out, some at a time; raises RuntimeError when one is refused."""
        for first in range(0, len(commands), TOGETHER):
            some = commands[first : first + TOGETHER]
            outcome = await self._engine.execute_many(some)
            events = outcome.events
            refused = events[events["kind"] == EventKind.REFUSED]
            if len(refused):
                reason = Reason(int(refused["reason"][0])).name
                raise RuntimeError(f"{len(refused)} of {len(some)} were refused: {reason}")


@asynccontextmanager
async def closing_rounds(service: RoundService) -> AsyncIterator[None]:
    """Runs it beside what is inside."""
    async with repeating(lambda: _look(service), LOOK_EVERY_S, "rounds"):
        yield


async def _look(service: RoundService) -> None:
    try:
        await service.step()
    except Exception:  # told, and tried again: nothing is half done
        _LOGGER.exception("rounds: tried again")
