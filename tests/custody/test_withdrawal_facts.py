"""What the log has done for a withdrawal: known after any stop, and for ever."""

import numpy as np
import pytest

from excraft.custody.withdrawal import Payment, approval_text
from excraft.custody.withdrawal_facts import ID_MAX, Fact, Facts, Step
from excraft.messages.codec import record_of
from excraft.messages.commands import ApproveWithdrawal, Cause, Credit, Release, Reserve, Spend
from excraft.messages.events import EVENT, EventKind


def payment(id: int = 1) -> Payment:
    return Payment(id, 4, 3, 500, 10, 31337, "0x" + "b0" * 20, None, 490)


def reserve(id: int = 1, **changes) -> Reserve:
    p = payment(id)
    given = {"account": 4, "asset": 3, "amount": 500, "cause": Cause.WITHDRAWAL,
             "reference": p.reference} | changes  # fmt: skip
    return Reserve(**given)


def release(id: int = 1) -> Release:
    return Release(account=4, asset=3, amount=500, cause=Cause.WITHDRAWAL,
                   reference=payment(id).reference)  # fmt: skip


def approve(id: int = 1) -> ApproveWithdrawal:
    return ApproveWithdrawal(account=4, asset=3, amount=500, text=approval_text(payment(id), 1, []))


def spend(id: int = 1) -> Spend:
    return Spend(account=4, asset=3, amount=490, fee=10, cause=Cause.WITHDRAWAL,
                 reference=payment(id).reference)  # fmt: skip


def play(facts: Facts, *commands, refused=(), position: int = 1) -> None:
    record = record_of([*commands], position=position, sequence=position, time_ns=position)
    events = np.zeros(len(commands), EVENT)
    events["command"] = range(len(commands))
    events["kind"] = [EventKind.REFUSED if i in refused else 99 for i in range(len(commands))]
    facts.apply(record, events)
    facts.invariant()


def test_steps_and_their_positions():
    facts = Facts()
    play(facts, reserve())
    assert facts.of(1) == Fact(Step.RESERVED, payment().commitment, 4, 3, 500, 1)
    play(facts, approve(), position=5)
    play(facts, spend(), position=9)
    found = facts.of(1)
    assert found.steps == Step.RESERVED | Step.APPROVED | Step.SPENT
    assert (found.reserved, found.approved, found.closed) == (1, 5, 9)
    assert facts.of(2) == facts.of(0) == facts.of(-1) == Fact()


def test_what_was_refused_did_nothing():
    facts = Facts()
    play(facts, reserve(1), reserve(2), refused=[0])
    assert (facts.of(1).steps, facts.of(2).steps) == (Step.NONE, Step.RESERVED)


def test_what_is_closed_is_known_for_ever_and_takes_a_byte():
    facts = Facts()
    for id in range(1, 201):
        play(facts, reserve(id), position=2 * id)
        play(facts, release(id), position=2 * id + 1)
        facts.forget(id)
    assert facts.of(100) == Fact(Step.RESERVED | Step.RELEASED)
    assert facts.highest == 200 and len(facts.dump()) < 220
    play(facts, reserve(201), position=9999)
    facts.forget(201)  # still open
    assert facts.of(201).reserved == 9999


def test_dump_and_load_are_inverse():
    facts, other = Facts(), Facts()
    play(facts, reserve(1), reserve(2), approve(2))
    other.load(facts.dump())
    assert [other.of(n) for n in range(4)] == [facts.of(n) for n in range(4)]
    play(other, spend(2), position=2)
    assert other.of(2).steps & Step.SPENT


@pytest.mark.parametrize(
    "command",
    [
        reserve(cause=Cause.DEPOSIT), reserve(reference="withdrawal:1"), reserve(reference=""),
        reserve(reference=f"withdrawal:{ID_MAX}:{'a' * 64}"),
        reserve(reference=f"withdrawal:0:{'a' * 64}"),
        ApproveWithdrawal(account=4, asset=3, amount=500, text="{"),
        ApproveWithdrawal(account=4, asset=3, amount=500, text="x"),
        Credit(account=4, asset=3, amount=1, cause=Cause.WITHDRAWAL, reference=payment().reference),
    ],
)  # fmt: skip
def test_other_commands_are_none_of_ours(command):
    facts = Facts()
    play(facts, command)
    assert facts.highest == 0


def test_a_payment_commits_to_all_of_it():
    seen = {payment().commitment}
    for name, value in payment()._asdict().items():
        other = payment()._replace(
            **{name: "0x1" if value is None or type(value) is str else value + 1}
        )
        seen.add(other.commitment)
    assert len(seen) == 1 + len(payment())
    assert (
        len(approval_text(payment(1 << 60)._replace(units=10**77), 1 << 60, ["m" * 80] * 5)) < 1024
    )
