"""A task that runs beside what is inside a block."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine


@contextlib.asynccontextmanager
async def beside(work: Coroutine, name: str) -> AsyncIterator[None]:
    """Runs `work` until the block ends, however it ends; then it is cancelled, and waited for."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def repeating(
    step: Callable[[], Awaitable[None]], every_s: float, name: str
) -> AsyncIterator[None]:
    """Runs `step`, which handles its own failures, again and again beside a block. One that is
    under way at the end is finished, not cancelled: it may be in a thread that nothing ends."""
    ended = asyncio.Event()

    async def run() -> None:
        while not ended.is_set():
            await step()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), every_s)

    task = asyncio.create_task(run(), name=name)
    try:
        yield
    finally:
        ended.set()
        await task
