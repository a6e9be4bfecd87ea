"""Which deposit address belongs to which account: m/0/number below an extended public key."""

import time
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from excraft.custody.errors import BadKey
from excraft.custody.extended_key import HARDENED, ExtendedKey, parse
from excraft.store.database import Database
from excraft.store.schema_custody import custody_addresses, custody_keys


class Owned(NamedTuple):
    address: str  # EIP-55
    account: int
    number: int


class Addresses:
    """Gives addresses out and knows whose they are; nothing is kept in memory.

    With a new key in the settings every account gets a new address, and the old ones stay theirs.
    """

    def __init__(
        self, database: Database, key: str, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """`key`: an xpub. Raises BadKey."""
        top = parse(key)
        external = top.child(0)
        if external is None:
            raise BadKey("the key has no child 0: take another one")
        self.key_id, self._external = top.id, external
        self._database, self._clock = database, clock

    def of(self, account: int) -> str:
        """The account's address, made the first time; on the disk when this returns.

        The caller has made sure that the account is there and that the one who asks may see it.
        """
        if account < 0:
            raise ValueError(f"account {account} belongs to nobody")
        mine = (custody_addresses.c.account == account) & (
            custody_addresses.c.key_id == self.key_id
        )
        asked = select(custody_addresses.c.address).where(mine)
        with self._database.read() as connection:
            if found := connection.execute(asked).scalar():
                return found
        self._know_the_key()
        with self._database.write_durable() as connection:
            # Taking the number first makes others wait here, so that the second look is the last.
            number = self._take_number(connection)
            if found := connection.execute(asked).scalar():
                self._give_back(connection, number)
                return found
            while (address := self._derived(number)) is None:
                number = self._take_number(connection)
            connection.execute(
                insert(custody_addresses).values(
                    address=address, account=account, key_id=self.key_id, number=number,
                    created_ns=self._clock(),
                )
            )  # fmt: skip
        return address

    def all(self) -> list[Owned]:
        """Every address ever given out, below whatever key."""
        columns = custody_addresses.c
        with self._database.read() as connection:
            rows = connection.execute(select(columns.address, columns.account, columns.number))
            return [Owned(*row) for row in rows]

    def _derived(self, number: int) -> str | None:
        if number >= HARDENED:
            raise BadKey(f"key {self.key_id} has given out all of its {HARDENED} addresses")
        child: ExtendedKey | None = self._external.child(number)
        return child and child.address()

    def _know_the_key(self) -> None:
        with self._database.read() as connection:
            known = select(custody_keys.c.key_id).where(custody_keys.c.key_id == self.key_id)
            if connection.execute(known).scalar():
                return
        try:
            with self._database.write_durable() as connection:
                row = {"key_id": self.key_id, "next_number": 0}
                connection.execute(insert(custody_keys).values(row))
        except IntegrityError:
            return  # another one did the same a moment ago

    def _take_number(self, connection: Connection) -> int:
        after = (
            update(custody_keys)
            .where(custody_keys.c.key_id == self.key_id)
            .values(next_number=custody_keys.c.next_number + 1)
            .returning(custody_keys.c.next_number)
        )
        return connection.execute(after).scalar_one() - 1

    def _give_back(self, connection: Connection, number: int) -> None:
        connection.execute(
            update(custody_keys)
            .where(custody_keys.c.key_id == self.key_id)
            .values(next_number=number)
        )
