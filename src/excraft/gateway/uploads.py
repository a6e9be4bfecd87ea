"""How much of members' files is in memory at once: one file of each, and a bound for all."""

from collections.abc import Iterator
from contextlib import contextmanager

from excraft.accounts.refusals import Refused

BYTES_MAX = 128 << 20  # twelve of the largest; checking and sealing take a few times as much
WAIT_S = 10


class Uploads:
    """Counted are bytes that came, not files that may: who sends slowly takes little room."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self.free = bytes_max
        self._members: set[int] = set()

    @contextmanager
    def of(self, member_id: int) -> Iterator["Room"]:
        """Until the end of the block, when the file is kept or refused; raises Refused."""
        if member_id in self._members:
            raise Refused("busy", "Another file of yours is on its way; send them in turn.", WAIT_S)
        self._members.add(member_id)
        room = Room(self)
        try:
            yield room
        finally:
            self._members.discard(member_id)
            self.free += room.taken


class Room:
    """What one upload takes."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads, self.taken = uploads, 0

    def take(self, count: int) -> None:
        """Before the bytes are kept; raises Refused when there is no room."""
        if count > self._uploads.free:
            raise Refused("busy", "Many files are on their way now; send yours later.", WAIT_S)
        self._uploads.free -= count
        self.taken += count
