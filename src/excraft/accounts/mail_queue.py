"""Mails that belong to a transaction: a row is written with what they tell, and sent afterwards.

A process that dies while it sends cannot know whether the mail went out: it is sent again then.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from excraft.accounts.outbox import Mail, Outbox
from excraft.store.database import Database
from excraft.store.schema_people import mails_due, people

LEASE_NS = 60 * 10**9  # also how long one that failed waits
BATCH = 200
_LOGGER = logging.getLogger(__name__)
_c = mails_due.c


class Due(NamedTuple):
    """`kind` says who writes it; `details` are what it tells, sealed by the writer where they open
    something."""

    id: int
    person_id: int
    kind: str
    details: dict[str, Any]


def add(
    connection: Connection, person_id: int, kind: str, details: dict[str, Any], now_ns: int
) -> None:
    """Send it once the caller's transaction is done."""
    row = {"person_id": person_id, "kind": kind, "details": msgspec.json.encode(details).decode()}
    connection.execute(insert(mails_due).values(**row, time_ns=now_ns, leased_until_ns=0))


def add_for_member(
    connection: Connection, member_id: int, kind: str, details: dict[str, Any], now_ns: int
) -> None:
    """The same; nothing for a member who has no login."""
    person = connection.scalar(select(people.c.id).where(people.c.member_id == member_id))
    if person is not None:
        add(connection, person, kind, details, now_ns)


class MailQueue:
    """`writers` make the mail of each kind from the person's address and the details."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        email_of: Callable[[int], str],
        writers: dict[str, Callable[[str, dict[str, Any]], Mail]],
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database, self._outbox, self._clock = database, outbox, clock
        self._email_of, self._writers = email_of, writers

    def deliver(self) -> int:
        """Send what waits, oldest first; how many went out. One that fails holds up no other."""
        return sum(self._lease(due) and self._send(due) for due in self._waiting())

    def _waiting(self) -> list[Due]:
        free = _c.leased_until_ns <= self._clock()
        asked = select(_c.id, _c.person_id, _c.kind, _c.details).where(free).order_by(_c.id)
        with self._database.read() as connection:
            rows = connection.execute(asked.limit(BATCH)).all()
        return [Due(*row)._replace(details=msgspec.json.decode(row.details)) for row in rows]

    def _lease(self, due: Due) -> bool:
        now = self._clock()
        free = (_c.id == due.id) & (_c.leased_until_ns <= now)
        with self._database.write_durable() as connection:
            taken = update(mails_due).where(free).values(leased_until_ns=now + LEASE_NS)
            return connection.execute(taken).rowcount == 1

    def _send(self, due: Due) -> bool:
        try:
            self._outbox.send(self._writers[due.kind](self._email_of(due.person_id), due.details))
        except Exception:  # told, and tried again once the lease is over
            _LOGGER.exception("mail %d (%s) was not sent", due.id, due.kind)
            return False
        with self._database.write_durable() as connection:
            connection.execute(delete(mails_due).where(_c.id == due.id))
        return True
