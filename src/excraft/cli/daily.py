"""Once a day, by itself: what is owed is computed and published, in a process of its own.

After midnight UTC yesterday is published. When the exchange was down for longer, only yesterday is
made up: older days can be published by hand, from the same log.
"""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from excraft.cli import owed
from excraft.cli.bots import end
from excraft.cli.folder import Folder

LOOK_EVERY_S = 60.0
AGAIN_AFTER_S = 3600.0  # it failed
_LOGGER = logging.getLogger(__name__)


@asynccontextmanager
async def publishing(folder: Folder) -> AsyncIterator[None]:
    """Publishes while the exchange runs."""
    task = asyncio.create_task(_keep(folder), name="liabilities")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _keep(folder: Folder) -> None:
    while True:
        pause = LOOK_EVERY_S
        yesterday = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
        if _is_due(folder, yesterday) and not await publish(folder, yesterday):
            pause = AGAIN_AFTER_S
        await asyncio.sleep(pause)


def _is_due(folder: Folder, day: str) -> bool:
    """Not before the first whole day: before, there is nothing to prove."""
    first = min((path.stat().st_ctime for path in folder.log.rglob("*")), default=None)
    if first is None or datetime.fromtimestamp(first, UTC).date().isoformat() > day:
        return False
    return day not in owed.days_of(folder).published()


async def publish(folder: Folder, day: str) -> bool:
    """The command, as an operator would give it; whether it did it."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "excraft", "liabilities", "publish", str(folder.root), "--day", day,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        said, _ = await child.communicate()
    finally:
        await end(child)
    if child.returncode:
        _LOGGER.error("liabilities of %s: %s", day, said.decode(errors="replace")[-500:])
    return child.returncode == 0
