"""From which networks a person logged in before, so that a login from another one is told."""

import hmac
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from excraft.accounts.secret_box import SecretBox
from excraft.store.database import Database
from excraft.store.schema_people import login_networks

PREFIX = {4: 24, 6: 48}  # what one household or office surely has; narrower tells too often
NETWORKS_MAX = 100  # of a person; beyond it the one seen longest ago is forgotten
_c = login_networks.c


class KnownNetworks:
    """Keeps keyed hashes only. `seen` blocks."""

    def __init__(self, database: Database, box: SecretBox, clock: Callable[[], int]) -> None:
        self._database, self._clock = database, clock
        self._key = box.derive("login networks")

    def seen(self, person_id: int, address: str) -> bool:
        """Remember it; whether it was known before."""
        try:
            return self._seen(person_id, address)
        except IntegrityError:  # another login from there was first by a moment
            return True

    def _seen(self, person_id: int, address: str) -> bool:
        text = f"{person_id} {_network(address)}"
        hashed = hmac.digest(self._key, text.encode(), "sha256").hex()
        mine = _c.person_id == person_id
        with self._database.write_durable() as connection:
            known = connection.execute(
                update(login_networks).where(mine, _c.hash == hashed).values(seen_ns=self._clock())
            )
            if known.rowcount:
                return True
            newest = select(_c.hash).where(mine).order_by(_c.seen_ns.desc(), _c.hash)
            kept = connection.execute(newest).scalars().all()
            for old in kept[NETWORKS_MAX - 1 :]:
                connection.execute(delete(login_networks).where(mine, _c.hash == old))
            connection.execute(
                insert(login_networks).values(
                    person_id=person_id, hash=hashed, seen_ns=self._clock()
                )
            )
        return False


def _network(address: str) -> str:
    try:
        ip = ip_address(address)
    except ValueError:  # a Unix socket
        return address
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return str(ip_network((ip, PREFIX[ip.version]), strict=False))
