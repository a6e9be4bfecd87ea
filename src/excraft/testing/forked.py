"""`excraft` without its imports: forked from a process that has done them, and else the same.

Importing is most of a short command and of a start. Tests that run hundreds do without: the fork
server of `multiprocessing` imports once, and each command is a process of its own, with its own
memory, files and signals, that can be killed like any other.
"""

import multiprocessing
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

IMPORTED = ("excraft.testing.clock", "excraft.cli.app", "excraft.cli.serve")  # in this order


class Forked:
    """As much of `subprocess.Popen` as is used of it; what the process says is in `stdout`, and
    its errors too unless it has `own_errors`. `first`: what it does before all else."""

    def __init__(
        self, arguments: Sequence[str], first: Callable[[], None] | None = None,
        own_errors: bool = False,
    ) -> None:  # fmt: skip
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(IMPORTED))
        self.stdout, said = context.Pipe(duplex=False)
        self.stderr, errors = context.Pipe(duplex=False) if own_errors else (None, said)
        given = (said, errors, list(arguments), dict(os.environ), first)
        self._process = context.Process(target=_run, args=given)
        self._process.start()
        said.close()
        errors.close()

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

    def communicate(self, timeout: float) -> tuple[bytes, bytes]:
        """What it says until its end; raises TimeoutError while it lives on."""
        deadline = time.monotonic() + timeout
        said = {self.stdout: b"", self.stderr: b""}
        with selectors.DefaultSelector() as selector:
            for stream in said.keys() - {None}:
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map() and (now := time.monotonic()) < deadline:
                for key, _ in selector.select(deadline - now):
                    if text := os.read(key.fd, 65536):
                        said[key.fileobj] += text
                    else:
                        selector.unregister(key.fileobj)
        self._process.join(max(0.0, deadline - time.monotonic()))
        if self._process.exitcode is None:
            raise TimeoutError(f"process {self.pid} still runs after {timeout:g} s: {said}")
        return said[self.stdout], said[self.stderr]


def run(arguments: Sequence[str], timeout: float) -> subprocess.CompletedProcess:
    """One command to its end; raises TimeoutError, and then it is killed."""
    command = Forked(arguments, own_errors=True)
    try:
        said, errors = command.communicate(timeout)
    finally:
        command.kill()
        command.stdout.close()
        command.stderr.close()
    return subprocess.CompletedProcess(
        ["excraft", *arguments], command.returncode, said.decode(), errors.decode()
    )


def _run(
    said: Connection, errors: Connection, arguments: list[str], environment: dict[str, str],
    first: Callable[[], None] | None,
) -> None:  # fmt: skip
    """In the new process: become the command."""
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(said.fileno(), 1)
    os.dup2(errors.fileno(), 2)
    said.close()
    if errors is not said:
        errors.close()
    sys.stdout.reconfigure(line_buffering=True)
    sys.argv = ["excraft", *arguments]
    if first is not None:
        first()
    from excraft.cli.app import main

    main()
