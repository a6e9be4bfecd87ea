"""Slow for who guesses; the plain twin keeps every try and counts anew each time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from excraft.accounts.refusals import Refused
from excraft.accounts.throttle import SECOND, Rule, Throttle, network_of

SMALL, OTHER = Rule(2, 1, 8, 20), Rule(3, 4, 4, 10)
KEYS = [(SMALL, "ann"), (SMALL, "bob"), (OTHER, "ann")]


class Twin:
    """The same rule, said without a trick: (failures, last) are found by going through all."""

    def __init__(self):
        self.tries = []  # ("enter" | "back" | "forget", key, time)

    def _state(self, key, now):
        failures, last = 0, None
        for act, of, time in [*self.tries, ("look", key, now)]:
            if of != key:
                continue
            if last is not None and act in ("enter", "look") and time - last > key[0].forget_s:
                failures, last = 0, None
            if act == "enter":
                failures, last = failures + 1, time
            elif act == "back":
                failures = max(0, failures - 1)
            elif act == "forget":
                failures = 0
            if failures == 0:
                last = None
        return failures, last

    def wait(self, keys, now):
        waits = [0]
        for key in keys:
            failures, last = self._state(key, now)
            if last is not None and failures >= key[0].free:
                delay = min(key[0].first_s * 2 ** (failures - key[0].free), key[0].longest_s)
                waits.append(last + delay - now)
        return max(waits)


steps = st.lists(
    st.tuples(
        st.sampled_from(["enter", "enter", "enter", "back", "forget"]),
        st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True),
        st.integers(0, 12),
    ),
    max_size=60,
)


@given(steps)
def test_it_is_the_plain_twin(steps):
    now, twin = 0, Twin()
    throttle = Throttle(lambda: now * SECOND)
    for act, keys, later in steps:
        now += later
        if act == "enter":
            wait = twin.wait(keys, now)
            if wait > 0:
                with pytest.raises(Refused) as refused:
                    throttle.enter(*keys)
                assert refused.value.wait_s == wait
                continue
            throttle.enter(*keys)
        else:
            {"back": throttle.take_back, "forget": throttle.forget}[act](*keys)
        twin.tries += [(act, key, now) for key in keys]


def test_memory_is_bounded_and_the_oldest_go_first():
    throttle = Throttle(lambda: 0, entries_max=3)
    once = Rule(1, 1, 1, 10)
    for name in "abcd":
        throttle.enter((once, name))
    throttle.enter((once, "a"))  # forgotten
    for name in "cd":
        with pytest.raises(Refused, match="wait 1 seconds"):
            throttle.enter((once, name))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_what_one_attacker_surely_has(address, network):
    assert network_of(address) == network
