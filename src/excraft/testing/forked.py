"""`excraft up` without its imports: forked from a process that has done them, and else the same.

Half of a start is importing. A test that kills and starts fifty times does without: the fork server
of `multiprocessing` imports once, and each start is a process of its own, with its own memory,
files and signals, that can be killed like any other.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection

IMPORTED = ("excraft.cli.app", "excraft.cli.serve")


class Forked:
    """As much of `subprocess.Popen` as is used of it; `stdout` has what the process says."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(IMPORTED))
        self.stdout, said = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_run, args=(said, list(arguments), dict(environment))
        )
        self._process.start()
        said.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    def communicate(self, timeout: float) -> tuple[bytes, None]:
        """What it says until its end; raises TimeoutError while it lives on."""
        rest, deadline = b"", time.monotonic() + timeout
        while self.stdout.poll(max(0.0, deadline - time.monotonic())):
            if not (text := os.read(self.stdout.fileno(), 65536)):
                break
            rest += text
        self._process.join(max(0.0, deadline - time.monotonic()))
        if self._process.exitcode is None:
            raise TimeoutError(f"process {self.pid} still runs after {timeout:g} s: {rest}")
        return rest, None


def _run(said: Connection, arguments: list[str], environment: dict[str, str]) -> None:
    """In the new process: become the command."""
    os.environ.clear()
    os.environ.update(environment)
    for stream in (1, 2):
        os.dup2(said.fileno(), stream)
    said.close()
    sys.stdout.reconfigure(line_buffering=True)
    sys.argv = ["excraft", *arguments]
    from excraft.cli.app import main

    main()
