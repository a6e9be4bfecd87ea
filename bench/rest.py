"""Signed REST orders over keep-alive, each acknowledged after the sync; beside it a bare handler.

excraft bench rest [--orders 20000] [--connections 64] [--rounds 3] [--json]

One gateway process, a really running `excraft up`; the load comes from a second process. The bare
Starlette handler that only checks an HMAC runs under the same load, taking turns with the exchange.
"""

import argparse
import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))

from _exchange import Exchange, host_load, load

ALONE = 1_000  # orders of the one connection that shows the delay without a queue
SECRET = "S" * 64


@contextmanager
def bare_handler():
    """(pid, port) of the floor."""
    program = Path(__file__).parent / "_bare.py"
    process = subprocess.Popen(
        [sys.executable, str(program), SECRET], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process.pid, int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def run(options: argparse.Namespace) -> dict:
    """Turns of both servers; the medians of each."""
    plan = {"orders": options.orders, "connections": options.connections}
    floor_traders = [{"key": "K" * 64, "secret": SECRET}]
    ours, floors = [], []
    with Exchange(folder=options.folder) as exchange, bare_handler() as (pid, port):
        traders = [asdict(t) for t in exchange.traders]
        server = {"port": exchange.port, "traders": traders}
        alone = {"orders": ALONE, "connections": 1, "seed": 0}
        load("rest", exchange.pid, plan | server | {"seed": 99})  # warm
        load("rest", pid, plan | {"port": port, "traders": floor_traders, "seed": 99})
        exchange.wait_for_history()
        single = load("rest", exchange.pid, alone | server)
        for turn in range(options.rounds):
            before = exchange.status()["position"]
            found = load("rest", exchange.pid, plan | server | {"seed": turn + 1})
            found["records"] = exchange.status()["position"] - before
            found["history_behind_s"] = round(exchange.wait_for_history(), 2)
            ours.append(found)
            floor = {"port": port, "traders": floor_traders, "seed": turn + 1}
            floors.append(load("rest", pid, plan | floor))
    return {
        "benchmark": "rest",
        "orders": options.orders,
        "connections": options.connections,
        "rounds": options.rounds,
        "orders_per_s": round(median(one["per_s"] for one in ours)),
        "p50_ms": median(one["p50_ms"] for one in ours),
        "p99_ms": median(one["p99_ms"] for one in ours),
        "server_cpu_us_per_order": median(one["server_cpu_us"] for one in ours),
        "server_cpu_share": median(one["server_cpu_share"] for one in ours),
        "load_cpu_share": median(one["load_cpu_share"] for one in ours),
        "orders_per_record": round(options.orders / median(one["records"] for one in ours), 1),
        "history_behind_s": median(one["history_behind_s"] for one in ours),
        "one_connection_p50_ms": single["p50_ms"],
        "one_connection_p99_ms": single["p99_ms"],
        "bare_per_s": round(median(one["per_s"] for one in floors)),
        "bare_cpu_us_per_request": median(one["server_cpu_us"] for one in floors),
        "of_bare": round(
            median(a["per_s"] / b["per_s"] for a, b in zip(ours, floors, strict=True)), 3
        ),
        "each_per_s": [one["per_s"] for one in ours],
        "each_bare_per_s": [one["per_s"] for one in floors],
        "load_average": host_load(),
    }


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="excraft bench rest", description=__doc__)
    parser.add_argument("--orders", type=int, default=20_000, help="of each turn")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the data goes; a temporary folder")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    result = run(options)
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:>24}  {value:,}" if isinstance(value, int) else f"{name:>24}  {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
