"""The log in files of one directory, for one process at a time."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Lock, Thread

from excraft.log.disk import Disk
from excraft.log.log import Cut, End, LogError, LogInUse, Verify
from excraft.log.partition import Partition, folder_of, partitions
from excraft.log.reading import reader_end, records
from excraft.messages.codec import GENESIS, Record

SEGMENT_BYTES = 64 << 20
RESERVE_BYTES = 32 << 20
LOCK = "lock"


class FileLog:
    """Each append is written and synced before it returns; docs/decisions/0002-log-file.md.

    segment_bytes  size of a segment; disk use begins with two of them per partition
    reserve_bytes  what only urgent records may use when the disk is full
    everything     verify all segments while opening, not only the last two
    background     make the next segment in a thread; otherwise within the append that needs it
    """

    def __init__(
        self,
        directory: Path | str,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        reserve_bytes: int = RESERVE_BYTES,
        everything: bool = False,
        disk: Disk | None = None,
        background: bool = True,
    ) -> None:
        if not 0 <= reserve_bytes < segment_bytes:
            raise ValueError(f"a reserve of {reserve_bytes} bytes in segments of {segment_bytes}")
        self.directory = Path(directory)
        self._disk = disk or Disk()
        self._sizes = (segment_bytes, reserve_bytes)
        self._partitions: dict[int, Partition] = {}
        self._opening = Lock()
        self._closed = False
        self._disk.make_folder(self.directory)
        self._lock = self._take_lock()
        try:
            for number in partitions(self._disk, self.directory) or [0]:
                self._open(number, everything)
        except BaseException:
            self._release()
            raise
        self._background = background
        self._wake = Event()
        self._wake.set()
        self._keeper = Thread(target=self._keep, name="excraft-log", daemon=True)
        if background:
            self._keeper.start()

    @property
    def room(self) -> bool:
        """Whether records that are not urgent are accepted now; looks again once a second."""
        if not self._background:
            self.tend()
        return all(p.room for p in self._partitions.values())

    @property
    def cuts(self) -> list[Cut]:
        """What was cut while opening."""
        return [p.cut for p in self._partitions.values() if p.cut]

    @property
    def notes(self) -> list[str]:
        """Sentences for the operator about what was found while opening."""
        found = [str(cut) for cut in self.cuts]
        return found + [p.note for p in self._partitions.values() if p.note]

    def append(self, partition: int, record: Record, *, urgent: bool = False) -> int:
        """See Log.append."""
        position = self._open(partition).append(record, urgent=urgent)
        if not self._partitions[partition].spare.bytes:
            self._wake.set()
        return position

    def read(self, partition: int, after: int = 0, *, verify: Verify = "chain") -> Iterator[Record]:
        """See Log.read."""
        found = self._partitions.get(partition)
        return found.read(after, verify) if found else iter(())

    def end(self, partition: int) -> int:
        """See Log.end."""
        found = self._partitions.get(partition)
        return found.end.position if found else 0

    def last_hash(self, partition: int) -> bytes:
        """See Log.last_hash."""
        found = self._partitions.get(partition)
        return found.end.hash if found else GENESIS

    def tend(self) -> None:
        """Make missing spares, and marks durable: what the background thread does each second."""
        for partition in list(self._partitions.values()):
            partition.tend()

    def close(self) -> None:
        """Sync the marks and give the directory free."""
        if self._closed:
            return
        self._closed = True
        for partition in self._partitions.values():
            partition.spare.cancel()
        self._wake.set()
        if self._background:
            self._keeper.join()
        self._release()

    def _open(self, number: int, everything: bool = False) -> Partition:
        with self._opening:
            if self._closed:
                raise LogError(f"the log {self.directory} is closed")
            if number not in self._partitions:
                self._partitions[number] = Partition(
                    self._disk, folder_of(self.directory, number), number, self._sizes, everything
                )
            return self._partitions[number]

    def _take_lock(self) -> int:
        try:
            return self._disk.lock(self.directory / LOCK)
        except BlockingIOError:
            raise LogInUse(
                f"another process uses the log {self.directory}; stop it, or open for reading"
            ) from None

    def _release(self) -> None:
        try:
            for partition in self._partitions.values():
                partition.close()
        finally:
            self._disk.close(self._lock)

    def _keep(self) -> None:
        """Make spares when they are missing, and marks durable once a second."""
        while not self._closed:
            self._wake.wait(1.0)
            self._wake.clear()
            self.tend()


class ReadOnlyLog:
    """A log that another process may be writing to: for tools. Takes no lock, changes nothing."""

    def __init__(self, directory: Path | str) -> None:
        self.directory = Path(directory)
        self._disk = Disk()
        if not self.directory.is_dir():
            raise LogError(f"there is no log in {self.directory}")

    @property
    def partitions(self) -> list[int]:
        return partitions(self._disk, self.directory)

    def read(self, partition: int, after: int = 0, *, verify: Verify = "chain") -> Iterator[Record]:
        """The records that are complete now; raises LogDamaged, also before the first record."""
        upto = self._end(partition).position
        folder = folder_of(self.directory, partition)
        return records(self._disk, folder, partition, (after, upto), verify)

    def end(self, partition: int) -> int:
        """Position of the last complete record."""
        return self._end(partition).position

    def last_hash(self, partition: int) -> bytes:
        """SHA-256 of the last complete record."""
        return self._end(partition).hash

    def close(self) -> None:
        """Nothing is held between calls."""

    def _end(self, partition: int) -> End:
        return reader_end(self._disk, folder_of(self.directory, partition), partition)


def open_for_reading(directory: Path | str) -> ReadOnlyLog:
    """The log as it is now, whether or not an exchange runs on it."""
    return ReadOnlyLog(directory)
