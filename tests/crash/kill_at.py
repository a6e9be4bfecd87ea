"""An exchange that kills itself at a named step, and whose clock a test moves.

A step is module:name:n, of a function: SIGKILL comes at its n-th call from when the control is
armed on, before it does anything. The control is a file of 16 bytes: nanoseconds that the clock is
ahead, and whether it is armed; a test writes into it while the exchange runs.
"""

import importlib
import mmap
import os
import signal

AHEAD, ARMED = slice(0, 8), slice(8, 16)


class Control:
    """The shared file, from either side."""

    def __init__(self, path) -> None:
        with open(path, "r+b") as file:
            self._bytes = mmap.mmap(file.fileno(), 16)

    @property
    def ahead_ns(self) -> int:
        return int.from_bytes(self._bytes[AHEAD], "little")

    @ahead_ns.setter
    def ahead_ns(self, value: int) -> None:
        self._bytes[AHEAD] = value.to_bytes(8, "little")

    @property
    def armed(self) -> bool:
        return any(self._bytes[ARMED])

    @armed.setter
    def armed(self, value: bool) -> None:
        self._bytes[ARMED] = int(value).to_bytes(8, "little")


def die_at(control: Control, step: str) -> None:
    """Replace the function where it is looked up."""
    module, name, count = step.split(":")
    place, *names = importlib.import_module(module), *name.split(".")
    for part in names[:-1]:
        place = getattr(place, part)
    whole, left = getattr(place, names[-1]), int(count)

    def dying(*given, **more):
        nonlocal left
        if control.armed:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return whole(*given, **more)

    setattr(place, names[-1], dying)


def prepare(path: str, step: str) -> None:
    """In the process of the exchange, before it does anything."""
    from excraft.testing import clock  # not in the process of the test, whose clock is right

    control = Control(path)
    clock.ahead_ns = lambda: control.ahead_ns
    if step:
        from excraft.cli import rounds

        rounds.TOGETHER = 1  # rewards are paid in records of one each
        die_at(control, step)
