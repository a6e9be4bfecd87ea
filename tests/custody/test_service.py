"""Custody as a running exchange has it: what freezes withdrawals, and what ends that."""

import time
from collections import Counter
from types import SimpleNamespace

import msgspec
import pytest

from excraft.accounts.staff import staff_of
from excraft.chain.node import Limits, Node
from excraft.custody import reconcile
from excraft.custody.chains import ChainAsset, ChainEntry, ChainsFile, Listed
from excraft.custody.service import SILENT_S, Custody
from excraft.custody.signer.keys import made
from excraft.gateway import admin_custody
from excraft.gateway.admin import Refused
from tests.chain.local import HONEST, Proxy
from tests.custody.conftest import ETHER, Ledger

pytestmark = pytest.mark.anyio
HOT, COLD = "0x" + "a0" * 20, "0x" + "c0" * 20


class Log(Ledger):
    """The ledger and what is read from its log."""

    spent, by_hand = Counter(), Counter()

    @property
    def credited(self) -> Counter:
        found = Counter()
        for _, asset, atoms, _ in self.credits:
            found[asset] += atoms
        return found


class Running:
    """A custody over a chain of its own, polled by hand, with a clock of its own."""

    def __init__(self, chain, database, xpub: str, log: Log | None = None) -> None:
        self.xpub = xpub
        self.chain, self.now, self.alerts, self.log = chain, 0.0, [], log or Log()
        asset = ChainAsset("ETH", 18, withdraw_fee="0", withdraw_minimum="0.01")
        entry = ChainEntry(31337, "LOCAL", chain.anvil.url, HOT, COLD, [asset], 1, 0, 10)
        self.custody = Custody(
            ChainsFile(xpub, [entry]), database, self.log, self.log,
            lambda: {"ETH": Listed(3, 8), "TOK": Listed(4, 6)}, self.alerts.append,
        )  # fmt: skip
        [self.watched] = self.custody.chains.values()
        self.custody._clock = lambda: self.now
        self.custody._wall = lambda: time.time() + self.now
        assets = [SimpleNamespace(symbol=name, number=n) for name, n in (("ETH", 3), ("TOK", 4))]
        listings = SimpleNamespace(assets=assets)
        self.exchange = SimpleNamespace(
            custody=self.custody,
            staff=staff_of(database),
            engine=SimpleNamespace(listings=listings),
        )

    def list_token(self, token: str) -> None:
        asset = ChainAsset("TOK", 6, withdraw_fee="0", withdraw_minimum="0.01", token=token)
        entry = self.watched.entry
        self.watched.entry = msgspec.structs.replace(entry, assets=[*entry.assets, asset])

    async def poll(self) -> str:
        """One round; why withdrawals are frozen."""
        await self.chain.mine()
        await self.custody._poll(self.watched)
        await self.custody.look_at_alarms()
        return self.custody.withdrawals_frozen


@pytest.fixture
async def running(chain, database, monkeypatch, tmp_path):
    monkeypatch.setattr(reconcile, "PAUSE_S", 0.0)
    running = Running(chain, database, made(tmp_path / "keys").xpub)  # none of anvil's own
    yield running
    await running.custody.close()


async def test_nothing_is_paid_before_the_alarms_were_read(running):
    assert running.custody.withdrawals_frozen == "the alarms were not read yet"
    assert await running.poll() == ""


async def test_a_node_that_is_silent_freezes_after_a_stated_time_and_thaws(running):
    async with Proxy(running.chain.anvil.url) as proxy:
        running.watched.node = Node(proxy.url, 31337, Limits(seconds=1.0, attempts=1))
        try:
            assert await running.poll() == ""
            proxy.stall, running.now = True, running.now + SILENT_S - 1
            assert await running.poll() == "", "not before the time is over"
            assert running.watched.failure
            running.now += 1
            frozen = await running.poll()
            assert frozen.startswith("LOCAL could not be compared with the ledger for 120 s: ")
            assert running.custody.status()["frozen"] == frozen
            assert running.alerts == [f"withdrawals are frozen: {frozen}"]
            await running.poll()
            assert len(running.alerts) == 1, "told once"
            proxy.stall = False
            assert await running.poll() == ""
        finally:
            await running.watched.node.close()


async def test_a_node_that_stands_still_freezes_though_it_answers(running):
    running.custody._wall = lambda: 0  # our own clock alone
    assert await running.poll() == ""
    still = running.watched.entry.still_s
    for passed, frozen in ((still - 2, False), (1, False), (1, True)):
        running.now += passed
        await running.custody._poll(running.watched)  # no block was mined
        await running.custody.look_at_alarms()
        assert running.custody.withdrawals_frozen.startswith("LOCAL stands still") == frozen
    assert "its node tells, 1, is older than 300 s" in running.alerts[-1]
    assert running.custody.status()["chains"][0]["failure"].startswith("LOCAL stands still")
    running.now = 0.0  # the next block is made now
    assert await running.poll() == ""


async def test_a_node_that_stood_still_before_the_start_freezes_at_once(running):
    running.custody._wall = lambda: time.time() + 3600
    assert (await running.poll()).startswith("LOCAL stands still")


async def test_a_chain_without_a_beat_may_stand_still(running):
    running.watched.entry = msgspec.structs.replace(running.watched.entry, still_s=0)
    assert await running.poll() == ""
    running.now = 1e6
    await running.custody._poll(running.watched)
    assert running.custody.withdrawals_frozen == ""


async def test_nothing_is_paid_before_chain_and_ledger_were_compared_once(running):
    await running.custody.look_at_alarms()
    assert running.custody.withdrawals_frozen == "LOCAL was not looked at yet"
    async with Proxy(running.chain.anvil.url) as proxy:
        running.watched.node = Node(proxy.url, 31337, Limits(seconds=0.3, attempts=1))
        try:
            proxy.stall = True
            frozen = await running.poll()
            assert frozen.startswith("LOCAL could not be compared with the ledger yet: ")
            proxy.stall = False
            assert await running.poll() == ""
        finally:
            await running.watched.node.close()


async def test_a_node_that_lies_about_a_balance_freezes_with_one_alarm(running):
    async with Proxy(running.chain.anvil.url) as proxy:
        running.watched.node = Node(proxy.url, 31337, Limits(seconds=5.0))
        try:
            await running.chain.ask("anvil_setBalance", HOT, hex(ETHER))
            assert await running.poll() == ""

            def one_less(body: bytes) -> bytes:
                return body.replace(hex(ETHER).encode(), hex(ETHER - 1).encode())

            proxy.twist = one_less
            frozen = await running.poll()
            assert f"{HOT} holds 1 fewer units of the coin" in frozen
            assert await running.poll() == frozen
            assert len(running.alerts) == len(running.custody.alarms.open()) == 1
            proxy.twist = lambda body: body
            assert await running.poll() == frozen, "it stays until somebody looked"
        finally:
            await running.watched.node.close()


async def test_a_database_that_fails_does_not_end_the_watching(running, monkeypatch):
    assert await running.poll() == ""

    def fails():
        raise OSError("disk full")

    monkeypatch.setattr(running.custody.alarms, "open", fails)
    await running.custody._look()
    assert running.custody.withdrawals_frozen == ""


async def test_a_surplus_is_accepted_to_the_unit_once_and_leaves_a_row(running):
    token = await running.chain.deploy(HONEST, 10**12)
    running.list_token(token.address)
    assert await running.poll() == ""
    await token.set_balance(HOT, 5 * ETHER)
    assert f"{HOT} holds {5 * ETHER} more units of {token.address}" in await running.poll()
    asked = {"network": "LOCAL", "asset": "TOK", "address": HOT, "reason": "from the bank"}
    for units in (str(5 * ETHER - 1), str(5 * ETHER + 1), "0", "-1"):
        with pytest.raises(Refused, match=f"holds {5 * ETHER} units too much"):
            await admin_custody.custody_accept(running.exchange, units=units, **asked)
    await admin_custody.custody_accept(running.exchange, units=str(5 * ETHER), **asked)
    with pytest.raises(Refused, match="holds 0 units too much"):
        await admin_custody.custody_accept(running.exchange, units=str(5 * ETHER), **asked)
    assert await admin_custody.custody_resolve(running.exchange, 1, "it is ours") == ""
    assert await running.poll() == "", "the comparison agrees with it"
    rows = running.exchange.staff.audit.newest()
    assert {row.object for row in rows} >= {f"address:{HOT}", "alarm:1"}
    await token.set_balance(HOT, 5 * ETHER - 1)
    assert "holds 1 fewer units" in await running.poll()
    with pytest.raises(Refused, match="holds 0 units too much"):
        await admin_custody.custody_accept(running.exchange, units="-1", **asked)


async def pay(running, account: int, units: int) -> None:
    await running.chain.send(await running.custody.address(account), units)


async def test_a_reorganisation_after_the_credit_freezes_until_somebody_looked(running):
    assert await running.poll() == ""
    await pay(running, 50, ETHER)
    assert await running.poll() == "" and running.log.total == 10**8, running.custody.status()
    await running.chain.reorganise(2)
    await running.chain.mine()
    assert "alarm 1 of chain 31337: " in await running.poll()
    assert running.log.total == 10**8, "what was credited stays; people decide"
    assert len(running.alerts) == len(running.custody.alarms.open())
    for row in running.custody.alarms.open():
        await admin_custody.custody_resolve(running.exchange, row.id, "debited by hand")
    assert await running.poll() == ""


async def test_of_two_that_watch_one_credits_and_the_other_freezes(running, database):
    assert await running.poll() == ""
    other = Running(running.chain, database, running.xpub, running.log)
    try:
        assert await other.poll() == ""
        await pay(running, 50, ETHER)
        assert await other.poll() == "" and running.log.total == 10**8
        running.now += SILENT_S
        assert "could not be compared" in await running.poll()
        assert running.log.total == 10**8
    finally:
        await other.custody.close()
