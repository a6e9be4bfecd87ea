"""The engine with a log in files: appended with fdatasync, executed, acknowledged.

excraft bench durable [--commands 5000000] [--rate 20000 --seconds 10] [--folder DIR] [--json]

Two figures. Throughput: one sender keeps a few batches of commands in flight through `submit_many`.
Latency: every command is submitted alone at its own moment, at a fixed rate, and the clock runs
from that moment, kept or not, to its own acknowledgement; the orders' read model follows.
bench/README.md says more.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import uvloop

sys.path.insert(0, str(Path(__file__).parent))

from excraft.engine.interpreter import settle
from excraft.engine.queue import Limits
from excraft.engine.service import Engine, Settings
from excraft.kernel import Kernel
from excraft.log import FileLog
from excraft.messages.codec import Record, pack_text
from excraft.messages.commands import COMMAND, CommandKind
from flow_of_orders import OrderFlow

BATCHES_IN_FLIGHT = 4
TICK_S = 0.001
WARM_S = 1.0  # at the beginning, offered but not counted: caches, the log's next file
ROW = COMMAND.itemsize


def with_listings(record: Record) -> Record:
    """The record with the texts that its listing commands need."""
    kinds, texts = record.commands["kind"], []
    for i in np.flatnonzero(kinds == CommandKind.LIST_ASSET).tolist():
        texts.append((i, json.dumps({"symbol": f"A{record.sequence + i}"})))
    for i in np.flatnonzero(kinds == CommandKind.LIST_MARKET).tolist():
        symbol = f"M{record.sequence + i}"
        texts.append((i, json.dumps({"symbol": symbol, "tick": "0.01", "lot": "0.00001"})))
    text = b"".join(pack_text(i, t) for i, t in sorted(texts))
    return Record(record.position, record.sequence, record.time_ns, record.commands, text)


def prepared(folder: Path, options: argparse.Namespace, orders: bool) -> tuple:
    """(engine not started, log, flow): markets, accounts, money and resting orders in the log."""
    log, size = FileLog(folder), 1 << 14
    flow = OrderFlow(options.markets, options.accounts, seed=options.seed, record=size)
    for record in flow.opening():
        log.append(0, with_listings(record))
    for record in flow.resting(options.resting):
        log.append(0, record)
    limits = Limits(waiting_max=(BATCHES_IN_FLIGHT + 1) * size, record_commands=size)
    return Engine(log, Kernel(), settings=Settings(limits=limits, orders=orders)), log, flow


async def throughput(folder: Path, options: argparse.Namespace) -> dict:
    """Commands per second of one sender with several batches in flight."""
    engine, log, flow = prepared(folder, options, orders=options.orders)
    await engine.start()
    batches = [record.commands.tobytes() for record in flow.mixed(options.commands)]
    records, begun = engine.position, time.perf_counter()
    flying: deque = deque()
    for rows in batches:
        if len(flying) == BATCHES_IN_FLIGHT:
            await flying.popleft()
        flying.append(engine.submit_many(rows, len(rows) // ROW))
    await asyncio.gather(*flying)
    spent = time.perf_counter() - begun
    records = engine.position - records
    await engine.stop()
    log.close()
    return {
        "commands": options.commands,
        "commands_per_s": round(options.commands / spent),
        "records": records,
        "state_hash": engine.state_hash(),
    }


async def latency(folder: Path, options: argparse.Namespace) -> dict:
    """Milliseconds from the moment a command was due to its acknowledgement."""
    engine, log, flow = prepared(folder, options, orders=True)
    await engine.start()
    warm = round(options.rate * WARM_S)
    total = warm + round(options.rate * options.seconds)
    rows = _single(flow, total)
    settle()
    delays: list[float] = []
    first, period = time.perf_counter() + 0.05, 1 / options.rate
    began, position = time.process_time(), engine.position
    clock, note = time.perf_counter, delays.append

    def send(begin: int, end: int) -> None:
        for number in range(begin, end):
            moment = first + number * period
            future = engine.submit(next(rows))
            future.add_done_callback(lambda _, moment=moment: note(clock() - moment))

    await asyncio.to_thread(_pace, asyncio.get_running_loop(), send, (first, period, total))
    while len(delays) < total:
        await asyncio.sleep(TICK_S)
    busy = time.process_time() - began
    records = engine.position - position
    await engine.stop()
    log.close()
    delays = delays[warm:]
    cuts = statistics.quantiles(delays, n=1000)
    return {
        "offered_per_s": options.rate,
        "acknowledged": len(delays),
        "records": records,
        "p50_ms": round(1e3 * cuts[499], 3),
        "p99_ms": round(1e3 * cuts[989], 3),
        "p999_ms": round(1e3 * cuts[998], 3),
        "max_ms": round(1e3 * max(delays), 3),
        "cpu_us_per_command": round(1e6 * busy / total, 1),
    }


def _pace(loop: asyncio.AbstractEventLoop, send, plan: tuple[float, float, int]) -> None:
    """Hand over what is due, from a thread of its own: a loop cannot sleep less than 1 ms."""
    first, period, total = plan
    sent = 0
    while sent < total:
        due = min(total, int((time.perf_counter() - first) / period))
        if due > sent:
            loop.call_soon_threadsafe(send, sent, due)
            sent = due
        time.sleep(TICK_S / 4)


def _single(flow: OrderFlow, count: int) -> Iterator[bytes]:
    blocks = [record.commands.tobytes() for record in flow.mixed(count)]
    return (block[at : at + ROW] for block in blocks for at in range(0, len(block), ROW))


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="excraft bench durable", description=__doc__)
    parser.add_argument("--commands", type=int, default=5_000_000)
    parser.add_argument("--rate", type=int, default=20_000, help="commands offered per second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--markets", type=int, default=200)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--resting", type=int, default=100_000, help="orders before it begins")
    parser.add_argument("--orders", action="store_true", help="read model in the throughput too")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the log goes; a temporary folder")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    result: dict = {"benchmark": "durable"}
    for name, measure in (("throughput", throughput), ("latency", latency)):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            result[name] = uvloop.run(measure(Path(folder), options))
    if options.json:
        print(json.dumps(result))
    else:
        for name in ("throughput", "latency"):
            for what, value in result[name].items():
                print(f"{name:>10} {what:>20}  {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
