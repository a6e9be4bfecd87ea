"""Challenges: once, for one purpose and browser, soon; and a flood from one network."""

from types import SimpleNamespace

import pytest

from excraft.accounts import challenges as module
from excraft.accounts.challenges import LASTS_NS, OF_NETWORK_MAX, Challenges, Purpose
from excraft.accounts.refusals import Refused

LOGIN, LINK = Purpose.PASSKEY_LOGIN, Purpose.LINK_WALLET


@pytest.fixture
def now():
    return SimpleNamespace(ns=10**18)


@pytest.fixture
def kept(now):
    kept = Challenges(lambda: now.ns)
    yield kept
    kept.invariant()


def gone(kept, purpose, bound):
    with pytest.raises(Refused) as refused:
        kept.take(purpose, bound)
    return refused.value.code == "no_challenge"


def test_each_is_taken_once_for_its_purpose_and_browser(kept):
    kept.keep(LOGIN, "mine", "n", "first")
    kept.keep(LOGIN, "mine", "n", "second")
    assert gone(kept, LINK, "mine") and gone(kept, LOGIN, "another's")
    assert kept.take(LOGIN, "mine") == "second" and gone(kept, LOGIN, "mine")


def test_each_lasts_for_five_minutes(kept, now):
    kept.keep(LOGIN, "a", "n", "x")
    now.ns += LASTS_NS - 1
    kept.keep(LOGIN, "b", "n", "y")
    assert kept.take(LOGIN, "a") == "x"
    now.ns += LASTS_NS
    assert gone(kept, LOGIN, "b")


def test_a_flood_from_one_network_voids_its_own_only(kept):
    kept.keep(LOGIN, "ann", "home", "hers")
    for index in range(3 * OF_NETWORK_MAX):
        kept.keep(LOGIN, f"flood {index}", "evil", "x")
        kept.invariant()
    assert gone(kept, LOGIN, "flood 0") and kept.take(LOGIN, "ann") == "hers"
    assert kept.take(LOGIN, f"flood {3 * OF_NETWORK_MAX - 1}") == "x"


def test_there_is_an_end_to_what_is_kept_and_old_ones_are_forgotten(kept, now, monkeypatch):
    monkeypatch.setattr(module, "TOTAL_MAX", 5)
    for index in range(9):
        kept.keep(LOGIN, str(index), str(index), "x")
        kept.invariant()
    assert gone(kept, LOGIN, "3") and len(kept._kept) == 5
    now.ns += LASTS_NS
    kept.keep(LOGIN, "new", "n", "x")
    assert len(kept._kept) == 1
