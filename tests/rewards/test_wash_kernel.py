"""Washing on the kernel itself: what a pair leaves there, and what its day of rewards is worth.

The simulation of test_attacks.py supposes how fees, referral shares and PoE go together; here the
kernel takes the fees and pays the shares, and the dataset of the day is closed as always.
"""

from fractions import Fraction

import pytest

from excraft.merit.publishing import Before, publish_day
from excraft.messages.commands import Cause, Credit, ListAsset, ListMarket, PayReferral
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


def day_of(ground, folder):
    """The day that runs, closed; those before gave nothing."""
    ground.next_day()
    closed, before = ground.merit.closed[-1], Before({}, 0, 0, None)
    return close(publish_day(folder, folder / "spool", closed, b"s" * 32, "ab" * 32, before))


def rewards(day):
    """Of everybody, in atoms of USD."""
    units = sum(row.reward_poe + row.reward_stake + row.reward_pool for row in day.rows("results"))
    return units * Fraction(*day.results.price)


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
    got = rewards(day_of(ground, tmp_path))
    assert got > left / 4  # the caps bind, the pair gets something
    assert got <= Fraction(8, 10) * left, (float(got), float(left))


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


COIN_OF_THEIRS = 3
THEIRS, QUOTED_IN_IT = 2, 3  # markets


def with_a_market_of_theirs(folder):
    """Theirs/USD, BTC/theirs; strangers trade in neither, the pair of 0 and 1 has the coin."""
    ground = Ground(folder)
    ground.step(ListAsset(decimals=8))
    for base, quote in ((COIN_OF_THEIRS, USD), (BTC, COIN_OF_THEIRS)):
        ground.step(
            ListMarket(
                base=base, quote=quote, base_atoms_per_lot=10**5, quote_atoms_per_tick_lot=10
            )
        )
    for account in (0, 1):
        ground.step(
            Credit(account=account, asset=COIN_OF_THEIRS, amount=10**13, cause=Cause.DEPOSIT)
        )
    return ground


@pytest.mark.parametrize("buyer_pays_most", [False, True])
def test_a_fee_in_a_coin_that_only_they_trade_counts_nothing(tmp_path, buyer_pays_most):
    """Whoever has a market to themselves pays the buyer's fee in a coin of any price they like."""
    ground = with_a_market_of_theirs(tmp_path / "spool")
    if buyer_pays_most:  # the buyer always takes: all of the fee is in their coin
        ground.set(Parameter.MAKER_FEE_PPM, 0, THEIRS)
    left = worth_of(ground, (0, 1))
    for _ in range(20):
        ground.trade(0, 1, lots=100, price=100_000, market=THEIRS)
        if not buyer_pays_most:
            ground.trade(1, 0, lots=100, price=100_000, market=THEIRS)
    left -= worth_of(ground, (0, 1))
    assert (left == 0) == buyer_pays_most
    day = day_of(ground, tmp_path)
    got = rewards(day)
    assert got <= Fraction(8, 10) * left, (float(got), float(left))
    assert (got > 0) == (left > 0)
    fills = list(day.rows("fills"))
    assert all(row.fee for row in fills if row.maker == 0)  # shown, and weighs nothing
    assert {row.weight for row in fills if row.maker == 0} == {0}


def test_a_coin_that_only_they_trade_has_no_rate(tmp_path):
    """They raise its price against USD with one trade, and pay fees in it elsewhere."""
    ground = with_a_market_of_theirs(tmp_path / "spool")
    ground.set(Parameter.PRICE_SOURCE, 1, QUOTED_IN_IT)
    ground.trade(0, 1, lots=1, price=10**9, market=THEIRS)
    for _ in range(20):
        ground.trade(0, 1, lots=100, price=100_000, market=QUOTED_IN_IT)
    day = day_of(ground, tmp_path)
    assert [row.asset for row in day.rows("rates")] == [USD]
    paid = 10**9 * 10 // 1000  # the seller of one lot, in USD
    assert sum(row.poe for row in day.rows("results")) <= paid


def test_a_market_that_becomes_a_price_source_counts_from_then_on(tmp_path):
    ground = with_a_market_of_theirs(tmp_path / "spool")
    ground.trade(0, 1, lots=100, price=100_000, market=THEIRS)
    ground.set(Parameter.PRICE_SOURCE, 1, THEIRS)
    ground.trade(0, 1, lots=100, price=100_000, market=THEIRS)
    ground.set(Parameter.MARKET_POOL, 1, THEIRS)  # no rate of a pool's market
    day = day_of(ground, tmp_path)
    assert [(row.maker, row.weight) for row in day.rows("fills")] == [
        (0, 0), (1, 10_000), (0, 10_000), (1, 10_000)
    ]  # fmt: skip
    assert [row.asset for row in day.rows("rates")] == [USD]
