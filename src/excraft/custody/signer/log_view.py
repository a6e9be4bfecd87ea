"""What the signer believes: the withdrawals as the log has them, read from its files.

The exchange may be running and is not asked. Every record's check sum and its place in the chain of
hashes are verified, from the first one on, and only what the log's mark calls acknowledged counts:
a record that a power cut could still take must not be paid.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from excraft.custody.errors import SignerRefused
from excraft.custody.withdrawal import approved_id, read_reference
from excraft.log import mark, segment
from excraft.log.disk import Disk
from excraft.log.log import End, LogDamaged
from excraft.log.partition import folder_of
from excraft.log.segment import Walk
from excraft.messages.codec import Record
from excraft.messages.commands import Cause, CommandKind

_KINDS = np.array(
    [CommandKind.RESERVE, CommandKind.RELEASE, CommandKind.SPEND, CommandKind.APPROVE_WITHDRAWAL],
    np.uint8,
)


class Reserved(NamedTuple):
    """A RESERVE of a withdrawal."""

    id: int
    commitment: str
    account: int
    asset: int
    atoms: int


class Approval(NamedTuple):
    """An APPROVE_WITHDRAWAL; whether its text is one is for others to say."""

    account: int
    asset: int
    atoms: int
    text: str


class LogView:
    """As of `position`: `reserves` and `approvals` by (position, id), of what is not `closed`."""

    def __init__(self, log: Path, known: Mapping[int, str], disk: Disk | None = None) -> None:
        """`log`: the log's directory. `known`: hashes (hex) that records must have, by position:
        those that the signer acted on before."""
        self._disk, self._folder, self._known = disk or Disk(), folder_of(log, 0), known
        self._end, self._first, self._offset = End(), 1, 0
        self.reserves: dict[tuple[int, int], Reserved] = {}
        self.approvals: dict[tuple[int, int], Approval] = {}
        self.closed: set[int] = set()
        self._places: dict[int, list[tuple[dict, int]]] = {}  # what is kept of an open one

    @property
    def position(self) -> int:
        return self._end.position

    @property
    def hash(self) -> str:
        """Of the record at `position`, in hex."""
        return self._end.hash.hex()

    def catch_up(self) -> None:
        """Read up to the record acknowledged last. Raises LogDamaged; SignerRefused when the log
        ends before what was read from it, or is another one."""
        seen = mark.read(self._disk, self._folder)
        if seen is None:
            raise SignerRefused(f"there is no log in {self._folder}, or it cannot be read")
        if seen.position < self.position:
            raise SignerRefused(
                f"the log ends at record {seen.position}, but record {self.position} was read "
                f"from it before: it was replaced"
            )
        while self.position < seen.position:
            self._walk(seen.position)
        if self._end.hash != seen.hash and seen.position:
            raise LogDamaged(
                self._folder / segment.name(self._first), self._offset, self.position,
                "it is not the one acknowledged",
            )  # fmt: skip

    def _walk(self, upto: int) -> None:
        """Read on in the segment at hand, then go to the next."""
        before = self.position
        path = self._folder / segment.name(self._first)
        with Walk(self._disk, path, 0, self._end) as walk:
            walk.offset = self._offset
            for record in walk:
                self._check(record, walk)
                self._apply(record)
                self._end, self._offset = walk.end, walk.offset
                if record.position >= upto:
                    return
            following = self.position + 1
            moves_on = following != self._first and following in self._segments()
            if not moves_on and self.position == before:
                raise walk.damage(f"record {upto} was acknowledged")
        if moves_on:
            self._first, self._offset = following, 0

    def _segments(self) -> list[int]:
        return segment.firsts(self._disk, self._folder)

    def _check(self, record: Record, walk: Walk) -> None:
        known = self._known.get(record.position)
        if known is not None and walk.end.hash.hex() != known:
            raise walk.damage("it is not the one that was signed by before: another log")

    def _apply(self, record: Record) -> None:
        rows = np.flatnonzero(np.isin(record.commands["kind"], _KINDS))
        if not len(rows):
            return
        texts = record.texts()
        for index in rows.tolist():
            row, text = record.commands[index], texts.get(index, "")
            kind, account, asset, atoms = (
                int(row[name]) for name in ("kind", "account", "market", "amount")
            )
            if kind == CommandKind.APPROVE_WITHDRAWAL:
                made = Approval(account, asset, atoms, text)
                self._keep(self.approvals, record.position, approved_id(text), made)
                continue
            found = read_reference(text)
            if found is None or row["number"] != Cause.WITHDRAWAL:
                continue
            if kind == CommandKind.RESERVE:
                made = Reserved(*found, account, asset, atoms)
                self._keep(self.reserves, record.position, found[0], made)
            else:
                self._close(found[0])

    def _keep(self, where: dict, position: int, id: int, made: tuple) -> None:
        if id and id not in self.closed:
            where.setdefault((position, id), made)
            self._places.setdefault(id, []).append((where, position))

    def _close(self, id: int) -> None:
        """Paid or given back: its number is all that has to be known from here on."""
        self.closed.add(id)
        for where, position in self._places.pop(id, []):
            where.pop((position, id), None)
