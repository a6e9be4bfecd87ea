"""Withdrawals end to end: asked for, held, approved, signed, mined, closed; to the last unit."""

import asyncio

import pytest
from sqlalchemy import delete, insert, select

from excraft.chain.transfers import Price
from excraft.custody.errors import Replaced, WithdrawalRefused
from excraft.custody.limits import Setting
from excraft.custody.withdrawal import State
from excraft.store.database import Database
from excraft.store.schema_withdrawals import custody_sent, withdrawal_approvals
from excraft.store.schema_withdrawals import withdrawals as table_of_withdrawals
from tests.custody.conftest import paying
from tests.custody.withdrawal_desk import BOB, COIN, COLD, ETHER, FEE, USDT, away

pytestmark = pytest.mark.anyio


async def test_a_withdrawal_is_paid_to_the_last_unit(payer):
    before = await payer.balance(BOB)
    id = await payer.ask_for(123_456_789)
    assert payer.ledger.held == {(4, COIN): 123_456_789}
    assert await payer.until(id, State.DONE) == State.DONE
    assert await payer.balance(BOB) - before == (123_456_789 - FEE) * 10**10
    assert payer.ledger.held == {(4, COIN): 0}
    assert payer.ledger.free[4, COIN] == 5 * 10**8 - 123_456_789
    assert (payer.ledger.fees, payer.ledger.out) == ({COIN: FEE}, {COIN: 123_456_789 - FEE})
    [row] = payer.sent.all()
    spent = 10 * ETHER - await payer.balance(payer.hot)
    assert spent == int(row.units) + int(row.gas_paid)
    assert (row.status, row.kind, row.withdrawal_id) == ("CONFIRMED", "withdrawal", id)


async def test_a_token_is_paid_to_the_last_unit(payer):
    await payer.give_token()
    id = await payer.ask_for(700_000_001, asset=USDT)
    await payer.until(id, State.DONE)
    assert await payer.token_balance(BOB) == 699_500_001
    assert payer.ledger.fees == {USDT: 500_000}


async def test_states_follow_from_facts_and_a_transaction_waits_for_its_confirmations(payer):
    id = await payer.ask_for()
    assert payer.state(id) == State.SENT
    await payer.chain.mine()
    await payer.withdrawals.poll()
    assert payer.sent.all()[0].status == "MINED" and payer.state(id) == State.SENT
    await payer.chain.mine()
    await payer.withdrawals.poll()
    assert payer.state(id) == State.DONE


async def test_more_than_the_threshold_waits_for_approvals(payer):
    payer.set(Setting.APPROVE_ABOVE, 10**8, asset=COIN)
    payer.set(Setting.APPROVALS, 2, asset=COIN)
    small, large = await payer.ask_for(10**8), await payer.ask_for(10**8 + 1)
    assert (payer.state(small), payer.state(large)) == (State.SENT, State.WAITING)
    assert payer.note(large) == "0 of 2 approvals"
    payer.approve(large, "member:7")
    await payer.withdrawals.poll()
    assert payer.note(large) == "1 of 2 approvals"
    payer.approve(large, "member:8")
    await payer.until(large, State.DONE)
    assert [e.id for e in payer.journal.entries] == [small, large]


async def test_a_new_address_waits_and_an_old_one_does_not(payer):
    payer.set(Setting.NEW_ADDRESS_DELAY_S, 3600)
    first = await payer.ask_for(2 * 10**7)
    assert payer.state(first) == State.WAITING and "the address is new" in payer.note(first)
    payer.clock.pass_(3600)
    await payer.until(first, State.DONE)
    second = await payer.ask_for(2 * 10**7)
    await payer.until(second, State.DONE)


async def test_cancelling_gives_everything_back_and_is_too_late_once_approved(payer):
    payer.set(Setting.APPROVE_ABOVE, 0, asset=COIN)
    id = await payer.ask_for()
    with pytest.raises(WithdrawalRefused, match=f"you have no withdrawal {id}"):
        await payer.withdrawals.cancel(5, id)
    assert (await payer.withdrawals.cancel(4, id)).state == State.CANCELLED
    assert payer.ledger.free[4, COIN] == 5 * 10**8 and payer.ledger.held[4, COIN] == 0
    payer.set(Setting.APPROVE_ABOVE, 1 << 61, asset=COIN)
    other = await payer.ask_for()
    with pytest.raises(WithdrawalRefused, match="cannot be cancelled any more"):
        await payer.withdrawals.cancel(4, other)
    await payer.until(other, State.DONE)


async def test_what_is_frozen_waits_and_goes_on_afterwards(payer):
    payer.frozen = "chain and ledger differ by 1 unit"
    id = await payer.ask_for()
    assert payer.note(id) == "withdrawals are frozen: chain and ledger differ by 1 unit"
    payer.frozen = ""
    payer.ledger.frozen_accounts.add(4)
    await payer.withdrawals.poll()
    assert payer.note(id) == "the account is frozen"
    payer.ledger.frozen_accounts.clear()
    await payer.until(id, State.DONE)


async def test_too_little_money_is_refused_and_nothing_is_held(payer):
    with pytest.raises(WithdrawalRefused, match="your free balance is less"):
        await payer.ask_for(6 * 10**8)
    [found] = payer.book.find()
    assert found.state == State.REFUSED and found.row.closed_ns
    assert payer.ledger.held.get((4, COIN), 0) == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"destination": "0x12"}, "is no address"),
        ({"destination": BOB[:-1] + "g"}, "is no address"),
        ({"destination": BOB.replace("B", "b", 1)}, "check sum"),
        ({"destination": "0x" + "0" * 40}, "is lost; take your own"),
        ({"destination": COLD}, "a wallet of this exchange"),
        ({"atoms": 10 * FEE - 1}, "less than the 1000000 that can leave"),
        ({"atoms": 0}, "an amount is from 1"), ({"atoms": 1 << 62 | 1}, "an amount is from 1"),
        ({"network": "BSC"}, "'BSC' is no network of this asset; there are ETH"),
        ({"asset": 77}, "there are none"),
    ],
    ids=str,
)  # fmt: skip
async def test_what_cannot_be_paid_is_refused_with_a_sentence(payer, change, said):
    with pytest.raises(WithdrawalRefused, match=said):
        await payer.withdrawals.request(payer.wish(**change))
    assert payer.book.find() == [] and payer.log.end(0) == 0


async def test_deposit_addresses_and_token_contracts_are_no_destinations(payer):
    with pytest.raises(WithdrawalRefused, match="your own deposit address"):
        await payer.ask_for(destination=payer.keys.deposit(2).address, account=2)
    with pytest.raises(WithdrawalRefused, match="another member's deposit address"):
        await payer.ask_for(destination=payer.keys.deposit(2).address)
    with pytest.raises(WithdrawalRefused, match="the token's own contract"):
        await payer.ask_for(10**7, asset=USDT, destination=payer.token)


async def test_a_client_id_counts_once(payer):
    await payer.ask_for(client_id="mine")
    with pytest.raises(WithdrawalRefused, match="'mine' of yours already"):
        await payer.ask_for(client_id="mine")
    assert payer.ledger.held[4, COIN] == 10**8


async def test_without_a_signer_it_waits_and_says_so(payer):
    await away(payer)
    id = await payer.ask_for()
    assert payer.state(id) == State.APPROVED and "the signer" in payer.note(id)
    payer.away = False
    await payer.until(id, State.DONE)


async def test_an_approved_one_is_given_up_only_when_the_signer_promises_so(payer):
    payer.away = True
    first = await payer.ask_for()
    payer.away = False
    found = await payer.withdrawals.give_up(first, "member:7", "the customer called")
    assert (found.state, found.row.reason) == (State.REFUSED, "the customer called")
    assert payer.ledger.free[4, COIN] == 5 * 10**8
    assert [e.kind for e in payer.journal.entries] == ["void"]
    second = await payer.ask_for()
    with pytest.raises(WithdrawalRefused, match="is SENT already"):
        await payer.withdrawals.give_up(second, "member:7", "too late")
    await payer.until(second, State.DONE)


async def test_who_asks_and_goes_away_leaves_nothing_half_done(payer):
    gate = asyncio.Event()
    carry_out = payer.ledger.carry_out

    async def slow(command):
        await gate.wait()
        return await carry_out(command)

    payer.ledger.carry_out = slow
    asking = asyncio.create_task(payer.ask_for())
    while not payer.book.find():
        await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    polling = asyncio.create_task(payer.withdrawals.poll())
    await asyncio.sleep(0.05)
    gate.set()
    await polling
    assert payer.ledger.held[4, COIN] == 10**8
    await payer.until(1, State.DONE)


async def test_postgresql_does_as_sqlite_does(tmp_path, shared_anvil, cluster, anyio_backend):
    database = Database(cluster.new_database())
    database.migrate()
    async with paying(tmp_path, shared_anvil, database) as payer:
        payer.set(Setting.APPROVE_ABOVE, 10**8, asset=COIN)
        ids = await asyncio.gather(*(payer.ask_for(2 * 10**7) for _ in range(4)))
        assert sorted(ids) == [1, 2, 3, 4]
        payer.choices.set_mode(4, True)
        with pytest.raises(WithdrawalRefused, match="your list mode is on"):
            await payer.ask_for()
        payer.choices.add(4, BOB, "mine")
        large = await payer.ask_for(10**8 + 1)
        payer.approve(large, "member:7")
        again = payer.ask_for(10**7, client_id="x"), payer.ask_for(10**7, client_id="x")
        outcomes = await asyncio.gather(*again, return_exceptions=True)
        assert [type(o) for o in outcomes if not isinstance(o, int)] == [WithdrawalRefused]
        cancelled = await payer.ask_for(10**8 + 2)
        await payer.withdrawals.cancel(4, cancelled)
        for id in (*ids, large):
            await payer.until(id, State.DONE)
        plan = payer.plan_of(large)
        price = Price(21_000, 5, 1)
        with pytest.raises(Replaced):
            payer.sent.plan(plan, payer.sent.all()[0].nonce, price)
        payer.choices.remove(4, BOB)
    database.close()


async def test_a_database_that_is_older_than_the_log_pays_nothing_again(payer):
    """Restored from a backup: rows and numbers of withdrawals that ended since are missing."""
    payer.set(Setting.APPROVE_ABOVE, 0, asset=COIN)
    paid, cancelled = await payer.ask_for(2 * 10**7), await payer.ask_for(2 * 10**7)
    backup = [payer.book.get(id).row for id in (paid, cancelled)]
    payer.approve(paid, "member:7")
    await payer.until(paid, State.DONE)
    await payer.withdrawals.cancel(4, cancelled)
    with payer.database.write() as connection:
        for table in ("withdrawal_approvals", "custody_sent", "withdrawals"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
        names = [c.name for c in table_of_withdrawals.columns]
        for row in backup:
            values = {name: getattr(row, name) for name in names}
            connection.execute(insert(table_of_withdrawals).values(values))
    before, free = await payer.balance(BOB), payer.ledger.free[4, COIN]
    await payer.node.close()
    payer.restart()
    await payer.withdrawals.poll()
    assert (payer.state(paid), payer.state(cancelled)) == (State.DONE, State.FAILED)
    assert payer.book.open() == [] and payer.ledger.free[4, COIN] == free
    payer.set(Setting.APPROVE_ABOVE, 1 << 61, asset=COIN)
    with payer.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM withdrawals")
    fresh = await payer.ask_for(2 * 10**7)
    assert fresh == 3  # never a number that the log has seen
    await payer.until(fresh, State.DONE)
    assert await payer.balance(BOB) - before == (2 * 10**7 - FEE) * 10**10


def backup(payer) -> dict[str, list]:
    """Everything that the database has of withdrawals, to be restored."""
    with payer.database.read() as connection:
        return {
            table.name: [row._asdict() for row in connection.execute(select(table))]
            for table in (table_of_withdrawals, custody_sent)
        }


async def restore(payer, copy: dict[str, list]) -> None:
    with payer.database.write() as connection:
        for table in (withdrawal_approvals, custody_sent, table_of_withdrawals):
            connection.execute(delete(table))
        for table in (table_of_withdrawals, custody_sent):
            if copy[table.name]:
                connection.execute(insert(table), copy[table.name])
    await payer.node.close()
    payer.restart()


async def waiting_then_sent(payer) -> int:
    """A withdrawal that was sent; the database is restored from before its approval."""
    payer.set(Setting.APPROVE_ABOVE, 0, asset=COIN)
    id = await payer.ask_for()
    copy = backup(payer)
    payer.approve(id, "member:7")
    await payer.withdrawals.poll()
    assert payer.state(id) == State.SENT
    await restore(payer, copy)
    assert payer.state(id) == State.WAITING
    return id


@pytest.mark.parametrize("when", ["at once", "after a poll"])
async def test_a_member_cannot_cancel_what_the_log_approved_and_an_old_database_forgot(payer, when):
    id, before = await waiting_then_sent(payer), await payer.balance(BOB)
    if when == "after a poll":
        await payer.withdrawals.poll()
    with pytest.raises(WithdrawalRefused, match="cannot be cancelled any more"):
        await payer.withdrawals.cancel(4, id)
    await payer.until(id, State.DONE)
    assert await payer.balance(BOB) - before == (10**8 - FEE) * 10**10
    assert payer.ledger.free[4, COIN] == 4 * 10**8 and payer.ledger.held[4, COIN] == 0
    assert [e.id for e in payer.journal.entries] == [id]


async def test_limits_raised_and_drained_costs_at_most_the_signers_cap(payer):
    """A stolen administrator key and the whole database: everything but the signer says yes."""
    payer.set(Setting.COUNT_PER_HOUR, 10_000)
    payer.ledger.free[4, COIN] = 100 * 10**8
    await payer.fill(100 * ETHER)
    before = await payer.balance(BOB)
    ids = [await payer.ask_for(10**8 + n) for n in range(9)]
    for _ in range(6):
        await payer.withdrawals.poll()
        await payer.chain.mine()
    stolen = await payer.balance(BOB) - before
    assert 0 < stolen <= 5 * ETHER
    assert {payer.state(id) for id in ids} == {State.DONE, State.APPROVED}
    assert "of the last 24 hours are more than the cap of 5 ETH" in payer.note(ids[-1])
