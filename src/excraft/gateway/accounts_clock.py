"""What happens to accounts by itself, beside all requests."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

from excraft.accounts.desk import Desk
from excraft.beside import beside

EVERY_S = 2.0
_LOGGER = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def ticking(desk: Desk) -> AsyncIterator[None]:
    """Runs it beside what is inside."""
    async with beside(_run([desk.email_changes.apply_due, desk.mail_queue.deliver]), "accounts"):
        yield


async def _run(work: list[Callable[[], object]]) -> None:
    while True:
        for each in work:
            try:
                await asyncio.to_thread(each)
            except Exception:  # tried again; it must not hold up the others
                _LOGGER.exception("accounts: %s", each.__name__)
        await asyncio.sleep(EVERY_S)
