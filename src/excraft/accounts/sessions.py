"""Sessions, and the devices they are on: opened at login, found by a cookie, listed, ended.

A login always makes a new session with a new token, so one that was planted before is worth
nothing. The device token stays with the browser; it opens nothing and says only that this person
logged in from there before.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from excraft.accounts.people import Person, hash_of, new_token
from excraft.accounts.refusals import Refused, no_session, wrong_login
from excraft.accounts.secret_box import SecretBox
from excraft.store.database import Database
from excraft.store.schema_people import devices, people, sessions

SECOND = 1_000_000_000
IDLE_NS = 12 * 3600 * SECOND
LONGEST_NS = 7 * 86_400 * SECOND
SEEN_EVERY_NS = 60 * SECOND  # so that reading does not mean writing
DEVICES_MAX = 50  # of a person; beyond it the one seen longest ago is forgotten
ADDRESS_MAX, BROWSER_MAX = 64, 200
_c = sessions.c


class SeenFrom(msgspec.Struct, frozen=True):
    """Where a request came from, as it says itself."""

    address: str
    browser: str


class Session(NamedTuple):
    id: str
    person_id: int
    device_id: str
    created_ns: int
    seen_ns: int
    proved_ns: int


class Listed(NamedTuple):
    """A session as its owner sees it."""

    id: str
    created_ns: int
    seen_ns: int
    seen_from: SeenFrom


class Device(NamedTuple):
    """A browser that logged in before; `session_id` None: nobody is logged in on it now."""

    id: str
    created_ns: int
    seen_ns: int
    seen_from: SeenFrom
    session_id: str | None


class Opened(NamedTuple):
    """`token` and `device_token` are for cookies and never shown again."""

    session: Session
    token: str
    device_token: str
    new_device: bool


class Sessions:
    """Reads and writes `sessions` and `devices`; nothing is in memory, so ending is at once."""

    def __init__(
        self, database: Database, box: SecretBox, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._database, self._box, self._clock = database, box, clock

    def open(self, person: Person, seen: SeenFrom, device_token: str, old_token: str) -> Opened:
        """A new session; ends the one of `old_token` and any other on the same device.

        Raises Refused when the person's password is no longer the one that was checked.
        """
        token, now, person_id = new_token(), self._clock(), person.id
        with self._database.write_durable() as connection:
            still = select(people.c.password).where(people.c.id == person_id).with_for_update()
            if connection.execute(still).scalar_one() != person.password:
                raise wrong_login()
            device_id = self._device(connection, person_id, device_token)
            new_device = device_id is None
            if new_device:
                device_token = new_token()
                device_id = self._add_device(connection, person_id, device_token, seen)
            else:
                connection.execute(
                    update(devices)
                    .where(devices.c.id == device_id)
                    .values(seen_ns=now, seen_from=self._sealed(device_id, seen))
                )
            session = Session(secrets.token_hex(16), person_id, device_id, now, now, now)
            connection.execute(
                delete(sessions).where(
                    (_c.device_id == device_id) | (_c.hash == hash_of(old_token))
                )
            )
            connection.execute(insert(sessions).values(hash=hash_of(token), **session._asdict()))
        return Opened(session, token, device_token, new_device)

    def find(self, token: str) -> Session:
        """The session of a cookie; raises Refused when there is none or it ended."""
        now, columns = self._clock(), [_c[name] for name in Session._fields]
        with self._database.read() as connection:
            row = connection.execute(select(*columns).where(_c.hash == hash_of(token))).first()
        if row is None or not _alive(row, now):
            raise no_session()
        session = Session(*row)
        if now - session.seen_ns >= SEEN_EVERY_NS:
            with self._database.write() as connection:
                connection.execute(update(sessions).where(_c.id == row.id).values(seen_ns=now))
        return session

    def proved(self, session: Session) -> None:
        """Password and second factor were given again, just now."""
        with self._database.write_durable() as connection:
            connection.execute(
                update(sessions).where(_c.id == session.id).values(proved_ns=self._clock())
            )

    def use_up(self, session: Session) -> None:
        """Its step-up counts once: of those who ask with it at the same time, one passes. Raises
        Refused."""
        mine = (_c.id == session.id) & (_c.proved_ns == session.proved_ns)
        with self._database.write_durable() as connection:
            used = connection.execute(update(sessions).where(mine).values(proved_ns=0))
        if not used.rowcount:
            raise Refused("step_up_needed", "Your password and code were used up just now.")

    def devices(self, person_id: int) -> list[Device]:
        """All that are known, the one seen last first."""
        query = (
            select(devices, _c.id.label("session"), _c.created_ns.label("begun_ns"))
            .add_columns(_c.seen_ns.label("used_ns"))
            .join_from(devices, sessions, isouter=True)
            .where(devices.c.person_id == person_id)
        )
        now, found = self._clock(), []
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            alive = row.session is not None and _lasts(row.begun_ns, row.used_ns, now)
            seen_ns = max(row.seen_ns, row.used_ns or 0)
            seen_from, session = self._opened(row.id, row.seen_from), row.session if alive else None
            found.append(Device(row.id, row.created_ns, seen_ns, seen_from, session))
        return sorted(found, key=lambda each: (-each.seen_ns, each.id))

    def forget(self, person_id: int, device_id: str) -> bool:
        """End what is open on a device and know it no more; False when this person has no such."""
        mine = (devices.c.id == device_id) & (devices.c.person_id == person_id)
        with self._database.write_durable() as connection:
            known = connection.execute(select(devices.c.id).where(mine)).first()
            if known is not None:
                _forget(connection, mine)
        return known is not None

    def list(self, person_id: int) -> list[Listed]:
        """Those that work, the newest first."""
        query = (
            select(sessions, devices.c.seen_from)
            .join_from(sessions, devices)
            .where(_c.person_id == person_id)
            .order_by(_c.created_ns.desc(), _c.id)
        )
        now = self._clock()
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            Listed(row.id, row.created_ns, row.seen_ns, self._opened(row.device_id, row.seen_from))
            for row in rows
            if _alive(row, now)
        ]

    def knows_device(self, person_id: int, device_token: str) -> str | None:
        """The id of the device if this person logged in with it before."""
        with self._database.read() as connection:
            return self._device(connection, person_id, device_token)

    def end(self, session: Session) -> None:
        """Log out; the device stays known."""
        with self._database.write_durable() as connection:
            connection.execute(delete(sessions).where(_c.id == session.id))

    def revoke(self, person_id: int, session_id: str) -> bool:
        """End a session and forget its device; False when this person has no such session."""
        with self._database.write_durable() as connection:
            device_id = connection.execute(
                select(_c.device_id).where(_c.id == session_id, _c.person_id == person_id)
            ).scalar_one_or_none()
            if device_id is not None:
                _forget(connection, devices.c.id == device_id)
        return device_id is not None

    def revoke_all(
        self, connection: Connection, person_id: int, but: Session | None = None
    ) -> None:
        """End every session of the person and forget the devices, but for the one given."""
        condition = devices.c.person_id == person_id
        if but is not None:
            condition &= devices.c.id != but.device_id
        _forget(connection, condition)

    def end_all(self, person_id: int) -> None:
        """The same in a transaction of its own."""
        with self._database.write_durable() as connection:
            self.revoke_all(connection, person_id)

    def _device(self, connection: Connection, person_id: int, device_token: str) -> str | None:
        return connection.execute(
            select(devices.c.id).where(
                devices.c.hash == hash_of(device_token), devices.c.person_id == person_id
            )
        ).scalar_one_or_none()

    def _add_device(
        self, connection: Connection, person_id: int, token: str, seen: SeenFrom
    ) -> str:
        oldest = (
            select(devices.c.id)
            .where(devices.c.person_id == person_id)
            .order_by(devices.c.seen_ns.desc(), devices.c.id)
            .offset(DEVICES_MAX - 1)
        )
        # Read first: a DELETE whose subquery has an OFFSET needs a LIMIT on one database only.
        too_many = connection.execute(oldest.limit(DEVICES_MAX)).scalars().all()
        if too_many:
            _forget(connection, devices.c.id.in_(too_many))
        device_id, now = secrets.token_hex(16), self._clock()
        connection.execute(
            insert(devices).values(
                id=device_id,
                person_id=person_id,
                hash=hash_of(token),
                seen_from=self._sealed(device_id, seen),
                created_ns=now,
                seen_ns=now,
            )
        )
        return device_id

    def _sealed(self, device_id: str, seen: SeenFrom) -> bytes:
        return self._box.seal(f"device {device_id}", msgspec.json.encode(seen))

    def _opened(self, device_id: str, sealed: bytes) -> SeenFrom:
        return msgspec.json.decode(self._box.unseal(f"device {device_id}", sealed), type=SeenFrom)


def seen_from(address: str, browser: str) -> SeenFrom:
    """Cut to what is kept, without characters that could deceive whoever reads it."""
    plain = "".join(c if c.isprintable() else "?" for c in browser[:BROWSER_MAX])
    return SeenFrom(address[:ADDRESS_MAX], plain)


def csrf_token(token: str) -> str:
    """What a page of ours sends with each change; it cannot be had without the session's cookie."""
    return hmac.digest(token.encode(), b"csrf", hashlib.sha256).hex()


def require_recent(session: Session, seconds: int, now_ns: int) -> None:
    """For sensitive acts: raises Refused unless password and code were given so recently."""
    if now_ns - session.proved_ns > seconds * SECOND:
        raise Refused(
            "step_up_needed",
            f"Give your password and code again; for this the last time may be {seconds} s ago.",
        )


def _alive(row, now: int) -> bool:
    return _lasts(row.created_ns, row.seen_ns, now)


def _lasts(created_ns: int, seen_ns: int, now: int) -> bool:
    return now - seen_ns < IDLE_NS and now - created_ns < LONGEST_NS


def _forget(connection: Connection, condition: ColumnElement[bool]) -> None:
    gone = select(devices.c.id).where(condition)
    connection.execute(delete(sessions).where(_c.device_id.in_(gone)))
    connection.execute(delete(devices).where(condition))
