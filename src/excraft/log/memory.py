"""A log that lives as long as its process: for tests and for `replay` of what need not be kept."""

from collections import defaultdict
from collections.abc import Iterator
from threading import Lock

from excraft.log.log import End, LogError, Verify
from excraft.messages.codec import Record, decode, encode


class MemoryLog:
    """Keeps the same bytes as a file would, so that hashes and views are the same."""

    room = True

    def __init__(self) -> None:
        self._records: dict[int, list[bytes]] = defaultdict(list)
        self._ends: dict[int, End] = defaultdict(End)
        self._lock = Lock()
        self._closed = False

    def append(self, partition: int, record: Record, *, urgent: bool = False) -> int:
        with self._lock:
            if self._closed:
                raise LogError("the log is closed")
            end = self._ends[partition]
            end.check(record)
            raw, digest = encode(record, end.hash, partition)
            self._records[partition].append(raw)
            self._ends[partition] = end.after(record, digest)
            return record.position

    def read(self, partition: int, after: int = 0, *, verify: Verify = "chain") -> Iterator[Record]:
        upto = self.end(partition)
        return (decode(raw)[0] for raw in self._records[partition][after:upto])

    def end(self, partition: int) -> int:
        return self._ends[partition].position

    def last_hash(self, partition: int) -> bytes:
        return self._ends[partition].hash

    def close(self) -> None:
        self._closed = True
