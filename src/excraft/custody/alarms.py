"""Alarms: what stops money until somebody looked. They outlive whoever raised them."""

import time
from collections.abc import Callable

from sqlalchemy import Connection, Row, func, insert, select, update

from excraft.store.database import Database
from excraft.store.schema_custody import custody_alarms

_A = custody_alarms.c


class Alarms:
    """Of all chains."""

    def __init__(self, database: Database, clock: Callable[[], int] = time.time_ns) -> None:
        self._database, self._clock = database, clock

    def open(self) -> list[Row]:
        """Those that nobody resolved, oldest first."""
        with self._database.read() as connection:
            asked = select(custody_alarms).where(_A.resolved_ns.is_(None)).order_by(_A.id)
            return list(connection.execute(asked))

    def sound(self, chain_id: int, reason: str) -> None:
        """Once, however often it is said while nobody resolved it."""
        with self._database.write_durable() as connection:
            sound(connection, chain_id, reason, self._clock())


def sound(connection: Connection, chain_id: int, reason: str, now: int) -> None:
    """The same within a transaction."""
    same = select(func.count()).where(
        _A.chain_id == chain_id, _A.reason == reason, _A.resolved_ns.is_(None)
    )
    if not connection.execute(same).scalar_one():
        row = {"chain_id": chain_id, "reason": reason, "raised_ns": now}
        connection.execute(insert(custody_alarms).values(row))


def resolve(connection: Connection, alarm: int, who: str, resolution: str, now: int) -> int | None:
    """The chain of an open alarm that is resolved now; None when there is no such one."""
    if not who.strip() or not resolution.strip():
        raise ValueError("an alarm is resolved by somebody who says what was done")
    change = update(custody_alarms).where(_A.id == alarm, _A.resolved_ns.is_(None))
    done = connection.execute(
        change.values(resolved_ns=now, resolved_by=who, resolution=resolution)
    )
    if not done.rowcount:
        return None
    return connection.execute(select(_A.chain_id).where(_A.id == alarm)).scalar_one()
