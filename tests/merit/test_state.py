"""Merit over whole days: what is put aside, what survives, and what the rewards come to."""

import random

import pytest

from excraft.dataset.days import open_day
from excraft.merit.fills import SpoolDamaged
from excraft.merit.publishing import Before, publish_day
from excraft.merit.state import Merit
from excraft.messages.commands import Cause, MeritAct, Release, Transfer
from excraft.messages.merit import Verb
from excraft.parameters import Parameter
from excraft.rewards.close import close
from tests.merit.ground import BTCUSD, COIN, DAY, EXT, EXTUSD, GENESIS, MIDNIGHT, Ground

NOTHING = Before({}, 0, 0, None)
SALT = bytes(range(32))


@pytest.fixture
def ground(tmp_path):
    return Ground(tmp_path / "fills")


def publish(ground, root, closed, before=NOTHING):
    return close(publish_day(root, ground.folder, closed, SALT, "ab" * 32, before))


def test_days_begin_at_midnight_and_are_closed_by_the_clock_of_records(ground):
    calendar = ground.merit.calendar
    assert (calendar.day, calendar.begin, calendar.end) == (0, MIDNIGHT, MIDNIGHT + DAY)
    ground.pass_to(MIDNIGHT + DAY - 1)
    assert ground.merit.closed == []
    ground.pass_to(MIDNIGHT + DAY)
    assert [c.day for c in ground.merit.closed] == [0]
    ground.pass_to(MIDNIGHT + 9 * DAY)  # after more than a week
    assert [(c.day, c.round, c.ends_round) for c in ground.merit.closed] == [
        (day, day // 7, day == 6) for day in range(9)
    ]
    ground.act(Verb.CLOSE_DAY, value=3)  # once more
    assert len(ground.merit.closed) == 9


def test_lengths_set_before_anything_counts_hold_at_once_and_later_from_the_next_on(ground):
    ground.set(Parameter.REWARD_DAY_S, 60)
    ground.set(Parameter.ROUND_DAYS, 3)
    assert ground.merit.calendar.end - ground.merit.calendar.begin == 60
    ground.trade(0, 1, 100, 10)
    ground.set(Parameter.REWARD_DAY_S, 600)
    assert ground.merit.calendar.end - ground.merit.calendar.begin == 60
    ground.next_day()
    assert ground.merit.calendar.end - ground.merit.calendar.begin == 600
    assert ground.merit.calendar.round_days == 3


def test_a_day_from_trades_and_stake_to_rewards(ground, tmp_path):
    ground.verify(0, 1)
    ground.now = MIDNIGHT + DAY // 2
    ground.stake(2, 5 * COIN)
    ground.trade(0, 1, 1_000, 50_000)
    ground.trade(3, 3 + 1, 10, 100, EXTUSD)
    ground.next_day()
    [closed] = ground.merit.closed
    day = publish(ground, tmp_path / "merit", closed)
    rows = list(day.rows("fills"))
    assert len(rows) == 4 and [r.maker for r in rows] == [0, 1, 0, 1]
    value = 1_000 * 50_000 * 10
    # The taker buys: its fee is of base, valued at the price of the trade; the maker's of quote.
    assert (rows[0].fee, rows[1].fee) == (value // 1_000, value // 1_000)
    assert {r.notional for r in rows[:2]} == {value}
    results = {r.id: r for r in day.rows("results")}
    taker, maker = results[rows[0].id], results[rows[1].id]
    # At most half of a fee may go to a referrer.
    assert (taker.poe, maker.poe) == (value // 2_000, value // 2_000)
    [staker] = [r for r in results.values() if r.token_seconds]
    assert staker.token_seconds == 5 * 10**18 * DAY // 2
    done = day.results
    assert done.paid + done.carry == done.emitted == 100_000 * 10**18
    assert sum(r.reward_poe + r.reward_stake + r.reward_pool for r in results.values()) == done.paid
    assert staker.reward_stake == done.stake == done.emitted // 5
    day.check()


def test_what_an_owner_trades_with_the_own_other_account_counts_nothing(ground, tmp_path):
    ground.set(Parameter.TRADE_GROUP, 0)
    ground.trade(0, 1, 1_000, 50_000)
    for account in (0, 1):  # found out afterwards
        ground.set(Parameter.TRADE_GROUP, 9, account)
    ground.trade(2, 3, 1_000, 50_000)
    ground.step(MeritAct(verb=Verb.FLAG_PAIR, other=2, value=3))
    ground.trade(4, 5, 1_000, 50_000)
    ground.step(MeritAct(verb=Verb.MARK_HOUSE, other=4, value=1))
    ground.next_day()
    day = publish(ground, tmp_path / "merit", ground.merit.closed[0])
    assert sum(r.poe for r in day.rows("results")) == 0


def test_markets_of_a_pool_and_weights(ground, tmp_path):
    ground.set(Parameter.POE_WEIGHT, 2_500, BTCUSD)
    ground.trade(0, 1, 1_000, 50_000)
    ground.set(Parameter.MARKET_POOL, 3, BTCUSD)
    ground.set(Parameter.MARKET_POOL, 0, BTCUSD)
    ground.set(Parameter.POE_WEIGHT, 0, BTCUSD)
    ground.trade(0, 1, 1_000, 50_000)
    ground.next_day()
    day = publish(ground, tmp_path / "merit", ground.merit.closed[0])
    assert [r.weight for r in day.rows("fills")] == [2_500, 2_500, 0, 0]


def test_pools_of_the_round_get_their_share(ground, tmp_path):
    ground.verify(0, 1, 2)
    assert ground.act(Verb.FOUND_POOL, 0, text="First pool", value=1_000) == ""
    ground.act(Verb.SET_DOOR, 0, pool=1, value=1)
    assert ground.act(Verb.APPLY, 1, pool=1) == ""
    for _ in range(7):
        ground.next_day()
    ground.trade(0, 1, 1_000, 50_000)
    ground.next_day()
    closed = ground.merit.closed[-1]
    assert closed.pool_of == {0: 1, 1: 1} and closed.pools[0].verified == 2
    day = publish(ground, tmp_path / "merit", closed)
    [pool] = day.rows("pool_results")
    results = {r.id: r for r in day.rows("results")}
    fills = list(day.rows("fills"))
    maker, taker = results[fills[1].id], results[fills[0].id]
    assert pool.units == maker.reward_pool + taker.reward_pool == day.results.pools > 0
    cut = pool.units // 10
    # The master, account 0, was the maker: one half, and the cut.
    assert abs(maker.reward_pool - cut - (pool.units - cut) // 2) <= 1


def test_unstaking_stops_counting_at_once_and_is_released_after_the_delay(ground):
    ground.stake(2, 100)
    assert "100 atoms are staked" in ground.act(Verb.UNSTAKE, 2, value=101)
    assert ground.act(Verb.UNSTAKE, 2, value=40) == ""
    assert ground.merit.stakes.units_of(2) == 60 * 10**10
    due = ground.now + 7 * DAY
    assert ground.merit.stakes.due(due - 1) == [] and len(ground.merit.stakes.due(due)) == 1
    ground.step(Release(account=2, asset=EXT, amount=40, cause=Cause.STAKE))
    assert ground.merit.stakes.due(due) == [] and ground.merit.stakes.units_of(2) == 60 * 10**10
    assert ground.act(Verb.UNSTAKE, 2, value=60) == "" and ground.merit.stakes.units_of(2) == 0
    assert ground.act(Verb.UNSTAKE, 2, value=1) != ""


def test_a_flash_stake_counts_its_seconds_only(ground):
    ground.now = MIDNIGHT + DAY - 1
    ground.stake(2, COIN)
    ground.stake(3, COIN)
    ground.act(Verb.UNSTAKE, 3, value=COIN)
    ground.next_day()
    [one] = ground.merit.closed[0].stakes.intervals()
    assert (one.account, one.end - one.begin) == (2, 1)


def test_where_rewards_go_is_chosen(ground):
    assert "needs an address" in ground.act(Verb.CHOOSE, 1, value=1)
    assert "is no address" in ground.act(Verb.CHOOSE, 1, value=1, text="0x12")
    address = "0x" + "Ab" * 20
    assert ground.act(Verb.CHOOSE, 1, value=1, text=address) == ""
    assert ground.merit.known.addresses[1] == address.lower() and 1 in ground.merit.known.on_chain
    assert ground.act(Verb.CHOOSE, 1, value=0) == "" and not ground.merit.known.on_chain


def test_an_address_that_may_have_claims_stays(ground):
    """Claims are sums so far: under another address what was claimed could be claimed again."""
    one, other = "0x" + "ab" * 20, "0x" + "cd" * 20
    assert ground.act(Verb.CHOOSE, 1, value=0, text=one) == ""
    assert ground.act(Verb.CHOOSE, 1, value=0, text=other) == ""
    assert ground.act(Verb.CHOOSE, 1, value=1, text=one) == ""
    for value in (0, 1):
        assert "stays 0xabab" in ground.act(Verb.CHOOSE, 1, value=value, text=other)
        assert ground.act(Verb.CHOOSE, 1, value=value, text=one) == ""
    assert ground.merit.known.addresses[1] == one


def test_nobody_acts_for_the_service_or_as_nobody(ground):
    for verb in (Verb.FLAG_PAIR, Verb.MARK_HOUSE, Verb.CLOSE_DAY, Verb.VAULT_STAKED):
        assert "is not done by account 1" in ground.act(verb, 1, other=2, value=1, text="5")
    assert "is not done by account -1" in ground.act(Verb.LEAVE)
    assert ground.act(77, 1) != "" and ground.merit.known.flagged == set()


def test_what_was_paid_is_known_from_the_log(ground):
    ground.step(Transfer(account=0, to=1, asset=EXT, amount=7, cause=Cause.REWARD))
    ground.step(Transfer(account=0, to=1, asset=EXT, amount=3, cause=Cause.REWARD))
    assert ground.merit.rewarded == {1: 10}


def something(ground, dice):
    """One thing that may happen."""
    kind = dice.randrange(10)
    if kind < 5:
        one, other = dice.sample(range(8), 2)
        ground.trade(one, other, dice.randrange(1, 50), dice.randrange(1, 50), dice.randrange(2))
    elif kind == 5:
        ground.stake(dice.randrange(8), dice.randrange(1, 10**11))
    elif kind == 6:
        ground.act(Verb.UNSTAKE, dice.randrange(8), value=dice.randrange(1, 10**10))
    elif kind == 7:
        ground.now += dice.randrange(DAY)
    else:
        verb = dice.choice([v for v in Verb if v < 16])
        ground.act(
            verb, dice.randrange(8), pool=dice.randrange(1, 4), other=dice.randrange(8),
            value=dice.randrange(3), text=f"pool {dice.randrange(9)}",
        )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_a_snapshot_and_the_rest_of_the_log_come_to_the_same(ground, tmp_path, seed):
    """Killed after a snapshot: fills that came later are in the file, and come again."""
    dice = random.Random(seed)
    for _ in range(60):
        something(ground, dice)
    raw, position = ground.merit.dump(), ground.merit.position
    for _ in range(60):
        something(ground, dice)
    whole = ground.merit.dump()
    assert ground.again(tmp_path / "other").dump() == whole, "from the beginning"
    restored = Merit(ground.folder)
    restored.load(raw)
    assert restored.dump() == raw
    assert ground.again(ground.folder, restored, after=position).dump() == whole


def test_fills_that_are_gone_are_said(ground):
    ground.trade(0, 1, 5, 5)
    raw = ground.merit.dump()
    (ground.folder / "fills-00000.bin").write_bytes(b"")
    with pytest.raises(SpoolDamaged, match="counted 2"):
        Merit(ground.folder).load(raw)


def test_publishing_twice_is_the_same_and_another_is_refused(ground, tmp_path):
    from excraft.dataset.errors import AlreadyPublished

    ground.trade(0, 1, 5, 5)
    ground.next_day()
    [closed] = ground.merit.closed
    first = publish(ground, tmp_path / "merit", closed).dataset_hash
    assert publish(ground, tmp_path / "merit", closed).dataset_hash == first
    with pytest.raises(AlreadyPublished):
        publish(ground, tmp_path / "merit", closed, Before({}, 5, 0, None))
    ground.merit.published(0)
    assert ground.merit.closed == [] and not list(ground.folder.glob("fills-*"))
    assert open_day(tmp_path / "merit", 0).facts.begin == MIDNIGHT and GENESIS > MIDNIGHT
