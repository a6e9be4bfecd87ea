"""The kernel alone: place, cancel, match, funds, fees and events, without a log or a gateway.

excraft bench core --markets 2000 --accounts 100000 --commands 5000000 --threads 1 [--json]
"""

import argparse
import json
import sys
import time
from itertools import islice
from pathlib import Path
from statistics import quantiles

sys.path.insert(0, str(Path(__file__).parent))

from excraft.kernel import Kernel
from excraft.messages.events import EventKind
from flow_of_orders import OrderFlow


def ahead(records, count: int):
    """`count` of them at once and then the next, so that records follow each other as under load,
    and the kernel finds none of them in the caches that making it has left."""
    while made := list(islice(records, count)):
        yield from made


def run(options: argparse.Namespace) -> dict:
    """Play the flow; only the steps of the mix are timed."""
    flow = OrderFlow(options.markets, options.accounts, seed=options.seed, record=options.record)
    kernel = Kernel(options.threads, reuse_events=True)
    for record in flow.opening():
        kernel.step(record)
    for record in flow.resting(options.resting):
        kernel.step(record)
    for record in flow.mixed(options.record * 4):  # warm caches, compile what is left
        kernel.step(record)
    spent, events, refused, fills = 0.0, 0, 0, 0
    each = []  # ns a command, of every record
    done = 0
    for record in ahead(flow.mixed(options.commands), options.ahead):
        begun = time.perf_counter()
        rows = kernel.step(record)
        each.append((time.perf_counter() - begun) / len(record.commands) * 1e9)
        spent += each[-1] * len(record.commands) / 1e9
        events += len(rows)
        if not options.quick:
            refused += int((rows["kind"] == EventKind.REFUSED).sum())
            fills += int((rows["kind"] == EventKind.ORDER_FILLED).sum())
        done += len(record.commands)
        if not options.json:
            print(f"\r{done:>12,} commands", end="", file=sys.stderr, flush=True)
    return {
        "benchmark": "core",
        "markets": options.markets,
        "accounts": options.accounts,
        "threads": options.threads,
        "commands": done,
        "record": options.record,
        "commands_per_s": round(done / spent),
        "ns_per_command": round(1e9 * spent / done, 1),
        "ns_per_command_of_records": [round(cut, 1) for cut in quantiles(each, n=4)],
        "events": events,
        "fills": fills,
        "refused": refused,
        "open_orders": kernel.tables.open_orders,
        "state_hash": kernel.state_hash(),
    }


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="excraft bench core", description=__doc__)
    parser.add_argument("--markets", type=int, default=2000)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--commands", type=int, default=5_000_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--resting", type=int, default=150_000, help="orders before the mix")
    parser.add_argument("--record", type=int, default=32_768, help="commands in a record")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ahead", type=int, default=8, help="records made before they are played")
    parser.add_argument("--quick", action="store_true", help="do not count refusals and fills")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    result = run(options)
    if options.json:
        print(json.dumps(result))
    else:
        print(file=sys.stderr)
        for name, value in result.items():
            print(f"{name:>16}  {value:,}" if isinstance(value, int) else f"{name:>16}  {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
