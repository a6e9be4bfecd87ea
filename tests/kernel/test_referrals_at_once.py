"""Thousands of referrers paid in one record, all of one funds partition."""

from excraft.kernel import Kernel
from excraft.messages.codec import record_of
from excraft.messages.commands import (
    Cause,
    Credit,
    ListAsset,
    ListMarket,
    OpenAccount,
    OrderType,
    PayReferral,
    PlaceOrder,
    SetParameter,
    Side,
)
from excraft.messages.events import EventKind
from excraft.parameters import Parameter

PAID = 9_000  # more than the reserve of a small table has room for
PARTITIONS = 16
SLICE = 1_000


class Steps:
    """Records one after the other."""

    def __init__(self) -> None:
        self.kernel, self.sequence = Kernel(), 1

    def __call__(self, commands: list):
        record = record_of(
            commands, position=self.kernel.position + 1, sequence=self.sequence, time_ns=1
        )
        self.sequence = record.next_sequence
        return self.kernel.step(record)


def test_a_referrer_gets_a_balance_wherever_it_is():
    step = Steps()
    assets = [ListAsset(decimals=8), ListAsset(decimals=8)]
    market = ListMarket(base=0, quote=1, base_atoms_per_lot=10**6, quote_atoms_per_tick_lot=1)
    step([*assets, market])
    for _ in range(PARTITIONS * PAID // SLICE + 1):  # a large record would make large tables
        step([OpenAccount()] * SLICE)
    referrers = [PARTITIONS * n + 5 for n in range(PAID)]
    payers = [n for n in range(2 * PAID) if n % PARTITIONS not in (0, 5)][:PAID]
    assert len(payers) == PAID
    money = [Credit(account=0, asset=0, amount=10**6 * PAID, cause=Cause.DEPOSIT)]
    for payer, referrer in zip(payers, referrers, strict=True):
        money.append(Credit(account=payer, asset=1, amount=1, cause=Cause.DEPOSIT))
        for name, value in (("REFERRER", referrer + 1), ("REFERRAL_SHARE_PPM", 500_000)):
            money.append(SetParameter(parameter=Parameter[name], value=value, subject=payer))
    for begin in range(0, len(money), SLICE):
        step(money[begin : begin + SLICE])
    offer = PlaceOrder(
        account=0, market=0, side=Side.SELL, order_type=OrderType.LIMIT, price=1, quantity=PAID
    )
    step([offer])
    buys = [
        PlaceOrder(
            account=payer, market=0, side=Side.BUY, order_type=OrderType.LIMIT, price=1, quantity=1
        )
        for payer in payers
    ]
    for begin in range(0, len(buys), SLICE):
        step(buys[begin : begin + SLICE])
    events = step([PayReferral(account=payer, asset=0) for payer in payers])
    assert {*events["kind"].tolist()} == {EventKind.REFERRAL_PAID}
    assert events["account"].tolist() == referrers
    assert {step.kernel.balance(referrer, 0) for referrer in referrers} == {(500, 0)}
    assert step.kernel.invariant() == []
