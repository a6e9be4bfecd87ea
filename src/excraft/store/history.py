"""History keeps up with the log: a queue, a thread that writes it down, and questions about it."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from excraft.messages.codec import Record
from excraft.store import queries
from excraft.store.batch import Taken
from excraft.store.database import Database
from excraft.store.queries import Entry, Fill, Span, StoredOrder
from excraft.store.recorder import HistoryGap, Recorder

BATCH_EVENTS = 20_000  # enough for one transaction; a larger record is still written whole
GATHER_S = 0.25  # how long a batch may gather when nobody waits; most of a write costs once
RETRY_FIRST_S, RETRY_MAX_S = 0.05, 5.0
WAIT_S = 5.0
READERS = 4

_log = logging.getLogger(__name__)


class HistoryUnavailable(RuntimeError):
    """The database did not answer a question; its own words are the cause."""


class _Waiter(NamedTuple):
    position: int
    loop: asyncio.AbstractEventLoop
    reached: asyncio.Future


class History:
    """One writer. `mark`: position up to which everything is stored. `backlog`: events that are not
    yet. `failure`: why the last attempt to write failed, empty when it did not."""

    def __init__(self, database: Database | str) -> None:
        self.database = Database(database) if isinstance(database, str) else database
        self.failure = ""
        self._recorder = Recorder(self.database)
        self._queue: deque[Taken] = deque()
        self._enqueued = 0  # position of the newest record that was enqueued
        self._events_in = 0
        self._events_out = 0
        self._waiters: list[_Waiter] = []
        self._work = threading.Event()
        self._asleep = False
        self._stopping = threading.Event()
        self._writer = threading.Thread(target=self._run, name="history", daemon=True)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="history-read")

    @property
    def mark(self) -> int:
        return self._recorder.mark

    @property
    def backlog(self) -> int:
        return self._events_in - self._events_out

    def start(self) -> None:
        """Bring the tables up to date and begin to write; raises what the database raises."""
        self.database.migrate()
        self._recorder.load()
        self._enqueued = self.mark
        self._writer.start()

    def stop(self, timeout_s: float = 30.0) -> bool:
        """Write what is queued and end. False: the database failed or was too slow, and the rest
        will come from the log again at the next start. Blocks; call it off the event loop."""
        self._stopping.set()
        self._work.set()
        self._writer.join(timeout_s)
        self._readers.shutdown()
        if not self._writer.is_alive():
            self.database.close()
        return self.backlog == 0

    def enqueue(self, record: Record, events: np.ndarray) -> None:
        """Take a record; one already taken or stored is ignored. Neither may change any more."""
        if record.position <= self._enqueued:
            return
        if record.position != self._enqueued + 1:
            raise HistoryGap(
                f"record {record.position} came, but {self._enqueued + 1} is the next to store"
            )
        self._queue.append(Taken(record, events))
        self._enqueued = record.position
        self._events_in += len(events)
        if self._asleep or self.backlog >= BATCH_EVENTS:
            self._work.set()

    async def wait(self, position: int, timeout_s: float = WAIT_S) -> None:
        """Return once everything up to `position` is stored; raises TimeoutError."""
        if self.mark >= position:
            return
        loop = asyncio.get_running_loop()
        waiter = _Waiter(position, loop, loop.create_future())
        self._waiters.append(waiter)
        self._work.set()
        self._release()  # the writer may have finished before it could see this waiter
        try:
            async with asyncio.timeout(timeout_s):
                await waiter.reached
        except TimeoutError:
            raise TimeoutError(
                f"history is at record {self.mark}, not yet at {position}"
                + (f": {self.failure}" if self.failure else "")
            ) from None
        finally:
            self._waiters.remove(waiter)

    async def order(self, account: int, market: int, order_id: int) -> StoredOrder | None:
        """The order, when it is this account's in this market."""
        return await self._ask(queries.order, account, market, order_id)

    async def order_by_client(self, account: int, market: int, client_id: str):
        """The newest StoredOrder with that client id, None when there is none."""
        return await self._ask(queries.order_by_client, account, market, client_id)

    async def orders(self, account: int, market: int, **span: int | None) -> list[StoredOrder]:
        """Orders within `from_id`, `start_ms`, `end_ms`, `limit` (see queries.Span)."""
        return await self._ask(queries.orders_of, account, market, Span(**span))

    async def fills(
        self, account: int, market: int, *, order_id: int | None = None, **span: int | None
    ) -> list[Fill]:
        """Fills, of one order when given, within `from_id` (a trade id), `start_ms`, `end_ms`,
        `limit`."""
        return await self._ask(queries.fills_of, account, market, order_id, Span(**span))

    async def entries(self, account: int, asset: int, limit: int = 500) -> list[Entry]:
        """The newest movements of the account's money in one asset, oldest first."""
        return await self._ask(queries.entries_of, account, asset, limit)

    async def _ask(self, question: Callable, *arguments):
        def answer():
            with self.database.read() as connection:
                return question(connection, *arguments)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, answer)
        except SQLAlchemyError as error:
            raise HistoryUnavailable(f"history cannot be read: {error}") from error

    def _run(self) -> None:
        """The writer: at once when it was idle, in batches when records keep coming."""
        while True:
            self._asleep = True
            if not self._queue and not self._stopping.is_set():
                self._work.wait()
            self._asleep = False
            self._work.clear()
            if self._queue:
                if not self._write(self._take()):
                    return
                if not self._hurried():
                    self._work.wait(GATHER_S)
            elif self._stopping.is_set():
                return

    def _hurried(self) -> bool:
        awaited = any(waiter.position <= self._enqueued for waiter in tuple(self._waiters))
        return awaited or self.backlog >= BATCH_EVENTS or self._stopping.is_set()

    def _take(self) -> list[Taken]:
        taken, events = [], 0
        while self._queue and events < BATCH_EVENTS:
            taken.append(self._queue.popleft())
            events += len(taken[-1].events)
        return taken

    def _write(self, taken: list[Taken]) -> bool:
        """Store the records, however often it takes; False when it gave up because of stop()."""
        delay = RETRY_FIRST_S
        while True:
            try:
                self._recorder.store(taken)
            except Exception as error:  # whatever it is: told, tried again, never skipped
                failure = f"{type(error).__name__}: {error}"
                if failure != self.failure:
                    _log.exception("history stands at record %d; trying again", self.mark)
                self.failure = failure
            else:
                self.failure = ""
                self._events_out += sum(len(t.events) for t in taken)
                for loop in {waiter.loop for waiter in tuple(self._waiters)}:
                    if not loop.is_closed():
                        loop.call_soon_threadsafe(self._release)
                return True
            if self._stopping.wait(delay):
                return False
            delay = min(2 * delay, RETRY_MAX_S)

    def _release(self) -> None:
        for waiter in self._waiters:
            if waiter.position <= self.mark and not waiter.reached.done():
                waiter.reached.set_result(None)
