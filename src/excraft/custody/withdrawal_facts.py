"""What the log has done for each withdrawal: the answer to "was this step taken already?".

A read model of the engine, kept in its snapshots. It answers after any stop, and also for a
database that is older than the log: what was paid once is known for ever.
"""

from collections.abc import Container
from enum import IntFlag
from typing import NamedTuple

import msgspec
import numpy as np

from excraft.custody.withdrawal import read_approval, read_reference
from excraft.messages.codec import Record
from excraft.messages.commands import Cause, CommandKind
from excraft.messages.events import EventKind

ID_MAX = 1 << 27  # a byte of memory for each; a larger number is none of ours


class Step(IntFlag):
    """Taken once each, in this order; RELEASED or SPENT, never both."""

    NONE = 0
    RESERVED = 1
    APPROVED = 2
    RELEASED = 4
    SPENT = 8


CLOSED = Step.RELEASED | Step.SPENT
_STEP = {
    CommandKind.RESERVE: Step.RESERVED,
    CommandKind.APPROVE_WITHDRAWAL: Step.APPROVED,
    CommandKind.RELEASE: Step.RELEASED,
    CommandKind.SPEND: Step.SPENT,
}
_FIRST = int(min(_STEP))
_KINDS = np.array([*_STEP], np.uint8)


class Fact(NamedTuple):
    """Positions are 0 where the step was not taken, or was forgotten."""

    steps: Step = Step.NONE
    commitment: str = ""
    account: int = -1
    asset: int = -1
    atoms: int = 0
    reserved: int = 0
    approved: int = 0
    closed: int = 0


class Facts:
    """Change it only through `apply`; `forget` what the database has durably."""

    def __init__(self) -> None:
        self._steps = bytearray(1)
        self._facts: dict[int, Fact] = {}

    @property
    def highest(self) -> int:
        """The largest id that the log has seen; a new withdrawal gets a larger one."""
        return len(self._steps) - 1

    def of(self, id: int) -> Fact:
        """What was done for a withdrawal."""
        fact = self._facts.get(id)
        if fact is not None:
            return fact
        return Fact(Step(self._steps[id])) if 0 < id <= self.highest else Fact()

    def missing(self, known: Container[int]) -> list[int]:
        """Withdrawals that the log has and `known` does not, but those that were given back
        without an approval: they left nothing behind."""
        nothing = (Step.NONE, Step.RESERVED | Step.RELEASED)
        steps = enumerate(bytes(self._steps))
        return [id for id, taken in steps if taken not in nothing and id not in known]

    def apply(self, record: Record, events: np.ndarray) -> None:
        """Take over one record; a command that was refused did nothing."""
        if record.commands["kind"].max() < _FIRST:
            return  # orders only, as nearly always: nothing here may cost them anything
        rows = np.flatnonzero(np.isin(record.commands["kind"], _KINDS))
        if not len(rows):
            return
        refused = set(events["command"][events["kind"] == EventKind.REFUSED].tolist())
        texts = record.texts()
        for index in rows.tolist():
            if index in refused:
                continue
            row = record.commands[index]
            kind, text = CommandKind(int(row["kind"])), texts.get(index, "")
            found = _named(kind, int(row["number"]), text)
            if found is not None and found[0] < ID_MAX:
                self._take(found, _STEP[kind], record.position, row)

    def _take(self, found: tuple[int, str], step: Step, position: int, row: np.void) -> None:
        id, commitment = found
        if id > self.highest:
            self._steps += bytes(id - self.highest)
        fact = self.of(id)
        self._steps[id] |= step
        if step == Step.RESERVED:
            fact = fact._replace(
                commitment=commitment, account=int(row["account"]), asset=int(row["market"]),
                atoms=int(row["amount"]), reserved=position,
            )  # fmt: skip
        elif step == Step.APPROVED:
            fact = fact._replace(approved=position)
        else:
            fact = fact._replace(closed=position)
        self._facts[id] = fact._replace(steps=fact.steps | step)

    def forget(self, id: int) -> None:
        """The positions of a closed one; its steps stay known."""
        if self.of(id).steps & CLOSED:
            self._facts.pop(id, None)

    def invariant(self) -> None:
        """Raises AssertionError: no withdrawal is paid and given back, or closed unreserved."""
        for id, steps in enumerate(self._steps):
            assert steps & CLOSED != CLOSED, f"withdrawal {id} was released and spent"
            assert not steps or steps & Step.RESERVED, f"withdrawal {id} was never reserved"
            assert not steps & Step.SPENT or steps & Step.APPROVED, f"{id} spent unapproved"

    def dump(self) -> bytes:
        """All of it as bytes; inverse of `load`."""
        return msgspec.msgpack.encode((bytes(self._steps), self._facts))

    def load(self, raw: bytes) -> None:
        """Become what was dumped."""
        steps, facts = msgspec.msgpack.decode(raw, type=tuple[bytes, dict[int, Fact]])
        self._steps, self._facts = bytearray(steps), facts


def _named(kind: CommandKind, number: int, text: str) -> tuple[int, str] | None:
    """(id, commitment) of the withdrawal that a command is about."""
    if kind == CommandKind.APPROVE_WITHDRAWAL:
        try:
            return read_approval(text).id, ""
        except ValueError:
            return None
    return read_reference(text) if number == Cause.WITHDRAWAL else None
