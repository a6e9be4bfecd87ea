"""Snapshots of the engine: everything at one position, copied between records, written aside."""

import asyncio
import logging
import threading
import time
from concurrent.futures import Executor
from hashlib import sha256
from pathlib import Path

from excraft.engine.effects import Effects
from excraft.log import Log
from excraft.log import snapshots as files
from excraft.messages.codec import Record

RECORD_BLOB = "record"  # the fingerprint of the record at the snapshot's position
_LOGGER = logging.getLogger(__name__)


class InvariantBroken(Exception):
    """The state contradicts itself; it must not be kept or traded on."""


def fingerprint(record: Record) -> bytes:
    """What tells a record from the one at the same position of another log."""
    place = f"{record.position} {record.sequence} {record.time_ns} ".encode()
    return sha256(place + record.commands.tobytes() + record.text).digest()


class Snapshots:
    """When one is due and how it is taken. Without a folder none is ever due."""

    def __init__(self, log: Log, kernel, effects: Effects, folder: Path | None) -> None:
        self.folder = folder
        self.position = 0  # of the last one taken or restored
        self.trouble = ""  # why the last one could not be written
        self._log, self._kernel, self._effects = log, kernel, effects
        self._commands = 0  # since the last one
        self._since = time.monotonic()
        self._writing: asyncio.Task | None = None

    @property
    def dirty(self) -> bool:
        """Whether anything changed since the last one, and there is a place to keep it."""
        return self.folder is not None and self._commands > 0

    def changed(self, commands: int) -> None:
        """Count commands that the last snapshot does not hold."""
        self._commands += commands

    def due(self, commands_max: int, seconds_max: float) -> bool:
        """Whether enough has changed, or something has long ago; never while one is written."""
        if not self.dirty or (self._writing is not None and not self._writing.done()):
            return False
        return self._commands >= commands_max or time.monotonic() - self._since >= seconds_max

    def seconds_left(self, seconds_max: float) -> float | None:
        """How long until one is due for its age; None when there is nothing to keep."""
        if not self.dirty:
            return None
        return max(0.01, self._since + seconds_max - time.monotonic())

    async def take(self, worker: Executor, lock: threading.Lock) -> None:
        """Copy the state at this position, then let a thread write it.

        Call it between records, with the last one told to everybody. Raises InvariantBroken.
        """
        await self.written()
        record = self._effects.last
        assert self.folder is not None and record is not None
        blobs = self._effects.dump() | {RECORD_BLOB: fingerprint(record)}
        loop = asyncio.get_running_loop()
        arrays, state_hash = await loop.run_in_executor(worker, self._copy, lock)
        log_hash = self._log.last_hash(0)
        self._commands, self._since, self.position = 0, time.monotonic(), record.position
        write = asyncio.to_thread(
            files.write, self.folder, record.position, log_hash, state_hash, arrays, blobs
        )
        self._writing = asyncio.create_task(write, name=f"snapshot {record.position}")

    def _copy(self, lock: threading.Lock):
        with lock:
            if broken := self._kernel.invariant():
                raise InvariantBroken("; ".join(broken))
            return self._kernel.snapshot(), self._kernel.state_hash()

    async def written(self) -> None:
        """Wait until the last one is on the disk. A disk that has no room for it is no reason to
        stop, the log is what counts: `trouble` and the program's log say so."""
        if self._writing is None:
            return
        writing, self._writing = self._writing, None
        try:
            await writing
            self.trouble = ""
        except OSError as trouble:
            self.trouble = f"the snapshot at {self.position} was not written: {trouble}"
            _LOGGER.error(self.trouble)
