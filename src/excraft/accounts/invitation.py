"""The one-time link that makes somebody the first administrator: a file, used up by being taken."""

import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from excraft.accounts import actors
from excraft.accounts.acts import ADMINISTRATOR
from excraft.accounts.refusals import Refused
from excraft.accounts.roles import Roles
from excraft.store.database import Database
from excraft.store.schema_audit import role_holders

LASTS_S = 24 * 3600


class Invitation:
    """`file` holds the hash of the token and when it ends, nothing that opens anything."""

    def __init__(
        self, file: Path, database: Database, roles: Roles,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:  # fmt: skip
        self._file, self._database, self._roles, self._clock = file, database, roles, clock

    def is_due(self) -> bool:
        """Whether nobody is administrator yet."""
        held = select(role_holders.c.member_id).where(role_holders.c.role == ADMINISTRATOR)
        with self._database.read() as connection:
            return connection.execute(held.limit(1)).first() is None

    def make(self) -> str:
        """A new token; the one before it is worth nothing any more."""
        token = secrets.token_urlsafe(32)
        row = {"sha256": _hash(token), "ends_ns": self._clock() + LASTS_S * 10**9}
        partial = self._file.with_suffix(".partial")
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as out:
            out.write(json.dumps(row))
        partial.rename(self._file)
        return token

    def accept(self, member_id: int, token: str) -> None:
        """Make the member administrator; raises Refused, the same whatever is wrong."""
        wrong = Refused("wrong_token", "The link was used, expired or is another one's.")
        try:
            row = json.loads(self._file.read_text())
        except FileNotFoundError as missing:
            raise wrong from missing
        right = hmac.compare_digest(row["sha256"], _hash(token))
        if not right or row["ends_ns"] <= self._clock() or not self.is_due():
            raise wrong
        try:
            self._file.unlink()  # of two at once only one succeeds
        except FileNotFoundError as taken:
            raise wrong from taken
        self._roles.give(actors.shell(), member_id, ADMINISTRATOR)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
