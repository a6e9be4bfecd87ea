"""kill -9 of the exchange, as a real process, at every step of closing a day and at any moment.

Every day is published once and as the verifier says, every round too, and what was credited is on
every account once: counted again here from the published tables and the log.
"""

import asyncio
import hmac
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlencode

import httpx

from excraft.cli.control import ask
from excraft.cli.folder import Folder
from excraft.cli.recompute import differences
from excraft.cli.wiring import opened
from excraft.dataset.days import days_there, open_day, open_round
from excraft.gateway.admin import perform
from excraft.log import open_for_reading
from excraft.messages.commands import Cause, CommandKind, MeritAct, Reserve, SetParameter, unpack
from excraft.messages.merit import Verb
from excraft.parameters import Parameter
from excraft.testing.postgresql import Cluster
from excraft.testing.running import RunningExchange
from tests.crash.kill_at import Control, prepare

SEED = int(os.environ.get("EXCRAFT_SEED", random.SystemRandom().randrange(1 << 32)))
ANY_MOMENT = 3  # lives that end at any moment
DAY_S, ROUND_DAYS, SECOND = 600, 2, 10**9  # so long that no day ends by itself
COIN = 10**8
MEMBERS = ("ada", "bob", "eve")
HERE = Path(__file__).parent
VERIFY = HERE.parents[1] / "tools" / "verify_rewards.py"
STEPS = [
    "excraft.cli.salts:write_private:1",
    "excraft.dataset.writing:TableWriter._append:9",  # of the facts, after six headers
    "excraft.dataset.publishing:write_synced:1",  # the tables are there, the manifest is not
    "excraft.dataset.publishing:sync_folder:2",  # renamed, not synced
    "excraft.cli.rounds:close:1",
    "excraft.dataset.publishing:write_synced:2",  # results are there, the manifest without them
    "excraft.cli.rounds:publish_round_of:1",
    "excraft.cli.round_results:write_private:1",
    "excraft.merit.state:forget_spool:1",
    "excraft.engine.service:Engine.execute_many:3",  # the tick, one credit, and this one
]  # fmt: skip


async def prepared(folder: Folder, database: str) -> list[dict]:
    """A market, members with keys of whom two stake, a pool, and the rewards' own money."""
    async with opened(folder, database=database) as exchange:
        for name, value in {"REWARD_DAY_S": DAY_S, "ROUND_DAYS": ROUND_DAYS}.items():
            await perform(exchange, "parameter_set", {"name": name, "value": value})
        for asset in ("EXT", "USDT"):
            await perform(exchange, "asset_add", {"symbol": asset, "decimals": 8, "name": asset})
        market = {"symbol": "EXTUSDT", "base": "EXT", "quote": "USDT"}
        await perform(exchange, "market_add", market | {"tick": "0.01", "lot": "0.001"})
        for name, value in {
            "EXT_ASSET": 1, "REFERENCE_ASSET": 2, "POOL_VERIFIED_MIN": 2, "FIRST_PRICE": COIN,
        }.items():  # fmt: skip
            await perform(exchange, "parameter_set", {"name": name, "value": value})
        source = {"name": "PRICE_SOURCE", "value": 1, "market": "EXTUSDT"}
        await perform(exchange, "parameter_set", source)
        keys = [await _member(exchange, name) for name in (*MEMBERS, "rewards")]
        accounts = {name: exchange.members.by_name(name).account for name in MEMBERS}
        for name in ("ada", "bob"):
            account, stake = accounts[name], 5 * COIN + accounts[name]
            for command in (
                SetParameter(parameter=Parameter.KYC_LEVEL, value=2, subject=account),
                Reserve(account=account, asset=0, amount=stake, cause=Cause.STAKE),
                MeritAct(verb=Verb.FOUND_POOL, account=account, text="Pool", value=700)
                if name == "ada" else MeritAct(verb=Verb.APPLY, account=account, pool=1),
                MeritAct(verb=Verb.SET_DOOR, account=account, pool=1, value=1),
            ):  # fmt: skip
                await exchange.engine.execute(command)
        return keys


async def _member(exchange, name: str) -> dict:
    await perform(exchange, "member_add", {"name": name})
    for asset in ("EXT", "USDT"):
        given = {"member": name, "asset": asset, "amount": "50000000"}
        reason = {"reason": "DEPOSIT", "reference": "test"}
        await perform(exchange, "money_credit", given | reason)
    rights = {"permissions": ["READ", "TRADE"], "ips": []}
    return await perform(exchange, "api_key_create", {"member": name, "kind": "HMAC"} | rights)


class Lives:
    """One data folder, through all lives of the exchange."""

    def __init__(self, root: Path, database: str = "") -> None:
        self.data, path = root / "data", root / "control"
        path.write_bytes(bytes(16))
        self.control, self._path = Control(path), path
        self.folder = Folder.make(self.data)
        self.keys = asyncio.run(prepared(self.folder, database))
        self.unit = 10**10  # of 10^-18 EXT in an atom

    def begin(self, step: str = "") -> RunningExchange:
        """Started again, and done with all that was left."""
        self.control.armed = False
        first = partial(prepare, str(self._path), step)
        exchange = RunningExchange(self.data, forked=True, first=first)
        until(self.caught_up, "what was closed is not published")
        return exchange

    def caught_up(self) -> bool:
        found = ask(self.data, "round_status")
        assert found["said"] == "", found["said"]
        published = days_there(self.folder.dataset)
        return not found["unpublished_days"] and published == list(range(found["day"]))

    def trade(self, exchange: RunningExchange) -> None:
        """Ada sells to bob and eve, at a price of its own each time."""
        for place, side, kind in ((0, "SELL", "GTC"), (1, "BUY", "IOC"), (2, "BUY", "IOC")):
            quantity = "10" if side == "SELL" else "5"
            self._order(exchange, self.keys[place], side, kind, quantity)

    def _order(self, exchange, key: dict, side: str, kind: str, quantity: str) -> None:
        given = {
            "symbol": "EXTUSDT", "side": side, "type": "LIMIT", "timeInForce": kind,
            "price": "2.50", "quantity": quantity, "newOrderRespType": "ACK",
            "timestamp": (time.time_ns() + self.control.ahead_ns) // 10**6,
        }  # fmt: skip
        text = urlencode(given)
        sign = hmac.digest(key["secret"].encode(), text.encode(), "sha256").hex()
        reply = httpx.post(
            f"{exchange.url}/api/v3/order?{text}&signature={sign}",
            headers={"x-mbx-apikey": key["api_key"]},
        )
        assert reply.status_code == 200, reply.text

    def next_day(self) -> None:
        """The clock goes on to it; what this life is to die of may come."""
        self.control.armed = True
        self.control.ahead_ns += DAY_S * SECOND


def until(look, otherwise: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


def dead(exchange: RunningExchange) -> bool:
    return exchange.process.poll() is not None


def test_days_and_rounds_are_closed_once_whatever_the_exchange_dies_of(tmp_path):
    chance = random.Random(SEED)
    print(f"EXCRAFT_SEED={SEED}")
    lives = Lives(tmp_path)
    for step in STEPS:
        exchange = lives.begin(step)
        for _ in range(ROUND_DAYS + 1):  # some steps come at the end of a round only
            if not dead(exchange):
                lives.trade(exchange)
                day = ask(lives.data, "round_status")["day"]
                lives.next_day()
                until(lambda x=exchange, d=day: dead(x) or done(lives, d), f"{step}: it hangs")
        assert dead(exchange), f"{step} is never reached"
        exchange.kill()
        assert exchange.process.returncode == -signal.SIGKILL, exchange.said
    for _ in range(ANY_MOMENT):
        exchange = lives.begin()
        lives.trade(exchange)
        lives.next_day()
        time.sleep(chance.uniform(0, 1.5))
        exchange.kill()
    lives.control.ahead_ns += 9 * DAY_S * SECOND  # nobody is there for nine days
    exchange = lives.begin()
    until(lambda: credited(lives) == owed(lives), "what was to be credited is not")
    assert exchange.stop() == 0
    assert "Traceback" not in exchange.said, exchange.said
    check(lives, len(STEPS) + ANY_MOMENT + 9)


def test_on_postgresql_it_is_the_same(tmp_path):
    cluster = Cluster()
    try:
        lives = Lives(tmp_path, cluster.new_database())
        exchange = lives.begin("excraft.cli.round_results:write_private:3")
        for day in range(ROUND_DAYS + 1):
            lives.trade(exchange)
            lives.next_day()
            until(lambda d=day, x=exchange: dead(x) or done(lives, d), "it hangs")
        assert dead(exchange), "the third day was to be its last"
        exchange.kill()
        exchange = lives.begin()
        until(lambda: credited(lives) == owed(lives), "what was to be credited is not")
        assert [one["name"] for one in ask(lives.data, "member_list")] == [*MEMBERS, "rewards"]
        assert exchange.stop() == 0
        assert not (lives.data / "excraft.db").exists()
        check(lives, ROUND_DAYS + 1)
    finally:
        cluster.close()


def done(lives: Lives, day: int) -> bool:
    """Published and paid; asked of the disk, since the process may be gone at any moment."""
    if not (lives.folder.dataset / "private" / f"paid-{day:05}.json").exists():
        return False
    time.sleep(0.3)  # counting it all is not for every look
    return credited(lives) == owed(lives)


def owed(lives: Lives) -> Counter:
    """Atoms by account that all days together credit, from their tables and the salts alone."""
    root, units = lives.folder.dataset, Counter()
    for number in days_there(root):
        day = open_day(root, number)
        salt = (root / "private" / f"salt-{day.facts.round:04}").read_bytes()
        whose = {sha256(salt + a.to_bytes(8, "little")).digest()[:16]: a for a in range(8)}
        for row in day.rows("results"):
            units[whose[row.id]] += row.reward_poe + row.reward_stake + row.reward_pool
    return Counter({a: n // lives.unit for a, n in units.items() if n // lives.unit})


def credited(lives: Lives) -> Counter:
    """Atoms by account that the log says were moved as rewards."""
    found = Counter()
    with closing(open_for_reading(lives.folder.log)) as log:
        for record in log.read(0):
            for row in record.commands:
                if row["kind"] == CommandKind.TRANSFER:
                    transfer = unpack(row)
                    found[transfer.to] += transfer.amount
    return found


def check(lives: Lives, least: int) -> None:
    root = lives.folder.dataset
    days = days_there(root)
    assert days == list(range(len(days))) and len(days) >= least
    assert not list(root.rglob("*.partial")), "a stopped writer left something"
    pools = []
    for number in days:
        facts = open_day(root, number).facts
        assert (facts.round, facts.end - facts.begin) == (number // ROUND_DAYS, DAY_S)
        members = {row.pool for row in open_day(root, number).rows("members")}
        pools.append(1 in members)
        before = ["--before", root / f"day-{number - 1:05}"] if number else []
        checked = run(VERIFY, root / f"day-{number:05}", *before)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    assert pools == [False] * ROUND_DAYS + [True] * (len(days) - ROUND_DAYS), "from round 1 on"
    for number in range(len(days) // ROUND_DAYS):
        there = [one["day"] for one in open_round(root, number).manifest["facts"]["days"]]
        assert there == [number * ROUND_DAYS, number * ROUND_DAYS + 1]
    assert differences(lives.folder, 0).wrong == []
    assert differences(lives.folder, number).wrong == []
    assert credited(lives) == owed(lives) and sum(owed(lives).values()) > 0
    assert sum(open_day(root, n).results.pools for n in days) > 0, "the pool got its part"
    verified = run("-m", "excraft", "verify", lives.data)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def run(*words) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
