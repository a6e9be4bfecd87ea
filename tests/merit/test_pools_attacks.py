"""Pools: attacks on rounds, counts, votes and names."""

import pytest

from excraft.merit.acts import ActRefused
from excraft.merit.names import check_name
from excraft.messages.merit import Verb
from excraft.parameters import RULES, Parameter
from excraft.scores.rosters import PoolScore, eligible, senate
from tests.merit.ground import Ground
from tests.merit.pools_stage import Stage, play


def test_a_late_hop_counts_from_the_next_round_and_never_in_a_past_one(tmp_path):
    ground = Ground(tmp_path)
    for master, name in ((0, "Alpha"), (1, "Beta")):
        assert ground.act(Verb.FOUND_POOL, master, text=name) == ""
        assert ground.act(Verb.SET_DOOR, master, pool=master + 1, value=1) == ""
    assert ground.act(Verb.APPLY, 2, pool=1) == ""
    for _ in range(7):
        ground.next_day()
    assert ground.merit.calendar.round == 1
    ground.now = ground.merit.calendar.end + 6 * 86_400 - 1  # the last second of the round
    assert ground.act(Verb.APPLY, 2, pool=2) == ""
    ground.now += 1
    assert ground.act(Verb.LEAVE, 0) == ""  # the first of the next one
    ground.next_day()
    days = ground.merit.closed
    assert [day.pool_of for day in days[:7]] == [{}] * 7
    assert [day.pool_of for day in days[7:14]] == [{0: 1, 1: 2, 2: 1}] * 7
    assert [(day.round, day.pool_of) for day in days[14:]] == [(2, {0: 1, 1: 2, 2: 2})]
    assert [(pool.number, pool.active) for pool in days[14].pools] == [(1, True), (2, True)]


@pytest.mark.parametrize("members, earns", [(99, False), (100, True)])
def test_a_pool_of_99_verified_members_earns_nothing(members, earns):
    stage = Stage()
    assert stage.act(Verb.FOUND_POOL, 0, text="Alpha") == ""
    assert stage.act(Verb.SET_DOOR, 0, pool=1, value=1) == ""
    for account in range(1, 150):
        assert stage.act(Verb.APPLY, account, pool=1) == ""
    stage.verified = set(range(members))
    stage.verified |= {members, members + 1}
    stage.owner = dict.fromkeys(range(members - 1, members + 2), 5)  # one person, three accounts
    stage.round()
    stage.verified = set(range(150))  # too late for this round
    pool = stage.pools.pools[1]
    score = PoolScore(1, pool.master, 10**9, pool.verified, pool.active)
    least = RULES[Parameter.POOL_VERIFIED_MIN].default
    assert (pool.members, pool.verified, least) == (150, members, 100)
    assert (
        eligible(score, least) is earns
        and (senate([score], verified_min=least) == [score]) is earns
    )


def test_a_frozen_master_or_one_who_left_has_no_seat():
    stage = play("""
        ann FOUND_POOL Alpha 0
        bob FOUND_POOL Beta 0""")
    stage.frozen = {0}
    stage.round()
    assert [pool.active for pool in stage.pools.pools.values()] == [False, True]
    play("bob LEAVE", stage)
    assert stage.pools.pools[2].active  # until the round ends
    stage.frozen = set()
    stage.round()
    assert [pool.active for pool in stage.pools.pools.values()] == [True, False]


def test_a_pool_of_the_house_has_no_seat_and_no_reward(tmp_path):
    """What the exchange's own accounts got would be taken from its members."""
    ground = Ground(tmp_path)
    for master, name in ((0, "Alpha"), (1, "Beta")):
        assert ground.act(Verb.FOUND_POOL, master, text=name) == ""
    assert ground.act(Verb.MARK_HOUSE, other=0, value=1) == ""
    for _ in range(8):
        ground.next_day()
    assert [(p.number, p.active) for p in ground.merit.closed[7].pools] == [(1, False), (2, True)]
    assert ground.act(Verb.MARK_HOUSE, other=0, value=0) == ""
    for _ in range(7):
        ground.next_day()
    assert [pool.active for pool in ground.merit.closed[14].pools] == [True, True]


def test_one_owner_who_is_found_out_later_is_in_one_pool_from_the_next_round_on():
    stage = play("""
        bob FOUND_POOL Alpha 0
        ann FOUND_POOL Beta 0
        ann SET_DOOR 2 1
        bob SET_DOOR 1 1
        cat APPLY 1
        dan APPLY 2
        round
        owner cat dan bob
        round
        in 1 bob cat
        in 2 ann""")
    assert stage.pools.pools[2].active


def test_one_owner_of_two_pools_has_one_seat():
    stage = play("""
        ann FOUND_POOL Alpha 0
        bob FOUND_POOL Beta 0
        bob SET_DOOR 2 1
        cat APPLY 2
        round
        owner ann bob
        round
        in 1 ann
        in 2 cat
        bob APPLY 1           -> a master stays: name another master of 'Beta' first
        bob APPLY 2  -> ONE_POOL 1
        bob NAME_MASTER 2 cat
        round
        cat SET_COMMISSION 2 1
        bob APPLY 1""")
    assert [pool.active for pool in stage.pools.pools.values()] == [True, True]


def test_where_a_person_is_master_the_other_accounts_go_and_whoever_goes_is_no_master():
    play("""
        cat FOUND_POOL Alpha 0
        dan FOUND_POOL Beta 0
        dan SET_DOOR 2 1
        bob APPLY 2
        round
        dan NAME_MASTER 2 bob
        owner bob cat
        round
        in 1 cat
        in 2 dan
        dan SET_COMMISSION 2 1
        bob SET_COMMISSION 2 1   -> only the master of 'Beta' does that""")


def test_a_pool_that_nobody_is_left_in_closes():
    stage = play("""
        ann FOUND_POOL Alpha 0
        bob FOUND_POOL Beta 0
        cat APPLY 2
        round
        owner ann bob
        round
        in 2
        cat APPLY 2           -> 'Beta' is closed; found another
        bob APPLY 1""")
    assert stage.pools.pools[2].applications == set() and not stage.pools.pools[2].active


def test_votes_of_who_came_after_the_round_began_or_of_nobody_decide_nothing():
    stage = play("""
        ann FOUND_POOL Alpha 0
        ann SET_DOOR 1 1
        bob APPLY 1
        cat APPLY 1
        round
        bob VOTE_MASTER 1 bob""")
    for account in (3, 4, 5, 77, 10**12):
        stage.act(Verb.APPLY, account, pool=1)
        why = stage.act(Verb.VOTE_MASTER, account, pool=1, other=1)
        assert why == "you were not in 'Alpha' when the round began"
    assert stage.pools.pools[1].next_master == -1 and stage.pools.pools[1].votes == {1: 1}
    stage.round()
    assert stage.pools.pools[1].master == 0
    assert stage.act(Verb.VOTE_MASTER, 2, pool=1, other=1) == ""
    assert stage.pools.pools[1].votes == {2: 1}  # votes of a past round are gone


def test_leaving_does_not_lower_how_many_votes_decide():
    play("""
        ann FOUND_POOL Alpha 0
        ann SET_DOOR 1 1
        bob APPLY 1
        cat APPLY 1
        dan APPLY 1
        round
        cat LEAVE
        dan LEAVE
        bob VOTE_MASTER 1 bob
        ann BAN 1 bob          -> members vote for account 1: ban it in another round
        round
        in 1 ann bob
        ann BAN 1 bob
        round
        in 1 ann""")


def test_who_is_verified_decides_and_each_person_once():
    """Accounts are for nothing: neither twenty of strangers nor two of one person decide."""
    stage = play("""
        ann FOUND_POOL Alpha 0
        ann SET_DOOR 1 1
        bob APPLY 1
        cat APPLY 1
        dan APPLY 1
        eve APPLY 1
        owner bob cat""")
    crowd = range(10, 30)
    for account in crowd:
        assert stage.act(Verb.APPLY, account, pool=1) == ""
    stage.round()
    assert stage.pools.pools[1].verified == 4  # ann, bob who is cat too, dan, eve
    for account in crowd:
        why = stage.act(Verb.VOTE_MASTER, account, pool=1, other=10)
        assert why == "who votes was verified when the round began, and you were not"
    play(
        """
        bob VOTE_MASTER 1 bob
        cat VOTE_MASTER 1 bob
        dan VOTE_MASTER 1 bob
        ann SET_COMMISSION 1 1""",
        stage,
    )
    assert stage.pools.pools[1].votes == {2: 1, 3: 1} and not stage.pools.pools[1].voted
    play("eve VOTE_MASTER 1 bob", stage)
    assert stage.pools.pools[1].voted and stage.pools.pools[1].next_master == 1


def test_a_person_takes_one_name_in_a_round():
    play("""
        ann FOUND_POOL Alpha 0
        ann LEAVE
        ann FOUND_POOL Beta 0  -> a person founds one pool in a round: found another in the next
        owner ann bob
        bob FOUND_POOL Beta 0  -> a person founds one pool in a round: found another in the next
        round
        bob FOUND_POOL Beta 0""")


@pytest.mark.parametrize(
    "taken, name",
    [
        ("Alpha", "ALPHA"), ("Alpha", "  alpha\t"), ("Alpha One", "alpha\u00a0\u2003one"),
        ("Alpha", "Ａｌｐｈａ"), ("Straße", "STRASSE"), ("Café", "Cafe\u0301"), ("Office", "Oﬃce"),
        ("Kelvin", "\u212aelvin"), ("Alpha One", "Alpha\nOne"),
    ],
)  # fmt: skip
def test_a_name_that_reads_the_same_is_taken(taken, name):
    stage = Stage()
    assert stage.act(Verb.FOUND_POOL, 0, text=taken) == ""
    assert "take another" in stage.act(Verb.FOUND_POOL, 1, text=name)


INVISIBLE = (
    "\u200b\u200d\u2060\u00ad\u202e\ufeff\u034f\u115f\u3164\uffa0\ufe0f\u2800\U000e0041\x00\x1b\x7f"
)


@pytest.mark.parametrize("character", INVISIBLE, ids=ascii)
def test_a_name_holds_nothing_that_is_not_seen(character):
    for name in (f"Alp{character}ha", f"Alpha{character}", f"{character}Alpha", character * 5):
        with pytest.raises(ActRefused, match="a pool's name has 3 to 40 printable characters"):
            check_name(name)


def test_a_name_is_in_one_alphabet():
    for name in ("\u0410lpha", "Alph\u03b1", "\u0391\u0411\u0412"):
        with pytest.raises(ActRefused, match="a pool's name is in one alphabet, not in "):
            check_name(name)
    for name in ("Альфа 1", "Αλφα", "日本 Pool", "Zoë & co.", "बिटकॉइन", "42!"):
        assert check_name(name) == name


def test_a_name_has_a_size():
    for name in ("", "ab", "  ab  ", "x" * 41, "x" * 10**6, " " * 50):
        with pytest.raises(ActRefused) as refused:
            check_name(name)
        assert len(str(refused.value)) < 200
    assert check_name("abc") == "abc" and check_name("x" * 40) == "x" * 40
    assert check_name(" x" * 20) == " ".join("x" * 20)
