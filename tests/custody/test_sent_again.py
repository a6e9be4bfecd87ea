"""What was signed is sent again and again: forgotten, refused more, re-organised away."""

import pytest

from excraft.chain import transfers
from excraft.custody.sent import Status
from excraft.custody.withdrawal import State
from tests.custody.withdrawal_desk import BOB, COIN, FEE

pytestmark = pytest.mark.anyio


async def test_a_transaction_that_the_node_forgets_is_sent_again(payer):
    id = await payer.ask_for()
    [row] = payer.sent.all()
    await payer.chain.ask("anvil_dropTransaction", row.hash)
    await payer.chain.mine()
    before = payer.sent.all()
    await payer.until(id, State.DONE)
    assert [r.hash for r in before] == [r.hash for r in payer.sent.all()] == [row.hash]


async def test_a_reorganisation_before_the_last_confirmation_takes_nothing_away(payer):
    id = await payer.ask_for()
    await payer.chain.mine()
    await payer.withdrawals.poll()
    assert payer.sent.all()[0].status == Status.MINED
    before = await payer.balance(BOB)
    await payer.chain.reorganise(1)
    await payer.withdrawals.poll()
    [row] = payer.sent.all()
    assert (row.status, row.block) == (Status.SIGNED, None)
    assert before - await payer.balance(BOB) == (10**8 - FEE) * 10**10
    await payer.until(id, State.DONE)
    assert payer.ledger.out == {COIN: 10**8 - FEE}


async def test_a_reorganisation_deeper_than_the_confirmations_is_sent_again(payer):
    id = await payer.ask_for()
    await payer.until(id, State.DONE)
    [row] = payer.sent.all()
    await payer.chain.reorganise(6)
    before = await payer.balance(BOB)
    payer.clock.pass_(31)
    await payer.withdrawals.poll()
    [again] = payer.sent.all()
    assert (again.status, again.hash, again.block) == (Status.SIGNED, row.hash, None)
    for _ in range(3):
        await payer.chain.mine()
        await payer.withdrawals.poll()
    assert payer.sent.all()[0].status == Status.CONFIRMED
    assert await payer.balance(BOB) - before == (10**8 - FEE) * 10**10
    assert payer.ledger.out == {COIN: 10**8 - FEE} and payer.state(id) == State.DONE


async def test_what_was_paid_long_ago_and_leaves_the_chain_is_sent_again_as_it_was(payer):
    """The signer makes no higher offer for what the log closed; the old one has to do."""
    id = await payer.ask_for()
    await payer.until(id, State.DONE)
    [row] = payer.sent.all()
    payer.clock.pass_(600)
    await payer.chain.reorganise(6)
    await payer.chain.ask("anvil_dropAllTransactions")
    before = await payer.balance(BOB)
    await payer.withdrawals.poll()
    await payer.withdrawals.poll()
    assert [r.hash for r in payer.sent.all()] == [row.hash]
    assert "is closed" in payer.sender.notes[row.id]
    await payer.chain.mine(2)
    await payer.withdrawals.poll()
    assert payer.sent.all()[0].status == Status.CONFIRMED
    assert await payer.balance(BOB) - before == (10**8 - FEE) * 10**10


async def test_a_refused_replacement_leaves_the_offer_that_stands(payer):
    id = await payer.ask_for()
    [row] = payer.sent.all()
    await payer.chain.ask("anvil_dropTransaction", row.hash)
    payer.gas_max = 20_999  # lowered since: nothing at all is signed any more
    payer.start_signer()
    payer.clock.pass_(61)
    await payer.withdrawals.poll()
    assert "signs up to 20999" in payer.note(id)
    await payer.withdrawals.poll()
    assert "signs up to 20999" in payer.note(id)  # also while it waits to be offered again
    await payer.until(id, State.DONE)
    assert [r.hash for r in payer.sent.all()] == [row.hash]


async def test_a_node_that_is_behind_takes_nothing_out_of_the_chain(payer, monkeypatch):
    """Another one behind the same address, say, that does not have the last blocks yet."""
    id = await payer.ask_for()
    await payer.until(id, State.DONE)
    [row] = payer.sent.all()
    real = payer.node.head

    async def behind():
        return (await real())._replace(number=row.block - 1)

    async def knows_nothing(node, hashes):
        return {}

    with monkeypatch.context() as patch:
        patch.setattr(payer.node, "head", behind)
        patch.setattr(transfers, "mined", knows_nothing)
        payer.clock.pass_(31)
        await payer.withdrawals.poll()
    assert payer.sent.all()[0].status == Status.CONFIRMED


async def look_back(payer, monkeypatch, **changes) -> None:
    """Once, while the node says this of everything that was mined."""
    real = transfers.mined

    async def changed(node, hashes):
        return {h: m._replace(**changes) for h, m in (await real(node, hashes)).items()}

    with monkeypatch.context() as patch:
        patch.setattr(transfers, "mined", changed)
        payer.clock.pass_(31)
        await payer.withdrawals.poll()


async def test_what_was_paid_and_fails_in_another_block_is_left_to_people(payer, monkeypatch):
    id = await payer.ask_for()
    await payer.until(id, State.DONE)
    await look_back(payer, monkeypatch, succeeded=False)
    assert "as CONFIRMED, and failed in block" in payer.sender.failure
    assert payer.state(id) == State.DONE


async def test_what_was_mined_again_in_another_block_is_settled_there(payer, monkeypatch):
    id = await payer.ask_for()
    await payer.until(id, State.DONE)
    [row] = payer.sent.all()
    await payer.chain.reorganise(4)
    await payer.chain.ask("eth_sendRawTransaction", row.raw)
    await payer.chain.mine(3)
    payer.clock.pass_(31)
    await payer.withdrawals.poll()
    await payer.withdrawals.poll()
    [again] = payer.sent.all()
    assert again.status == Status.CONFIRMED and payer.sender.failure == ""
    assert again.block_hash != row.block_hash
    assert (await transfers.mined(payer.node, [row.hash]))[row.hash].block_hash == again.block_hash


async def test_a_receipt_of_a_block_that_is_not_in_the_chain_says_nothing(payer, monkeypatch):
    id = await payer.ask_for()
    await payer.until(id, State.DONE)
    await look_back(payer, monkeypatch, block_hash="0x" + "11" * 32, succeeded=False)
    assert payer.sender.failure == "" and payer.sent.all()[0].status == Status.CONFIRMED
