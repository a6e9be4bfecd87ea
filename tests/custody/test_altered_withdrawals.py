"""What somebody wrote into the rows of withdrawals: noticed, told, and never paid."""

import pytest

from excraft.custody.limits import Setting
from excraft.custody.withdrawal import State
from tests.custody.withdrawal_desk import BOB, COIN, COLD, ETHER, FEE, USDT

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("what", ["cancel", "refuse", "fail"])
async def test_a_decision_altered_after_it_was_sent_gives_nothing_back(payer, what):
    """By somebody who writes into the database; the signer is asked before money comes back."""
    id, before = await payer.ask_for(), await payer.balance(BOB)
    payer.alter(id, decision=what)
    await payer.withdrawals.poll()
    assert payer.ledger.held[4, COIN] == 10**8 and "it may be paid" in payer.note(id)
    await payer.until(id, State.DONE)
    [said] = payer.alarms()
    assert f"withdrawal {id}: its money is not given back though the row says {what}" in said
    assert await payer.balance(BOB) - before == (10**8 - FEE) * 10**10
    assert payer.ledger.free[4, COIN] == 4 * 10**8 and payer.ledger.held[4, COIN] == 0


async def test_a_transaction_altered_to_have_failed_gives_nothing_back(payer):
    id = await payer.ask_for()
    with payer.database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE custody_sent SET status = 'REVERTED', settled_ns = 1, block = 1"
        )
    for _ in range(3):
        await payer.withdrawals.poll()
        await payer.chain.mine()
    assert payer.ledger.held[4, COIN] == 10**8
    assert "it may be paid" in payer.note(id) and payer.state(id) != State.DONE


async def test_what_was_cancelled_and_approved_but_not_signed_is_given_back_with_a_promise(payer):
    payer.away = True
    id = await payer.ask_for()
    payer.alter(id, decision="cancel")
    await payer.withdrawals.poll()
    assert payer.ledger.held[4, COIN] == 10**8 and "the signer" in payer.note(id)
    payer.away = False
    await payer.withdrawals.poll()
    assert payer.state(id) == State.CANCELLED and payer.ledger.free[4, COIN] == 5 * 10**8
    assert [e.kind for e in payer.journal.entries] == ["void"]


@pytest.mark.parametrize(
    "change",
    [{"destination": COLD}, {"atoms": 4 * 10**8}, {"units": str(4 * ETHER)}, {"asset": USDT},
     {"fee": 0}, {"chain_id": 1}, {"account": 5}],
    ids=str,
)  # fmt: skip
async def test_a_row_altered_before_its_approval_gives_the_money_back(payer, change):
    payer.set(Setting.APPROVE_ABOVE, 0, asset=COIN)
    id = await payer.ask_for()
    before = await payer.balance(BOB), await payer.balance(COLD)
    payer.alter(id, **change)
    payer.approve(id, "member:7", check=False)
    await payer.withdrawals.poll()
    found = payer.book.get(id)
    assert found.state == State.REFUSED and "the database was altered" in found.row.reason
    assert payer.ledger.free[4, COIN] == 5 * 10**8 and payer.ledger.held[4, COIN] == 0
    assert (await payer.balance(BOB), await payer.balance(COLD)) == before
    assert payer.journal.entries == []
    assert payer.alarms() == [f"withdrawal {id}: {found.row.reason}"]
    payer.alter(id, **payer.original)


async def test_a_row_altered_with_its_commitment_is_still_noticed_by_the_log(payer):
    payer.set(Setting.APPROVE_ABOVE, 0, asset=COIN)
    id = await payer.ask_for()
    payer.alter(id, destination=COLD)
    payer.alter(id, commitment=payer.book.get(id).payment.commitment)
    payer.approve(id, "member:7")
    await payer.withdrawals.poll()
    assert payer.state(id) == State.REFUSED and payer.journal.entries == []
    assert len(payer.alarms()) == 1


async def test_a_row_altered_between_its_decision_and_the_log_gives_the_money_back(payer):
    payer.set(Setting.APPROVE_ABOVE, 0, asset=COIN)
    id = await payer.ask_for()
    payer.alter(id, destination=COLD, decision="approve", decided_ns=1, decided_by="exchange")
    await payer.withdrawals.poll()
    assert payer.state(id) == State.FAILED and payer.journal.entries == []
    assert payer.ledger.free[4, COIN] == 5 * 10**8 and payer.ledger.held[4, COIN] == 0
    assert len(payer.alarms()) == 1
    payer.alter(id, destination=BOB)


async def test_a_row_altered_after_its_approval_is_given_back_by_who_looked(payer):
    payer.away = True
    id = await payer.ask_for()
    payer.alter(id, destination=COLD)
    payer.alter(id, commitment=payer.book.get(id).payment.commitment)
    payer.away = False
    await payer.withdrawals.poll()
    payer.resolve("the database was taken back")
    await payer.withdrawals.poll()
    assert payer.alarms() == [], "what somebody looked at is not told again"
    await payer.withdrawals.give_up(id, "shell:root", "altered")
    assert payer.state(id) == State.REFUSED
    assert payer.ledger.free[4, COIN] == 5 * 10**8 and payer.ledger.held[4, COIN] == 0
    payer.alter(id, **payer.original)


async def test_a_row_altered_after_its_approval_is_not_sent_and_the_signer_pays_the_log(payer):
    payer.away = True
    id = await payer.ask_for()
    payer.alter(id, destination=COLD, atoms=4 * 10**8, units=str(4 * ETHER))
    payer.alter(id, commitment=payer.book.get(id).payment.commitment)
    payer.away = False
    await payer.withdrawals.poll()
    assert payer.journal.entries == [] and "was altered" in payer.note(id)
    assert payer.alarms() == [f"withdrawal {id}: {payer.note(id)}"]
    payer.alter(id, **payer.original)
    before = await payer.balance(BOB)
    await payer.until(id, State.DONE)
    assert await payer.balance(BOB) - before == (10**8 - FEE) * 10**10
