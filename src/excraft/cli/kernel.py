"""A kernel that is ready to run: compiled now if this machine never did."""

import sys

from numba.core import event
from numba.core.dispatcher import Dispatcher

from excraft.cli.progress import Progress
from excraft.kernel import Kernel
from excraft.messages.codec import record_of
from excraft.messages.commands import OpenAccount

PACKAGE = "excraft.kernel"


class _Compiling(event.Listener):
    """Counts functions as they are compiled; from the cache none is."""

    def __init__(self, progress: Progress):
        self._progress = progress
        self._done = 0
        kernel = [module for name, module in sys.modules.items() if name.startswith(PACKAGE)]
        parts = {id(d) for m in kernel for d in vars(m).values() if isinstance(d, Dispatcher)}
        self._total = 3 * len(parts) // 2  # many are compiled for two types of arguments

    def on_start(self, happened) -> None:
        """Nothing is done yet."""

    def on_end(self, happened) -> None:
        self._done += 1
        total = max(self._total, self._done + 1)
        self._progress.show("compiling the kernel, once", self._done, total)


def new_kernel(threads: int, progress: Progress, *, reuse_events: bool = False) -> Kernel:
    """Compiling takes under a minute, once; the result is kept in the user's cache folder.

    `reuse_events` as in Kernel: for those who look at a record's events before the next step.
    """
    with event.install_listener("numba:compile", _Compiling(progress)):
        _step_once(threads)
    return Kernel(threads, reuse_events=reuse_events)


def _step_once(threads: int) -> None:
    """Run every entry of the compiled kernel, on a kernel that is then thrown away."""
    kernel = Kernel(threads)
    kernel.step(record_of([OpenAccount()], position=1, sequence=1, time_ns=1))
    kernel.balance(0, 0)
    kernel.shown(0, 0)
    kernel.reserved(0)
    kernel.state_hash()
    kernel.invariant()
    Kernel(threads).restore(kernel.snapshot())
