"""Threads of one record: when one fails, none waits for it for ever."""

import pytest

from excraft.kernel import Kernel
from excraft.kernel import kernel as shell
from excraft.messages.codec import record_of
from excraft.messages.commands import OpenAccount


@pytest.mark.parametrize("failing", range(3))
def test_a_thread_that_fails_fails_the_record(monkeypatch, failing):
    kernel, run = Kernel(threads=3), shell.run

    def sometimes(thread, *work):
        if thread == failing:
            raise RuntimeError(f"thread {thread} fails")
        return run(thread, *work)

    monkeypatch.setattr(shell, "run", sometimes)
    record = record_of([OpenAccount()] * shell.INLINE, position=1, sequence=1, time_ns=1)
    with pytest.raises(RuntimeError, match=f"thread {failing} fails"):
        kernel.step(record)
    assert kernel.position == 0


def test_no_thread_to_be_had_fails_the_record(monkeypatch):
    kernel = Kernel(threads=3)
    record = record_of([OpenAccount()] * shell.INLINE, position=1, sequence=1, time_ns=1)
    submit, asked = kernel._pool.submit, []

    def once(*call):
        asked.append(call)
        if len(asked) == 2:
            raise RuntimeError("can't start new thread")
        return submit(*call)

    monkeypatch.setattr(kernel._pool, "submit", once)
    with pytest.raises(RuntimeError, match="can't start"):
        kernel.step(record)
    assert kernel.position == 0
