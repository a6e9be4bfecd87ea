"""Members: a name and the account that the kernel gave them."""

import time
from typing import NamedTuple

from sqlalchemy import ColumnElement, insert, select
from sqlalchemy.exc import IntegrityError

from excraft.accounts.errors import BadName, NameTaken
from excraft.store.database import Database
from excraft.store.schema import members

NAME_MAX = 64


class Member(NamedTuple):
    id: int
    name: str
    account: int
    created_ns: int


class Members:
    """Reads and writes the table `members`; nothing is kept in memory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, account: int) -> Member:
        """A new member, on the disk when this returns; raises BadName or NameTaken."""
        check_name(name)
        created_ns = time.time_ns()
        try:
            with self._database.write_durable() as connection:
                added = connection.execute(
                    insert(members).values(name=name, account=account, created_ns=created_ns)
                )
        except IntegrityError as error:
            raise NameTaken(
                f"there is already a member {name!r} or one with account {account}"
            ) from error
        return Member(added.inserted_primary_key[0], name, account, created_ns)

    def by_name(self, name: str) -> Member | None:
        return self._one(members.c.name == name)

    def by_id(self, member_id: int) -> Member | None:
        return self._one(members.c.id == member_id)

    def by_account(self, account: int) -> Member | None:
        return self._one(members.c.account == account)

    def all(self) -> list[Member]:
        """Every member, in the order in which they came."""
        with self._database.read() as connection:
            rows = connection.execute(select(members).order_by(members.c.id)).all()
        return [Member(*row) for row in rows]

    def _one(self, condition: ColumnElement[bool]) -> Member | None:
        with self._database.read() as connection:
            row = connection.execute(select(members).where(condition)).first()
        return row and Member(*row)


def check_name(name: str) -> None:
    """Raises BadName unless `name` is 1 to 64 printable characters without outer blanks."""
    if not (0 < len(name) <= NAME_MAX and name.isprintable() and name == name.strip()):
        raise BadName(
            f"{name[:80]!r} cannot be a member's name: take 1 to {NAME_MAX} printable characters "
            f"without a blank at either end"
        )
