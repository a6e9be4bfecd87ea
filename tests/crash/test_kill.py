"""kill -9 under load, 50 times: what was acknowledged is there, once, and no money is lost."""

import asyncio
import hmac
import random
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlencode

import httpx

from excraft.cli.audit import Audit
from excraft.cli.folder import Folder
from excraft.cli.wiring import opened
from excraft.demo.client import ApiError, Connection
from excraft.gateway.admin import perform
from excraft.kernel import Kernel
from excraft.log import open_for_reading
from excraft.messages.commands import CommandKind
from excraft.testing.running import RunningExchange

KILLS = 50
VERIFY_EVERY = 10
LOAD_S = (0.1, 0.6)  # how long a life under load lasts
ASKED_AT_THE_END = 2_000  # the log is asked for all of them
CONNECTIONS, PIPELINED = 4, 6
MEMBERS = 8
FUNDS = {"BTC": "1000", "USDT": "50000000"}
LIMITS = {
    "ORDERS_PER_10_SECONDS": 10**9,
    "ORDERS_PER_DAY": 10**9,
    "REQUEST_WEIGHT_PER_MINUTE": 10**7,
    "RAW_REQUESTS_PER_5_MINUTES": 10**9,
}


@dataclass
class Story:
    """What clients were told, over all lives of the exchange."""

    members: list[dict]
    placed: dict[str, int] = field(default_factory=dict)  # acknowledged: client id -> order id
    canceled: set[str] = field(default_factory=set)  # acknowledged cancels
    owner: dict[str, dict] = field(default_factory=dict)
    sent: Counter = field(default_factory=Counter)
    number: int = 0

    def next_id(self) -> str:
        self.number += 1
        return f"order-{self.number}"


async def prepared(folder: Folder) -> list[dict]:
    """A market and funded members, made without a running process."""
    async with opened(folder) as exchange:
        for asset in FUNDS:
            await perform(exchange, "asset_add", {"symbol": asset, "decimals": 8, "name": asset})
        market = {"symbol": "BTCUSDT", "base": "BTC", "quote": "USDT"}
        await perform(exchange, "market_add", market | {"tick": "0.01", "lot": "0.00001"})
        for name, value in LIMITS.items():
            await perform(exchange, "parameter_set", {"name": name, "value": value})
        return [await _member(exchange, f"member-{i}") for i in range(MEMBERS)]


async def _member(exchange, name: str) -> dict:
    await perform(exchange, "member_add", {"name": name})
    for asset, amount in FUNDS.items():
        reason = {"reason": "DEPOSIT", "reference": "test"}
        given = {"member": name, "asset": asset, "amount": amount}
        await perform(exchange, "money_credit", given | reason)
    rights = {"permissions": ["READ", "TRADE"], "ips": []}
    return await perform(exchange, "api_key_create", {"member": name, "kind": "HMAC"} | rights)


async def trade(story: Story, connection: Connection, chance: random.Random) -> None:
    """Place and cancel until the connection breaks; note only what was acknowledged."""
    mine: list[str] = []
    while True:
        member = chance.choice(story.members)
        if mine and chance.random() < 0.3:
            client_id = mine.pop(chance.randrange(len(mine)))
            await _cancel(story, connection, client_id)
            continue
        client_id = story.next_id()
        story.sent[client_id] += 1
        placed = await connection.call(
            "order.place", member, symbol="BTCUSDT", side=chance.choice(("BUY", "SELL")),
            type="LIMIT", timeInForce="GTC", price=f"{60000 + chance.gauss(0, 30):.2f}",
            quantity=f"{chance.randint(1, 200) / 100_000:.5f}", newClientOrderId=client_id,
            newOrderRespType="ACK",
        )  # fmt: skip
        story.placed[client_id] = placed["orderId"]
        story.owner[client_id] = member
        mine.append(client_id)


async def _cancel(story: Story, connection: Connection, client_id: str) -> None:
    order_id = story.placed[client_id]
    try:
        await connection.call(
            "order.cancel", story.owner[client_id], symbol="BTCUSDT", orderId=order_id
        )
        story.canceled.add(client_id)
    except ApiError as refused:
        assert refused.code == -2011, refused  # filled in the meantime


async def load_until_dead(story: Story, exchange: RunningExchange, chance: random.Random) -> int:
    """Trade over several connections, kill the process in the middle of it."""
    before = len(story.placed)
    connections = [
        await Connection.open(exchange.ws_url + "/ws-api/v3") for _ in range(CONNECTIONS)
    ]
    reading = [asyncio.create_task(c.run()) for c in connections]
    trading = [
        asyncio.create_task(trade(story, c, random.Random(chance.random())))
        for c in connections
        for _ in range(PIPELINED)
    ]
    await asyncio.sleep(chance.uniform(*LOAD_S))
    fell = [task for task in trading if task.done()]
    exchange.process.kill()
    await asyncio.gather(*reading, *trading, return_exceptions=True)
    for task in fell:
        task.result()  # a trader that ended before the kill says why
    await asyncio.to_thread(exchange.kill)
    return len(story.placed) - before


async def check_orders(story: Story, exchange: RunningExchange, ids: list[str]) -> None:
    """Ask the restarted exchange for orders that earlier lives acknowledged."""
    connection = await Connection.open(exchange.ws_url + "/ws-api/v3")
    reading = asyncio.create_task(connection.run())

    async def ask(client_id: str) -> None:
        found = await connection.call(
            "order.status", story.owner[client_id], symbol="BTCUSDT", origClientOrderId=client_id
        )
        assert found["orderId"] == story.placed[client_id]
        if client_id in story.canceled:
            assert found["status"] == "CANCELED", found

    for begin in range(0, len(ids), 200):
        await asyncio.gather(*(ask(i) for i in ids[begin : begin + 200]))
    await connection.close()
    await asyncio.gather(reading, return_exceptions=True)


def check_rest(story: Story, exchange: RunningExchange) -> None:
    """The same over REST for one member: its open orders are those that nobody cancelled."""
    member = story.members[0]
    query = signed_query(member, symbol="BTCUSDT")
    answer = httpx.get(
        f"{exchange.url}/api/v3/openOrders?{query}", headers={"X-MBX-APIKEY": member["api_key"]}
    )
    assert answer.status_code == 200, answer.text
    shown = Counter(order["clientOrderId"] for order in answer.json())
    assert set(shown.values()) <= {1}
    assert not shown.keys() & story.canceled


def signed_query(member: dict, **params) -> str:
    query = urlencode(params | {"timestamp": time.time_ns() // 1_000_000, "recvWindow": 30000})
    return query + "&signature=" + hmac.new(
        member["secret"].encode(), query.encode(), sha256
    ).hexdigest()  # fmt: skip


def check_log(story: Story, folder: Folder) -> None:
    """Each acknowledged order stands in the log exactly once, no other more than once."""
    ids: Counter[str] = Counter()
    numbers: dict[str, int] = {}
    for record in open_for_reading(folder.log).read(0):
        for index, text in record.texts().items():
            if record.commands[index]["kind"] == CommandKind.PLACE_ORDER:
                ids[text] += 1
                numbers[text] = record.sequence + index
    assert set(ids.values()) == {1}
    assert ids.keys() <= story.sent.keys()
    assert {i: numbers[i] for i in story.placed} == story.placed


def verified(folder: Folder) -> None:
    """What `excraft verify` does, in this process, on the files that the kill left."""
    with closing(Audit(folder, Kernel())) as audit:
        for record in open_for_reading(folder.log).read(0):
            audit.record(record)
        audit.finish()
        assert audit.findings == []


def test_nothing_acknowledged_is_lost_by_50_kills(tmp_path: Path):
    folder, chance = Folder.make(tmp_path / "data"), random.Random(50)
    story = Story(asyncio.run(prepared(folder)))
    since = acknowledged = 0
    for life in range(KILLS):
        exchange = RunningExchange(folder.root, forked=True)
        asyncio.run(check_orders(story, exchange, list(story.placed)[since:]))
        check_rest(story, exchange)
        since = len(story.placed)
        acknowledged += asyncio.run(load_until_dead(story, exchange, chance))
        if life % VERIFY_EVERY == VERIFY_EVERY - 1:
            verified(folder)
            with RunningExchange(folder.root, forked=True) as exchange:
                assert exchange.stop() == 0  # so that the next lives begin with a snapshot
    with RunningExchange(folder.root, forked=True) as exchange:
        sample = chance.sample(list(story.placed), ASKED_AT_THE_END)
        asyncio.run(check_orders(story, exchange, sample))
        assert exchange.stop() == 0
    check_log(story, folder)
    verified(folder)
    assert acknowledged > 20 * KILLS, "the load was too thin to prove anything"
