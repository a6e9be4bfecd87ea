"""What must be signed next: each challenge for one purpose and one browser, once, and soon.

They are in the memory of this process, so a stranger who asks for many writes nothing to the disk;
a restart voids them, and whoever was in the middle begins again. One network keeps a bounded
number, the oldest goes first, so nobody voids those of others.
"""

from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from excraft.accounts.refusals import Refused

LASTS_NS = 300 * 1_000_000_000
OF_NETWORK_MAX = 200
TOTAL_MAX = 50_000


class Purpose(StrEnum):
    """What the answer may be used for, and for nothing else."""

    ADD_PASSKEY = "add a passkey"
    PASSKEY_LOGIN = "log in with a passkey"
    PASSKEY_STEP_UP = "step up with a passkey"
    ACT = "do one sensitive act, with a passkey"
    LINK_WALLET = "link a wallet"
    WALLET_LOGIN = "log in with a wallet"
    WALLET_STEP_UP = "step up with a wallet"


class _Kept(NamedTuple):
    content: str
    network: str
    expires_ns: int


class Challenges:
    """Not for several threads."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._kept: dict[tuple[Purpose, str], _Kept] = {}  # the oldest first
        self._of_network: dict[str, deque[tuple[Purpose, str]]] = {}

    def keep(self, purpose: Purpose, bound: str, network: str, content: str) -> None:
        """`bound`: the session or the cookie whose answer counts; replaces what it had before."""
        self._drop((purpose, bound))
        now = self._clock()
        while self._kept and (
            len(self._kept) >= TOTAL_MAX or next(iter(self._kept.values())).expires_ns <= now
        ):
            self._drop(next(iter(self._kept)))
        mine = self._of_network.get(network, ())
        if len(mine) >= OF_NETWORK_MAX:
            self._drop(mine[0])
        self._kept[purpose, bound] = _Kept(content, network, now + LASTS_NS)
        self._of_network.setdefault(network, deque()).append((purpose, bound))

    def take(self, purpose: Purpose, bound: str) -> str:
        """The content, which is gone now whatever the answer is worth; raises Refused."""
        found = self._drop((purpose, bound))
        if found is None or found.expires_ns <= self._clock():
            raise Refused(
                "no_challenge", "There is nothing to answer, or it was answered; begin again."
            )
        return found.content

    def _drop(self, key: tuple[Purpose, str]) -> _Kept | None:
        found = self._kept.pop(key, None)
        if found is not None:
            mine = self._of_network[found.network]
            mine.remove(key)
            if not mine:
                del self._of_network[found.network]
        return found

    def invariant(self) -> None:
        """What is counted for the networks is exactly what is kept."""
        counted = [key for keys in self._of_network.values() for key in keys]
        assert sorted(counted) == sorted(self._kept) and len(counted) <= TOTAL_MAX
        assert all(0 < len(keys) <= OF_NETWORK_MAX for keys in self._of_network.values())
