"""A database restored from before: nobody's money is forgotten, and nothing is paid again."""

import pytest
from sqlalchemy import delete, insert

from excraft.custody.addresses import Addresses
from excraft.custody.limits import Setting
from excraft.custody.withdrawal import State
from excraft.store.database import Database
from excraft.store.schema import members
from excraft.store.schema_withdrawals import custody_sent, withdrawal_approvals, withdrawals
from tests.custody.conftest import XPUB, paying
from tests.custody.sweeping import came, rounds
from tests.custody.withdrawal_desk import BOB, COIN, ETHER, FEE

pytestmark = pytest.mark.anyio
PAID = (10**8 - FEE) * 10**10


async def lose(payer) -> None:
    """Everything that the database has of withdrawals; the log and the journal stay."""
    with payer.database.write() as connection:
        for table in (withdrawal_approvals, custody_sent, withdrawals):
            connection.execute(delete(table))
    await payer.node.close()
    payer.restart()


def member(payer, account: int = 4) -> int:
    row = {"name": "alice", "account": account, "created_ns": 1}
    with payer.database.write() as connection:
        return connection.execute(insert(members).values(row)).inserted_primary_key[0]


async def test_what_was_only_reserved_is_given_back_after_the_signers_promise(payer):
    payer.set(Setting.APPROVE_ABOVE, 0, asset=COIN)
    id = await payer.ask_for()
    await lose(payer)
    payer.away = True
    await payer.withdrawals.poll()
    assert payer.ledger.held[4, COIN] == 10**8
    assert "does not answer" in payer.withdrawals.status()["catching_up"]
    payer.away = False
    await payer.withdrawals.poll()
    assert payer.ledger.free[4, COIN] == 5 * 10**8 and payer.ledger.held[4, COIN] == 0
    assert [(e.kind, e.id) for e in payer.journal.entries] == [("void", id)]
    [said] = payer.alarms()
    assert f"withdrawal {id} of account 4, 100000000 atoms of asset 3, which nobody" in said
    assert payer.withdrawals.status()["catching_up"] == ""
    await payer.node.close()
    payer.restart()
    await payer.withdrawals.poll()  # and nothing is given back again


async def test_what_the_log_approved_is_made_again_and_paid_once(payer):
    mine = member(payer)
    sent, before = await payer.ask_for(), await payer.balance(BOB)
    payer.away = True
    approved = await payer.ask_for(2 * 10**8)
    payer.away = False
    row = payer.book.get(sent).row
    await lose(payer)
    for id in (sent, approved):
        await payer.withdrawals.poll()
        await payer.until(id, State.DONE)
    assert await payer.balance(BOB) - before == PAID + (2 * 10**8 - FEE) * 10**10
    assert [e.id for e in payer.journal.entries] == [sent, approved]
    again = payer.book.get(sent).row
    kept = ("account", "asset", "destination", "atoms", "fee", "units", "commitment",
            "reserved_position", "approved_position")  # fmt: skip
    assert [getattr(again, name) for name in kept] == [getattr(row, name) for name in kept]
    assert (again.member_id, again.origin) == (mine, "log")
    assert f"withdrawal {sent} of account 4" in payer.alarms()[0] and BOB in payer.alarms()[0]
    assert payer.ledger.held[4, COIN] == 0 and payer.ledger.free[4, COIN] == 2 * 10**8


async def test_what_was_paid_since_is_made_again_with_its_transaction(payer):
    """So that chain, rows and log can be compared again to the last unit."""
    id = await payer.ask_for()
    await payer.until(id, State.DONE)
    [sent] = payer.sent.all()
    await lose(payer)
    await payer.withdrawals.poll()
    await payer.withdrawals.poll()
    assert payer.state(id) == State.DONE
    [again] = payer.sent.all()
    names = ("hash", "status", "gas_paid", "block", "units", "withdrawal_id", "nonce")
    assert [getattr(again, n) for n in names] == [getattr(sent, n) for n in names]
    assert "older than the log" in payer.alarms()[0]
    assert payer.ledger.out == {COIN: 10**8 - FEE}


async def test_what_failed_since_is_no_payment(payer, monkeypatch):
    payer.away = True
    id = await payer.ask_for()
    payer.away = False
    await payer.withdrawals.give_up(id, "member:7", "the customer called")
    await lose(payer)
    await payer.withdrawals.poll()
    assert payer.state(id) == State.FAILED and payer.sent.all() == []
    assert payer.ledger.free[4, COIN] == 5 * 10**8


async def test_an_approval_that_is_not_what_was_reserved_is_left_to_people(payer):
    payer.away = True
    id = await payer.ask_for()
    payer.away = False
    altered = payer.book.get(id).payment._replace(atoms=10**8 - 1)
    await lose(payer)
    facts = payer.ledger.facts
    facts._facts[id] = facts.of(id)._replace(commitment=altered.commitment)
    await payer.withdrawals.poll()
    assert "which the log approved, and cannot make its row again" in payer.alarms()[0]
    assert payer.ledger.held[4, COIN] == 10**8 and payer.journal.entries == []


async def test_sweeps_that_were_forgotten_are_learned_at_the_start(payer, sweeper):
    address = came(payer, 4)
    await payer.chain.ask("anvil_setBalance", address, hex(3 * ETHER))
    await rounds(payer, sweeper, 3)
    before = [(r.hash, r.number, r.gas_paid) for r in payer.sent.all()]
    assert len(before) == 1
    await lose(payer)
    await payer.withdrawals.poll()
    await payer.withdrawals.poll()
    assert [(r.hash, r.number, r.gas_paid) for r in payer.sent.all()] == before


async def test_postgresql_is_made_whole_as_sqlite_is(
    tmp_path, shared_anvil, cluster, anyio_backend
):
    database = Database(cluster.new_database())
    database.migrate()
    async with paying(tmp_path, shared_anvil, database) as payer:
        mine = member(payer)
        paid = await payer.ask_for()
        await payer.until(paid, State.DONE)
        payer.set(Setting.APPROVE_ABOVE, 0, asset=COIN)
        await payer.ask_for()
        payer.addresses = Addresses(database, XPUB)
        came(payer, 4)
        await lose(payer)
        for _ in range(2):
            await payer.withdrawals.poll()
        [found] = payer.book.find()
        assert (found.state, found.row.member_id) == (State.DONE, mine)
        assert [row.status for row in payer.sent.all()] == ["CONFIRMED"]
        assert payer.ledger.held[4, COIN] == 0 and len(payer.alarms()) == 2
        again = payer.wish(client_id="c" * 64, repeats=True)
        made = [(await payer.withdrawals.request(again)).row.id for _ in range(2)]
        assert made[0] == made[1]
    database.close()


async def test_a_whole_database_raises_no_alarm(payer):
    payer.set(Setting.APPROVE_ABOVE, 10**8, asset=COIN)
    for atoms in (2 * 10**7, 10**8 + 1):
        await payer.ask_for(atoms)
    cancelled = await payer.ask_for(10**8 + 2)
    await payer.withdrawals.cancel(4, cancelled)
    await payer.until(1, State.DONE)
    await payer.node.close()
    payer.restart()
    await payer.withdrawals.poll()
    assert payer.alarms() == [] and payer.ledger.held[4, COIN] == 10**8 + 1
