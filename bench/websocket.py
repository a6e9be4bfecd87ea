"""Order entry over the WebSocket API, each order acknowledged after the sync.

excraft bench websocket [--orders 40000] [--connections 8] [--in-flight 32] [--rounds 3] [--json]

Two ways in turns: every order.place signed with HMAC, and unsigned ones after one session.logon
with Ed25519. One gateway process, a really running `excraft up`; the load is a second process.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))

from _exchange import Exchange, host_load, load

ALONE = 1_000  # orders of the one connection that shows the delay without a queue
WAYS = {"signed": False, "session": True}


def run(options: argparse.Namespace) -> dict:
    """Turns of both ways; the medians of each."""
    found: dict = {way: [] for way in WAYS}
    plan = {
        "orders": options.orders, "connections": options.connections,
        "in_flight": options.in_flight,
    }  # fmt: skip
    with Exchange(folder=options.folder) as exchange:
        server = {"port": exchange.port, "traders": [asdict(t) for t in exchange.traders]}
        load("websocket", exchange.pid, plan | server | {"seed": 99, "session": False})  # warm
        exchange.wait_for_history()
        alone = {"orders": ALONE, "connections": 1, "in_flight": 1, "seed": 0, "session": False}
        single = load("websocket", exchange.pid, alone | server)
        for turn in range(options.rounds):
            for way, session in WAYS.items():
                how = {"seed": turn + 1, "session": session}
                before = exchange.status()["position"]
                one = load("websocket", exchange.pid, plan | server | how)
                one["records"] = exchange.status()["position"] - before
                one["history_behind_s"] = round(exchange.wait_for_history(), 2)
                found[way].append(one)
    result = {
        "benchmark": "websocket",
        "orders": options.orders,
        "connections": options.connections,
        "in_flight": options.in_flight,
        "rounds": options.rounds,
        "one_in_flight_p50_ms": single["p50_ms"],
        "one_in_flight_p99_ms": single["p99_ms"],
    }
    for way, turns in found.items():
        result[way] = {
            "orders_per_s": round(median(one["per_s"] for one in turns)),
            "p50_ms": median(one["p50_ms"] for one in turns),
            "p99_ms": median(one["p99_ms"] for one in turns),
            "server_cpu_us_per_order": median(one["server_cpu_us"] for one in turns),
            "server_cpu_share": median(one["server_cpu_share"] for one in turns),
            "load_cpu_share": median(one["load_cpu_share"] for one in turns),
            "orders_per_record": round(options.orders / median(o["records"] for o in turns), 1),
            "history_behind_s": median(one["history_behind_s"] for one in turns),
            "each_per_s": [one["per_s"] for one in turns],
        }
    return result | {"load_average": host_load()}


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="excraft bench websocket", description=__doc__)
    parser.add_argument("--orders", type=int, default=40_000, help="of each turn")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--in-flight", type=int, default=32, help="unanswered per connection")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the data goes; a temporary folder")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    result = run(options)
    if options.json:
        print(json.dumps(result))
        return 0
    for name, value in result.items():
        if isinstance(value, dict):
            for part, figure in value.items():
                print(f"{name + ' ' + part:>32}  {figure}")
        else:
            print(f"{name:>32}  {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
