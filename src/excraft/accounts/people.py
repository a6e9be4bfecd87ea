"""People: a confirmed e-mail, a password, and the member they are on the exchange."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from excraft.accounts.secret_box import SecretBox
from excraft.store.database import Database
from excraft.store.schema_people import mail_tokens, people

SECOND = 1_000_000_000
TOKEN_BYTES = 32


class Person(NamedTuple):
    id: int
    email_hash: str
    password: str
    member_id: int | None
    created_ns: int


class Purpose(StrEnum):
    """What a mailed token is good for, and for nothing else."""

    CONFIRM = "CONFIRM"
    CONFIRM_WALLET = "CONFIRM_WALLET"
    RESET = "RESET"


LASTS_S = {Purpose.CONFIRM: 86_400, Purpose.CONFIRM_WALLET: 86_400, Purpose.RESET: 3_600}


class Pending(NamedTuple):
    """What waits behind a mailed token."""

    person_id: int | None
    email_hash: str | None
    email: str | None
    password: str | None
    referral: str | None  # the code that was given


class People:
    """Reads and writes `people` and `mail_tokens`. Those that take a connection belong to the
    caller's transaction."""

    def __init__(
        self, database: Database, box: SecretBox, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self.database = database
        self._box, self._clock = box, clock
        self._hash_key = box.derive("e-mail hash")

    # ---- people

    def email_hash(self, email: str) -> str:
        """By which a normalised e-mail is found without being readable."""
        return hmac.digest(self._hash_key, email.encode(), "sha256").hex()

    def by_email(self, email: str) -> Person | None:
        return self._one(people.c.email_hash == self.email_hash(email))

    def by_id(self, person_id: int) -> Person | None:
        return self._one(people.c.id == person_id)

    def of_member(self, member_id: int) -> int | None:
        """The person whose member this is; None of one that an operator added."""
        asked = select(people.c.id).where(people.c.member_id == member_id)
        with self.database.read() as connection:
            return connection.execute(asked).scalar()

    def member_of(self, connection: Connection, person_id: int) -> int | None:
        """The member that a person is; None before the account is opened."""
        asked = select(people.c.member_id).where(people.c.id == person_id)
        return connection.execute(asked).scalar()

    def email_of(self, person_id: int) -> str:
        """In the clear; the person must exist."""
        with self.database.read() as connection:
            row = connection.execute(
                select(people.c.email_hash, people.c.email).where(people.c.id == person_id)
            ).one()
        return self.unsealed(row.email_hash, row.email)

    def sealed(self, email: str) -> tuple[str, bytes]:
        """(hash, what is stored) of a normalised e-mail."""
        hashed = self.email_hash(email)
        return hashed, self._box.seal(_seal_name(hashed), email.encode())

    def unsealed(self, hashed: str, sealed: bytes) -> str:
        return self._box.unseal(_seal_name(hashed), sealed).decode()

    def add(self, connection: Connection, email: str, password: str) -> int:
        """A person's id; the e-mail is confirmed. Raises IntegrityError when there is one."""
        hashed, sealed = self.sealed(email)
        added = connection.execute(
            insert(people).values(
                email_hash=hashed,
                email=sealed,
                password=password,
                created_ns=self._clock(),
            )
        )
        return added.inserted_primary_key[0]

    def set_password(self, connection: Connection, person_id: int, password: str) -> None:
        """The new hash; tokens mailed for a reset are void with it."""
        changed = {"password": password, "password_ns": self._clock()}
        connection.execute(update(people).where(people.c.id == person_id).values(changed))
        connection.execute(delete(mail_tokens).where(mail_tokens.c.person_id == person_id))

    def change_email(
        self, connection: Connection, person_id: int, hashed: str, sealed: bytes
    ) -> str:
        """The old e-mail; tokens mailed there are void. Raises IntegrityError when the new one is
        somebody's."""
        mine = people.c.id == person_id
        old = connection.execute(select(people.c.email_hash, people.c.email).where(mine)).one()
        connection.execute(update(people).where(mine).values(email_hash=hashed, email=sealed))
        connection.execute(delete(mail_tokens).where(mail_tokens.c.person_id == person_id))
        return self.unsealed(old.email_hash, old.email)

    def rehashed(self, person: Person, password: str) -> None:
        """Keep the same password under a newer hash, unless it was changed meanwhile."""
        with self.database.write_durable() as connection:
            connection.execute(
                update(people)
                .where(people.c.id == person.id, people.c.password == person.password)
                .values(password=password)
            )

    def set_member(self, person_id: int, member_id: int) -> None:
        with self.database.write_durable() as connection:
            connection.execute(
                update(people).where(people.c.id == person_id).values(member_id=member_id)
            )

    # ---- mailed tokens

    def invite(
        self, email: str, password: str, purpose: Purpose = Purpose.CONFIRM, referral: str = ""
    ) -> str:
        """A token that makes `email` a person with this password hash, who came by this code."""
        hashed, sealed = self.sealed(email)
        row = {"email_hash": hashed, "email": sealed, "password": password}
        return self._mail_token(purpose, **row, referral=referral or None)

    def allow_reset(self, person: Person) -> str:
        """A token with which the person may set a new password."""
        return self._mail_token(Purpose.RESET, person_id=person.id)

    def pending(self, purpose: Purpose, token: str) -> Pending | None:
        """What the token is for, if it is for this purpose and still good; it stays good."""
        query = select(*(mail_tokens.c[name] for name in Pending._fields))
        with self.database.read() as connection:
            row = connection.execute(query.where(*self._good(purpose, token))).first()
        if row is None:
            return None
        found = Pending(*row)
        if found.email is None:
            return found
        return found._replace(email=self.unsealed(found.email_hash, found.email))

    def take(self, connection: Connection, purpose: Purpose, token: str) -> bool:
        """Use the token up; False when somebody else just did."""
        taken = connection.execute(delete(mail_tokens).where(*self._good(purpose, token)))
        return taken.rowcount == 1

    def _good(self, purpose: Purpose, token: str) -> tuple[ColumnElement[bool], ...]:
        c = mail_tokens.c
        return c.hash == hash_of(token), c.purpose == purpose.value, c.expires_ns > self._clock()

    def _mail_token(self, purpose: Purpose, **row) -> str:
        token, now = new_token(), self._clock()
        with self.database.write_durable() as connection:
            connection.execute(delete(mail_tokens).where(mail_tokens.c.expires_ns <= now))
            connection.execute(
                insert(mail_tokens).values(
                    hash=hash_of(token),
                    purpose=purpose.value,
                    expires_ns=now + LASTS_S[purpose] * SECOND,
                    **row,
                )
            )
        return token

    def _one(self, condition: ColumnElement[bool]) -> Person | None:
        columns = [people.c[name] for name in Person._fields]
        with self.database.read() as connection:
            row = connection.execute(select(*columns).where(condition)).first()
        return Person(*row) if row else None


def new_token() -> str:
    """256 bits by chance, 43 characters that need no quoting."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hash_of(token: str) -> str:
    """How a token is kept; it has too many bits to be guessed from this."""
    return hashlib.sha256(token.encode()).hexdigest()


def _seal_name(email_hash: str) -> str:
    return f"e-mail {email_hash}"
