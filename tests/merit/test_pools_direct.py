"""One act of one member looks up what it needs: it never goes through all pools or all accounts."""

import msgspec
import pytest

from excraft.merit.acts import Act
from excraft.merit.known import Known
from excraft.merit.pools import Pools
from excraft.messages.events import Event, EventKind
from excraft.messages.merit import Verb
from excraft.parameters import Parameter
from tests.merit.pools_stage import play


class Unscanned(dict):
    """Answers for one key, and fails whoever goes through it."""

    def _scanned(self, *_):
        raise AssertionError("all of it was gone through")

    __iter__ = keys = values = items = _scanned


STORY = """
    ann FOUND_POOL Alpha 0
    bob FOUND_POOL Beta 0
    ann SET_DOOR 1 1
    cat APPLY 1
    dan APPLY 1
    eve APPLY 2
    round"""
NEXT = [
    (Verb.WITHDRAW_APPLICATION, 4, {"pool": 2}), (Verb.APPLY, 4, {"pool": 2}),
    (Verb.ADMIT, 1, {"pool": 2, "other": 4}), (Verb.FOUND_POOL, 5, {"text": "Gamma"}),
    (Verb.LEAVE, 5, {}), (Verb.VOTE_MASTER, 3, {"pool": 1, "other": 2}),
    (Verb.VOTE_MASTER, 2, {"pool": 1, "other": 2}), (Verb.LEAVE, 2, {}),
    (Verb.BAN, 0, {"pool": 1, "other": 3}), (Verb.NAME_MASTER, 0, {"pool": 1, "other": 0}),
]  # fmt: skip


def test_acts_go_through_no_table():
    pools = play(STORY).pools
    pools.pools, pools.pool_of = Unscanned(pools.pools), Unscanned(pools.pool_of)
    pools.next_of = Unscanned(pools.next_of)
    for pool in pools.pools[1], pools.pools[2]:
        pool.votes = Unscanned(pool.votes)
    for verb, account, more in NEXT:
        pools.act(Act(verb, account, **more))
    assert pools.pools[3].closed and pools.will_be(4) == 2 and pools.will_be(3) == 0


def test_other_accounts_of_an_owner_are_looked_up():
    known = Known()
    known.index()
    for account, group in ((3, 9), (1, 9), (2, 5), (4, 9), (4, 5), (1, 0)):
        event = dict.fromkeys(Event._fields, 0) | {
            "kind": EventKind.PARAMETER_SET, "trade_id": int(Parameter.TRADE_GROUP),
            "account": account, "amount": group,
        }  # fmt: skip
        known.learn(Event(**event), None)
        known.invariant()
    known.groups = Unscanned(known.groups)
    assert [known.owned_with(account) for account in range(5)] == [[], [], [4], [], [2]]


@pytest.mark.parametrize("again", [False, True])
def test_what_is_looked_up_is_made_again_from_a_snapshot(again):
    pools = play(STORY).pools
    if again:
        raw = msgspec.json.encode(pools)
        pools = msgspec.json.decode(raw, type=Pools)
        assert msgspec.json.encode(pools) == raw
    pools.invariant()
    assert pools.named("ALPHA").number == 1 and pools.mastered_by(1).number == 2
    assert [pools.inside(number) for number in (1, 2, 3)] == [[0, 2, 3], [1], []]
    pools.act(Act(Verb.LEAVE, 2))
    assert pools.inside(1) == [0, 2, 3]  # in the round that runs
    pools.start_round({0}, set(), {})
    assert pools.inside(1) == [0, 3]
    assert pools.mastered_by(2) is None


def test_a_closed_pool_has_no_master():
    pools = play("""
        ann FOUND_POOL Alpha 0
        ann LEAVE
        round
        ann FOUND_POOL Beta 0""").pools
    assert pools.mastered_by(0).number == 2
    pools.act(Act(Verb.LEAVE, 0))
    assert pools.mastered_by(0) is None and pools.named("Beta").closed


@pytest.mark.parametrize("again", [False, True])
def test_other_accounts_are_known_again_from_a_snapshot(again):
    known = Known(groups={3: 9, 4: 9})
    if again:
        known = msgspec.json.decode(msgspec.json.encode(known), type=Known)
    assert known.owned_with(4) == [3]
    known.copy().invariant()
