"""`time.time` and `time.time_ns` as far ahead as a test says. Imported before whatever keeps them.

Only the processes of `forked.py` import this; there a clock is right until somebody moves it.
"""

import time

_time, _time_ns = time.time, time.time_ns


def ahead_ns() -> int:
    """Asked at each look at the time, in nanoseconds; a test puts another function here."""
    return 0


time.time_ns = lambda: _time_ns() + ahead_ns()
time.time = lambda: _time() + ahead_ns() / 1e9
