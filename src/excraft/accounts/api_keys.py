"""API keys: made, listed, revoked, and found in memory by every request."""

import logging
import threading
import time
from typing import NamedTuple

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from excraft.accounts import credentials
from excraft.accounts.credentials import ApiKey, Kind
from excraft.accounts.errors import BadKey, SecretKeyError, UnknownKey
from excraft.accounts.members import Member
from excraft.accounts.secret_box import SecretBox
from excraft.store.database import Database
from excraft.store.schema import api_keys, members

REFRESH_S = 0.5  # so that what another process changes is obeyed within a second

_log = logging.getLogger(__name__)
_c = api_keys.c
_FULL = select(api_keys, members.c.account).join_from(api_keys, members)


class NewKey(NamedTuple):
    """What is shown once. `secret` is None when the member signs with a key of their own."""

    key: str
    secret: str | None


class ListedKey(NamedTuple):
    """A key without its secret; `revoked_ns` is None while it works."""

    key: str
    member_id: int
    kind: str
    label: str
    permissions: frozenset[str]
    ips: tuple[str, ...]
    created_ns: int
    revoked_ns: int | None


class ApiKeys:
    """`find` looks in memory only. `start` a thread that fetches what other processes changed;
    while the database cannot be read, `failure` says why and the keys known last go on working."""

    def __init__(self, database: Database, secret_box: SecretBox) -> None:
        """Loads every key; raises SecretKeyError when the box does not open their secrets."""
        self.failure = ""
        self._database = database
        self._box = secret_box
        self._working: dict[str, ApiKey] = {}
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

    def find(self, key: str) -> ApiKey | None:
        """The key when it exists and is not revoked."""
        return self._working.get(key)

    def create(
        self,
        member: Member,
        kind: str,
        *,
        permissions: list[str],
        label: str = "",
        ips: list[str] | tuple[str, ...] = (),
        public_key: str | None = None,
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
            "ips": " ".join(map(str, credentials.read_ips(list(ips)))),
            "created_ns": time.time_ns(),
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
            connection.execute(insert(api_keys).values(row))
        self._refresh_or_tell()
        return NewKey(key, secret)

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
                    .values(revoked_ns=time.time_ns(), change=change)
                )
        self._working.pop(key, None)
        self._refresh_or_tell()

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
                permissions=frozenset(row.permissions.split()), ips=tuple(row.ips.split())
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
                self._working.pop(row.key, None)
                try:
                    if row.revoked_ns is None:
                        self._working[row.key] = self._loaded(row)
                except (SecretKeyError, BadKey) as error:
                    failed = failed or error  # the others are taken over all the same
                if failed is None:
                    self._change = row.change
            if failed is not None:
                raise failed

    def _loaded(self, row: Row) -> ApiKey:
        if row.kind == Kind.HMAC:
            proof = self._box.unseal(row.key, row.secret)
        else:
            proof = credentials.read_public_key(Kind(row.kind), row.public_key)
        return ApiKey(
            row.key,
            (row.member_id, row.account),
            Kind(row.kind),
            permissions=frozenset(row.permissions.split()),
            ips=credentials.read_ips(row.ips.split()),
            proof=proof,
        )

    def _next_change(self, connection: Connection) -> int:
        # Changes become visible in the order of their numbers only if one at a time is made;
        # otherwise a refresh could see the later one first and never ask for the earlier one.
        if not self._database.is_sqlite:
            connection.exec_driver_sql("LOCK TABLE api_keys IN SHARE ROW EXCLUSIVE MODE")
        return connection.execute(select(func.coalesce(func.max(_c.change), 0) + 1)).scalar_one()

    def _refresh_or_tell(self) -> None:
        try:
            self.refresh()
        except (SQLAlchemyError, SecretKeyError, BadKey) as error:
            if str(error) != self.failure:
                _log.exception("API keys are not up to date; trying again")
            self.failure = str(error)
        else:
            self.failure = ""

    def _run(self) -> None:
        while not self._stopping.wait(REFRESH_S):
            self._refresh_or_tell()
