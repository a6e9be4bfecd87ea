"""A day closed from its dataset: equal to another implementation, whatever the day."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.dataset.days import open_day
from excraft.dataset.errors import Malformed
from excraft.dataset.tables import Result
from excraft.rewards.close import close, compute
from tests.dataset.made import facts, publish
from tests.rewards.made import ADDRESSES, IDS, SMALL, VERIFIER, days, made_day

A, B, C = IDS[:3]


@given(days())
@settings(max_examples=150, deadline=None)
def test_the_verifier_computes_the_same(tmp_path_factory, day):
    published = close(made_day(tmp_path_factory.mktemp("day"), day))
    published.check()
    manifest, members, rows = VERIFIER["check"](published.path)
    assert manifest == published.manifest
    assert rows == [(row[0].hex(), *row[1:]) for row in published.rows("results")]


@given(days(), st.randoms())
@settings(max_examples=30, deadline=None)
def test_a_permuted_ledger_gives_the_same_rewards_and_root(tmp_path_factory, day, chance):
    """Trades with other numbers, so in another order, stakes cut in two: nothing changes."""
    tables, given_facts = day
    first = compute(made_day(tmp_path_factory.mktemp("one"), day))
    numbers = sorted({fill[0] for fill in tables["fills"]})
    other = dict(zip(numbers, chance.sample(range(10**6), len(numbers)), strict=True))
    fills = sorted(((other[f[0]], *f[1:]) for f in tables["fills"]), key=lambda f: (f[0], f[3]))
    stakes = []
    for one, source, units, begin, end in tables["stakes"]:
        middle = chance.randint(begin, end)
        stakes += [(one, source, units, begin, middle), (one, source, units, middle, end)]
    stakes.sort(key=lambda s: (s[0], s[1], s[3]))
    permuted = {**tables, "fills": fills, "stakes": stakes}
    again = compute(made_day(tmp_path_factory.mktemp("other"), (permuted, given_facts)))
    assert again.results == first.results
    assert (again.poe, again.token_seconds) == (first.poe, first.token_seconds)


STORY = {
    "members": [
        (A, b"", 1, 0, 0, 7, "", "credit", 0),
        (B, b"", 1, 0, 0, 7, ADDRESSES[0], "chain", 100),
        (C, b"", 1, 0, 0, 0, ADDRESSES[1], "credit", 50),
    ],
    "fills": [
        (1, B, A, 0, 0, 1_000_000, 10**9, 10_000),
        (1, A, B, 1, 0, 1_000_000, 10**9, 10_000),
        (2, C, A, 0, 1, 777, 10**6, 10_000),  # an asset without a rate
    ],
    "stakes": [(C, "vault", 10**18, facts(1).begin, facts(1).end)],
    "pools": [(7, A, 1, 1_000, 1, 2)],
    "rates": [(0, 2, 3)],
}  # fmt: skip


def story(root, **changed):
    terms = SMALL._replace(max_rebate_ppm=0, first=10**18)
    return publish(root, STORY | changed, facts(1, terms=terms, total_before=150, traded=None))


def test_a_story_in_numbers(tmp_path):
    day = close(story(tmp_path))
    poe_a = poe_b = (10**6 - 3 * 10**5) * 2 // 3  # less 30 % referral
    units = 25 * 10**10  # for one atom, at 4 atoms for 10^12 units
    reward = (poe_a + poe_b) * units // 2  # half of it, the cap
    assert day.results.poe == reward < 10**18 // 2
    given_a = reward * poe_a // (poe_a + poe_b)
    pool = (poe_a + poe_b) * units * 3 // 10
    rest = pool - pool // 10
    share_a = pool // 10 + rest * poe_a // (poe_a + poe_b)
    rows = {row.id: row for row in day.rows("results")}
    assert rows[A].poe == poe_a and rows[B].poe == poe_b and rows[C].poe == 0
    assert rows[A][3:] in [(given_a + d, 0, share_a + e, 0) for d in (0, 1) for e in (0, 1)]
    assert rows[C] == Result(C, 0, 10**18 * 86_400, 0, 2 * 10**17, 0, 50)
    assert rows[B].cumulative == 100 + sum(rows[B][3:6])
    assert list(day.rows("pool_results")) == [(7, poe_a + poe_b, pool)]
    assert day.results.paid == reward + 2 * 10**17 + pool
    assert day.results.carry == 5 + 10**18 - day.results.paid
    assert day.results.total == 150 + sum(rows[B][3:6])


def test_stake_of_the_house_counts_nothing(tmp_path):
    """What it holds is the exchange's, and would take from its members."""
    begin, end = facts(1).begin, facts(1).end
    members = [*STORY["members"][:2], (C, b"", 1, 0, 1, 0, ADDRESSES[1], "credit", 50)]
    stakes = [(B, "vault", 1, begin, end), (C, "vault", 10**18, begin, end)]
    day = close(story(tmp_path, members=members, stakes=sorted(stakes)))
    rows = {row.id: row for row in day.rows("results")}
    assert rows[C].token_seconds == rows[C].reward_stake == 0
    assert rows[B].token_seconds == end - begin and rows[B].reward_stake == day.results.stake > 0
    VERIFIER["check"](day.path, None)


def test_pools_beyond_the_seats_get_nothing(tmp_path):
    """The Senate's seats are those of the terms; here there is one, for the pool with more PoE."""
    members = [(*row[:5], number, *row[6:]) for row, number in zip(
        STORY["members"], (7, 8, 0), strict=True)]  # fmt: skip
    fills = [
        (1, B, C, 0, 0, 1_000_000, 10**9, 10_000), (1, C, B, 1, 0, 1_000, 10**9, 10_000),
        (2, C, A, 0, 0, 1_000, 10**9, 10_000), (2, A, C, 1, 0, 900_000, 10**9, 10_000),
    ]  # fmt: skip
    pools = [(7, A, 1, 1_000, 1, 2), (8, B, 1, 1_000, 1, 2)]
    for seats, paid in ((1, {8}), (2, {7, 8})):
        terms = SMALL._replace(max_rebate_ppm=0, first=10**18, seats=seats)
        given_facts = facts(1, terms=terms, total_before=150, traded=None)
        tables = STORY | {"members": members, "fills": fills, "pools": pools}
        day = close(publish(tmp_path / str(seats), tables, given_facts))
        assert {row.pool for row in day.rows("pool_results") if row.units} == paid
        VERIFIER["check"](day.path, None)


def test_closed_again_it_is_the_same(tmp_path):
    first = close(story(tmp_path))
    content = {path.name: path.read_bytes() for path in first.path.iterdir()}
    assert close(open_day(tmp_path, 1)).manifest == first.manifest
    assert {path.name: path.read_bytes() for path in first.path.iterdir()} == content


def test_a_day_without_anything_carries_all(tmp_path):
    day = close(publish(tmp_path, {}, facts(3)))
    assert (day.results.paid, day.results.carry) == (0, 5 + day.results.emitted)
    assert day.results.claims_root == "00" * 32
    assert list(day.rows("results")) == []


FILL, MEMBERS = STORY["fills"][0], STORY["members"]


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"fills": [FILL[:1] + (IDS[9],) + FILL[2:]]}, f"fills, line 2: id: {IDS[9].hex()} is not"),
        ({"fills": [FILL[:7] + (10_001,)]}, "fills, line 2: weight: 10001 is not from 0 to 10000"),
        ({"stakes": [(IDS[9], "vault", 1, facts(1).begin, facts(1).end)]}, "stakes, line 2: id"),
        ({"stakes": [(A, "vault", 1, 5, facts(1).end)]}, "stakes, line 2: begin, end: 5, "),
        ({"pools": [(7, IDS[9], 1, 1_000, 1, 2)]}, "pools, line 2: master"),
        ({"pools": [(8, A, 1, 1_000, 1, 2)]}, "members, line 2: pool: there is no pool 7"),
        ({"pools": [(7, A, 1, 2_001, 1, 2)]}, "pools, line 2: commission_bp: 2001"),
        ({"flagged": [(B, A)]}, "flagged, line 2: low must be the lower id"),
        ({"rates": [(0, 1, 0)]}, "rates, line 2: denominator: 0 divides nothing"),
        ({"members": [MEMBERS[0][:7] + ("chain", 0), *MEMBERS[1:]]}, "members, line 2: address"),
        ({"members": [*MEMBERS[:2], MEMBERS[2][:8] + (51,)]}, "before adds up to 151; total_bef"),
    ],
)  # fmt: skip
def test_facts_that_do_not_fit_are_refused_with_their_line(tmp_path, changed, message):
    day = story(tmp_path, **changed)
    with pytest.raises(Malformed, match=message):
        close(day)
    assert open_day(tmp_path, 1).manifest["results"] is None


def test_two_members_with_one_address_have_one_leaf(tmp_path):
    both = [(*row[:6], ADDRESSES[0], "chain", 75) for row in MEMBERS[:2]]
    outcome = compute(story(tmp_path, members=[*both, (*MEMBERS[2][:6], "", "credit", 0)]))
    assert list(outcome.claims.claims) == [bytes.fromhex(ADDRESSES[0][2:])]
    assert outcome.claims.total == outcome.results.total > 150


def test_sums_are_exact_beyond_a_word(tmp_path):
    chance = random.Random(1)
    fills = [(n, A, B, 1, n % 2, 2**63 - 1 - chance.randrange(9), 5, 9_999) for n in range(40)]
    outcome = compute(story(tmp_path, fills=fills, rates=[(0, 10**20, 3), (1, 1, 7)]))
    left = [(f[4], f[5] - f[5] * 3 // 10) for f in fills]  # less 30 % referral
    sums = [sum(fee * 9_999 // 10_000 for one, fee in left if one == asset) for asset in (0, 1)]
    assert outcome.poe == [sums[0] * 10**20 // 3 + sums[1] // 7, 0, 0]
