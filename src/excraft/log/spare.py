"""The spare: the next segment, made ahead of use so that no append waits for the file system.

It is allocated, then filled with zeros and synced: overwriting blocks that exist syncs faster than
filling holes, because the file system has nothing of its own to note down.
"""

import time
from pathlib import Path
from threading import Event, Lock

from excraft.log.disk import Disk
from excraft.log.segment import used

SPARE = "spare"
PIECE = 1 << 20  # bytes filled between two syncs
RETRY_S = 1.0  # after a failure
REST = 3.0  # times as long as a piece took: leaves the disk to the appends


class Spare:
    """Makes, keeps and gives away one spare file of `size` bytes."""

    def __init__(self, disk: Disk, folder: Path, size: int) -> None:
        self._disk, self._folder, self.size = disk, folder, size
        self._lock = Lock()
        self._hurry = Event()
        self._failed_at = -RETRY_S
        self.reason = ""  # why the last attempt failed
        self.ready = self._usable()

    @property
    def bytes(self) -> int:
        return self.size if self.ready else 0

    def may_try(self) -> bool:
        """Whether it is missing and the last failure is long enough ago."""
        return not self.ready and time.monotonic() - self._failed_at >= RETRY_S

    def make(self, *, gently: bool = False) -> bool:
        """Have a spare now, waiting for one being made; False when the disk refuses."""
        if not gently:
            self._hurry.set()
        with self._lock:
            self._hurry.clear()
            if self.may_try():
                try:
                    self._make(self.size, gently)
                    self.ready, self.reason = True, ""
                except OSError as error:
                    self._failed_at, self.reason = time.monotonic(), str(error)
            return self.ready

    def take(self, path: Path, size: int) -> None:
        """Turn the spare into the segment `path`; the name is durable when the folder is synced.

        A record too large for the spare gets a file of `size` bytes made at once (OSError).
        """
        with self._lock:
            if size > self.size:
                if self.ready:
                    self._disk.remove(self._folder / SPARE)
                self.ready = False
                self._make(size, False)
            self._disk.rename(self._folder / SPARE, path)
            self.ready = False

    def _usable(self) -> bool:
        """Whether the file left by an earlier process is whole and empty; removes it otherwise."""
        names = self._disk.names(self._folder)
        if f"{SPARE}.new" in names:
            self._disk.remove(self._folder / f"{SPARE}.new")
        if SPARE not in names:
            return False
        handle = self._disk.open(self._folder / SPARE)
        try:
            good = self._disk.size(handle) == self.size and used(self._disk, handle, 0) == 0
        finally:
            self._disk.close(handle)
        if not good:
            self._disk.remove(self._folder / SPARE)
        return good

    def _make(self, size: int, gently: bool) -> None:
        disk, new = self._disk, self._folder / f"{SPARE}.new"
        disk.sync_folder(self._folder)  # the name the spare before this one was given
        if disk.free(self._folder) < size:
            raise OSError(f"the disk has no {size} bytes left for the next segment")
        handle = disk.open(new, create=True)
        try:
            disk.allocate(handle, size)
            for offset in range(0, size, PIECE):
                began = time.monotonic()
                disk.write(handle, offset, bytes(min(PIECE, size - offset)))
                disk.sync(handle)
                if gently:
                    self._hurry.wait((time.monotonic() - began) * REST)
        except OSError:
            disk.remove(new)
            raise
        finally:
            disk.close(handle)
        disk.rename(new, self._folder / SPARE)
        disk.sync_folder(self._folder)
