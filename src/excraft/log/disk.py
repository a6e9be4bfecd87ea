"""The file operations a log needs, and no others: the seam where tests put a faulty disk."""

import fcntl
import os
from pathlib import Path


class Disk:
    """The real one. Every method raises OSError as the system gives it."""

    def names(self, folder: Path) -> list[str]:
        return sorted(os.listdir(folder)) if folder.is_dir() else []

    def make_folder(self, folder: Path) -> None:
        """Create it, durably, with its parents."""
        missing = [p for p in (folder, *folder.parents) if not p.exists()]
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in missing:
            self.sync_folder(path.parent)

    def open(self, path: Path, *, write: bool = True, create: bool = False) -> int:
        flags = os.O_CLOEXEC | (os.O_RDWR if write else os.O_RDONLY) | (os.O_CREAT if create else 0)
        return os.open(path, flags, 0o600)

    def close(self, handle: int) -> None:
        os.close(handle)

    def size(self, handle: int) -> int:
        return os.fstat(handle).st_size

    def read(self, handle: int, offset: int, length: int) -> memoryview:
        """Up to `length` bytes; fewer only at the end of the file."""
        raw = os.pread(handle, length, offset)
        while len(raw) < length and (
            more := os.pread(handle, length - len(raw), offset + len(raw))
        ):
            raw += more
        return memoryview(raw)

    def write(self, handle: int, offset: int, raw: bytes) -> None:
        """All of `raw`, or OSError with an unknown part of it written."""
        written = os.pwrite(handle, raw, offset)
        while written < len(raw):
            written += os.pwrite(handle, memoryview(raw)[written:], offset + written)

    def sync(self, handle: int) -> None:
        os.fdatasync(handle)

    def sync_folder(self, folder: Path) -> None:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def allocate(self, handle: int, size: int) -> None:
        """Make the file `size` bytes long with blocks of its own."""
        os.posix_fallocate(handle, 0, size)

    def free(self, folder: Path) -> int:
        """Bytes this process may still allocate there."""
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize

    def rename(self, old: Path, new: Path) -> None:
        os.rename(old, new)

    def remove(self, path: Path) -> None:
        os.unlink(path)

    def lock(self, path: Path) -> int:
        """Exclusive until the handle is closed; BlockingIOError when another process has it."""
        handle = self.open(path, create=True)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise
        return handle
