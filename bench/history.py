"""How fast history writes orders, fills and entries down, and what that costs the event loop.

    python bench/history.py [--url URL] [--commands N] [--json]

The flow is made by the kernel itself before the clock starts: 46 % cancels, 10 % orders that cross,
the rest resting near the touch; half of the orders carry a client id.
"""

import argparse
import asyncio
import json
import random
import select
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from excraft.kernel import Kernel
from excraft.messages.codec import Record, pack_text, record_of
from excraft.messages.commands import (
    COMMAND,
    Cause,
    CommandKind,
    Credit,
    ListAsset,
    ListMarket,
    OpenAccount,
    OrderType,
    SelfTrade,
    TimeInForce,
    pack_place,
)
from excraft.messages.events import EventKind, Flag
from excraft.store.batch import Taken
from excraft.store.history import History

ASSETS, MARKETS, ACCOUNTS = 13, 20, 1_000
MIDDLE = 10_000  # ticks
START_NS = 1_790_000_000_000_000_000


class Flow:
    """Records of a plausible flow and the kernel's events for them."""

    def __init__(self, seed: int) -> None:
        self._kernel, self._chance = Kernel(), random.Random(seed)
        self._open: list[tuple[int, int, int]] = []
        self.taken: list[Taken] = []
        assets = [ListAsset(decimals=8) for _ in range(ASSETS)]
        markets = [ListMarket(base=1 + m % 12, quote=0, base_atoms_per_lot=1000,
                              quote_atoms_per_tick_lot=1) for m in range(MARKETS)]  # fmt: skip
        self._tell(assets + markets + [OpenAccount() for _ in range(ACCOUNTS)])
        self._tell([Credit(account=n, asset=a, amount=10**12, cause=Cause.DEMO)
                    for n in range(ACCOUNTS) for a in range(ASSETS)])  # fmt: skip

    def go_on(self, commands: int, per_record: int) -> None:
        """The next records, `per_record` commands each."""
        for _ in range(commands // per_record):
            rows, texts, at = [], [], self._kernel.sequence
            for index in range(per_record):
                if self._open and self._chance.random() < 0.46:
                    rows.append(self._cancel())
                else:
                    name = f"b{at + index:x}" if self._chance.random() < 0.5 else ""
                    rows.append(self._place(name))
                    if name:
                        texts.append(pack_text(index, name))
            self._step(np.frombuffer(b"".join(rows), COMMAND), b"".join(texts))

    def _cancel(self) -> bytes:
        at = self._chance.randrange(len(self._open))
        self._open[at], self._open[-1] = self._open[-1], self._open[at]
        account, market, order_id = self._open.pop()
        row = np.zeros(1, COMMAND)
        row["kind"], row["account"], row["market"] = CommandKind.CANCEL_ORDER, account, market
        row["order_id"] = order_id
        return row.tobytes()

    def _place(self, name: str) -> bytes:
        chance = self._chance
        side = chance.randrange(2)
        away = chance.randint(1, 40) if chance.random() > 0.18 else -3
        price = MIDDLE + (away if side else -away)
        return pack_place(chance.randrange(ACCOUNTS), chance.randrange(MARKETS), side,
                          OrderType.LIMIT, TimeInForce.GTC, SelfTrade.NONE, price,
                          chance.randint(1, 100), 0, 0, name)  # fmt: skip

    def _tell(self, commands: list) -> None:
        record = record_of(commands, position=1, sequence=1, time_ns=0)
        self._step(record.commands, record.text)

    def _step(self, rows: np.ndarray, text: bytes) -> None:
        position = self._kernel.position + 1
        record = Record(position, self._kernel.sequence, START_NS + position * 10**6, rows, text)
        events = self._kernel.step(record).copy()
        self.taken.append(Taken(record, events))
        rests = (events["kind"] == EventKind.ORDER_ACCEPTED) & (events["left"] > 0)
        found = events[rests][["account", "market", "order_id"]].tolist()
        closed = set(events["order_id"][events["flags"] & Flag.CLOSED != 0].tolist())
        self._open = [o for o in self._open + found if o[2] not in closed]


def spun(seconds: float, done: threading.Event) -> tuple[int, float]:
    """(turns, seconds) of a loop that is never idle: Python for about a millisecond, then a poll
    that finds work at once, as an event loop under load does."""
    poll = select.poll()
    turns, begun = 0, time.perf_counter()
    while not done.is_set() and time.perf_counter() - begun < seconds:
        for _ in range(40_000):
            pass
        poll.poll(0)
        turns += 1
    return turns, time.perf_counter() - begun


def written(history: History, taken: list[Taken], *, busy: bool) -> dict:
    """Enqueue everything, and see how long the writer takes, alone or beside a busy loop."""
    alone, alone_s = spun(0.5, threading.Event())
    done = threading.Event()
    begun = time.perf_counter()
    cpu = time.process_time()
    for record, events in taken:
        history.enqueue(record, events)

    def watch() -> None:
        while history.backlog:
            time.sleep(0.002)
        done.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    turns, turned_s = spun(600, done) if busy else (0, 1.0)
    watcher.join()
    seconds = time.perf_counter() - begun
    events = sum(len(t.events) for t in taken)
    result = {
        "events": events,
        "seconds": round(seconds, 3),
        "events_per_s": round(events / seconds),
    }
    if busy:
        result["loop_keeps"] = round(turns / turned_s / (alone / alone_s), 3)
    else:
        result["cpu_us_per_event"] = round((time.process_time() - cpu) / events * 1e6, 2)
    return result


async def waited(history: History, taken: list[Taken]) -> dict:
    """Milliseconds from enqueue to wait() returning, one record at a time on an idle writer."""
    took = []
    for record, events in taken:
        await asyncio.sleep(0.03)
        begun = time.perf_counter()
        history.enqueue(record, events)
        await history.wait(record.position)
        took.append((time.perf_counter() - begun) * 1e3)
    took.sort()
    return {"median_ms": round(took[len(took) // 2], 2), "largest_ms": round(took[-1], 2)}


def run(url: str, commands: int) -> dict:
    flow = Flow(seed=1)
    history = History(url)
    history.start()
    result = {"url": url.split(":")[0]}
    written(history, flow.taken, busy=False)
    for name, busy in (("alone", False), ("beside_a_busy_loop", True)):
        at = len(flow.taken)
        flow.go_on(commands, 500)
        result[name] = written(history, flow.taken[at:], busy=busy)
    at = len(flow.taken)
    flow.go_on(60, 1)
    result["wait"] = asyncio.run(waited(history, flow.taken[at:]))
    history.stop()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", default="", help="default: a SQLite file in a temporary folder")
    parser.add_argument("--commands", type=int, default=200_000, help="per measurement")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = run(given.url or f"sqlite:///{Path(folder) / 'bench.db'}", given.commands)
    if given.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:20} {value}")


if __name__ == "__main__":
    main()
