"""Work that must not show in how long an answer takes: one thread, one after the other."""

import logging
import queue
import threading
from collections.abc import Callable

from excraft.accounts.refusals import Refused

WAITING_MAX = 1_000  # of what strangers can ask for
TOLD_MAX = 10_000  # of what a person must be told: strangers cannot crowd that out
STOP_WITHIN_S = 30.0
_log = logging.getLogger(__name__)


class Background:
    """What was taken is done before `stop` returns; a job that fails is told in the log."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="accounts-background", daemon=True)
        self._thread.start()

    def take(self, job: Callable[[], None], most: int = WAITING_MAX) -> None:
        """Do it soon; raises Refused("busy") when `most` wait already."""
        if self._jobs.qsize() >= most:
            raise Refused("busy", "Too many mails wait at this moment; try later.", 60)
        self._jobs.put(job)

    def finish(self) -> None:
        """Wait until all that was taken is done; blocks."""
        self._jobs.join()

    def stop(self) -> None:
        self._jobs.put(None)
        self._thread.join(STOP_WITHIN_S)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:
                _log.exception("a job of the accounts failed")
            finally:
                self._jobs.task_done()
        self._jobs.task_done()
