"""While withdrawals, or one member, are frozen, nothing new is signed; what was signed goes on."""

import pytest

from excraft.custody.limits import Setting
from excraft.custody.sent import Status
from excraft.custody.signer.requests import Pay
from excraft.custody.sweeps import Sweeper
from excraft.custody.withdrawal import State
from tests.custody.withdrawal_desk import COIN

pytestmark = pytest.mark.anyio


def unreachable_for_pay(payer, signs: bool = False):
    """The signer hears hello and what it signed; an answer to a payment is lost."""
    ask = payer.client._ask

    def dies(request):
        if not isinstance(request, Pay):
            return ask(request)
        if signs:
            ask(request)
        raise ConnectionResetError("gone")

    payer.client._ask = dies
    return ask


async def test_a_planned_withdrawal_is_not_signed_while_everything_is_frozen(payer):
    ask = unreachable_for_pay(payer)
    id = await payer.ask_for()
    assert [r.status for r in payer.sent.all()] == [Status.PLANNED]
    payer.client._ask, payer.frozen = ask, "a difference of 1 unit"
    for _ in range(3):
        await payer.withdrawals.poll()
    assert payer.journal.entries == [] and payer.sent.all() == []
    assert payer.note(id) == "withdrawals are frozen: a difference of 1 unit"
    payer.frozen = ""
    await payer.until(id, State.DONE)


async def test_what_was_signed_before_the_freeze_is_followed_and_no_more_is_offered(payer):
    ask = unreachable_for_pay(payer, signs=True)
    id = await payer.ask_for()
    payer.client._ask, payer.frozen = ask, "a difference of 1 unit"
    await payer.withdrawals.poll()
    payer.clock.pass_(600)
    await payer.withdrawals.poll()
    assert [r.status for r in payer.sent.all()] == [Status.SIGNED]
    assert len(payer.journal.entries) == 1
    assert payer.note(id) == "withdrawals are frozen: a difference of 1 unit"
    await payer.until(id, State.DONE)


async def test_nothing_is_swept_or_brought_to_cold_while_everything_is_frozen(payer):
    payer.set(Setting.HOT_MAX, 4 * 10**8, asset=COIN)
    sweeper = Sweeper(payer.database, payer.sender, "no key", payer.routes)
    payer.add_sweeper(sweeper)
    payer.frozen = "a difference of 1 unit"
    await payer.withdrawals.sweep()
    assert payer.sent.all() == [] and payer.journal.entries == []
    payer.frozen = ""
    await payer.withdrawals.sweep()
    assert [r.kind for r in payer.sent.all()] == ["cold"]


async def test_a_member_who_is_frozen_after_the_approval_is_not_paid(payer):
    await payer.fill(0)
    id = await payer.ask_for()
    assert payer.state(id) == State.APPROVED
    payer.ledger.frozen_accounts.add(4)
    await payer.fill()
    for _ in range(3):
        await payer.withdrawals.poll()
    assert payer.state(id) == State.APPROVED and payer.note(id) == "the account is frozen"
    assert payer.journal.entries == []
    other = await payer.withdrawals.give_up(id, "member:7", "by order of a court")
    assert other.state == State.REFUSED and payer.ledger.held[4, COIN] == 0


async def test_a_planned_withdrawal_of_a_frozen_member_gives_way_to_others(payer):
    payer.ledger.free[5, COIN] = 10**8
    ask = unreachable_for_pay(payer)
    frozen = await payer.ask_for()
    payer.client._ask = ask
    payer.ledger.frozen_accounts.add(4)
    other = await payer.ask_for(account=5, member_id=2)
    await payer.until(other, State.DONE)
    assert payer.state(frozen) == State.APPROVED and payer.note(frozen) == "the account is frozen"
    payer.ledger.frozen_accounts.clear()
    await payer.until(frozen, State.DONE)
    assert [e.id for e in payer.journal.entries] == [other, frozen]
