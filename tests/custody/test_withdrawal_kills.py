"""kill -9 at every step, before and after it was done: one payment, and balances to the last unit.

First a withdrawal runs through and every step is counted; then it runs once for each of them, is
stopped there, started again from what is on the disk, and must end as if nothing had happened.
"""

import asyncio
from contextlib import contextmanager

import pytest

from excraft.custody.limits import Setting
from excraft.custody.withdrawal import State
from excraft.custody.withdrawal_facts import CLOSED
from tests.custody.withdrawal_desk import BOB, COIN, FEE, Killed

pytestmark = pytest.mark.anyio
STEPS = 18  # at least so many; the first test counts them
PAID = (10**8 - FEE) * 10**10


class Faults:
    """Counts what changes anything outside of memory, and stops at one of these."""

    def __init__(self, at: int = 0, done: bool = False) -> None:
        self.at, self.done, self.count, self.dead = at, done, 0, False
        self.names: list[str] = []

    def __call__(self, name: str):
        """Before a step; True when it is the one that stops after it was done."""
        if self.dead:
            raise Killed(name)
        self.count += 1
        self.names.append(name)
        if self.count == self.at:
            self.dead = True
            if not self.done:
                raise Killed(name)
        return self.dead

    def install(self, desk) -> None:
        desk.ledger.carry_out = self._step(desk.ledger.carry_out, lambda c: type(c).__name__)
        desk.node.batch = self._step(
            desk.node.batch, lambda calls: calls[0][0] * (calls[0][0] == "eth_sendRawTransaction")
        )
        asked = desk.ask

        def ask(request):
            stops = self(type(request).__name__)
            answer = asked(request)
            if stops:
                raise Killed
            return answer

        desk.client._ask = ask
        desk.database.write_durable = self._transaction(desk.database.write_durable)

    def _step(self, function, name):
        async def step(argument):
            stops = self(name(argument)) if name(argument) else False
            answer = await function(argument)
            if stops:
                raise Killed
            return answer

        return step

    def _transaction(self, function):
        @contextmanager
        def transaction():
            stops = self("transaction")
            with function() as connection:
                yield connection
            if stops:
                raise Killed

        return transaction


@contextmanager
def faults(payer, at: int = 0, done: bool = False):
    """Installed for a while; then the same objects are what they were."""
    carry_out, made = payer.ledger.carry_out, Faults(at, done)
    made.install(payer)
    try:
        yield made
    finally:
        payer.ledger.carry_out = carry_out
        del payer.database.write_durable


async def go(payer, end: State) -> None:
    """A withdrawal from the wish to its end."""
    id = await payer.ask_for()
    if end == State.CANCELLED:
        await payer.withdrawals.cancel(4, id)
    await payer.until(id, end)


async def finish(payer) -> None:
    """After a start: until nothing is open any more."""
    for _ in range(8):
        await payer.withdrawals.poll()
        if not payer.book.open():
            return
        await payer.chain.mine()
    raise AssertionError([(f.state, f.row.note) for f in payer.book.open()])


def prepare(payer, end: State) -> None:
    if end == State.CANCELLED:
        payer.set(Setting.APPROVE_ABOVE, 0, asset=COIN)


async def test_the_steps_are_counted(payer):
    with faults(payer) as found:
        await go(payer, State.DONE)
    assert found.count == STEPS, found.names
    assert {"Reserve", "ApproveWithdrawal", "Pay", "eth_sendRawTransaction", "Spend"} <= {
        *found.names
    }


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, STEPS + 1))
async def test_a_kill_at_any_step_pays_once(payer, at, done):
    await killed(payer, at, done, State.DONE)
    [found] = payer.book.find() or [None]
    assert found is None or found.state == State.DONE


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 7))
async def test_a_kill_while_cancelling_gives_back_once(payer, at, done):
    prepare(payer, State.CANCELLED)
    await killed(payer, at, done, State.CANCELLED)
    payer.book.invariant()


async def killed(payer, at: int, done: bool, end: State) -> None:
    bob, free = await payer.balance(BOB), payer.ledger.free[4, COIN]
    with faults(payer, at, done):
        with pytest.raises(Killed):
            await go(payer, end)
        await asyncio.sleep(0)
    await payer.node.close()
    payer.restart()
    if end == State.CANCELLED and payer.book.open() and payer.book.open()[0].row.decision is None:
        await payer.withdrawals.cancel(4, payer.book.open()[0].row.id)
    await finish(payer)
    paid = await payer.balance(BOB) - bob
    expected = PAID if end == State.DONE and payer.book.find() else 0
    assert paid == expected
    assert payer.ledger.held.get((4, COIN), 0) == 0
    assert free - payer.ledger.free[4, COIN] == (10**8 if expected else 0)
    assert payer.ledger.fees.get(COIN, 0) == (FEE if expected else 0)
    for found in payer.book.find():
        assert payer.ledger.facts.of(found.row.id).steps & CLOSED or not found.row.reserved_position
    assert len({(e.id, e.nonce) for e in payer.journal.entries}) <= 1
