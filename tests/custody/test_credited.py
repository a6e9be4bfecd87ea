"""The log itself says which deposits were credited, and how much left by withdrawals."""

from excraft.custody.credited import Credited
from excraft.custody.deposit import COIN, reference
from excraft.kernel.reference import Reference
from excraft.messages.codec import record_of
from excraft.messages.commands import (
    Cause,
    Credit,
    Debit,
    ListAsset,
    OpenAccount,
    Reserve,
    SetParameter,
    Spend,
)
from excraft.parameters import Parameter

ONE, TWO = (reference(31337, "0x" + digit * 64, place) for digit, place in (("a", COIN), ("b", 3)))
HOW = {"account": 0, "asset": 0, "cause": Cause.DEPOSIT}


class Told:
    def __init__(self) -> None:
        self.kernel, self.credited = Reference(), Credited()
        self.tell(ListAsset(decimals=8), OpenAccount())

    def tell(self, *commands) -> None:
        kernel = self.kernel
        record = record_of(
            [*commands], position=kernel.position + 1, sequence=kernel.sequence, time_ns=1
        )
        self.credited.apply(record, kernel.step(record))


def test_credits_are_found_by_their_reference():
    told = Told()
    told.tell(Credit(**HOW, amount=5, reference=ONE))
    told.tell(Credit(**HOW, amount=0, reference=TWO), Credit(**HOW, amount=7, reference="wire 8"))
    assert told.credited.find([ONE, TWO, "wire 8"]) == {ONE: 2}
    assert told.credited.credited == {0: 5}, "refused, or no deposit of a chain"


def test_only_withdrawals_count_as_spent():
    told = Told()
    level = SetParameter(parameter=Parameter.KYC_LEVEL, value=1, subject=0)
    told.tell(level, Credit(**HOW, amount=100, reference=ONE))
    for cause in (Cause.WITHDRAWAL, Cause.STAKE):
        money = {"account": 0, "asset": 0, "cause": cause}
        told.tell(Reserve(**money, amount=30), Spend(**money, amount=20, fee=1))
    assert told.credited.spent == {0: 20}


def test_what_came_by_hand_is_the_rest_of_all_there_is():
    told = Told()
    told.tell(
        SetParameter(parameter=Parameter.KYC_LEVEL, value=1, subject=0),
        Credit(**HOW, amount=100, reference=ONE),
        Credit(**HOW, amount=50, reference="wire 8"),
        Credit(account=0, asset=0, cause=Cause.CORRECTION, amount=9, reference="ticket 3"),
        Debit(account=0, asset=0, cause=Cause.WITHDRAWAL, amount=20, reference="wire 9"),
        Debit(account=0, asset=0, cause=Cause.WITHDRAWAL, amount=10**6, reference="too much"),
    )
    for cause in (Cause.WITHDRAWAL, Cause.STAKE):
        money = {"account": 0, "asset": 0, "cause": cause}
        told.tell(Reserve(**money, amount=30), Spend(**money, amount=20, fee=1))
    found = told.credited
    assert found.by_hand == {0: 50 + 9 - 20 - 20}
    supply = told.kernel._state.assets[0].supply
    assert supply == found.credited[0] + found.by_hand[0] - found.spent[0]


def test_it_survives_as_bytes():
    told = Told()
    told.tell(Credit(**HOW, amount=5, reference=ONE), Credit(**HOW, amount=3, reference="hand"))
    again = Credited()
    again.load(told.credited.dump())
    assert again.find([ONE, TWO]) == {ONE: 2}
    assert (again.credited, again.spent) == (told.credited.credited, told.credited.spent)
    assert again.by_hand == told.credited.by_hand == {0: 3}
    told.credited = again
    told.tell(Credit(**HOW, amount=6, reference=TWO))
    assert again.credited == {0: 11} and again.find([TWO]) == {TWO: 3}
