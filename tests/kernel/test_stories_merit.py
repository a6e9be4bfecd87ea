"""Transfers of rewards, acts of merit and its parameters; each on every kernel."""

import pytest

from excraft.messages.codec import record_of
from excraft.messages.commands import (
    Cause,
    Credit,
    ListAsset,
    ListMarket,
    MeritAct,
    OpenAccount,
    SetParameter,
    Transfer,
    pack,
    unpack,
)
from excraft.messages.events import Event, EventKind
from excraft.messages.reasons import Reason
from excraft.parameters import Parameter

WEIGHT = Parameter.POE_WEIGHT


@pytest.fixture
def step(kernel):
    """Carries commands out, one record each; what became of the last."""
    sequence = 1

    def step(*commands):
        nonlocal sequence
        for command in commands:
            record = record_of(
                [command], position=kernel.position + 1, sequence=sequence, time_ns=1
            )
            sequence = record.next_sequence
            [event] = map(Event._make, kernel.step(record).tolist())
        return event

    market = ListMarket(base=0, quote=1, base_atoms_per_lot=1, quote_atoms_per_tick_lot=1)
    step(ListAsset(decimals=8), ListAsset(decimals=8), market)
    step(*[OpenAccount()] * 20, Credit(account=0, asset=0, amount=100, cause=Cause.DEPOSIT))
    step.kernel = kernel
    return step


def give(**changes):
    return Transfer(
        **{"account": 0, "to": 17, "asset": 0, "amount": 30, "cause": Cause.REWARD} | changes
    )


def test_a_transfer_moves_what_is_free_and_nothing_else(step):
    event = step(give())
    assert event.kind == EventKind.TRANSFERRED
    assert (event.account, event.order_id, event.market, event.amount) == (0, 17, 0, 30)
    assert event.trade_id == Cause.REWARD
    assert step.kernel.balance(0, 0) == (70, 0) and step.kernel.balance(17, 0) == (30, 0)
    assert step.kernel.invariant() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"to": 0}, "UNKNOWN_ACCOUNT"), ({"to": 20}, "UNKNOWN_ACCOUNT"),
        ({"to": -1}, "UNKNOWN_ACCOUNT"), ({"account": 20}, "UNKNOWN_ACCOUNT"),
        ({"account": -1}, "UNKNOWN_ACCOUNT"), ({"asset": 2}, "UNKNOWN_ASSET"),
        ({"asset": -1}, "UNKNOWN_ASSET"), ({"cause": Cause.DEPOSIT}, "UNKNOWN_CAUSE"),
        ({"amount": 0}, "AMOUNT_OUT_OF_RANGE"), ({"amount": -1}, "AMOUNT_OUT_OF_RANGE"),
        ({"amount": 101}, "INSUFFICIENT_FUNDS"), ({"account": 1}, "INSUFFICIENT_FUNDS"),
        ({"asset": 1}, "INSUFFICIENT_FUNDS"),
    ],
)  # fmt: skip
def test_what_is_refused_changes_nothing(step, changes, reason):
    step(give(amount=1))
    before = step.kernel.balance(0, 0), step.kernel.balance(17, 0)
    event = step(give(**changes))
    assert (event.kind, Reason(event.reason).name) == (EventKind.REFUSED, reason)
    assert (step.kernel.balance(0, 0), step.kernel.balance(17, 0)) == before


def test_an_act_is_told_as_it_is_and_changes_nothing(step):
    before = step.kernel.snapshot() if hasattr(step.kernel, "snapshot") else None
    act = MeritAct(verb=7, account=3, pool=5, other=4, value=-9, text="why")
    event = step(act)
    assert event.kind == EventKind.MERIT_ACTED
    assert (event.account, event.market, event.order_id, event.amount, event.trade_id) == (
        3,
        5,
        4,
        -9,
        7,
    )
    if before is not None:
        after = step.kernel.snapshot()
        assert all((before[name] == after[name]).all() for name in before if name != "meta")
    assert step(MeritAct(verb=102)).kind == EventKind.MERIT_ACTED
    for wrong in ({"account": 20}, {"account": -2}, {"other": 20}, {"other": -2}):
        event = step(MeritAct(**{"verb": 1, "account": 0} | wrong))
        assert Reason(event.reason) == Reason.UNKNOWN_ACCOUNT, wrong


def test_parameters_of_merit_are_checked_and_not_kept(step):
    rows = getattr(step.kernel, "snapshot", dict)().get("parameters")
    event = step(SetParameter(parameter=Parameter.ROUND_DAYS, value=3))
    assert (event.kind, event.trade_id, event.amount) == (EventKind.PARAMETER_SET, 101, 3)
    event = step(SetParameter(parameter=Parameter.POE_WEIGHT, value=5, subject=0))
    assert (event.kind, event.market, event.account) == (EventKind.PARAMETER_SET, 0, -1)
    for command, reason in (
        (SetParameter(parameter=Parameter.ROUND_DAYS, value=0), "PARAMETER_OUT_OF_BOUNDS"),
        (SetParameter(parameter=Parameter.ROUND_DAYS, value=3, subject=0), "UNKNOWN_PARAMETER"),
        (SetParameter(parameter=WEIGHT, value=5, subject=1), "UNKNOWN_MARKET"),
        (SetParameter(parameter=WEIGHT, value=10_001, subject=0), "PARAMETER_OUT_OF_BOUNDS"),
        (SetParameter(parameter=WEIGHT, value=5, subject=0, tier=1), "PARAMETER_OUT_OF_BOUNDS"),
    ):  # fmt: skip
        event = step(command)
        assert (event.kind, Reason(event.reason).name) == (EventKind.REFUSED, reason), command
    if rows is not None:
        assert (step.kernel.snapshot()["parameters"] == rows).all()


@pytest.mark.parametrize(
    "command",
    [give(reference="day 3"), MeritAct(verb=3, account=1, pool=2, other=5, value=7, text="x")],
)
def test_they_are_stored_as_they_are(command):
    record = record_of([command], position=1, sequence=1, time_ns=1)
    assert unpack(record.commands[0], record.texts().get(0, "")) == command
    assert len(pack(command)[0]) == 64
