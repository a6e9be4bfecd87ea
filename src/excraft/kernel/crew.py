"""The threads that carry out records: the caller's own, and others that sleep between records.

Waking a thread takes a tenth of a millisecond, so they are woken before a record is looked at and
spin until it is prepared; and nobody waits until a thread has fallen asleep again.
"""

import queue
import threading
import time
import weakref

import numpy as np

from excraft.kernel.compiled import PLAIN
from excraft.kernel.layout import APART
from excraft.kernel.step import select
from excraft.kernel.together import GO, GONE, STAY, await_caller, call, run

DOZE_S = 0.0005  # between two looks whether a thread has come to rest, when another has failed


class Crew:
    """`threads` threads, the caller's among them; the others end when the crew is forgotten."""

    def __init__(self, threads: int) -> None:
        self._shared = shared = _Shared(threads)
        for number in range(1, threads):
            name = f"kernel_{number}"
            threading.Thread(target=_serve, args=(shared, number), name=name, daemon=True).start()
        weakref.finalize(self, shared.dismiss)

    @property
    def lists(self) -> np.ndarray:
        """Which commands each thread is to reserve (see `step.select`)."""
        return self._shared.lists

    def wake(self, commands: np.ndarray) -> None:
        """A record comes for all threads: `carry_out` or `stand_down` follows."""
        shared = self._shared
        if shared.lists.shape[1] <= len(commands):
            shared.lists = np.zeros((shared.threads, 2 * len(commands)), np.int32)
        shared.commands = commands
        shared.gates[:] = 0
        shared.record += 1
        for calls in shared.calls:
            calls.put(shared.record)

    def stand_down(self) -> None:
        """The record that they were woken for does not come."""
        call(self._shared.gates, STAY)
        self._shared.come_to_rest()

    def carry_out(self, threads: int, work: tuple) -> int:
        """Run all phases on this thread alone, or on all after `wake`; returns the number of event
        rows. Raises what any thread raised, which only uncompiled code can."""
        shared = self._shared
        if threads > 1:
            shared.work = work
            call(shared.gates, GO)
        total = _run(shared, 0, threads, work)
        if shared.failures:
            shared.come_to_rest()
            failure = shared.failures[0]
            shared.failures.clear()
            raise failure
        return total


class _Shared:
    """What the threads of a crew know. It does not know the crew, so that a crew can be forgotten.

    gates     where they wait for each other
    lists     which commands each is to reserve
    calls     one queue for each thread but the caller's: numbers of records, None at the end
    done      the last record that each of them has finished with
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.gates = np.zeros((threads, APART), np.int64)
        self.calls = [queue.SimpleQueue() for _ in range(1, threads)]
        self.done = [0] * (threads - 1)
        self.lists = np.zeros((threads, 1), np.int32)
        self.commands: np.ndarray | None = None
        self.record = 0
        self.work: tuple = ()
        self.failures: list[BaseException] = []

    def come_to_rest(self) -> None:
        """Wait until no thread looks at this record any more."""
        while any(done != self.record for done in self.done):
            time.sleep(DOZE_S)

    def dismiss(self) -> None:
        for calls in self.calls:
            calls.put(None)


def _serve(shared: _Shared, thread: int) -> None:
    """The life of a thread beside the caller's."""
    calls = shared.calls[thread - 1]
    while (record := calls.get()) is not None:
        select(thread, shared.threads, shared.commands, shared.lists)  # cannot fail
        if await_caller(shared.gates):
            _run(shared, thread, shared.threads, shared.work)
        shared.done[thread - 1] = record


def _run(shared: _Shared, thread: int, threads: int, work: tuple) -> int:
    """One thread's share. When it fails the others end too instead of waiting for it for ever."""
    try:
        if not PLAIN:
            return run(thread, threads, shared.gates, *work)
        with np.errstate(over="ignore"):  # of this thread: hashes wrap
            return run(thread, threads, shared.gates, *work)
    except BaseException as failure:  # raised again by the caller's thread
        shared.failures.append(failure)
        shared.gates[thread, 0] = GONE
        return -1
