"""Custody as a running exchange has it: what freezes withdrawals, and what ends that."""

from collections import Counter
from types import SimpleNamespace

import pytest

from excraft.accounts.staff import staff_of
from excraft.chain.node import Limits, Node
from excraft.custody import reconcile
from excraft.custody.chains import ChainAsset, ChainEntry, ChainsFile, Listed
from excraft.custody.service import SILENT_S, Custody
from excraft.gateway import admin_custody
from excraft.gateway.admin import Refused
from tests.chain.local import Proxy
from tests.custody.conftest import ETHER, XPUB, Ledger

pytestmark = pytest.mark.anyio
HOT, COLD = "0x" + "a0" * 20, "0x" + "c0" * 20


class Running:
    """A custody over a chain of its own, polled by hand, with a clock of its own."""

    def __init__(self, chain, database) -> None:
        self.chain, self.now, self.alerts = chain, 0.0, []
        asset = ChainAsset("ETH", 18, withdraw_fee="0", withdraw_minimum="0.01")
        entry = ChainEntry(31337, "LOCAL", chain.anvil.url, HOT, COLD, [asset], 1, 0, 10)
        self.custody = Custody(
            ChainsFile(XPUB, [entry]), database, Ledger(),
            SimpleNamespace(credited=Counter(), spent=Counter()),
            lambda: {"ETH": Listed(3, 8)}, self.alerts.append,
        )  # fmt: skip
        [self.watched] = self.custody.chains.values()
        self.custody._clock, self.watched.good_at = lambda: self.now, 0.0
        eth = SimpleNamespace(symbol="ETH", number=3)
        listings = SimpleNamespace(assets=[eth])
        self.exchange = SimpleNamespace(
            custody=self.custody,
            staff=staff_of(database),
            engine=SimpleNamespace(listings=listings),
        )

    async def poll(self) -> str:
        """One round; why withdrawals are frozen."""
        await self.chain.mine()
        await self.custody._poll(self.watched)
        await self.custody.look_at_alarms()
        return self.custody.withdrawals_frozen


@pytest.fixture
async def running(chain, database, monkeypatch):
    monkeypatch.setattr(reconcile, "PAUSE_S", 0.0)
    running = Running(chain, database)
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
    assert await running.poll() == ""
    await running.chain.ask("anvil_setBalance", HOT, hex(5 * ETHER))
    assert f"{HOT} holds {5 * ETHER} more units of the coin" in await running.poll()
    asked = {"network": "LOCAL", "asset": "ETH", "address": HOT, "reason": "from the bank"}
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
    await running.chain.ask("anvil_setBalance", HOT, hex(5 * ETHER - 1))
    assert "holds 1 fewer units" in await running.poll()
    with pytest.raises(Refused, match="holds 0 units too much"):
        await admin_custody.custody_accept(running.exchange, units="-1", **asked)
