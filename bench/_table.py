"""Every headline figure, one after the other, each in a process of its own: `make bench`.

    python bench/_table.py [--json] [FLOW_FILE]

FLOW_FILE is measured beside the generated order flow. --json prints one line per benchmark.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

MILLION = "5000000"


class Line(NamedTuple):
    """A run, and the figures out of it as (what, at least, measured)."""

    command: list[str]
    figures: Callable[[dict], list[tuple[str, str, str]]]


def rate(value: float) -> str:
    return f"{value:,.0f}/s"


def core(markets: int, accounts: int, threads: int, target: str) -> Line:
    what = f"core, {markets:,} markets, {threads} threads"
    arguments = ["core", "--markets", str(markets), "--accounts", str(accounts), "--threads",
                 str(threads), "--commands", MILLION]  # fmt: skip
    return Line(
        arguments,
        lambda r: [(what, target, f"{rate(r['commands_per_s'])} hash {r['state_hash'][:8]}")],
    )


def flow(result: dict) -> list[tuple[str, str, str]]:
    files = {name: one for name, one in result.items() if isinstance(one, dict)}
    return [
        (f"flow, {name}, {one['messages']:,} messages", "7,000,000/s", rate(one["messages_per_s"]))
        for name, one in files.items()
    ]


def durable(result: dict) -> list[tuple[str, str, str]]:
    through, late = result["throughput"], result["latency"]
    return [
        ("durable", "500,000/s", rate(through["commands_per_s"])),
        (f"durable, p99 at {late['offered_per_s']:,}/s", "<= 5 ms", f"{late['p99_ms']} ms"),
    ]


def rest(result: dict) -> list[tuple[str, str, str]]:
    us = result["server_cpu_us_per_order"]
    return [
        ("REST orders", "4,000/s", f"{rate(result['orders_per_s'])}, {us} us CPU each"),
        ("bare handler, same load", "", rate(result["bare_per_s"])),
    ]


def websocket(result: dict) -> list[tuple[str, str, str]]:
    return [
        (f"WebSocket orders, {way}", "8,000/s",
         f"{rate(result[way]['orders_per_s'])}, {result[way]['server_cpu_us_per_order']} us CPU "
         f"each")
        for way in ("signed", "session")
    ]  # fmt: skip


def memory(result: dict) -> list[tuple[str, str, str]]:
    return [
        (f"memory {name.replace('_', ' ')}", "stated",
         ", ".join(f"{part} {size:,} B" for part, size in one.items() if part != "count"))
        for name, one in result.items() if isinstance(one, dict)
    ]  # fmt: skip


def custody(result: dict) -> list[tuple[str, str, str]]:
    what = f"custody, {result['deposits']:,} deposits of a block, {result['watched']:,} watched"
    compared = f"{result['reconciled_s']} s, {result['reconcile_calls']} calls"
    return [
        (what, "<= 5 s", f"{result['credited_s']} s, {result['calls']} calls"),
        ("custody, every address compared", "", compared),
    ]


def liabilities(result: dict) -> list[tuple[str, str, str]]:
    figure = f"{result['seconds']} s, {result['cpu_seconds']} s CPU"
    return [(f"liabilities of {result['accounts']:,} accounts", "<= 30 s", figure)]


def a_round(result: dict) -> list[tuple[str, str, str]]:
    size = f"{result['members']:,} members, {result['fills']:,} fills"
    return [
        (f"round of {size}", "<= 120 s", f"{result['round_s']} s, {result['peak_mib']:,} MiB"),
        ("rewards of a day with tree, the same", "<= 30 s", f"{result['day_s']} s"),
        ("a proof of them", "<= 5 ms", f"{result['proof_ms']} ms"),
    ]


def lines(flow_files: list[str]) -> list[Line]:
    return [
        Line(["flow", *flow_files], flow),
        core(1, 1_000, 1, "8,000,000/s"),
        core(2_000, 100_000, 1, "5,000,000/s"),
        core(2_000, 100_000, 2, "1.7 x that"),
        Line(["durable"], durable),
        Line(["replay"], lambda r: [("replay", "3,000,000/s", rate(r["commands_per_s"]))]),
        Line(["rest"], rest),
        Line(["websocket"], websocket),
        Line(["liabilities"], liabilities),
        Line(["custody"], custody),
        Line(["round"], a_round),
        Line(["memory"], memory),
    ]


def measured(line: Line) -> dict[str, Any]:
    command = [sys.executable, "-m", "excraft", "bench", *line.command, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("flow_files", nargs="*", metavar="FLOW_FILE")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if not options.json:
        print(f"{'what':<48} {'at least':<14} {'load':>5}  measured")
    for line in lines(options.flow_files):
        load = os.getloadavg()[0]  # before it began: what else went on here
        result = measured(line)
        if options.json:
            print(json.dumps(result | {"load_average_before": round(load, 2)}), flush=True)
            continue
        for what, target, figure in line.figures(result):
            print(f"{what:<48} {target:<14} {load:5.2f}  {figure}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
