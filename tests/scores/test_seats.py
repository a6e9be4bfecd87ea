"""Seats: all who qualify, in order, each with a proof that the contract takes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.scores.rosters import Candidate, PoolScore, congress_order, senate_order
from excraft.scores.seats import congress_seats, leaf_of, senate_seats
from excraft.scores.tree import Chamber, proves, score_leaves

AMOUNTS = st.integers(0, 4).map(lambda n: n * 10**30)
CANDIDATES = st.lists(
    st.builds(Candidate, st.integers(1, 60), AMOUNTS, AMOUNTS, st.booleans(), st.booleans()),
    max_size=30, unique_by=lambda one: one.account,
)  # fmt: skip
POOLS = st.lists(
    st.builds(PoolScore, st.integers(1, 60), st.integers(0, 9), AMOUNTS, st.integers(98, 102),
              st.booleans()),
    max_size=30, unique_by=lambda pool: pool.number,
)  # fmt: skip
ADDRESSES = {n: "0x" + f"{n % 7:02x}" * 20 for n in range(1, 61)}  # some share one


@given(CANDIDATES, POOLS, st.randoms())
@settings(max_examples=50, deadline=None)
def test_everybody_who_qualifies_has_a_proof(candidates, pools, chance):
    congress, senate = congress_seats(3, candidates, ADDRESSES), senate_seats(3, pools, ADDRESSES)
    assert [row[4] for row in congress.rows] == [one.account for one in congress_order(candidates)]
    assert [row[4] for row in senate.rows] == [pool.number for pool in senate_order(pools)]
    for seats, chamber in ((congress, Chamber.CONGRESS), (senate, Chamber.SENATE)):
        seats.invariant()
        for row in seats.rows:
            leaf = score_leaves(chamber, 3, [leaf_of(row)])[0].tobytes()
            assert proves(seats.tree.root, leaf, seats.proof(3, row[0]))
            other = score_leaves(chamber, 4, [leaf_of(row)])[0].tobytes()
            assert not proves(seats.tree.root, other, seats.proof(3, row[0]))
    chance.shuffle(candidates)
    assert congress_seats(3, candidates, ADDRESSES).tree.root == congress.tree.root


def test_who_has_no_address_cannot_claim_a_seat():
    both = [Candidate(n, 5, 5, True, False) for n in (1, 2)]
    assert [row[4] for row in congress_seats(1, both, {2: ADDRESSES[2]}).rows] == [2]
    assert [row[4] for row in congress_seats(1, both, {1: "", 2: ADDRESSES[2]}).rows] == [2]


@pytest.mark.parametrize("verified, seats", [(99, 0), (100, 1)])
def test_ninety_nine_verified_members_have_no_seat(verified, seats):
    pool = PoolScore(1, 1, 10, verified, True)
    assert len(senate_seats(1, [pool], ADDRESSES).rows) == seats
