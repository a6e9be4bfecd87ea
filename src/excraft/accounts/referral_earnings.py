"""What each account was paid for those it referred: from the log alone.

A read model of the engine, kept in its snapshots. A member's entries have the same, but among all
their trades.
"""

from collections import Counter

import msgspec
import numpy as np

from excraft.messages.codec import Record
from excraft.messages.events import EventKind


class ReferralEarnings:
    """Change it only through `apply`."""

    def __init__(self) -> None:
        self._paid: Counter[tuple[int, int]] = Counter()

    def of(self, account: int, assets: int) -> dict[int, int]:
        """Atoms by asset, without zeros, of the first `assets` assets."""
        found = {asset: self._paid.get((account, asset), 0) for asset in range(assets)}
        return {asset: atoms for asset, atoms in found.items() if atoms}

    def apply(self, _record: Record, events: np.ndarray) -> None:
        """Take over one record."""
        rows = events[events["kind"] == EventKind.REFERRAL_PAID]
        for account, asset, atoms in rows[["account", "market", "amount"]].tolist():
            self._paid[account, asset] += atoms

    def dump(self) -> bytes:
        """All of it as bytes; inverse of `load`."""
        return msgspec.msgpack.encode([(*of, atoms) for of, atoms in sorted(self._paid.items())])

    def load(self, raw: bytes) -> None:
        """Become what was dumped."""
        rows = msgspec.msgpack.decode(raw, type=list[tuple[int, int, int]])
        self._paid = Counter({(account, asset): atoms for account, asset, atoms in rows})
