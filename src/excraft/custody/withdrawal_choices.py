"""What a member sets about own withdrawals: the list of destinations, and whether only they go."""

import time
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import delete, func, insert, select, update

from excraft.custody import limits as stored_limits
from excraft.custody import risk
from excraft.custody.errors import WithdrawalRefused
from excraft.custody.limits import Setting
from excraft.custody.withdrawal import checked_address
from excraft.store.database import Database
from excraft.store.schema_withdrawals import withdrawal_addresses, withdrawal_modes

ADDRESSES_MAX, LABEL_MAX = 100, 64
_A, _M = withdrawal_addresses.c, withdrawal_modes.c


class Listed(NamedTuple):
    """`open_ns`: from when on it is paid without waiting."""

    address: str
    label: str
    added_ns: int
    open_ns: int


class Mode(NamedTuple):
    """`ends_ns`: when list mode ends, once that was asked for; else None."""

    list_only: bool
    ends_ns: int | None


def checked_entry(address: str, label: str) -> str:
    """The address as it is kept; raises WithdrawalRefused."""
    if not (len(label) <= LABEL_MAX and (label == "" or label.isprintable())):
        raise WithdrawalRefused("label", f"a label has up to {LABEL_MAX} printable characters")
    return checked_address(address)


class Choices:
    """Reads and writes; nothing is kept in memory. Who asks is proven by the door."""

    def __init__(self, database: Database, clock: Callable[[], int] = time.time_ns) -> None:
        self._database, self._clock = database, clock

    def addresses(self, account: int) -> list[Listed]:
        """Oldest first."""
        asked = select(_A.address, _A.label, _A.added_ns).where(_A.account == account)
        with self._database.read() as connection:
            delay = stored_limits.load(connection).of(Setting.NEW_ADDRESS_DELAY_S) * 10**9
            rows = connection.execute(asked.order_by(_A.added_ns, _A.address)).all()
        return [Listed(*row, row.added_ns + delay) for row in rows]

    def add(self, account: int, address: str, label: str) -> str:
        """The address as it is kept; raises WithdrawalRefused."""
        address = checked_entry(address, label)
        with self._database.write_durable() as connection:
            count = select(func.count()).where(_A.account == account)
            if connection.execute(count).scalar_one() >= ADDRESSES_MAX:
                raise WithdrawalRefused(
                    "too_many", f"your list has {ADDRESSES_MAX} addresses; remove one"
                )
            same = select(_A.address).where(_A.account == account, _A.address == address)
            if connection.execute(same).first():
                raise WithdrawalRefused("duplicate", f"{address} is on your list already")
            row = {"account": account, "address": address, "label": label}
            connection.execute(insert(withdrawal_addresses).values(**row, added_ns=self._clock()))
        return address

    def remove(self, account: int, address: str) -> None:
        """Raises WithdrawalRefused when it is not on the list."""
        with self._database.write_durable() as connection:
            gone = connection.execute(
                delete(withdrawal_addresses).where(_A.account == account, _A.address == address)
            )
        if not gone.rowcount:
            raise WithdrawalRefused("not_found", f"{address[:60]!r} is not on your list")

    def mode(self, account: int) -> Mode:
        asked = select(_M.on_ns, _M.off_asked_ns).where(_M.account == account)
        with self._database.read() as connection:
            row = connection.execute(asked).first()
            limits = stored_limits.load(connection)
        if row is None:
            return Mode(False, None)
        delay = limits.of(Setting.LIST_OFF_DELAY_S) * risk.SECOND_NS
        on = risk.list_mode(*row, self._clock(), limits)
        ends = None if row.off_asked_ns is None else row.off_asked_ns + delay
        return Mode(on, ends if on else None)

    def set_mode(self, account: int, list_only: bool) -> Mode:
        """On at once; off after a while, counted from the first time it was asked for."""
        before = self.mode(account)
        mine, now = _M.account == account, self._clock()
        with self._database.write_durable() as connection:
            if list_only:
                connection.execute(delete(withdrawal_modes).where(mine))
                connection.execute(insert(withdrawal_modes).values(account=account, on_ns=now))
            elif before.list_only:
                connection.execute(
                    update(withdrawal_modes)
                    .where(mine, _M.off_asked_ns.is_(None))
                    .values(off_asked_ns=now)
                )
        return self.mode(account)
