"""Referrals and the log: who came by whose code becomes a parameter, what is owed becomes money.

Nothing here has to be remembered: a referral that is in force already is seen in the listings, and
what is paid already is owed no more. So each step may be repeated after any stop.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

from excraft.accounts.members import Members
from excraft.accounts.referral_earnings import ReferralEarnings
from excraft.accounts.referrals import Due, Outcome, Referrals
from excraft.beside import repeating
from excraft.messages.commands import Command, PayReferral, SetParameter
from excraft.messages.events import EventKind
from excraft.messages.reasons import Reason
from excraft.parameters import Parameter

LOOK_EVERY_S = 2.0
PAY_EVERY_NS = 86_400 * 10**9  # so at midnight UTC
SETTLED_NS = 5 * 10**9  # what was under way at midnight is in the log
TOGETHER = 256  # commands of one record
NOTHING_OWED = Reason.NOTHING_OWED
_LOGGER = logging.getLogger(__name__)


class Paid(NamedTuple):
    """Sums, one for each payer and asset; `withheld`: of an owner to the same owner, or to nobody
    since staff took the referrer away."""

    paid: int
    withheld: int


class ReferralDesk:
    """What the gateway and the clock do with referrals."""

    def __init__(
        self, engine: Any, referrals: Referrals, members: Members, earnings: ReferralEarnings,
        clock: Callable[[], int],
    ) -> None:  # fmt: skip
        self.engine, self.referrals, self.members = engine, referrals, members
        self.earnings, self.clock = earnings, clock

    # ---- who referred whom

    async def link_due(self) -> None:
        """Tell the exchange of those who signed up with a code since."""
        for due in await asyncio.to_thread(self.referrals.due):
            outcome = await self._link(due)
            await asyncio.to_thread(self.referrals.settle, due.person_id, outcome)

    async def _link(self, due: Due) -> Outcome:
        both = (due.member_id, due.referrer_id)
        members = [await asyncio.to_thread(self.members.by_id, number) for number in both]
        account, referrer = (member.account for member in members)
        known = self.referrer_of(account)
        if known is not None:
            return Outcome.LINKED if known == referrer else Outcome.REFERRED_BEFORE
        if account == referrer or self.same_owner(account, referrer):
            return Outcome.SAME_OWNER
        if self.referrer_of(referrer) == account:
            return Outcome.REFUSED
        share = self.engine.listings.parameters[Parameter.NEW_REFERRAL_SHARE_PPM]
        await self._outcome(_naming(account, referrer, share))
        return Outcome.LINKED

    def referrer_of(self, account: int) -> int | None:
        """The account that referred this one."""
        value = self.engine.listings.account_parameter(account, Parameter.REFERRER)
        return value - 1 if value else None

    def same_owner(self, one: int, other: int) -> bool:
        """Whether both are in one trade group: known to have the same owner."""
        group = self.engine.listings.account_parameter(one, Parameter.TRADE_GROUP)
        theirs = self.engine.listings.account_parameter(other, Parameter.TRADE_GROUP)
        return group != 0 and group == theirs

    async def set(self, account: int, referrer: int | None, share_ppm: int) -> int:
        """Another referrer, or none; first the one before gets what is owed so far. The position
        in the log. Raises ValueError when that one has the same owner, and when it is refused."""
        before, paying = self.referrer_of(account), []
        if referrer is not None and self.referrer_of(referrer) == account:
            raise ValueError("each of the two would be the other's referrer")
        if before is not None and before != referrer:
            owed = [row for row in await asyncio.to_thread(self.engine.owed) if row[0] == account]
            if owed and self.same_owner(account, before):
                raise ValueError(
                    "something is owed to a referrer who has the same owner, and is never paid; "
                    "set the share to 0 instead of another referrer"
                )
            paying = [PayReferral(account=payer, asset=asset) for payer, asset, _ in owed]
        outcome = await self._outcome([*paying, *_naming(account, referrer, share_ppm)])
        return outcome.position

    # ---- what is owed

    async def pay_due(self) -> None:
        """Once after each midnight UTC everything that is owed is paid."""
        now = self.clock() - SETTLED_NS
        due_ns = now - now % PAY_EVERY_NS
        last = await asyncio.to_thread(self.referrals.payouts, 1)
        if not last or last[0].due_ns < due_ns:
            done = await self.pay()
            await asyncio.to_thread(self.referrals.paid, due_ns, *done)

    def next_ns(self) -> int:
        """When it is paid next."""
        return self.clock() // PAY_EVERY_NS * PAY_EVERY_NS + PAY_EVERY_NS

    async def pay(self) -> Paid:
        """Pay all that is owed now; raises EngineError, LogError. What is left is still owed."""
        rows = await asyncio.to_thread(self.engine.owed)
        payable = [row for row in rows if self.payable(row[0])]
        paid = 0
        for first in range(0, len(payable), TOGETHER):
            some = payable[first : first + TOGETHER]
            commands = [PayReferral(account=payer, asset=asset) for payer, asset, _ in some]
            outcome = await self._outcome(commands, NOTHING_OWED)  # paid by hand meanwhile
            paid += int((outcome.events["kind"] == EventKind.REFERRAL_PAID).sum())
        return Paid(paid, len(rows) - len(payable))

    def payable(self, account: int) -> bool:
        """Whether somebody else referred this account."""
        referrer = self.referrer_of(account)
        return referrer is not None and not self.same_owner(account, referrer)

    # ---- the engine

    async def _outcome(self, commands: list[Command], but: Reason | None = None) -> Any:
        """All in one record; raises ValueError when one was refused for another reason."""
        outcome = await self.engine.execute_many(commands)
        refused = outcome.events[outcome.events["kind"] == EventKind.REFUSED]["reason"]
        for reason in refused.tolist():
            if reason != but:
                raise ValueError(f"the exchange refused it: {Reason(reason).name}")
        return outcome


def _naming(account: int, referrer: int | None, share_ppm: int) -> list[Command]:
    value = 0 if referrer is None else referrer + 1
    share = Parameter.REFERRAL_SHARE_PPM
    return [
        SetParameter(parameter=Parameter.REFERRER, value=value, subject=account),
        SetParameter(parameter=share, value=share_ppm, subject=account),
    ]


@contextlib.asynccontextmanager
async def referring(desk: ReferralDesk) -> AsyncIterator[None]:
    """Does what is due beside what is inside."""
    async with repeating(lambda: _look(desk), LOOK_EVERY_S, "referrals"):
        yield


async def _look(desk: ReferralDesk) -> None:
    for step in (desk.link_due, desk.pay_due):
        try:
            await step()
        except Exception:  # busy, or the database is away: it is due again soon
            _LOGGER.exception("referrals: %s; tried again", step.__name__)
