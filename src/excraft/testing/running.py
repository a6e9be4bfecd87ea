"""A really running exchange: `excraft up` as a process of its own, for tests and benchmarks."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from excraft.testing.forked import Forked

UP_WITHIN_S = 240.0  # the very first start on a machine compiles the kernel
DOWN_WITHIN_S = 30.0
_BANNER = "ExCraft is up: "


class NotUp(RuntimeError):
    """The process ended, or said nothing, before it was up; its own words are in the message."""


class RunningExchange:
    """Start it with `options` of `excraft up`; a context manager that stops it.

    url      http://127.0.0.1:PORT
    started  seconds from the start of the process until it said that it is up
    """

    def __init__(
        self, data: Path, *options: str, port: int = 0,
        forked: bool = False, first: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        """`forked`: without importing anything, for tests that start very often; such a one can
        do something `first`."""
        self.data, self.url, self.said = data, "", ""
        begun = time.monotonic()
        arguments = ["up", "--data", str(data), "--port", str(port), *options]
        self.process = Forked(arguments, first) if forked else subprocess.Popen(
            [sys.executable, "-m", "excraft", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        try:
            self._wait_until_up(begun + UP_WITHIN_S)
        except BaseException:
            self.kill()
            raise
        self.started = time.monotonic() - begun

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    def _wait_until_up(self, deadline: float) -> None:
        output = self.process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while "Ctrl-C" not in self.said:
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                text = os.read(output, 65536).decode() if ready else ""
                if not text:
                    raise NotUp(f"`excraft up` is not up: {self.said or 'it said nothing'}")
                self.said += text
        self.url = self.said.split(_BANNER, 1)[1].split()[0]

    def heard(self) -> str:
        """All that it said until now."""
        output = self.process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while selector.select(0) and (text := os.read(output, 65536).decode()):
                self.said += text
        return self.said

    def kill(self) -> None:
        """SIGKILL: no last words."""
        self.process.kill()
        self._end()

    def stop(self) -> int:
        """SIGTERM, as an operator stops it; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._end()

    def _end(self) -> int:
        rest, _ = self.process.communicate(timeout=DOWN_WITHIN_S)
        self.said += rest.decode()
        return self.process.returncode

    def __enter__(self) -> "RunningExchange":
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.stop()
        self.process.stdout.close()
