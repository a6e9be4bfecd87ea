"""Which deposits the log has credited, and what of them has left again: from the log alone.

A read model of the engine, kept in its snapshots, so it knows after any stop whether a credit was
made. A reference is kept as 16 bytes of its hash.
"""

import re
from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b

import msgspec
import numpy as np

from excraft.messages.codec import Record
from excraft.messages.commands import Cause, CommandKind
from excraft.messages.events import EventKind

_FIRST = int(EventKind.CREDITED)  # of the events about money; a plain number compares faster
_MONEY = (EventKind.CREDITED, EventKind.DEBITED, EventKind.SPENT)
REFERENCE = re.compile(
    r"\d{1,19}:0x[0-9a-f]{64}:(coin|(found)?\d{1,9})"
)  # custody.deposit.reference


class _Dump(msgspec.Struct):
    positions: dict[bytes, int]
    credited: dict[int, int]
    spent: dict[int, int]
    by_hand: dict[int, int]


class Credited:
    """Change it only through `apply`. Atoms by asset: `credited` by deposits of a chain, `spent`
    by withdrawals, and `by_hand` all else that came, less what went: nothing on a chain stands for
    it but the exchange's own money. The three make up what there is of an asset."""

    def __init__(self) -> None:
        self.credited: Counter[int] = Counter()
        self.spent: Counter[int] = Counter()
        self.by_hand: Counter[int] = Counter()
        self._positions: dict[bytes, int] = {}

    def find(self, references: Iterable[str]) -> dict[str, int]:
        """Positions in the log of the credits with these references."""
        positions = self._positions
        keys = ((name, positions.get(_key(name))) for name in references)
        return {name: position for name, position in keys if position is not None}

    def apply(self, record: Record, events: np.ndarray) -> None:
        """Take over one record; a command that was refused did nothing."""
        if events["kind"].max() < _FIRST:
            return  # orders only, as nearly always: nothing here may cost them anything
        rows = events[np.isin(events["kind"], _MONEY)]
        if not len(rows):
            return
        texts = record.texts()
        names = ("command", "kind", "market", "amount")
        for index, kind, asset, amount in rows[[*names]].tolist():
            cause = int(record.commands["number"][index])
            if kind != EventKind.CREDITED:
                if kind == EventKind.SPENT and cause == Cause.WITHDRAWAL:
                    self.spent[asset] += amount
                else:
                    self.by_hand[asset] -= amount
                continue
            assert record.commands["kind"][index] == CommandKind.CREDIT
            reference = texts.get(index, "")
            if cause == Cause.DEPOSIT and REFERENCE.fullmatch(reference):
                self.credited[asset] += amount
                self._positions.setdefault(_key(reference), record.position)
            else:
                self.by_hand[asset] += amount

    def dump(self) -> bytes:
        """All of it as bytes; inverse of `load`."""
        dump = _Dump(self._positions, self.credited, self.spent, self.by_hand)
        return msgspec.msgpack.encode(dump)

    def load(self, raw: bytes) -> None:
        """Become what was dumped."""
        dump = msgspec.msgpack.decode(raw, type=_Dump)
        self._positions = dump.positions
        self.credited, self.spent = Counter(dump.credited), Counter(dump.spent)
        self.by_hand = Counter(dump.by_hand)


def _key(reference: str) -> bytes:
    return blake2b(reference.encode(), digest_size=16).digest()
