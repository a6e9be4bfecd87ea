"""Accounts of one beneficial owner do not trade with each other: links become trade groups."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from sqlalchemy import Connection, func, or_, select

from excraft.parameters import Parameter
from excraft.store.database import Database
from excraft.store.schema import members
from excraft.store.schema_kyc import kyc_links

AGAIN_AFTER_S = 60.0  # what was refused
_LOGGER = logging.getLogger(__name__)
_l, _m = kyc_links.c, members.c


class NotSet(Exception):
    """The kernel did not take a group; it is tried again later."""


class Groups:
    """`set_due` looks for new links, which are never removed, and walks them only then.

    `failing`: account and why, of those that were refused; the others do not wait for them.
    """

    def __init__(
        self, engine: Any, database: Database, carry_out: Callable[[int, int], Awaitable[None]]
    ) -> None:
        """`carry_out(account, group)` raises NotSet."""
        self._engine, self._database, self._carry_out = engine, database, carry_out
        self.failing: dict[int, str] = {}
        self._walked, self._again = 0, 0.0  # links, and when refused ones are due

    async def set_due(self) -> None:
        """Set what is not set yet."""
        links, groups = await asyncio.to_thread(self._read)
        if groups is None:
            return
        failing = {}
        for account, group in groups.items():
            if self._engine.listings.account_parameter(account, Parameter.TRADE_GROUP) == group:
                continue
            try:
                await self._carry_out(account, group)
            except NotSet as refused:
                failing[account] = str(refused)
        if failing:
            account, why = next(iter(failing.items()))
            _LOGGER.error(
                "KYC: %d accounts are not in the trade group of their owner and can trade with "
                "each other; tried again in %d s; account %d: %s",
                len(failing), AGAIN_AFTER_S, account, why,
            )  # fmt: skip
        self.failing, self._walked = failing, links
        self._again = time.monotonic() + AGAIN_AFTER_S

    def _read(self) -> tuple[int, dict[int, int] | None]:
        """How many links there are; groups by account when they are due."""
        with self._database.read() as connection:
            links = connection.scalar(select(func.count()).select_from(kyc_links))
            again = self.failing and time.monotonic() >= self._again
            if links == self._walked and not again:
                return links, None
            return links, _groups(connection)


def _groups(connection: Connection) -> dict[int, int]:
    """Group by account, of the members who are linked; the first account + 1 names it."""
    linked = select(_m.id, _m.account).where(
        or_(_m.id.in_(select(_l.low)), _m.id.in_(select(_l.high)))
    )
    account_of = dict(connection.execute(linked).all())
    pairs = connection.execute(select(_l.low, _l.high)).all()
    found: dict[int, int] = {}
    for group in joined(pairs):
        accounts = [account_of[member] for member in group if member in account_of]
        found |= dict.fromkeys(accounts, min(accounts, default=0) + 1)
    return found


def joined(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Everybody of the pairs, those together who are linked over any number of others."""
    root: dict[int, int] = {}

    def top(one: int) -> int:
        while root.setdefault(one, one) != one:
            root[one] = root[root[one]]
            one = root[one]
        return one

    for one, other in pairs:
        root[top(one)] = top(other)
    groups: dict[int, list[int]] = {}
    for one in list(root):
        groups.setdefault(top(one), []).append(one)
    return list(groups.values())
