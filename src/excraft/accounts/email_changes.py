"""Changes of e-mail that are under way: one of a person, confirmed by the new mailbox, and in force
a day after that unless it was cancelled."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from excraft.accounts import mail_queue
from excraft.accounts.people import SECOND, People, hash_of, new_token
from excraft.accounts.secret_box import SecretBox
from excraft.store.schema_people import email_changes, people

CONFIRM_WITHIN_NS = 86_400 * SECOND
DELAY_NS = 86_400 * SECOND  # from the confirmation on; meanwhile the old mailbox can cancel it
_MAIL = "mail about a change of e-mail"
_c = email_changes.c


class Change(NamedTuple):
    """`due_ns` None: the new mailbox has not confirmed it."""

    email: str
    asked_ns: int
    due_ns: int | None


class EmailChanges:
    """Reads and writes `email_changes`; those that take a connection belong to its transaction."""

    def __init__(self, people: People, box: SecretBox, clock: Callable[[], int]) -> None:
        self._people, self._box, self._clock = people, box, clock

    def ask(self, connection: Connection, person_id: int, email: str) -> tuple[str, str]:
        """(token for the new mailbox, token to cancel); what was asked for before is void."""
        confirm, cancel, now = new_token(), new_token(), self._clock()
        hashed, sealed = self._people.sealed(email)
        row = {
            "person_id": person_id, "email_hash": hashed, "email": sealed, "asked_ns": now,
            "confirm_hash": hash_of(confirm), "cancel_hash": hash_of(cancel),
            "expires_ns": now + CONFIRM_WITHIN_NS,
        }  # fmt: skip
        one_at_a_time = select(people.c.id).where(people.c.id == person_id)
        connection.execute(one_at_a_time.with_for_update()).one()
        connection.execute(delete(email_changes).where(_c.person_id == person_id))
        connection.execute(insert(email_changes).values(row))
        return confirm, cancel

    def pending(self, person_id: int) -> Change | None:
        """What is under way."""
        asked = select(email_changes).where(_c.person_id == person_id, self._good())
        with self._people.database.read() as connection:
            row = connection.execute(asked).first()
        if row is None:
            return None
        return Change(self._people.unsealed(row.email_hash, row.email), row.asked_ns, row.due_ns)

    def confirm(self, person_id: int, token: str) -> int | None:
        """When it comes into force; None when this is no token of a change of theirs."""
        due = self._clock() + DELAY_NS
        mine = (_c.person_id == person_id) & (_c.confirm_hash == hash_of(token))
        first = update(email_changes).where(mine, _c.due_ns.is_(None), self._good())
        with self._people.database.write_durable() as connection:
            if connection.execute(first.values(due_ns=due)).rowcount:
                return due
            return connection.scalar(select(_c.due_ns).where(mine))  # confirmed before

    def cancel(self, connection: Connection, person_id: int) -> bool:
        """Whether there was one."""
        gone = connection.execute(delete(email_changes).where(_c.person_id == person_id))
        return gone.rowcount == 1

    def cancel_mailed(self, connection: Connection, token: str) -> int | None:
        """The person whose change it was; None when it is cancelled, done, or never was."""
        mine = _c.cancel_hash == hash_of(token)
        person = connection.scalar(select(_c.person_id).where(mine))
        gone = connection.execute(delete(email_changes).where(mine))
        return person if gone.rowcount else None

    def apply_due(self) -> None:
        """Put in force what is due, and forget what nobody confirmed."""
        now = self._clock()
        with self._people.database.read() as connection:
            due = connection.execute(select(email_changes).where(_c.due_ns <= now)).all()
            late = connection.scalar(select(_c.person_id).where(~self._good()).limit(1))
        for row in due:
            try:
                self._apply(row)
            except IntegrityError:  # the address got an account of its own meanwhile
                self._give_up(row)
        if late is not None:
            with self._people.database.write_durable() as connection:
                connection.execute(delete(email_changes).where(~self._good()))

    def _apply(self, row) -> None:
        with self._people.database.write_durable() as connection:
            if not self._taken(connection, row):
                return
            old = self._people.change_email(connection, row.person_id, row.email_hash, row.email)
            for to in (old, self._people.unsealed(row.email_hash, row.email)):
                self.mail(connection, row.person_id, "email_done", to=to)

    def _give_up(self, row) -> None:
        with self._people.database.write_durable() as connection:
            if self._taken(connection, row):
                self.mail(connection, row.person_id, "email_failed")

    def _taken(self, connection: Connection, row) -> bool:
        """False when it was cancelled, or asked for anew, just now."""
        same = (_c.person_id == row.person_id) & (_c.cancel_hash == row.cancel_hash)
        return connection.execute(delete(email_changes).where(same)).rowcount == 1

    def _good(self):
        """Confirmed, or still to be."""
        return or_(_c.due_ns.is_not(None), _c.expires_ns > self._clock())

    def mail(self, connection: Connection, person_id: int, kind: str, **details: str) -> None:
        """With the caller's transaction; `to`: another address than the person's."""
        sealed = self._box.seal(_MAIL, msgspec.json.encode(details))
        kept = {"sealed": b64encode(sealed).decode()}
        mail_queue.add(connection, person_id, kind, kept, self._clock())

    def opened(self, details: dict[str, Any]) -> dict[str, str]:
        """The details of a mail of ours."""
        return msgspec.json.decode(self._box.unseal(_MAIL, b64decode(details["sealed"])))
