"""What the database does not know the signer does; a node is not believed about nonces."""

import pytest

from excraft.chain import transfers
from excraft.custody.sent import Status
from excraft.custody.signer.requests import Pay
from excraft.custody.withdrawal import State
from tests.custody.withdrawal_desk import BOB, FEE

pytestmark = pytest.mark.anyio


async def test_a_node_that_lies_about_a_nonce_binds_nothing_to_it(payer, monkeypatch):
    real, lie = transfers.nonce, [1 << 50]

    async def lies(node, source, block="latest"):
        return lie[0] or await real(node, source, block)

    monkeypatch.setattr(transfers, "nonce", lies)
    payer.nonce_gap = 1000
    first = await payer.ask_for()
    assert "is too high" in payer.note(first)  # the wallet's first: the signer stops it
    assert payer.sent.all() == [] and payer.journal.entries == []
    lie[0] = 0
    payer.clock.pass_(31)
    await payer.until(first, State.DONE)
    [row] = payer.sent.all()
    lie[0] = row.nonce + 2
    second = await payer.ask_for()
    assert f"nonce {row.nonce + 1} of {payer.hot}" in payer.sender.failure
    assert "the node lies, or somebody else has the key" in payer.note(second)
    assert len(payer.sent.all()) == len(payer.journal.entries) == 1
    for _ in range(2):
        await payer.withdrawals.poll()
    assert payer.alarms() == [payer.sender.failure]


async def test_what_a_lost_answer_signed_is_followed_though_it_is_refused_now(payer):
    asked = payer.client._ask

    def dies(request):
        answer = asked(request)
        if isinstance(request, Pay):
            raise ConnectionResetError("gone")
        return answer

    payer.client._ask = dies  # it signs, and nobody hears of it
    id = await payer.ask_for()
    assert [r.status for r in payer.sent.all()] == [Status.PLANNED]
    payer.client._ask, payer.gas_max = asked, 20_999  # the owner lowers it: it is refused now
    payer.start_signer()
    await payer.withdrawals.poll()
    [row] = payer.sent.all()
    assert (row.status, row.hash) == (Status.SIGNED, payer.journal.entries[0].hash)
    payer.gas_max = 200_000
    payer.start_signer()
    payer.clock.pass_(31)
    other = await payer.ask_for(2 * 10**7)
    for each in (id, other):
        await payer.until(each, State.DONE)
    assert [e.id for e in payer.journal.entries] == [id, other]


async def test_a_database_that_lost_what_was_sent_learns_it_from_the_signer(payer):
    """Mined, under way, and the next nonce: restored from before any of them was sent."""
    mined, waits = await payer.ask_for(2 * 10**7), await payer.ask_for(3 * 10**7)
    hashes = [row.hash for row in payer.sent.all()]
    with payer.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM custody_sent")
    await payer.node.close()
    payer.restart()
    before = await payer.balance(BOB)
    new = await payer.ask_for(4 * 10**7)  # its nonce is taken, which the signer says
    await payer.withdrawals.poll()
    payer.clock.pass_(31)
    for id in (mined, waits, new):
        await payer.until(id, State.DONE)
    assert await payer.balance(BOB) - before == (9 * 10**7 - 3 * FEE) * 10**10
    assert {*hashes} < {row.hash for row in payer.sent.all()}
    assert sorted(e.id for e in payer.journal.entries) == [mined, waits, new]


async def test_a_nonce_that_the_database_forgot_is_learned_before_the_next_one(payer):
    first, second = await payer.ask_for(2 * 10**7), await payer.ask_for(3 * 10**7)
    for id in (first, second):
        await payer.until(id, State.DONE)
    with payer.database.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM custody_sent WHERE withdrawal_id = {second}")
    third = await payer.ask_for(2 * 10**7)
    await payer.until(third, State.DONE)
    assert [r.withdrawal_id for r in payer.sent.all()] == [third, second, first]
    assert payer.sender.failure == ""
