"""API keys: made, listed, revoked, and found in memory by every request."""

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from excraft.accounts import credentials
from excraft.accounts.credentials import ApiKey, Kind, Permission
from excraft.accounts.errors import BadKey, SecretKeyError, UnknownKey
from excraft.accounts.members import Member
from excraft.accounts.secret_box import SecretBox
from excraft.store.database import Database
from excraft.store.schema import api_keys, members

REFRESH_S = 0.5  # so that what another process changes is obeyed within a second
USES_EVERY_S = 10.0  # how often the last uses are written down

_log = logging.getLogger(__name__)
_c = api_keys.c
_FULL = select(api_keys, members.c.account).join_from(api_keys, members)


class NewKey(NamedTuple):
    """What is shown once. `secret` is None when the member signs with a key of their own."""

    key: str
    secret: str | None


class ListedKey(NamedTuple):
    """A key without its secret; `revoked_ns` is None while it works.

    `used_ns` and `used_from`: the last use, known to within USES_EVERY_S; None and "" before it.
    """

    key: str
    member_id: int
    kind: str
    label: str
    permissions: frozenset[str]
    ips: tuple[str, ...]
    created_ns: int
    revoked_ns: int | None
    expires_ns: int | None = None
    used_ns: int | None = None
    used_from: str = ""


class Bounds(NamedTuple):
    """From where and until when a key works, how many its member may then have, and what must hold
    when it is made: `check` raises otherwise, and no key is narrowed before the key is there."""

    ips: tuple[str, ...] = ()  # empty: from anywhere
    expires_ns: int | None = None
    keys_max: int | None = None
    check: Callable[[Connection], None] | None = None


class ApiKeys:
    """`find` looks in memory only. `start` a thread that fetches what other processes changed;
    while the database cannot be read, `failure` says why and the keys known last go on working."""

    def __init__(
        self, database: Database, secret_box: SecretBox, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """Loads every key; raises SecretKeyError when the box does not open their secrets."""
        self.failure = ""
        self._database = database
        self._box = secret_box
        self._clock = clock
        self._working: dict[str, ApiKey] = {}  # those that never expire
        self._expiring: dict[str, ApiKey] = {}
        self._change = 0  # up to which changes are known
        self._lock = threading.Lock()  # of those who refresh; `find` needs none
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="api-keys", daemon=True)
        self.refresh()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._write_uses_or_tell()

    def find(self, key: str) -> ApiKey | None:
        """The key when it exists, is not revoked and not expired; who asks cannot tell which."""
        return self._working.get(key) or self._unexpired(key)

    def _unexpired(self, key: str) -> ApiKey | None:
        found = self._expiring.get(key)
        return None if found is None or found.expires_ns <= self._clock() else found

    def create(
        self,
        member: Member,
        kind: str,
        *,
        permissions: list[str],
        label: str = "",
        public_key: str | None = None,
        bounds: Bounds = Bounds(),  # noqa: B008  (a tuple, which nobody can change)
    ) -> NewKey:
        """A key for the member, usable when this returns; raises BadKey.

        HMAC: the secret is made here and never shown again. ED25519, RSA: `public_key` is a PEM.
        """
        kind = credentials.read_kind(kind)
        key = credentials.new_token()
        row = {
            "key": key,
            "member_id": member.id,
            "kind": kind.value,
            "label": credentials.read_label(label),
            "permissions": " ".join(sorted(credentials.read_permissions(permissions))),
            "ips": " ".join(map(str, credentials.read_ips(list(bounds.ips)))),
            "created_ns": self._clock(),
            "expires_ns": bounds.expires_ns,
        }
        secret = None
        if kind is Kind.HMAC:
            if public_key:
                raise BadKey("an HMAC key has no public key")
            secret = credentials.new_token()
            row["secret"] = self._box.seal(key, secret.encode())
        else:
            if not public_key:
                raise BadKey(f"a key of kind {kind} needs its public key in PEM form")
            credentials.read_public_key(kind, public_key)
            row["public_key"] = public_key
        with self._database.write_durable() as connection:
            row["change"] = self._next_change(connection)
            self._check_room(connection, member, bounds.keys_max)
            if bounds.check is not None:
                bounds.check(connection)
            connection.execute(insert(api_keys).values(row))
        self.refresh_or_tell()
        return NewKey(key, secret)

    def edit(self, key: str, *, label: str, ips: list[str]) -> None:
        """Another label and other addresses, in this process at once; raises BadKey, UnknownKey."""
        label = credentials.read_label(label)
        ips = " ".join(map(str, credentials.read_ips(ips)))
        with self._database.write_durable() as connection:
            change = self._next_change(connection)
            edited = connection.execute(
                update(api_keys)
                .where(_c.key == key, _c.revoked_ns.is_(None))
                .values(label=label, ips=ips, change=change)
            )
            if edited.rowcount != 1:
                raise UnknownKey(f"there is no working API key {key[:80]!r}")
        self.refresh_or_tell()

    def revoke(self, key: str) -> None:
        """End a key for ever, in this process at once; raises UnknownKey. Twice is no error."""
        with self._database.write_durable() as connection:
            change = self._next_change(connection)
            known = connection.execute(select(_c.revoked_ns).where(_c.key == key)).first()
            if known is None:
                raise UnknownKey(f"there is no API key {key[:80]!r}")
            if known.revoked_ns is None:
                connection.execute(
                    update(api_keys)
                    .where(_c.key == key)
                    .values(revoked_ns=self._clock(), change=change)
                )
        self._forget(key)
        self.refresh_or_tell()

    def narrow(self, connection: Connection, member_id: int, lost: Permission) -> list[str]:
        """Take a permission from every key of a member; those that had it. One that may do nothing
        else is revoked. `refresh_or_tell` once the transaction is done."""
        change = self._next_change(connection)
        mine = select(_c.key, _c.permissions).where(
            _c.member_id == member_id, _c.revoked_ns.is_(None)
        )
        narrowed = []
        for row in connection.execute(mine.order_by(_c.created_ns, _c.key)).all():
            kept = [name for name in row.permissions.split() if name != lost]
            if len(kept) == len(row.permissions.split()):
                continue
            values = {"permissions": " ".join(kept)} if kept else {"revoked_ns": self._clock()}
            values["change"] = change + len(narrowed)
            connection.execute(update(api_keys).where(_c.key == row.key).values(values))
            narrowed.append(row.key)
        return narrowed

    def list(self, member: Member | None = None) -> list[ListedKey]:
        """Every key, or those of one member, also the revoked ones; oldest first."""
        names = [_c[name] for name in ListedKey._fields]
        query = select(*names).order_by(_c.created_ns, _c.key)
        if member is not None:
            query = query.where(_c.member_id == member.id)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            ListedKey(*row)._replace(
                permissions=frozenset(row.permissions.split()),
                ips=tuple(row.ips.split()),
                used_from=self._used_from(row),
            )
            for row in rows
        ]

    def refresh(self) -> None:
        """Take over what changed since the last time; raises what the database raises."""
        with self._lock:
            with self._database.read() as connection:
                changed = connection.execute(
                    _FULL.where(_c.change > self._change).order_by(_c.change)
                ).all()
            failed = None
            for row in changed:
                try:
                    self._take_over(row)
                except (SecretKeyError, BadKey) as error:
                    failed = failed or error  # the others are taken over all the same
                if failed is None:
                    self._change = row.change
            if failed is not None:
                raise failed

    def write_uses(self) -> None:
        """Write down who used which key last, all in one go; raises what the database raises."""
        now, uses = self._clock(), []
        for key in [*self._working.values(), *self._expiring.values()]:
            address, key.used_from = key.used_from, ""
            if address:
                sealed = self._box.seal(_use_name(key.key), address.encode())
                uses.append({"of": key.key, "now": now, "sealed": sealed})
        if uses:
            written = update(api_keys).where(_c.key == bindparam("of"))
            written = written.values(used_ns=bindparam("now"), used_from=bindparam("sealed"))
            with self._database.write() as connection:
                connection.execute(written, uses)

    def _take_over(self, row: Row) -> None:
        """The key as it is now; the old one goes only once the new one is there."""
        if row.revoked_ns is not None:
            return self._forget(row.key)
        try:
            loaded = self._loaded(row)
        except (SecretKeyError, BadKey):
            self._forget(row.key)
            raise
        if row.expires_ns is None:
            self._working[row.key] = loaded
        else:
            self._expiring[row.key] = loaded

    def _forget(self, key: str) -> None:
        self._working.pop(key, None)
        self._expiring.pop(key, None)

    def _check_room(self, connection: Connection, member: Member, most: int | None) -> None:
        """Raises BadKey; nobody else makes keys before the transaction ends."""
        if most is None:
            return
        works = _c.expires_ns.is_(None) | (_c.expires_ns > self._clock())
        query = select(func.count()).where(
            _c.member_id == member.id, _c.revoked_ns.is_(None), works
        )
        if connection.execute(query).scalar_one() >= most:
            raise BadKey(f"you have {most} keys, the most there may be; revoke one first")

    def _used_from(self, row: Row) -> str:
        if row.used_from is None:
            return ""
        return self._box.unseal(_use_name(row.key), row.used_from).decode()

    def _loaded(self, row: Row) -> ApiKey:
        if row.kind == Kind.HMAC:
            proof = self._box.unseal(row.key, row.secret)
        else:
            proof = credentials.read_public_key(Kind(row.kind), row.public_key)
        key = ApiKey(
            row.key,
            (row.member_id, row.account),
            Kind(row.kind),
            permissions=frozenset(row.permissions.split()),
            ips=credentials.read_ips(row.ips.split()),
            proof=proof,
        )
        key.expires_ns = row.expires_ns
        return key

    def _next_change(self, connection: Connection) -> int:
        # Changes become visible in the order of their numbers only if one at a time is made;
        # otherwise a refresh could see the later one first and never ask for the earlier one.
        if not self._database.is_sqlite:
            connection.exec_driver_sql("LOCK TABLE api_keys IN SHARE ROW EXCLUSIVE MODE")
        return connection.execute(select(func.coalesce(func.max(_c.change), 0) + 1)).scalar_one()

    def refresh_or_tell(self) -> None:
        """The same as `refresh`, for what is done already: trying again when it fails."""
        try:
            self.refresh()
        except (SQLAlchemyError, SecretKeyError, BadKey) as error:
            if str(error) != self.failure:
                _log.exception("API keys are not up to date; trying again")
            self.failure = str(error)
        else:
            self.failure = ""

    def _write_uses_or_tell(self) -> None:
        try:
            self.write_uses()
        except SQLAlchemyError:
            _log.exception("the last uses of some API keys were not written down")

    def _run(self) -> None:
        written = time.monotonic()
        while not self._stopping.wait(REFRESH_S):
            self.refresh_or_tell()
            if time.monotonic() - written >= USES_EVERY_S:
                self._write_uses_or_tell()
                written = time.monotonic()


def _use_name(key: str) -> str:
    return f"use of {key}"
