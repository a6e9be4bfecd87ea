"""The threads that carry out records: the caller's own, and others that sleep between records.

Waking a thread takes a tenth of a millisecond, so they spin for a moment before they fall asleep,
are woken before a record is looked at, and spin until it is prepared.
"""

import queue
import threading
import time
import weakref
from operator import is_

import numpy as np

from excraft.kernel.compiled import PLAIN
from excraft.kernel.layout import APART
from excraft.kernel.together import (
    ADDRESS,
    ADMINISTRATIVE,
    AGAIN,
    ASLEEP,
    CHANGED,
    COUNT,
    FAILED,
    GO,
    GONE,
    MET,
    POINTS,
    READY,
    RECORD,
    RESTS,
    STATE,
    STAY,
    call_on,
    listen,
    rest,
    run,
    say,
    take_census,
)

DOZE_S = 0.0005  # between two looks whether a thread has come to rest, when another has failed


class Crew:
    """`threads` threads, the caller's among them; the others end when the crew is forgotten."""

    def __init__(self, threads: int) -> None:
        self._shared = shared = _Shared(threads)
        self._parts = 1  # in which the census is taken
        for number in range(1, threads):
            name = f"kernel_{number}"
            threading.Thread(target=_serve, args=(shared, number), name=name, daemon=True).start()
        weakref.finalize(self, shared.dismiss)

    @property
    def lists(self) -> np.ndarray:
        """Which commands each thread is to reserve (see `step.census`)."""
        return self._shared.lists

    def begin(self, threads: int, commands: np.ndarray) -> None:
        """A record comes for `threads` threads, 1 or all: `carry_out` or `stand_down` follows.
        `commands` are to stay where they are until then."""
        shared, gates = self._shared, self._shared.gates
        count = len(commands)
        shared.record += POINTS
        gates[0, RECORD] = shared.record
        gates[0, ADDRESS] = commands.ctypes.data  # the array's interface would list every field
        gates[0, COUNT] = count
        self._parts = 1
        if threads == 1:
            return
        outgrown = shared.lists.shape[2] <= count
        if outgrown:
            shared.lists = np.zeros((threads, threads, 2 * count), np.int32)
        spinning = 0
        for number, calls in enumerate(shared.calls, 1):
            if call_on(gates, number, outgrown):
                spinning += 1
            else:
                calls.put(shared.record)
        if spinning == threads - 1:
            self._parts = threads

    def census(self, threads: int) -> np.ndarray:
        """What the record can need at most (see `step.census`)."""
        shared = self._shared
        take_census(self._parts, threads, shared.gates, shared.counts, shared.lists)
        return shared.counts[0]

    def stand_down(self, threads: int) -> None:
        """The record that was begun does not come."""
        if threads > 1:
            say(self._shared.gates, STAY)
            self._shared.come_to_rest()

    def carry_out(self, threads: int, administrative: int, work: tuple) -> int:
        """All phases of the record that was begun; returns the number of event rows. Raises what
        any thread raised, which only uncompiled code can."""
        shared = self._shared
        shared.gates[0, ADMINISTRATIVE] = administrative
        if threads > 1:
            same = len(shared.work) == len(work) and all(map(is_, shared.work, work))
            shared.work = work
            say(shared.gates, GO if same else CHANGED)
        total = _run(shared, 0, threads, work)
        if shared.failures:
            shared.come_to_rest()
            shared.gates[:, MET] = 0
            failure = shared.failures[0]
            shared.failures.clear()
            raise failure
        return total


class _Shared:
    """What the threads of a crew know. It does not know the crew, so that a crew can be forgotten.

    gates     where they wait for each other
    lists     which commands each is to reserve: [who listed them, who reserves them, number]
    counts    what each found the record to need
    calls     one queue for each thread but the caller's: numbers of records, None at the end
    record    the number of the record, in POINTS
    work      the tables they work on
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.gates = np.zeros((threads, APART), np.int64)
        self.lists = np.zeros((threads, threads, 1), np.int32)
        self.counts = np.zeros((threads, 2 * APART), np.int64)
        self.calls = [queue.SimpleQueue() for _ in range(1, threads)]
        self.record = 0
        self.work: tuple = ()
        self.failures: list[BaseException] = []

    def come_to_rest(self) -> None:
        """Wait until no thread looks at this record any more."""
        while any(state not in (ASLEEP, READY) for state in self.gates[1:, STATE].tolist()):
            time.sleep(DOZE_S)

    def dismiss(self) -> None:
        for calls in self.calls:
            calls.put(None)


def _serve(shared: _Shared, thread: int) -> None:
    """The life of a thread beside the caller's."""
    calls = shared.calls[thread - 1]
    while (record := calls.get()) is not None:
        left = FAILED if listen(shared.gates, record) == STAY else AGAIN
        while left == AGAIN:
            left = _run(shared, thread, shared.threads, shared.work)
        if left != RESTS:
            rest(shared.gates, thread)


def _run(shared: _Shared, thread: int, threads: int, work: tuple) -> int:
    """One thread's share. When it fails the others end too instead of waiting for it for ever."""
    given = (thread, threads, shared.gates, shared.counts, *work)
    try:
        if not PLAIN:
            return run(*given)
        with np.errstate(over="ignore"):  # of this thread: hashes wrap
            return run(*given)
    except BaseException as failure:  # raised again by the caller's thread
        shared.failures.append(failure)
        shared.gates[thread, MET] = GONE
        return FAILED
