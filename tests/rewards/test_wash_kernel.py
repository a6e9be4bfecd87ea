"""Washing on the kernel itself: what a pair leaves there, and what its day of rewards is worth.

The simulation of test_attacks.py supposes how fees, referral shares and PoE go together; here the
kernel takes the fees and pays the shares, and the dataset of the day is closed as always.
"""

from fractions import Fraction

import pytest

from excraft.merit.publishing import Before, publish_day
from excraft.messages.commands import PayReferral
from excraft.messages.merit import Verb
from excraft.parameters import RULES, Parameter
from excraft.rewards.close import close
from tests.merit.ground import BTC, USD, Ground

MOST = RULES[Parameter.REFERRAL_SHARE_PPM].high
WORTH = {USD: 1, BTC: Fraction(10**6, 10**5)}  # atoms of USD for an atom, as they trade below


def worth_of(ground, accounts):
    """What a group has, in atoms of USD."""
    balances = ground.kernel._state
    return sum(
        WORTH[asset] * (balances.free[a, asset] + balances.held[a, asset])
        for a in accounts for asset in WORTH
    )  # fmt: skip


@pytest.mark.parametrize("share", [0, 200_000, 333_334, MOST])
@pytest.mark.parametrize("told", [MOST, 0], ids=["told", "not told"])
def test_a_pair_that_refers_itself_gets_less_than_it_leaves(tmp_path, share, told):
    """`told`: what MAX_REFERRAL_PPM says. Both are referred by a third account of theirs."""
    ground = Ground(tmp_path / "spool")
    ground.set(Parameter.MAX_REFERRAL_PPM, told)
    ground.verify(0, 1, 2)
    assert ground.act(Verb.FOUND_POOL, 0, text="Alpha", value=0) == ""
    assert ground.act(Verb.SET_DOOR, 0, pool=1, value=1) == ""
    assert ground.act(Verb.APPLY, 1, pool=1) == ""
    for account in (0, 1):
        ground.set(Parameter.REFERRER, 2 + 1, account)
        ground.set(Parameter.REFERRAL_SHARE_PPM, share, account)
    for _ in range(7):
        ground.next_day()
    before = worth_of(ground, (0, 1, 2))
    for _ in range(20):
        ground.trade(0, 1, lots=100, price=100_000)
        ground.trade(1, 0, lots=100, price=100_000)
    for account in (0, 1):
        for asset in (USD, BTC):
            ground.step(PayReferral(account=account, asset=asset))
    left = before - worth_of(ground, (0, 1, 2))
    ground.next_day()
    closed = ground.merit.closed[-1]
    day = close(
        publish_day(
            tmp_path, tmp_path / "spool", closed, b"s" * 32, "ab" * 32, Before({}, 0, 0, None)
        )
    )
    price = Fraction(*day.results.price)
    got = sum(row.reward_poe + row.reward_stake + row.reward_pool for row in day.rows("results"))
    assert got * price > left / 4  # the caps bind, the pair gets something
    assert got * price <= Fraction(8, 10) * left, (float(got * price), float(left))


def test_the_largest_share_there_is_counts_where_a_smaller_one_is_said(tmp_path):
    ground = Ground(tmp_path)
    ground.set(Parameter.MAX_REFERRAL_PPM, 200_000)
    assert ground.merit.known.referral_ppm() == 200_000
    ground.set(Parameter.REFERRAL_SHARE_PPM, 300_000, 1)
    ground.set(Parameter.REFERRAL_SHARE_PPM, 100_000, 2)
    assert ground.merit.known.referral_ppm() == 300_000
    ground.set(Parameter.REFERRAL_SHARE_PPM, 0, 1)
    assert ground.merit.known.referral_ppm() == 200_000
    ground.next_day()
    ground.set(Parameter.REFERRAL_SHARE_PPM, MOST, 2)
    assert ground.merit.closed[0].known.referral_ppm() == 200_000  # of that day
