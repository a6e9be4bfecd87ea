"""What market data costs: events per second of its one thread's CPU time, memory per market.

The flow: limit orders near the middle of markets drawn by a Zipf law, 46 % cancels of random
earlier orders (many are gone by then and refused), about 10 % of the orders crossing.
"""

import argparse
import json
import sys
import time
import tracemalloc

import numpy as np

from excraft.kernel import Kernel
from excraft.marketdata import MarketData
from excraft.messages.codec import Record
from excraft.messages.commands import COMMAND, Cause, CommandKind, OrderType, Side, TimeInForce

MIDDLE = 10_000  # ticks
SECOND = 10**9
START_NS = 1_767_225_600 * SECOND


class Flow:
    """Records of one made-up exchange and their events."""

    def __init__(self, markets: int, accounts: int, seed: int = 1):
        self.chance = np.random.default_rng(seed)
        self.markets, self.accounts = markets, accounts
        weight = 1 / np.arange(1, markets + 1) ** 0.9
        self.weight = weight / weight.sum()
        self.kernel = Kernel()
        self.placed = np.zeros((0, 3), np.int64)  # order id, account, market
        self.opening = self.step(self._opening(), START_NS)

    def _opening(self) -> np.ndarray:
        rows = np.zeros(2 + self.markets + 3 * self.accounts, COMMAND)
        rows["account"] = rows["market"] = -1
        parts = np.split(rows, [2, 2 + self.markets, 2 + self.markets + self.accounts])
        assets, markets, accounts, credits = parts
        assets["kind"], assets["amount"] = CommandKind.LIST_ASSET, 8
        markets["kind"], markets["order_id"], markets["stop_price"] = CommandKind.LIST_MARKET, 1, 0
        markets["quantity"] = markets["price"] = 10
        accounts["kind"] = CommandKind.OPEN_ACCOUNT
        credits["kind"], credits["number"] = CommandKind.CREDIT, Cause.DEMO
        credits["account"] = np.repeat(np.arange(self.accounts), 2)
        credits["market"] = np.tile([0, 1], self.accounts)
        credits["amount"] = 10**14
        return rows

    def record(self, count: int, time_ns: int) -> tuple[Record, np.ndarray]:
        """A record of `count` commands and its events."""
        chance, rows = self.chance, np.zeros(count, COMMAND)
        rows["account"] = chance.integers(self.accounts, size=count)
        rows["market"] = chance.choice(self.markets, count, p=self.weight)
        side = chance.integers(2, size=count)
        away = 1 + chance.geometric(0.08, count)
        away[chance.random(count) < 0.1] *= -1
        rows["kind"], rows["order_type"] = CommandKind.PLACE_ORDER, OrderType.LIMIT
        rows["time_in_force"], rows["side"] = TimeInForce.GTC, side
        rows["price"] = MIDDLE + np.where(side == Side.BUY, -away, away)
        rows["quantity"] = chance.integers(1, 100, count)
        placed = np.stack((self.kernel.sequence + np.arange(count), rows["account"],
                           rows["market"]), axis=1)  # fmt: skip
        cancels = np.flatnonzero(chance.random(count) < 0.46) if len(self.placed) else []
        if len(cancels):
            chosen = self.placed[chance.integers(len(self.placed), size=len(cancels))]
            kept = np.zeros(len(cancels), COMMAND)
            kept["kind"] = CommandKind.CANCEL_ORDER
            kept["order_id"], kept["account"], kept["market"] = chosen.T
            rows[cancels] = kept
            placed = np.delete(placed, cancels, axis=0)
        self.placed = np.concatenate((self.placed, placed))[-200_000:]
        return self.step(rows, time_ns)

    def step(self, rows: np.ndarray, time_ns: int) -> tuple[Record, np.ndarray]:
        kernel = self.kernel
        record = Record(kernel.position + 1, kernel.sequence, time_ns, rows)
        return record, kernel.step(record)


def speed(markets: int, commands: int, total: int) -> dict:
    """Events per second through `apply` for records of `commands` commands."""
    flow = Flow(markets, 1_000)
    data = MarketData()
    data.apply(*flow.opening)
    data.apply(*flow.record(100_000, START_NS + SECOND))  # fill the books
    for market in range(min(markets, 50)):  # as streams do
        data.diff(market, "100ms")
        data.diff(market, "1000ms")
    records = [
        flow.record(commands, START_NS + (2 * SECOND) + i * SECOND // 20)
        for i in range(max(1, total // commands))
    ]
    rows = [events.tolist() if len(events) < 400 else None for _, events in records]
    begin = time.process_time()
    for (record, events), row in zip(records, rows, strict=True):
        data.apply(record, events, row)
    spent = time.process_time() - begin
    events = sum(len(events) for _, events in records)
    wrong = data.invariant()
    assert not wrong, wrong
    return {
        "markets": markets,
        "commands_per_record": commands,
        "records": len(records),
        "events": events,
        "trades": int(sum((e["trade_id"] > 0).sum() // 2 for _, e in records)),
        "events_per_s": round(events / spent),
        "us_per_event": round(spent / events * 1e6, 3),
        "us_per_record": round(spent / len(records) * 1e6, 1),
    }


def memory() -> dict:
    """Bytes per market: listed only; traded once; 10,000 trades a second apart; all rings full."""
    idle = 2_000
    flow = Flow(idle, 10)
    tracemalloc.start()
    data = MarketData()
    data.apply(*flow.opening)
    listed = tracemalloc.get_traced_memory()[0] / idle
    tracemalloc.stop()
    return {"idle_market_bytes": round(listed), **{
        name: round(_trading(trades, gap_ns))
        for name, trades, gap_ns in (
            ("market_of_one_trade_bytes", 1, SECOND),
            ("market_of_1000_trades_bytes", 1_000, 7 * SECOND),
            ("market_of_20000_trades_bytes", 20_000, 30 * SECOND),
        )
    }}  # fmt: skip


def _trading(trades: int, gap_ns: int) -> float:
    flow, data = Flow(1, 2), MarketData()
    rows = np.zeros(2, COMMAND)
    rows["kind"], rows["order_type"], rows["quantity"] = 1, OrderType.LIMIT, 5
    rows["time_in_force"], rows["side"], rows["account"] = TimeInForce.GTC, [0, 1], [0, 1]
    records = [flow.opening]
    for i in range(trades):
        rows["price"] = MIDDLE + i % 100
        records.append(flow.step(rows.copy(), START_NS + (i + 1) * gap_ns))
    tracemalloc.start()
    for record, events in records:
        data.apply(record, events)
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert data.trades(0, 1)[0].id == trades
    return used


def saving() -> dict:
    """Bytes and milliseconds of dump and load, per market, of 200 markets with some trades."""
    markets = 200
    flow, data, again = Flow(markets, 1_000), MarketData(), MarketData()
    data.apply(*flow.opening)
    for i in range(300):
        data.apply(*flow.record(2_000, START_NS + i * 20 * SECOND))
    begin = time.process_time()
    raw = data.dump()
    dumped = time.process_time()
    again.load(raw)
    loaded = time.process_time()
    return {
        "markets": markets,
        "trades": sum(one.tape.last_id for one in data.traded.values()),
        "bytes_per_market": len(raw) // markets,
        "dump_us_per_market": round((dumped - begin) / markets * 1e6),
        "load_us_per_market": round((loaded - dumped) / markets * 1e6),
    }


def questions() -> dict:
    """Microseconds per question to a market with full minutes."""
    flow = Flow(1, 100)
    data = MarketData()
    data.apply(*flow.opening)
    for i in range(3_000):
        data.apply(*flow.record(20, START_NS + i * 31 * SECOND))
    now = data.time_ns
    asked = {
        "depth_20": lambda: data.depth(0, 20),
        "best": lambda: data.best(0),
        "ticker": lambda: data.ticker(0, now),
        "candle_1m": lambda: data.candle(0, "1m"),
        "candles_1m_500": lambda: data.candles(0, "1m"),
        "trades_500": lambda: data.trades(0),
    }
    found = {}
    for name, question in asked.items():
        question()
        begin = time.process_time()
        for _ in range(200):
            question()
        found[name + "_us"] = round((time.process_time() - begin) / 200 * 1e6, 1)
    begin = time.process_time()
    for i in range(20):
        data.ticker(0, now + i * 60 * SECOND)  # each minute begins a new window
    found["ticker_new_minute_us"] = round((time.process_time() - begin) / 20 * 1e6, 1)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--events", type=int, default=400_000, help="about so many per line")
    given = parser.parse_args(arguments)
    cases = [(20, 1), (20, 10), (20, 50), (20, 2_000), (1, 40_000), (20, 40_000), (2_000, 40_000)]
    found = {
        "speed": [speed(m, n, given.events if n > 50 else given.events // 8) for m, n in cases],
        "memory": memory(),
        "saving": saving(),
        "questions": questions(),
    }
    if given.json:
        print(json.dumps(found))
        return 0
    for line in found["speed"]:
        print("  ".join(f"{name} {value:,}" for name, value in line.items()))
    for group in ("memory", "saving", "questions"):
        print("  ".join(f"{name} {value:,}" for name, value in found[group].items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
