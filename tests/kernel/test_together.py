"""Threads of one record: when one fails, none waits for it for ever."""

import gc
import threading
import time

import pytest

from excraft.kernel import Kernel, crew
from excraft.kernel import kernel as shell
from excraft.messages.codec import record_of
from excraft.messages.commands import OpenAccount


def opening(position: int, sequence: int):
    """A record that is large enough for all threads."""
    opened = [OpenAccount()] * shell.INLINE
    return record_of(opened, position=position, sequence=sequence, time_ns=position)


def others(before: set) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread not in before]


@pytest.mark.parametrize("failing", range(3))
def test_a_thread_that_fails_fails_the_record(monkeypatch, failing):
    kernel, run = Kernel(threads=3), crew.run

    def sometimes(thread, *work):
        if thread == failing:
            raise RuntimeError(f"thread {thread} fails")
        return run(thread, *work)

    monkeypatch.setattr(crew, "run", sometimes)
    with pytest.raises(RuntimeError, match=f"thread {failing} fails"):
        kernel.step(opening(1, 1))
    assert kernel.position == 0


def test_threads_that_were_woken_for_nothing_carry_out_the_next_record(monkeypatch):
    kernel = Kernel(threads=3)
    with monkeypatch.context() as patch:
        patch.setattr(kernel.tables, "ensure", lambda counts: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            kernel.step(opening(1, 1))
    assert kernel.position == 0
    for position in range(1, 4):
        assert (
            len(kernel.step(opening(position, 1 + (position - 1) * shell.INLINE))) == shell.INLINE
        )
    alone = Kernel()
    for position in range(1, 4):
        alone.step(opening(position, 1 + (position - 1) * shell.INLINE))
    assert kernel.state_hash() == alone.state_hash()


def test_no_thread_to_be_had_is_said_at_once(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start"):
        Kernel(threads=3)


def test_the_threads_end_with_the_kernel():
    before = set(threading.enumerate())
    kernel = Kernel(threads=3)
    kernel.step(opening(1, 1))
    assert len(others(before)) == 2
    del kernel
    gc.collect()
    until = time.monotonic() + 10
    while others(before) and time.monotonic() < until:
        time.sleep(0.01)
    assert others(before) == []
