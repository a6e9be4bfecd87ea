"""How fast a log becomes the state again: read, verified, stepped.

excraft bench replay [--commands 10000000] [--rounds 3] [--threads 1] [--json]

Writes a log of the core benchmark's mix into a temporary data folder, record by record as the
engine does but without stepping, and runs `excraft replay` on it as a process of its own. The same
figure with nothing but reading and verifying stands beside it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))

from excraft.cli.folder import Folder
from excraft.log import FileLog, open_for_reading
from excraft.messages.codec import Record
from flow_of_orders import OrderFlow

RECORD = 1 << 14  # commands, the most the engine puts into one
RESTING_PER_MARKET = 450


def records(options: argparse.Namespace) -> Iterator[Record]:
    """Structure, money and resting orders, then the mix, `commands` in all."""
    flow = OrderFlow(options.markets, options.accounts, seed=options.seed, record=RECORD)
    left = options.commands
    for record in flow.opening():
        left -= len(record.commands)
        yield record
    resting = min(left, RESTING_PER_MARKET * options.markets)
    yield from flow.resting(resting)
    yield from flow.mixed(left - resting)


def write(folder: Folder, options: argparse.Namespace) -> tuple[int, float]:
    """(bytes of the log's files, seconds) of writing the log."""
    began, log = time.perf_counter(), FileLog(folder.log)
    try:
        for record in records(options):
            log.append(0, record)
    finally:
        log.close()
    spent = time.perf_counter() - began
    return sum(f.stat().st_size for f in folder.log.rglob("*") if f.is_file()), spent


def read_only(folder: Folder) -> float:
    """Seconds to read and verify all of it."""
    began, log = time.perf_counter(), open_for_reading(folder.log)
    for _ in log.read(0):
        pass
    log.close()
    return time.perf_counter() - began


def replay(folder: Folder, threads: int) -> dict:
    """What `excraft replay` says."""
    done = subprocess.run(
        [sys.executable, "-m", "excraft", "replay", str(folder.root), "--json",
         "--threads", str(threads)],
        check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    return json.loads(done.stdout)


def run(options: argparse.Namespace) -> dict:
    """Write once, replay `rounds` times; the median."""
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Folder(Path(name))
        size, written = write(folder, options)
        reading = read_only(folder)
        found = [replay(folder, options.threads) for _ in range(options.rounds)]
    if len({one["state_hash"] for one in found}) != 1:
        raise SystemExit(f"the replays differ: {found}")
    return {
        "benchmark": "replay",
        "commands": found[0]["commands"],
        "markets": options.markets,
        "accounts": options.accounts,
        "threads": options.threads,
        "rounds": options.rounds,
        "commands_per_s": round(median(one["commands_per_s"] for one in found)),
        "seconds": median(one["seconds"] for one in found),
        "reading_alone_s": round(reading, 3),
        "writing_s": round(written, 3),
        "log_bytes": size,
        "each_per_s": [one["commands_per_s"] for one in found],
        "state_hash": found[0]["state_hash"],
    }


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="excraft bench replay", description=__doc__)
    parser.add_argument("--commands", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of the kernel")
    parser.add_argument("--markets", type=int, default=2000)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the log goes; a temporary folder")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    result = run(options)
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:>16}  {value:,}" if isinstance(value, int) else f"{name:>16}  {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
