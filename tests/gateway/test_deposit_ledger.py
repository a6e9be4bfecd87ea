"""A credit goes on when the one who asked is gone, and whoever looks it up waits for it."""

import asyncio

import pytest

from excraft.custody.credited import Credited
from excraft.custody.errors import CreditFailed, CreditRefused
from excraft.engine.service import Engine
from excraft.gateway.deposit_ledger import DepositLedger
from excraft.kernel.reference import Reference
from excraft.messages.commands import OpenAccount
from tests.gateway.conftest import TestLog

pytestmark = pytest.mark.anyio
NAME = "31337:0x" + "a" * 64 + ":coin"


@pytest.fixture
async def venue():
    log, credited = TestLog(), Credited()
    engine = Engine(log, Reference())
    engine.subscribe(lambda record, events, _: credited.apply(record, events), columns=True)
    await engine.start()
    await engine.list_asset("ETH", "Ether", 8)
    await engine.execute(OpenAccount())
    yield DepositLedger(engine, credited), engine, log
    log.gate.set()
    await engine.stop()


async def test_a_credit_is_found(venue):
    ledger, engine, _ = venue
    assert await ledger.find([NAME]) == {}
    position = await ledger.credit(0, 0, 12, NAME)
    assert await ledger.find([NAME]) == {NAME: position}
    assert engine.balance(0, 0) == (12, 0)


async def test_what_the_kernel_refuses_is_refused_for_good(venue):
    ledger, _, _ = venue
    with pytest.raises(CreditRefused, match="UNKNOWN_ACCOUNT"):
        await ledger.credit(9, 0, 12, NAME)
    assert await ledger.find([NAME]) == {}


async def test_a_credit_that_nobody_waits_for_is_found_all_the_same(venue):
    ledger, engine, log = venue
    log.gate.clear()
    asking = asyncio.create_task(ledger.credit(0, 0, 12, NAME))
    await asyncio.sleep(0.05)
    asking.cancel()
    looking = asyncio.create_task(ledger.find([NAME]))
    await asyncio.sleep(0.05)
    assert not looking.done(), "it is on its way, so nobody may say that it is not there"
    log.gate.set()
    assert [*await looking] == [NAME]
    assert engine.balance(0, 0) == (12, 0)


async def test_while_the_engine_stands_still_nobody_knows(venue):
    ledger, engine, _ = venue
    await engine.stop()
    with pytest.raises(CreditFailed):
        await ledger.credit(0, 0, 12, NAME)
    engine.failure = "the engine stopped after position 2"
    with pytest.raises(CreditFailed, match="stopped"):
        await ledger.find([NAME])
