"""Stakes: token-seconds against a recount of every single second, and what is released when."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.merit.stakes import Asked, Stakes

UNIT, DAY = 10**3, 20  # a day of 20 seconds: each can be counted
ACCOUNTS = range(2)

# what, by whom, how much, and the delay of what is asked back then
acts = st.tuples(
    st.sampled_from(["stake", "stake", "ask", "ask", "release", "vault", "wait", "close"]),
    st.sampled_from(ACCOUNTS), st.integers(0, 9), st.integers(0, 30),
)  # fmt: skip


class Recount:
    """Money in drawers: what counts is put down for each second that passes."""

    def __init__(self) -> None:
        self.staked = {a: 0 for a in ACCOUNTS}
        self.vault = {a: 0 for a in ACCOUNTS}
        self.waiting = []  # (due, account) of each single atom that was asked back
        self.seconds = []  # of each second: units by (account, source)

    def second_passes(self) -> None:
        exchange = {(a, "exchange"): n * UNIT for a, n in self.staked.items() if n}
        vault = {(a, "vault"): n for a, n in self.vault.items() if n}
        self.seconds.append(exchange | vault)

    def release(self, account, atoms) -> None:
        """Of what waits the first that is due, and only then what is staked."""
        for _ in range(atoms):
            mine = sorted(due for due, whose in self.waiting if whose == account)
            if mine:
                self.waiting.remove((mine[0], account))
            else:
                self.staked[account] -= 1


class Both:
    """The two, and the second that runs; intervals of closed days are spread over their seconds."""

    def __init__(self) -> None:
        self.stakes, self.recount, self.now, self.seconds = Stakes(), Recount(), 0, []

    def take(self, what, account, number, delay) -> None:
        stakes, recount = self.stakes, self.recount
        if what == "wait":
            for _ in range(number):
                self.tick()
        elif what == "stake" and number:
            stakes.set_aside(account, number, self.now, UNIT)
            recount.staked[account] += number
        elif what == "vault":
            stakes.vault(account, number * 7, self.now)
            recount.vault[account] = number * 7
        elif what == "release":
            waits = sum(whose == account for _, whose in recount.waiting)
            atoms = min(number, recount.staked[account] + waits)
            if atoms:
                stakes.given_back(account, atoms, self.now, UNIT)
                recount.release(account, atoms)
        elif what == "close":
            self.close_days()
        elif what == "ask":
            self.ask(account, number, delay)
        self.compare()

    def ask(self, account, atoms, delay) -> None:
        if 1 <= atoms <= self.recount.staked[account]:
            self.stakes.ask(account, atoms, self.now, delay, UNIT)
            self.recount.staked[account] -= atoms
            self.recount.waiting += [(self.now + delay, account)] * atoms
        else:
            with pytest.raises(ValueError, match=f"so not {atoms} can be asked"):
                self.stakes.ask(account, atoms, self.now, delay, UNIT)

    def tick(self) -> None:
        self.recount.second_passes()
        self.now += 1

    def close_days(self) -> None:
        """All that are over, be it late."""
        while (begin := len(self.seconds)) + DAY <= self.now:
            end, seconds = begin + DAY, [{} for _ in range(DAY)]
            for one in self.stakes.end_of_day(begin, end).intervals():
                assert begin <= one.begin < one.end <= end and one.units > 0
                for second in range(one.begin - begin, one.end - begin):
                    key = one.account, one.source
                    assert key not in seconds[second], "a second counts twice"
                    seconds[second][key] = one.units
            assert all(one.end > end for one in self.stakes.ended), "kept for nothing"
            self.seconds += seconds

    def compare(self) -> None:
        stakes, recount = self.stakes, self.recount
        stakes.invariant()
        for account in ACCOUNTS:
            assert stakes.may_ask(account) == recount.staked[account]
            counts = recount.staked[account] * UNIT + recount.vault[account]
            assert stakes.units_of(account) == counts
        for second in (self.now - 1, self.now, self.now + 10):
            due = sorted(one.account for one in stakes.due(second) for _ in range(one.atoms))
            assert due == sorted(a for when, a in recount.waiting if when <= second)


@given(st.lists(acts, min_size=15, max_size=60))
@settings(max_examples=200, deadline=None)
def test_token_seconds_are_those_of_a_recount_second_by_second(taken):
    both = Both()
    for act in taken:
        both.take(*act)
    while both.now % DAY or not both.now:
        both.tick()
    both.close_days()
    assert both.seconds == both.recount.seconds


def test_what_is_due_first_is_released_first_when_the_delay_was_lowered():
    stakes = Stakes()
    stakes.set_aside(1, 101, 0, UNIT)
    stakes.ask(1, 100, 0, 1_000, UNIT)
    stakes.ask(1, 1, 0, 10, UNIT)
    assert stakes.due(10) == [Asked(1, 1, 10)]
    stakes.given_back(1, 1, 10, UNIT)
    assert stakes.due(999) == []  # and not the same atom again, until all of the hundred are out
    assert stakes.due(1_000) == [Asked(1, 100, 1_000)]


def test_a_vault_cannot_hold_less_than_nothing():
    stakes = Stakes()
    with pytest.raises(ValueError, match="a vault holds 0 units or more, not -1"):
        stakes.vault(1, -1, 0)
    assert stakes.units_of(1) == 0 and stakes.counted == Stakes().counted


def test_stake_of_no_time_counts_nothing():
    stakes = Stakes()
    stakes.set_aside(1, 5, 7, UNIT)
    stakes.given_back(1, 5, 7, UNIT)
    assert stakes.end_of_day(0, DAY).intervals() == [] and stakes.reserved == {}


def test_nothing_that_is_asked_back_counts_again_by_itself():
    stakes = Stakes()
    stakes.set_aside(1, 5, 0, UNIT)
    stakes.ask(1, 5, 4, 100, UNIT)
    for bad in (1, 0, -1):
        with pytest.raises(ValueError, match=f"0 atoms are staked, so not {bad} can be asked"):
            stakes.ask(1, bad, 5, 100, UNIT)
    (one,) = stakes.end_of_day(0, DAY).intervals()
    assert (one.units, one.begin, one.end) == (5 * UNIT, 0, 4)
    assert stakes.end_of_day(DAY, 2 * DAY).intervals() == [] and stakes.reserved == {1: 5}


class Unscanned(list):
    """Answers for one place, and fails whoever goes through it."""

    def __iter__(self):
        raise AssertionError("all of it was gone through")


def test_what_one_asks_goes_through_nobody_elses():
    stakes = Stakes()
    for account in range(9):
        stakes.set_aside(account, 100, 5, 1)
        stakes.ask(account, 10, 10 + account % 3, 60, 1)
    raw = msgspec.json.encode(stakes)
    for again in (stakes, msgspec.json.decode(raw, type=Stakes)):
        again.asked = Unscanned(again.asked)
        again.ask(4, 20, 20, 0, 1)
        assert [(one.atoms, one.due) for one in again.asked_by(4)] == [(20, 20), (10, 71)]
        assert (again.may_ask(4), again.may_ask(5), again.due(19)) == (70, 90, [])
        assert again.due(20) == [Asked(4, 20, 20)]
        again.given_back(4, 25, 30, 1)
        assert again.asked_by(4) == [Asked(4, 5, 71)] and again.may_ask(4) == 70
        again.given_back(4, 75, 30, 1)
        assert again.asked_by(4) == [] and len(again.due(99)) == len(again.asked) == 8
        again.asked = again.asked[:]
        again.invariant()
    assert msgspec.json.encode(stakes) == msgspec.json.encode(again)
