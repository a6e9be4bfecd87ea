"""How often somebody may try, so that guessing is slow and nobody can lock out somebody else.

- A failure counts for the pair of e-mail and network it came from, never for the e-mail alone: who
  fails on purpose with another's e-mail makes only their own network wait for it.
- Each network (an IPv4 address, an IPv6 /64) has a count over all e-mails too, and waits at most
  30 s for it.
- A browser that once logged in as this person holds a device cookie. Its tries count for that
  device alone, so a correct password from it passes whatever others did, from the same network too.
- A wrong code after a correct password counts for the person, as only who knows the password gets
  there; a known device has its own count there as well.

The waiting time doubles with each failure after the free ones. A try counts as failed when it
begins and is taken back when it succeeds, so that many at once gain nothing. Not covered: a guesser
with very many networks; against that stand the length of passwords, the second factor, the alert.
Behind a proxy everybody has the proxy's address, and waits for everybody else's failures on the
same e-mail; known devices still pass.

One process keeps the counts in memory and forgets the oldest beyond a bound; a restart forgets all.
"""

import math
from collections.abc import Callable, Hashable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple

from excraft.accounts.refusals import Refused

SECOND = 1_000_000_000
ENTRIES_MAX = 100_000


class Rule(NamedTuple):
    """After `free` failures wait `first_s`, then double up to `longest_s`; calm for `forget_s`."""

    free: int
    first_s: int
    longest_s: int
    forget_s: int

    def wait_ns(self, failures: int) -> int:
        """How long after the last failure the next try may come."""
        beyond = failures - self.free
        if beyond < 0:
            return 0
        return SECOND * min(self.longest_s, self.first_s << min(beyond, 30))


PAIR = Rule(5, 1, 900, 3600)
NETWORK = Rule(100, 1, 30, 600)
DEVICE = Rule(10, 1, 900, 3600)
CODE = Rule(5, 30, 3600, 86_400)
MAIL = Rule(3, 60, 3600, 7200)  # mails that somebody has sent to one address
Key = tuple[Rule, Hashable]


class Throttle:
    """Not for several threads. A key is a rule and what is counted."""

    def __init__(self, clock: Callable[[], int], entries_max: int = ENTRIES_MAX) -> None:
        self._clock, self._entries_max = clock, entries_max
        self._failed: dict[Key, tuple[int, int]] = {}  # failures, time of the last; oldest first

    def enter(self, *keys: Key) -> None:
        """Count one try for each key; raises Refused, and counts nothing, while one must wait."""
        now = self._clock()
        counts = {key: self._count(key, now) for key in keys}
        wait_ns = max(
            last + key[0].wait_ns(failures) - now for key, (failures, last) in counts.items()
        )
        if wait_ns > 0:
            wait_s = math.ceil(wait_ns / SECOND)
            raise Refused("too_many_tries", f"Too many tries; wait {wait_s} seconds.", wait_s)
        for key, (failures, _) in counts.items():
            self._failed.pop(key, None)
            self._failed[key] = (failures + 1, now)
        while len(self._failed) > self._entries_max:
            del self._failed[next(iter(self._failed))]

    def take_back(self, *keys: Key) -> None:
        """One try less: it did not fail."""
        for key in keys:
            failures, last = self._failed.get(key, (0, 0))
            if failures > 1:
                self._failed[key] = (failures - 1, last)
            else:
                self._failed.pop(key, None)

    def forget(self, *keys: Key) -> None:
        """All is well again for these."""
        for key in keys:
            self._failed.pop(key, None)

    def _count(self, key: Key, now: int) -> tuple[int, int]:
        failures, last = self._failed.get(key, (0, now))
        return (0, now) if now - last > key[0].forget_s * SECOND else (failures, last)


def network_of(address: str) -> str:
    """What one attacker surely has all of: an IPv4 address or an IPv6 /64."""
    try:
        ip = ip_address(address)
    except ValueError:  # a Unix socket
        return address
    if isinstance(ip, IPv6Address):
        mapped = ip.ipv4_mapped
        return str(mapped) if mapped else str(ip_network((ip, 64), strict=False))
    return str(ip)
