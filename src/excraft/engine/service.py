"""The engine: what has arrived becomes a record, durable first, then executed, then acknowledged.

One record at a time. Its job, append to the log and step the kernel, runs in the one worker
thread, outside the interpreter lock; meanwhile the event loop tells everybody about the record
before it. docs/decisions/0003-one-record-at-a-time.md says why.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from excraft.engine.effects import Consumer, Effects, Subscription, Watcher
from excraft.engine.errors import Busy, Stopped
from excraft.engine.listings import Listings
from excraft.engine.orders import Orders
from excraft.engine.outcomes import BatchOutcome, Outcome, only_bulks, resolve
from excraft.engine.pending import PendingListings
from excraft.engine.queue import ROW_BYTES, Batch, Bulk, Limits, Queue
from excraft.engine.recovery import Progress, Recovered, recover
from excraft.engine.snapshot import Snapshots
from excraft.log import Log, LogFull
from excraft.messages.codec import Record
from excraft.messages.commands import Cause, Command, CommandKind, ListAsset, ListMarket, pack

PARTITION = 0
_LISTING_KINDS = frozenset((int(CommandKind.LIST_ASSET), int(CommandKind.LIST_MARKET)))
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the engine bounds its work and how often it takes a snapshot."""

    limits: Limits = field(default_factory=Limits)
    orders: bool = True  # keep the read model of orders
    snapshot_folder: Path | None = None
    snapshot_commands: int = 2_000_000
    snapshot_seconds: float = 300.0


class _Job(NamedTuple):
    """A record on its way through the worker."""

    batch: Batch
    record: Record
    urgent: bool
    events: asyncio.Future[np.ndarray]


class Engine:
    """Takes commands, orders them, answers for them.

    `submit` and everything else here belongs to the event loop that `start` ran on.
    `failure` is empty while all is well; otherwise it says at which position the engine stopped
    and why, and every later `submit` raises Stopped with that sentence.
    """

    def __init__(
        self, log: Log, kernel, *, clock: Callable[[], int] = time.time_ns,
        settings: Settings | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings or Settings()
        self.lock = threading.Lock()  # held while the kernel steps
        self.failure = ""
        self.ended = asyncio.Event()  # set once nothing is taken any more, for whatever reason
        self._log, self._kernel, self._clock = log, kernel, clock
        self._effects = Effects(orders=self.settings.orders)
        self._queue = Queue(self.settings.limits)
        self._pending = PendingListings(self._effects.listings)
        self.snapshots = Snapshots(log, kernel, self._effects, self.settings.snapshot_folder)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._wake = asyncio.Event()
        self._urgent: Batch | None = None  # cancels out of a record that found the log full
        self._stopping = False
        self._task: asyncio.Task | None = None

    # what is known

    @property
    def position(self) -> int:
        """Position of the last record that is executed and told to everybody."""
        return self._effects.position

    @property
    def listings(self) -> Listings:
        return self._effects.listings

    @property
    def orders(self) -> Orders:
        """The orders; only when `Settings.orders`."""
        assert self._effects.orders is not None, "this engine keeps no orders"
        return self._effects.orders

    @property
    def waiting(self) -> int:
        """Commands taken and not acknowledged yet."""
        return self._queue.unanswered

    def balance(self, account: int, asset: int) -> tuple[int, int]:
        """(free, held) atoms after a whole record, never in the middle of one."""
        with self.lock:
            return self._kernel.balance(account, asset)

    def balances(self, account: int) -> dict[int, tuple[int, int]]:
        """(free, held) atoms by asset, the non-zero ones, after a whole record."""
        with self.lock:
            return self._kernel.balances(account)

    def shown(self, account: int, asset: int) -> tuple[int, int]:
        """(free, locked) atoms after a whole record; locked is held by orders or reserved."""
        with self.lock:
            return self._kernel.shown(account, asset)

    def all_shown(self, account: int) -> list[tuple[int, int]]:
        """The same for every asset, by its number."""
        with self.lock:
            return [self._kernel.shown(account, a.number) for a in self.listings.assets]

    def reserved(self, account: int) -> dict[tuple[int, Cause], int]:
        """Atoms set aside by (asset, cause), the non-zero ones, after a whole record."""
        with self.lock:
            return self._kernel.reserved(account)

    def owed(self) -> list[tuple[int, int, int]]:
        """(account, asset, atoms) that fees owe to referrers, after a whole record. Blocks: it
        looks at every balance."""
        with self.lock:
            return self._kernel.owed()

    def state_hash(self) -> str:
        """The kernel's state hash after a whole record."""
        with self.lock:
            return self._kernel.state_hash()

    # who listens

    def subscribe(self, consumer: Consumer, **how) -> None:
        """Call it with each record, before those who wait for its commands are answered; `how` as
        in Subscription. Subscribe before `start`."""
        self._effects.subscriptions.append(Subscription(consumer, **how))

    def watch_orders(self, watcher: Watcher) -> None:
        """Call it with (record, reports) of each live record, after the consumers."""
        self._effects.watchers.append(watcher)

    # beginning and end

    async def start(self, progress: Progress | None = None) -> Recovered:
        """Recover from snapshot and log, then take commands; `progress(done, total)` positions."""
        recovered = await recover(self._log, self._kernel, self._effects, self.snapshots, progress)
        self._task = asyncio.create_task(self._run(), name="engine")
        return recovered

    async def stop(self) -> None:
        """Take no more, finish what was taken, write a snapshot when anything changed."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self.ended.set()
        await asyncio.to_thread(self._worker.shutdown)

    # what arrives

    def submit(self, row: bytes, text: str = "") -> asyncio.Future[Outcome]:
        """Take one packed command. Raises Busy, Stopped, or ValueError for what is no command;
        the future may fail with LogFull, Busy or Stopped."""
        if self._stopping or self.failure:
            raise self._refusal()
        if row and row[0] in _LISTING_KINDS:
            raise ValueError("assets and markets are listed through execute")
        return self._submit(row, text)

    def _submit(self, row: bytes, text: str) -> asyncio.Future[Outcome]:
        future = asyncio.get_running_loop().create_future()
        self._queue.add(row, future, text)
        self._wake.set()
        return future

    def submit_many(
        self, rows: bytes, count: int, texts: Iterable[tuple[int, str]] = ()
    ) -> asyncio.Future[BatchOutcome]:
        """Take `count` packed commands as one, acknowledged as one; texts as (index, text).

        Raises and fails like `submit`. They stay together in one record.
        """
        if self._stopping or self.failure:
            raise self._refusal()
        if not _LISTING_KINDS.isdisjoint(rows[::ROW_BYTES]):
            raise ValueError("assets and markets are listed through execute")
        future = asyncio.get_running_loop().create_future()
        self._queue.add_bulk(rows, Bulk(count, future), list(texts))
        self._wake.set()
        return future

    async def execute_many(self, commands: Sequence[Command]) -> BatchOutcome:
        """Carry out typed commands in one record, each done or refused alone; as `submit_many`."""
        packed = [pack(command) for command in commands]
        texts = [(at, text) for at, (_, text) in enumerate(packed) if text]
        return await self.submit_many(b"".join(row for row, _ in packed), len(packed), texts)

    async def execute(self, command: Command) -> Outcome:
        """Carry out one typed command; raises like `submit`, and ListingRefused for an asset or
        market whose text is wrong or whose symbol is taken."""
        row, text = pack(command)
        if not isinstance(command, ListAsset | ListMarket):
            return await self.submit(row, text)
        if self._stopping or self.failure:
            raise self._refusal()
        release = self._pending.claim(command)
        try:
            future = self._submit(row, text)
        except Exception:
            release()
            raise
        future.add_done_callback(lambda _: release())
        return await asyncio.shield(future)  # who asks may go away, the symbol stays claimed

    async def list_asset(self, symbol: str, name: str, decimals: int) -> Outcome:
        """List an asset; raises like `execute`."""
        return await self.execute(self._pending.asset(symbol, name, decimals))

    async def list_market(self, symbol: str, pair: tuple[str, str], tick: str, lot: str) -> Outcome:
        """List a market of (base, quote) symbols with decimal steps; raises like `execute`."""
        return await self.execute(self._pending.market(symbol, pair, tick, lot))

    def _refusal(self) -> Stopped:
        return Stopped(self.failure or "the engine is shutting down and takes no more commands")

    # one record at a time

    async def _run(self) -> None:
        job = done = None
        try:
            while True:
                if self._snapshot_due():
                    if done is not None:
                        self._dispatch(done)
                        done = None
                    await self.snapshots.take(self._worker, self.lock)
                job = self._next_job()
                if done is not None:
                    self._dispatch(done)
                    done = None
                if job is not None:
                    done, job = await self._finished(job), None
                elif not self._queue:
                    if self._stopping:
                        break
                    self._wake.clear()
                    await self._wait()
            if self.snapshots.dirty:
                await self.snapshots.take(self._worker, self.lock)
            await self.snapshots.written()
        except (Exception, asyncio.CancelledError) as reason:
            self._fail(reason, [j.batch for j in (done, job) if j is not None])
            if isinstance(reason, asyncio.CancelledError):
                raise

    def _snapshot_due(self) -> bool:
        settings = self.settings
        return self.snapshots.due(settings.snapshot_commands, settings.snapshot_seconds)

    async def _wait(self) -> None:
        """Until something arrives, or a snapshot is due."""
        try:
            async with asyncio.timeout(self.snapshots.seconds_left(self.settings.snapshot_seconds)):
                await self._wake.wait()
        except TimeoutError:
            pass  # the loop looks again whether a snapshot is due

    def _next_job(self) -> _Job | None:
        """Hand the next record to the worker; None when nothing may go into one."""
        batch, urgent = self._urgent, True
        self._urgent = None
        while batch is None or not batch.count:
            batch, urgent = self._queue.take(), False
            if batch is None:
                return None
            if not self._log.room:
                batch, urgent = self._only_cancels(batch, LogFull(_FULL)), True
            elif behind := self._effects.behind():
                batch, urgent = self._only_cancels(batch, Busy(behind)), True
        kernel = self._kernel
        time_ns = max(kernel.time_ns, self._clock())
        record = batch.record(
            position=kernel.position + 1, sequence=kernel.sequence, time_ns=time_ns
        )
        events = asyncio.get_running_loop().run_in_executor(
            self._worker, self._append_and_step, record, urgent
        )
        return _Job(batch, record, urgent, events)

    def _append_and_step(self, record: Record, urgent: bool) -> np.ndarray:
        """The worker's part: nothing is executed before it is durable."""
        self._log.append(PARTITION, record, urgent=urgent)
        with self.lock:
            return self._kernel.step(record)

    async def _finished(self, job: _Job) -> _Job | None:
        """Wait for the worker; None when the log was full, and then its cancels come next."""
        try:
            await job.events
        except LogFull as full:
            if job.urgent:
                self._answer_all([(job.batch.count, f) for f in job.batch.futures()], full)
            else:
                self._urgent = self._only_cancels(job.batch, full)
            return None
        return job

    def _dispatch(self, job: _Job) -> None:
        """Tell everybody about a record that is durable and executed."""
        batch, record, events = job.batch, job.record, job.events.result()
        rows, reports = self._effects.apply(record, events, tuples=not only_bulks(batch))
        self._queue.unanswered -= batch.count
        self.snapshots.changed(batch.count)
        resolve(batch, record, events, rows, reports)

    def _only_cancels(self, batch: Batch, refusal: Exception) -> Batch:
        kept, refused = batch.only_cancels()
        self._answer_all(refused, refusal)
        return kept

    def _answer_all(self, refused: list[tuple[int, asyncio.Future]], refusal: Exception) -> None:
        for count, future in refused:
            self._queue.unanswered -= count
            if not future.done():
                future.set_exception(type(refusal)(*refusal.args))

    def _fail(self, reason: BaseException, jobs: list[Batch]) -> None:
        """Stop for good: after a failed append or a bug nothing later can be trusted."""
        self.failure = f"the engine stopped after position {self.position}: {_words(reason)}"
        _LOGGER.critical(self.failure, exc_info=reason)
        if self._urgent is not None:
            jobs.append(self._urgent)
        while (batch := self._queue.take()) is not None:
            jobs.append(batch)
        for batch in jobs:
            refused = [(0, f) for f in batch.futures()]
            self._answer_all(refused, Stopped(self.failure))
            self._queue.unanswered -= batch.count
        self.ended.set()


_FULL = "the log has no room for orders; cancels are still taken"


def _words(reason: BaseException) -> str:
    return f"{type(reason).__name__}: {reason}" if str(reason) else type(reason).__name__
