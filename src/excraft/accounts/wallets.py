"""Ethereum wallets that may log in for a person: linked, listed, unlinked."""

import hmac
import secrets
from collections.abc import Callable, Collection
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from excraft.accounts.refusals import Refused
from excraft.accounts.secret_box import SecretBox
from excraft.store.database import Database
from excraft.store.schema import members
from excraft.store.schema_people import people, wallets

WALLETS_MAX = 10  # of one person
CHUNK = 500  # values in one query
_c = wallets.c


class Wallet(NamedTuple):
    """`chain_id` of a contract, which is its owner's on that chain only; None of one with a key."""

    address: str
    chain_id: int | None = None


class Listed(NamedTuple):
    id: str
    address: str
    chain_id: int | None
    created_ns: int
    used_ns: int | None


class Wallets:
    """Reads and writes `wallets`; addresses are sealed and found by a keyed hash."""

    def __init__(self, database: Database, box: SecretBox, clock: Callable[[], int]) -> None:
        self._database, self._box, self._clock = database, box, clock
        self._hash_key = box.derive("wallet hash")

    def link(self, connection: Connection, person_id: int, wallet: Wallet) -> None:
        """It was proved to be theirs; raises Refused."""
        hashed = self._hash(wallet)
        count = select(func.count()).where(_c.person_id == person_id)
        if connection.execute(count).scalar_one() >= WALLETS_MAX:
            raise Refused("too_many", f"You have {WALLETS_MAX} wallets, the most there may be.")
        row = {
            "id": secrets.token_hex(16), "person_id": person_id, "address_hash": hashed,
            "address": self._box.seal(f"wallet {hashed}", wallet.address.encode()),
            "chain_id": wallet.chain_id, "created_ns": self._clock(),
        }  # fmt: skip
        try:
            connection.execute(insert(wallets).values(row))
        except IntegrityError as error:  # only who holds the wallet gets here
            raise Refused("already_on", "This wallet is linked to an account already.") from error

    def owner(self, wallet: Wallet) -> int | None:
        """The person this wallet logs in for."""
        with self._database.read() as connection:
            query = select(_c.person_id).where(_c.address_hash == self._hash(wallet))
            return connection.execute(query).scalar_one_or_none()

    def accounts(self, addresses: Collection[str]) -> dict[str, int]:
        """The account of whoever proved it, by address, of wallets with a key (checksummed); those
        of nobody, and of people without an account, are left out."""
        hashed = {self._hash(Wallet(address)): address for address in addresses}
        names, found = list(hashed), {}
        joined = wallets.join(people, _c.person_id == people.c.id).join(
            members, people.c.member_id == members.c.id
        )
        with self._database.read() as connection:
            for start in range(0, len(names), CHUNK):
                some = _c.address_hash.in_(names[start : start + CHUNK])
                asked = select(_c.address_hash, members.c.account).select_from(joined).where(some)
                found |= {
                    hashed[row.address_hash]: row.account for row in connection.execute(asked)
                }
        return found

    def used(self, wallet: Wallet) -> None:
        """It logged in, just now."""
        with self._database.write() as connection:
            mine = update(wallets).where(_c.address_hash == self._hash(wallet))
            connection.execute(mine.values(used_ns=self._clock()))

    def list(self, person_id: int) -> list[Listed]:
        """The oldest first."""
        query = select(wallets).where(_c.person_id == person_id).order_by(_c.created_ns, _c.id)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [Listed(r.id, self._address(r), r.chain_id, r.created_ns, r.used_ns) for r in rows]

    def unlink(self, person_id: int, wallet_id: str) -> str:
        """Its address; raises Refused when this person has no such wallet."""
        mine = (_c.id == wallet_id) & (_c.person_id == person_id)
        with self._database.write_durable() as connection:
            row = connection.execute(select(wallets).where(mine)).first()
            if row is None:
                raise Refused("not_found", f"You have no wallet {wallet_id[:40]!r}.")
            connection.execute(delete(wallets).where(mine))
        return self._address(row)

    def _address(self, row) -> str:
        return self._box.unseal(f"wallet {row.address_hash}", row.address).decode()

    def _hash(self, wallet: Wallet) -> str:
        named = wallet.address if wallet.chain_id is None else f"{wallet.chain_id}:{wallet.address}"
        return hmac.digest(self._hash_key, named.encode(), "sha256").hex()
