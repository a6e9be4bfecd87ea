"""API keys that members make themselves: what they may ask for, and only their own."""

from functools import partial
from ipaddress import ip_network
from typing import NamedTuple

from sqlalchemy import Connection

from excraft.accounts.api_keys import ApiKeys, Bounds, ListedKey, NewKey
from excraft.accounts.credentials import IPS_MAX, Permission
from excraft.accounts.errors import BadKey
from excraft.accounts.members import Member
from excraft.accounts.refusals import Refused
from excraft.accounts.second_factor import any_on

KEYS_MAX = 30  # of one member that work at the same time
SECOND = 1_000_000_000
LASTS_LONGEST_NS = 10 * 366 * 86_400 * SECOND
NARROW = {4: 16, 6: 32}  # the widest network that a key which may withdraw can be used from


class Wish(NamedTuple):
    """A key as its member wants it; `expires_ns` None: it works until it is revoked."""

    kind: str
    label: str
    permissions: list[str]
    ips: list[str]
    public_key: str
    expires_ns: int | None


def make(api_keys: ApiKeys, member: Member, wish: Wish, *, person_id: int, now_ns: int) -> NewKey:
    """The new key; raises Refused. Who lets it be made has checked a recent step-up."""
    permissions, check = [name.upper() for name in wish.permissions], None
    if Permission.WITHDRAW in permissions:
        _check_narrow(wish.ips)
        check = partial(_check_factor, person_id)
    if wish.expires_ns is not None:
        _check_expiry(wish.expires_ns, now_ns)
    try:
        return api_keys.create(
            member, wish.kind.upper(), permissions=permissions, label=wish.label.strip(),
            public_key=wish.public_key or None,
            bounds=Bounds(tuple(wish.ips), wish.expires_ns, KEYS_MAX, check),
        )  # fmt: skip
    except BadKey as bad:
        raise _refused(bad) from bad


def edit(api_keys: ApiKeys, member: Member, key: str, *, label: str, ips: list[str]) -> ListedKey:
    """Another label and other addresses; the key before the change. Raises Refused."""
    found = own(api_keys, member, key)
    if Permission.WITHDRAW in found.permissions:
        _check_narrow(ips)
    try:
        api_keys.edit(key, label=label.strip(), ips=ips)
    except BadKey as bad:
        raise _refused(bad) from bad
    return found


def own(api_keys: ApiKeys, member: Member, key: str) -> ListedKey:
    """The member's key of that name; another's is refused exactly as one that never was."""
    for found in shown(api_keys, member):
        if found.key == key:
            return found
    raise Refused("not_found", f"You have no API key {key[:80]!r}.")


def shown(api_keys: ApiKeys, member: Member) -> list[ListedKey]:
    """All that were not revoked, the newest first."""
    return [key for key in reversed(api_keys.list(member)) if key.revoked_ns is None]


def _check_factor(person_id: int, connection: Connection) -> None:
    """In the transaction that makes the key, so that turning the factor off is before or after."""
    if not any_on(connection, person_id):
        raise Refused("bad_key", "Turn on a second factor before a key may withdraw.")


def _check_narrow(ips: list[str]) -> None:
    if not ips:
        raise Refused("bad_key", "A key that may withdraw needs the addresses it is used from.")
    for ip in ips[: IPS_MAX + 1]:
        try:
            network = ip_network(ip)
        except ValueError:
            return  # said with its own sentence where the list is read
        if network.prefixlen < NARROW[network.version]:
            widest = NARROW[network.version]
            raise Refused(
                "bad_key", f"{ip} is too wide for a key that may withdraw; take /{widest} or less."
            )


def _check_expiry(expires_ns: int, now_ns: int) -> None:
    if not now_ns < expires_ns <= now_ns + LASTS_LONGEST_NS:
        raise Refused(
            "bad_key", f"The key would end at {expires_ns} ns; it must end later than now, within "
            f"ten years.",
        )  # fmt: skip


def _refused(bad: BadKey) -> Refused:
    text = str(bad)
    return Refused("bad_key", f"{text[0].upper()}{text[1:]}.")
