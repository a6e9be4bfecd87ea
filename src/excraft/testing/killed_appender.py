"""Appends to a log in a child process, kills it with signal 9, and checks what is left; repeatedly.

    python -m excraft.testing.killed_appender DIRECTORY ROUNDS SEED

Exit code 0 and one line per round when every acknowledged record is there, once, in the chain.
A program of its own because it forks: no other thread may run then.
"""

import os
import signal
import struct
import sys
import time
from pathlib import Path
from random import Random

from excraft.log import FileLog
from excraft.messages.codec import Record
from excraft.testing.records import chain

SIZES = {"segment_bytes": 1 << 20, "reserve_bytes": 1 << 18}
_POSITION = struct.Struct("<q")


def append_for_ever(directory: Path, random: Random, acknowledge: int) -> None:
    """Append until killed; each position goes to the pipe `acknowledge` after its append."""
    log = FileLog(directory, **SIZES)
    position = log.end(0)
    sequence = 1 + sum(len(r.commands) for r in log.read(0))
    while True:
        position += 1
        like = chain([random.choice((1, 1, 1, 5, 50, 700))], text="k", position=position)[0]
        log.append(0, Record(position, sequence, like.time_ns, like.commands, like.text))
        sequence += len(like.commands)
        os.write(acknowledge, _POSITION.pack(position))


def killed(directory: Path, random: Random) -> int:
    """Run a child, kill it at some instant; the last position it acknowledged."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            append_for_ever(directory, random, write_end)
        finally:
            os._exit(3)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        first = pipe.read(_POSITION.size)
        time.sleep(random.uniform(0, 0.08))
        os.kill(child, signal.SIGKILL)
        rest = pipe.read()
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) or not first:
        raise SystemExit(f"the child was not killed but ended with status {status}")
    acknowledged = [p for (p,) in _POSITION.iter_unpack(first + rest)]
    begin = acknowledged[0]
    if acknowledged != list(range(begin, begin + len(acknowledged))):
        raise SystemExit(f"acknowledged out of order: {acknowledged}")
    return acknowledged[-1]


def main(directory: Path, rounds: int, seed: int) -> None:
    random = Random(seed)
    for number in range(1, rounds + 1):
        acknowledged = killed(directory, random)
        log = FileLog(directory, everything=True, **SIZES)
        positions = [r.position for r in log.read(0)]
        log.close()
        if positions != list(range(1, len(positions) + 1)):
            raise SystemExit(f"round {number}: positions are not 1, 2, 3 ...: {positions}")
        if len(positions) not in (acknowledged, acknowledged + 1):
            raise SystemExit(f"round {number}: {acknowledged} acknowledged, {len(positions)} kept")
        print(number, acknowledged, len(positions), *log.cuts)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
