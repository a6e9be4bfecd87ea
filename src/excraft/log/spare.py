"""The spare: the next segment, made ahead of use so that no append waits for the file system.

It is allocated, then filled with zeros as far as there is time: overwriting blocks that were
written once syncs faster, because the file system has nothing of its own to note down.
"""

import errno
import time
from pathlib import Path
from threading import Event, Lock

from excraft.log.disk import Disk
from excraft.log.log import End
from excraft.log.segment import Walk, used

SPARE = "spare"
NEW = "spare.new"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
PASSING = FULL | {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ECANCELED}
PIECE = 1 << 20  # bytes filled between two syncs
RETRY_S = 1.0  # after a failure
REST = 3.0  # times as long as a piece took: leaves the disk to the appends


class Spare:
    """Makes, keeps and gives away one empty file of `size` bytes, open for writing."""

    def __init__(self, disk: Disk, folder: Path, size: int) -> None:
        self._disk, self._folder, self.size = disk, folder, size
        self._lock = Lock()
        self._hurry = Event()
        self._cancelled = False
        self._failed_at = -RETRY_S
        self.reason = ""  # why the last attempt failed
        self._handle = self._left_over()

    @property
    def bytes(self) -> int:
        """Room in it: 0 when it is missing."""
        return 0 if self._handle is None else self.size

    def make(self, *, gently: bool = False) -> bool:
        """Have a spare, filled with zeros when `gently`; False when the disk is full.

        After a failure it is tried again only a second later. Raises OSError when the disk is
        not full but faulty.
        """
        if not gently:
            self._hurry.set()
        with self._lock:
            self._hurry.clear()
            if self._handle is None and time.monotonic() - self._failed_at >= RETRY_S:
                try:
                    self._handle, self.reason = self._make(self.size, gently), ""
                except OSError as error:
                    self._failed_at, self.reason = time.monotonic(), str(error)
                    if error.errno not in PASSING:
                        raise
            return self._handle is not None

    def take(self, path: Path, size: int) -> int:
        """Turn the spare into the segment `path`; the name is durable when the folder is synced.

        A record too large for it gets a file of `size` bytes made at once. Returns the handle.
        """
        with self._lock:
            if size > self.size:
                large = self._make(size, False)  # replaces the spare
                self.close()
                self._handle = large
            self._disk.rename(self._folder / SPARE, path)
            handle, self._handle = self._handle, None
            return handle

    def cancel(self) -> None:
        """Stop making one, now and for ever."""
        self._cancelled = True
        self._hurry.set()

    def close(self) -> None:
        if self._handle is not None:
            self._disk.close(self._handle)
            self._handle = None

    def _left_over(self) -> int | None:
        """Handle of the spare an earlier process left, if it is whole and empty."""
        names = self._disk.names(self._folder)
        if NEW in names:
            self._disk.remove(self._folder / NEW)
        if SPARE not in names:
            return None
        path = self._folder / SPARE
        with Walk(self._disk, path, 0, End()) as walk:
            good = self._disk.size(walk.handle) == self.size and used(walk) == 0
        if good:
            return self._disk.open(path)
        self._disk.remove(path)
        return None

    def _make(self, size: int, gently: bool) -> int:
        disk, new = self._disk, self._folder / NEW
        disk.sync_folder(self._folder)  # the name that the spare before this one was given
        if disk.free(self._folder) < size:
            raise OSError(errno.ENOSPC, f"no {size} bytes are left for the next segment")
        handle = disk.open(new, create=True)
        try:
            disk.allocate(handle, size)
            for offset in range(0, size if gently else 0, PIECE):
                if self._cancelled:
                    raise OSError(errno.ECANCELED, "the log is being closed")
                began = time.monotonic()
                disk.write(handle, offset, bytes(min(PIECE, size - offset)))
                disk.sync(handle)
                if self._hurry.wait((time.monotonic() - began) * REST):
                    break
            disk.sync(handle)
            disk.rename(new, self._folder / SPARE)
            disk.sync_folder(self._folder)
        except OSError:
            disk.close(handle)
            if NEW in disk.names(self._folder):
                disk.remove(new)
            raise
        return handle
