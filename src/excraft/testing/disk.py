"""A disk in memory that loses, tears, reorders and misdirects what was not synced.

The same operations as `excraft.log.disk.Disk`. What a process sees (the cache) and what survives a
power cut (the platter) are kept apart; all chance comes from a seed.
"""

import errno
import os
from pathlib import Path
from random import Random

SECTOR = 512


class PowerCut(BaseException):
    """The machine is gone; no operation works any more."""


class _File:
    def __init__(self) -> None:
        self.cache = bytearray()
        self.platter = bytearray()
        self.pending: list[tuple[int, bytes]] = []  # writes that were not synced, in order

    def write(self, offset: int, raw: bytes) -> None:
        _put(self.cache, offset, raw)
        self.pending.append((offset, raw))

    def sync(self) -> None:
        for offset, raw in self.pending:
            _put(self.platter, offset, raw)
        self.pending.clear()


class SimulatedDisk:
    """Give it to a FileLog; `crash` returns the disk as it is when the power is back."""

    def __init__(self, capacity: int = 1 << 40) -> None:
        self.capacity = capacity
        self.operations = 0  # carried out so far
        self.stop_at = -1  # the power is cut in this operation
        self.writes: list[tuple[str, int, int]] = []  # name, offset, length of each write
        self._names: dict[Path, _File] = {}
        self._durable: dict[Path, _File] = {}
        self._changes: list[tuple[Path | None, Path | None, _File]] = []  # of names, not synced
        self._folders: set[Path] = set()
        self._handles: dict[int, _File | Path] = {}
        self._faults: list[tuple[str, str, int, int]] = []
        self._misdirected = 0

    # --- faults ---

    def fail(self, operation: str, error: int, *, name: str = "", partial: int = 0) -> None:
        """The next `operation` on a file whose name contains `name` raises this errno.

        A failing write writes its first `partial` bytes. A failing sync loses what it should have
        made durable, and the system forgets that it is not: so does Linux.
        """
        self._faults.append((operation, name, error, partial))

    def misdirect(self, distance: int) -> None:
        """The next write to a segment lands `distance` bytes away from where it belongs."""
        self._misdirected = distance

    def flip(self, path: Path, offset: int, mask: int = 1) -> None:
        """Change one byte, in the cache and on the platter."""
        file = self._names[path]
        file.cache[offset] ^= mask
        file.platter[offset] ^= mask

    def kill(self) -> "SimulatedDisk":
        """The disk after a kill -9: the system lives on and has all that was written."""
        after = SimulatedDisk(self.capacity)
        after._names, after._durable = self._names, self._durable
        after._changes, after._folders = self._changes, self._folders
        return after

    def crash(self, random: Random) -> "SimulatedDisk":
        """The disk after a power cut: of what was not synced, chance keeps any part."""
        after = SimulatedDisk(self.capacity)
        after._folders = set(self._folders)
        names = dict(self._durable)
        for change in self._changes[: random.randint(0, len(self._changes))]:
            _change(names, change)
        for path, file in names.items():
            after._names[path] = survivor = _File()
            survivor.platter = bytearray(file.platter)
            style = random.choice(("lost", "kept", "sectors", "torn"))
            for number, (offset, raw) in enumerate(file.pending, 1):
                torn = style == "torn" and number < len(file.pending)  # only one is on its way
                for at, piece in _surviving(offset, raw, "sectors" if torn else style, random):
                    _put(survivor.platter, at, piece)
            survivor.cache = bytearray(survivor.platter)
        after._durable = dict(after._names)
        return after

    def content(self, path: Path) -> bytes:
        """What a process would read."""
        return bytes(self._names[path].cache)

    def paths(self) -> list[Path]:
        return sorted(self._names)

    # --- the operations ---

    def names(self, folder: Path) -> list[str]:
        self._step("names", folder)
        return sorted(p.name for p in (*self._names, *self._folders) if p.parent == folder)

    def make_folder(self, folder: Path) -> None:
        self._step("make_folder", folder)
        self._folders |= {folder, *folder.parents}

    def open(self, path: Path, *, write: bool = True, create: bool = False) -> int:
        self._step("open", path)
        if path not in self._names:
            if not create:
                raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
            self._name((None, path, _File()))
        return self._handle(self._names[path])

    def close(self, handle: int) -> None:
        del self._handles[handle]

    def size(self, handle: int) -> int:
        return len(self._file(handle).cache)

    def read(self, handle: int, offset: int, length: int) -> memoryview:
        file = self._file(handle)
        self._step("read", self._path(file))
        return memoryview(bytes(file.cache[offset : offset + length]))

    def write(self, handle: int, offset: int, raw: bytes) -> None:
        file = self._file(handle)
        path = self._path(file)
        if self._misdirected and path.name.isdecimal():
            offset, self._misdirected = offset + self._misdirected, 0
        self.writes.append((path.name, offset, len(raw)))
        try:
            self._step("write", path)
        except PowerCut:
            file.write(offset, bytes(raw))
            raise
        except OSError as error:
            file.write(offset, bytes(raw[: error.partial]))
            raise
        file.write(offset, bytes(raw))

    def sync(self, handle: int) -> None:
        file = self._file(handle)
        try:
            self._step("sync", self._path(file))
        except OSError:
            file.pending.clear()
            raise
        file.sync()

    def sync_folder(self, folder: Path) -> None:
        self._step("sync_folder", folder)
        for change in self._changes:
            _change(self._durable, change)
        self._changes.clear()

    def allocate(self, handle: int, size: int) -> None:
        file = self._file(handle)
        self._step("allocate", self._path(file))
        grown = size - len(file.cache)
        if grown > self.free(Path()):
            file.write(len(file.cache), bytes(self.free(Path())))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        file.write(len(file.cache), bytes(max(grown, 0)))

    def free(self, folder: Path) -> int:
        return self.capacity - sum(len(f.cache) for f in self._names.values())

    def rename(self, old: Path, new: Path) -> None:
        self._step("rename", old)
        self._name((old, new, self._names[old]))

    def remove(self, path: Path) -> None:
        self._step("remove", path)
        self._name((path, None, self._names[path]))

    def lock(self, path: Path) -> int:
        self._step("lock", path)
        if path in self._handles.values():
            raise BlockingIOError(errno.EAGAIN, "locked", str(path))
        return self._handle(path)

    # --- within ---

    def _step(self, operation: str, path: Path) -> None:
        if self.operations == self.stop_at:
            raise PowerCut
        self.operations += 1
        for fault in self._faults:
            wanted, name, number, partial = fault
            if wanted == operation and name in path.name:
                self._faults.remove(fault)
                error = OSError(number, os.strerror(number), str(path))
                error.partial = partial
                raise error

    def _handle(self, file: "_File | Path") -> int:
        handle = max(self._handles, default=2) + 1
        self._handles[handle] = file
        return handle

    def _file(self, handle: int) -> _File:
        if handle not in self._handles:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._handles[handle]

    def _path(self, file: _File) -> Path:
        return next((p for p, f in self._names.items() if f is file), Path("unlinked"))

    def _name(self, change: tuple[Path | None, Path | None, _File]) -> None:
        _change(self._names, change)
        self._changes.append(change)


def _change(names: dict[Path, _File], change: tuple[Path | None, Path | None, _File]) -> None:
    old, new, file = change
    if old is not None:
        names.pop(old, None)
    if new is not None:
        names[new] = file


def _put(into: bytearray, offset: int, raw: bytes) -> None:
    if len(into) < offset + len(raw):
        into.extend(bytes(offset + len(raw) - len(into)))
    into[offset : offset + len(raw)] = raw


def _surviving(offset: int, raw: bytes, style: str, random: Random):
    """(offset, bytes) of the parts of one un-synced write that reached the platter."""
    if style == "kept":
        yield offset, raw
    elif style == "torn":
        yield offset, raw[: random.randint(0, len(raw))]
    elif style == "sectors":
        edges = [0, *range(SECTOR - offset % SECTOR, len(raw), SECTOR), len(raw)]
        for begin, end in zip(edges[:-1], edges[1:], strict=True):
            if random.random() < 0.5:
                yield offset + begin, raw[begin:end]
