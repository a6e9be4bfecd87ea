"""`time.time` and `time.time_ns` as far ahead as a test says. Imported before whatever keeps them.

Only the processes of `forked.py` import this; there a clock is right until somebody moves it.
"""

import time
from collections.abc import Callable

_time, _time_ns = time.time, time.time_ns


class Clock:
    """`ahead_ns`: asked for at each look at the time, in nanoseconds."""

    ahead_ns: Callable[[], int] = staticmethod(lambda: 0)


def move(ahead_ns: Callable[[], int]) -> None:
    """From now on."""
    Clock.ahead_ns = staticmethod(ahead_ns)


time.time_ns = lambda: _time_ns() + Clock.ahead_ns()
time.time = lambda: _time() + Clock.ahead_ns() / 1e9
