"""The process is set for trading in a child, so that the tests keep their own settings."""

import subprocess
import sys

CHILD = """
import gc, sys
from excraft.engine.interpreter import SWITCH_S, YOUNG_OBJECTS, settle
settle()
assert abs(sys.getswitchinterval() - SWITCH_S) < 1e-6, sys.getswitchinterval()
assert gc.get_threshold()[0] == YOUNG_OBJECTS and gc.get_freeze_count() > 1000 and gc.isenabled()
"""


def test_a_settled_process_switches_threads_soon_and_collects_seldom():
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
