"""What the WebSocket API costs: our Python per order, and orders per second over a real socket.

    python bench/ws_parse.py [--orders N] [--json]

The first number runs requests through the door with an engine that answers at once: reading,
signature, limits, parameters, command, reply. The second is a whole exchange (file log with fsync,
kernel, market data) in this process, loaded from a second one over one pipelined connection.
"""

import argparse
import asyncio
import gc
import hashlib
import hmac
import json
import multiprocessing
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import uvicorn

from excraft.accounts.api_keys import ApiKeys
from excraft.accounts.members import Members
from excraft.accounts.secret_box import SecretBox
from excraft.engine.outcomes import Outcome
from excraft.engine.service import Engine
from excraft.gateway.app import Gateway
from excraft.gateway.exchange import Exchange
from excraft.gateway.streams import Protocol, Streams
from excraft.gateway.streams.api_door import ApiConnection
from excraft.log import FileLog
from excraft.marketdata import MarketData
from excraft.messages.commands import Cause, Credit, OpenAccount, SetParameter
from excraft.parameters import RULES, Parameter
from excraft.store.database import Database

UNDER_WAY = 500  # requests that the load keeps unanswered
LIMITS = (
    Parameter.REQUEST_WEIGHT_PER_MINUTE, Parameter.RAW_REQUESTS_PER_5_MINUTES,
    Parameter.ORDERS_PER_10_SECONDS, Parameter.ORDERS_PER_DAY,
    Parameter.MAX_OPEN_ORDERS_PER_ACCOUNT,
)  # fmt: skip


@asynccontextmanager
async def exchange_in(folder: Path):
    """A running exchange with one funded member: (exchange, key, secret)."""
    from excraft.kernel import Kernel

    database = Database(f"sqlite:///{folder / 'excraft.db'}")
    from excraft.store.history import History

    history = History(database)
    history.start()
    log = FileLog(folder / "log")
    engine, marketdata = Engine(log, Kernel()), MarketData()
    engine.subscribe(lambda record, events, _: marketdata.apply(record, events), columns=True)
    engine.subscribe(
        lambda record, events, _: history.enqueue(record, events), mark=lambda: history.mark,
        columns=True,
    )  # fmt: skip
    exchange = Exchange(
        engine=engine, marketdata=marketdata, history=history,
        api_keys=ApiKeys(database, SecretBox.open(folder / "secret.key")),
        members=Members(database),
    )  # fmt: skip
    await engine.start()
    try:
        yield exchange, *await _filled(exchange)
    finally:
        await engine.stop()
        history.stop()
        log.close()


async def _filled(exchange: Exchange) -> tuple[str, str]:
    engine = exchange.engine
    for symbol in ("EXT", "USD"):
        await engine.list_asset(symbol, symbol, 8)
    await engine.list_market("EXTUSD", ("EXT", "USD"), "0.01", "0.001")
    for parameter in LIMITS:
        value = RULES[parameter].high
        await engine.execute(SetParameter(parameter=parameter, value=value))
    account = (await engine.execute(OpenAccount())).events[0].account
    for asset in (0, 1):
        await engine.execute(
            Credit(account=account, asset=asset, amount=10**17, cause=Cause.CORRECTION)
        )
    member = exchange.members.add("load", account)
    made = exchange.api_keys.create(member, "HMAC", permissions=["READ", "TRADE"])
    return made.key, made.secret


def request(number: int, key: str, secret: str) -> str:
    """A signed order.place, as a client with an HMAC key sends it."""
    params = {
        "apiKey": key, "newOrderRespType": "ACK", "price": f"{10 + number % 100 / 100:.2f}",
        "quantity": "0.100", "recvWindow": 60_000, "side": "BUY", "symbol": "EXTUSD",
        "timeInForce": "GTC", "timestamp": time.time_ns() // 1_000_000, "type": "LIMIT",
    }  # fmt: skip
    text = "&".join(f"{name}={value}" for name, value in params.items())
    params["signature"] = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return json.dumps({"id": number, "method": "order.place", "params": params})


# ---- our layer alone


class _AtOnce:
    """An engine that gives one real outcome to every order."""

    def __init__(self, engine: Engine, outcome: Outcome) -> None:
        self.listings, self.orders, self._outcome = engine.listings, engine.orders, outcome
        self._loop = asyncio.get_running_loop()

    def submit(self, row: bytes, text: str = "") -> asyncio.Future:
        future = self._loop.create_future()
        self._loop.call_soon(future.set_result, self._outcome)
        return future


class _Transport:
    """Takes everything."""

    frames = 0

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, ready: bytes) -> None:
        if b'"status":200' not in ready:
            raise SystemExit(ready)
        self.frames += 1


async def layer_us(exchange: Exchange, key: str, secret: str, orders: int) -> float:
    """Microseconds of Python per order.place in our layer."""
    streams = Streams(exchange)
    protocol = Protocol.__new__(Protocol)
    protocol.transport = transport = _Transport()
    scope = {"client": ("127.0.0.1", 1), "query_string": b"", "path": "/ws-api/v3",
             "extensions": {"excraft": protocol}}  # fmt: skip
    door = ApiConnection(scope, None, None, streams)
    door._take(request(0, key, secret))
    while not transport.frames:
        await asyncio.sleep(0.01)
    outcome = await exchange.engine.submit(*_row(exchange))
    real, exchange.engine = exchange.engine, _AtOnce(exchange.engine, outcome)
    texts = [request(n, key, secret) for n in range(orders)]
    gc.collect()
    gc.disable()
    started, transport.frames = time.thread_time(), 0
    for text in texts:
        await door.received(text)
        if len(door._under_way) >= 100:
            await asyncio.sleep(0)
    while transport.frames < orders:
        await asyncio.sleep(0)
    spent = time.thread_time() - started
    gc.enable()
    exchange.engine = real
    return spent / orders * 1e6


def _row(exchange: Exchange) -> tuple[bytes, str]:
    from excraft.gateway.spot import orders

    values = orders.PLACE.read({"symbol": "EXTUSD", "side": "BUY", "type": "LIMIT", "price": "9",
                                "quantity": "1", "timeInForce": "GTC"})  # fmt: skip
    prepared = orders.prepare(exchange.engine.listings, 0, values)
    return prepared.row, prepared.client_id


# ---- over a real socket


def load(port: int, key: str, secret: str, orders: int, result) -> None:
    """The second process: one connection, signed beforehand, UNDER_WAY requests at a time."""
    import uvloop
    import websockets

    async def run() -> None:
        texts = [request(n, key, secret) for n in range(orders)]
        room = asyncio.Semaphore(UNDER_WAY)
        sent_at: dict[int, float] = {}
        delays: list[float] = []
        url = f"ws://127.0.0.1:{port}/ws-api/v3"
        async with websockets.connect(url, compression=None, max_queue=None) as socket:

            async def send() -> None:
                for number, text in enumerate(texts):
                    await room.acquire()
                    sent_at[number] = time.perf_counter()
                    await socket.send(text)

            started = time.perf_counter()
            sending = asyncio.create_task(send())
            for _ in range(orders):
                reply = json.loads(await socket.recv())
                assert reply["status"] == 200, reply
                delays.append(time.perf_counter() - sent_at.pop(reply["id"]))
                room.release()
            await sending
            result.put((orders / (time.perf_counter() - started), sorted(delays)))

    uvloop.run(run())


async def over_a_socket(exchange: Exchange, key: str, secret: str, orders: int) -> dict:
    """Orders per second, acknowledged after the sync."""
    app = Gateway(exchange, Streams(exchange).routes)
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, ws=Protocol, log_config=None, access_log=False,
                       ws_per_message_deflate=False, lifespan="off")
    )  # fmt: skip
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    context = multiprocessing.get_context("spawn")
    result = context.Queue()
    process = context.Process(target=load, args=(port, key, secret, orders, result))
    process.start()
    spent, began = time.process_time(), exchange.engine.position
    while process.is_alive() and result.empty():
        await asyncio.sleep(0.05)
    spent = time.process_time() - spent
    if result.empty():
        raise SystemExit(f"the load ended with exit code {process.exitcode}")
    rate, delays = result.get(timeout=10)
    server.should_exit = True
    await serving
    return {
        "orders_per_s": round(rate),
        "server_cpu_us_per_order": round(spent / orders * 1e6, 1),
        "orders_per_record": round(orders / (exchange.engine.position - began), 1),
        "p50_ms": round(delays[len(delays) // 2] * 1000, 2),
        "p99_ms": round(delays[len(delays) * 99 // 100] * 1000, 2),
    }


async def measure(orders: int) -> dict:
    """Everything this file measures."""
    with tempfile.TemporaryDirectory() as folder:
        async with exchange_in(Path(folder)) as (exchange, key, secret):
            layer = await layer_us(exchange, key, secret, orders)
            socket = await over_a_socket(exchange, key, secret, orders)
    return SimpleNamespace(layer_us_per_order=round(layer, 1), **socket).__dict__


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=30_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    import uvloop

    found = uvloop.run(measure(options.orders))
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:26} {value:>10,}")


if __name__ == "__main__":
    main()
