"""Intervals of stake add up to what the vault said, and a missing event is noticed."""

import pytest

from excraft.chain.blocks import Log
from excraft.chain.contract import Event
from excraft.chain.errors import BadAnswer
from excraft.chain.vault import Held, VaultStakes

ADDRESS = "0x" + "ab" * 20
LOG = Log(1, "", "", 0, ADDRESS, [], "0x")


def event(name: str, units: int, staked: int | None, seconds: int) -> Event:
    return Event("StakeVault", name, {"account": ADDRESS, "units": units, "staked": staked}, LOG,
                 seconds)  # fmt: skip


def fed(*events: Event) -> VaultStakes:
    stakes = VaultStakes()
    for each in events:
        stakes.add(each)
        stakes.invariant()
    return stakes


def test_what_comes_and_goes_within_a_second_counts_nothing():
    stakes = fed(event("Staked", 10**27, 10**27, 5), event("UnstakeRequested", 10**27, 0, 5))
    assert stakes.intervals(0, 100) == []
    assert stakes.in_the_vault == 10**27


def test_several_changes_in_a_second_are_one():
    stakes = fed(
        event("Staked", 1, 1, 5), event("Staked", 2, 3, 9), event("Staked", 3, 6, 9),
        event("UnstakeRequested", 2, 4, 9),
    )  # fmt: skip
    assert stakes.intervals(0, 20) == [Held(ADDRESS, 1, 5, 9), Held(ADDRESS, 4, 9, 20)]
    assert stakes.intervals(9, 9) == [] and stakes.intervals(0, 5) == []


@pytest.mark.parametrize(
    "events",
    [
        (event("Staked", 5, 6, 1),),
        (event("UnstakeRequested", 5, 0, 1),),
        (event("Staked", 5, 5, 1), event("UnstakeRequested", 6, -1, 2)),
        (event("Staked", 5, 5, 1), event("Withdrawn", 5, None, 2)),
    ],
)
def test_a_missing_event_is_noticed(events):
    with pytest.raises(BadAnswer):
        fed(*events)
