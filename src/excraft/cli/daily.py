"""Once a day, or more often, by itself: what is owed is published, by a process of its own.

After midnight UTC yesterday is published, and with a shorter interval also each moment of the day.
When the exchange was down only the last one is made up: older ones can be published by hand, from
the same log.
"""

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from excraft.beside import beside
from excraft.cli import owed
from excraft.cli.bots import end
from excraft.cli.folder import Folder

LOOK_EVERY_S = 60.0
AGAIN_AFTER_S = 3600.0  # it failed
SOON_S = 3.0
SETTLED = timedelta(seconds=5)  # what was under way at the moment is in the log
DAY_MIN = 24 * 60
_LOGGER = logging.getLogger(__name__)


@asynccontextmanager
async def publishing(
    folder: Folder, every_min: int = DAY_MIN, at_once: bool = False
) -> AsyncIterator[None]:
    """Publishes while the exchange runs; `at_once`: also now, when nothing is published yet."""
    async with beside(_keep(folder, every_min, at_once), "liabilities"):
        yield


async def _keep(folder: Folder, every_min: int, at_once: bool) -> None:
    if at_once and not owed.days_of(folder).published():
        await asyncio.sleep(SOON_S)  # there is something to see then
        await publish(folder, "now")
    while True:
        pause = LOOK_EVERY_S
        name = newest_due(datetime.now(UTC) - SETTLED, every_min)
        if _is_due(folder, name) and not await publish(folder, name):
            pause = AGAIN_AFTER_S
        await asyncio.sleep(pause)


def newest_due(now: datetime, every_min: int) -> str:
    """The last full interval of a UTC day; the one that ends at midnight is the day before."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = (now - midnight) // timedelta(minutes=every_min)
    if not passed:
        return (now.date() - timedelta(days=1)).isoformat()
    return (midnight + passed * timedelta(minutes=every_min)).strftime(owed.MOMENT)


def _is_due(folder: Folder, name: str) -> bool:
    """Not before the first whole interval: before, there is nothing to prove."""
    first = min((path.stat().st_ctime_ns for path in folder.log.rglob("*")), default=None)
    if first is None or first >= owed.moment_of(name, time.time_ns)[1]:
        return False
    return name not in owed.days_of(folder).published()


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
