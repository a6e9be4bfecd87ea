"""Tell the rest of the exchange about levels: written with the change, delivered until it works."""

import logging
import time
from collections.abc import Callable

from sqlalchemy import Connection, func, insert, select, update

from excraft.accounts.kyc_states import CaseState, Level
from excraft.store.database import Database
from excraft.store.schema import members
from excraft.store.schema_kyc import kyc_cases, kyc_outbox

LEASE_NS = 60 * 10**9  # a delivery that takes longer may be done twice
BATCH = 1000

_log = logging.getLogger(__name__)
_c = kyc_outbox.c


def level_of(connection: Connection, member_id: int, now_ns: int) -> Level:
    """The highest level whose approval has not expired."""
    c = kyc_cases.c
    holds = (c.member_id == member_id) & (c.state == CaseState.APPROVED) & (c.expires_ns > now_ns)
    return Level(connection.scalar(select(func.max(c.level)).where(holds)) or Level.NONE)


def tell(connection: Connection, member_id: int, now_ns: int) -> None:
    """Put the member's level into the outbox, unless it is what was put there last."""
    # Two cases of one member may change at once: the second waits here and sees the first.
    connection.execute(
        select(members.c.id).where(members.c.id == member_id).with_for_update(key_share=True)
    ).one()
    newest = select(_c.level).where(_c.member_id == member_id).order_by(_c.id.desc()).limit(1)
    level = level_of(connection, member_id, now_ns)
    if level == (connection.scalar(newest) or Level.NONE):
        return
    connection.execute(
        insert(kyc_outbox).values(
            member_id=member_id, level=level, time_ns=now_ns, attempts=0, leased_until_ns=0
        )
    )


class Outbox:
    """`deliver` calls `on_level(member_id, level)` once per change, oldest first for each member.

    A process that dies while `on_level` runs cannot know whether it was done: the next one calls
    again after the lease. So `on_level` must be a command that may be given twice.
    """

    def __init__(
        self,
        database: Database,
        on_level: Callable[[int, Level], None],
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._on_level = on_level
        self._clock = clock

    def deliver(self) -> int:
        """How many were delivered. What failed is logged and waits for the next call."""
        done, held_up = 0, set()
        for number, member_id, level in self._waiting():
            if member_id in held_up:
                continue
            if self._lease(number) and self._deliver_one(number, member_id, Level(level)):
                done += 1
            else:
                held_up.add(member_id)  # a later level must not arrive before this one
        return done

    def _waiting(self) -> list[tuple[int, int, int]]:
        question = select(_c.id, _c.member_id, _c.level).where(_c.delivered_ns.is_(None))
        with self._database.read() as connection:
            return [tuple(row) for row in connection.execute(question.order_by(_c.id).limit(BATCH))]

    def _lease(self, number: int) -> bool:
        now_ns = self._clock()
        free = (_c.id == number) & _c.delivered_ns.is_(None) & (_c.leased_until_ns <= now_ns)
        taken = {"leased_until_ns": now_ns + LEASE_NS, "attempts": _c.attempts + 1}
        with self._database.write_durable() as connection:
            return connection.execute(update(kyc_outbox).where(free).values(taken)).rowcount == 1

    def _deliver_one(self, number: int, member_id: int, level: Level) -> bool:
        try:
            self._on_level(member_id, level)
        except Exception:
            _log.exception("member %d was not told about level %s", member_id, level.name)
            outcome = {"leased_until_ns": 0}
        else:
            outcome = {"delivered_ns": self._clock()}
        with self._database.write_durable() as connection:
            connection.execute(update(kyc_outbox).where(_c.id == number).values(outcome))
        return "delivered_ns" in outcome
