"""How the interpreter is set for a process that trades."""

import gc
import sys

SWITCH_S = 0.0002  # Python's own 5 ms let the worker wait that long for each turn of its
YOUNG_OBJECTS = 50_000  # that are made before the collector looks at them; 700 are one record


def settle() -> None:
    """Call it once per process, when everything has been started.

    The worker that appends and steps gets its turns at once beside a busy event loop, and the
    collector leaves alone what is there for good.
    """
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
