"""How fast the log in files is: append with fdatasync, and read with verification.

    python bench/log.py [--json] [--directory DIR] [--seconds N]

One thread appends records of one size, one after the other, each synced before the next: what the
engine does under load. Reading runs over the largest file that was written, from the page cache.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from excraft.log import FileLog
from excraft.log.ahead import ahead
from excraft.messages.codec import Record
from excraft.messages.commands import COMMAND

SIZES = (1, 10, 100, 1_000, 20_000)  # commands in a record


def rows(count: int) -> np.ndarray:
    """Commands that do not compress to nothing."""
    raw = np.random.default_rng(1).integers(0, 256, count * COMMAND.itemsize, dtype=np.uint8)
    return raw.view(COMMAND)


def append(directory: Path, size: int, seconds: float) -> dict:
    """Append for some seconds; rates and the time one append takes."""
    commands = rows(size)
    log = FileLog(directory)
    log.append(0, Record(1, 1, 0, commands))  # makes the first segment
    position, taken = 1, []
    began = time.perf_counter()
    while (at := time.perf_counter()) - began < seconds:
        position += 1
        log.append(0, Record(position, 1 + (position - 1) * size, position, commands))
        taken.append(time.perf_counter() - at)
    whole = time.perf_counter() - began
    log.close()
    taken.sort()
    return {
        "commands_per_record": size,
        "records_per_s": round(len(taken) / whole),
        "commands_per_s": round(len(taken) * size / whole),
        "append_us_p50": round(statistics.median(taken) * 1e6),
        "append_us_p99": round(taken[int(len(taken) * 0.99)] * 1e6),
    }


def read(directory: Path) -> dict:
    """Read all back, three ways; commands per second of the better of two rounds."""
    log = FileLog(directory)
    ways = {
        "chain": lambda: log.read(0),
        "crc": lambda: log.read(0, verify="crc"),
        "chain_ahead": lambda: ahead(log.read(0)),
    }
    found = {}
    for name, way in ways.items():
        rates = []
        for _ in range(2):
            began = time.perf_counter()
            commands = sum(len(record.commands) for record in way())
            rates.append(commands / (time.perf_counter() - began))
        found[f"read_{name}_commands_per_s"] = round(max(rates))
    log.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--directory", help="where the log is written; its disk is measured")
    parser.add_argument("--seconds", type=float, default=3.0, help="per record size")
    given = parser.parse_args()
    results = []
    for size in SIZES:
        with tempfile.TemporaryDirectory(dir=given.directory) as folder:
            result = append(Path(folder), size, given.seconds) | read(Path(folder))
        results.append(result)
        if not given.json:
            print(*(f"{key}={value:,}" for key, value in result.items()))
    if given.json:
        print(json.dumps({"log": results}))


if __name__ == "__main__":
    main()
