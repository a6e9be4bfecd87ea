"""Trees of scores: every size, the leaf that the contract makes, and trees on the disk."""

import pytest
from eth_abi import encode
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.scores.tree import EMPTY, Chamber, Tree, proves, score_leaves

SIZES = [0, 1, 2, 3] + [2**k + d for k in (2, 3, 6) for d in (-1, 0, 1)]
SCORES = st.tuples(
    st.binary(min_size=20, max_size=20), st.integers(0, 2**256 - 1), st.integers(0, 2**256 - 1),
    st.integers(0, 2**63),
)  # fmt: skip


def scores(count: int) -> list[tuple]:
    return [(n.to_bytes(20, "big"), 10**30 + n, n, n) for n in range(1, count + 1)]


@given(st.sampled_from(Chamber), st.integers(0, 2**64 - 1), st.lists(SCORES, max_size=4))
@settings(max_examples=50, deadline=None)
def test_a_leaf_is_what_the_contract_makes_of_it(chamber, number, given_scores):
    types = ["uint8", "uint64", "address", "uint256", "uint256", "uint256"]
    expected = [keccak(keccak(encode(types, [chamber, number, *one]))) for one in given_scores]
    found = score_leaves(chamber, number, given_scores)
    assert [row.tobytes() for row in found] == expected


@pytest.mark.parametrize("count", SIZES)
def test_every_leaf_is_proved_and_no_other(count):
    leaves = score_leaves(Chamber.CONGRESS, 6, scores(count))
    tree = Tree(leaves)
    tree.invariant()
    assert len(tree) == count
    assert (tree.root == EMPTY) == (count == 0)
    others = score_leaves(Chamber.SENATE, 6, scores(count))
    for leaf, other in zip(leaves, others, strict=True):
        proof = tree.proof(leaf.tobytes())
        assert not proves(tree.root, other.tobytes(), proof)  # a seat in the other chamber
        with pytest.raises(KeyError, match="is not in the tree"):
            tree.proof(other.tobytes())


@given(st.integers(0, 40), st.randoms())
@settings(max_examples=30, deadline=None)
def test_the_order_of_leaves_does_not_matter(count, chance):
    leaves = score_leaves(Chamber.SENATE, 1, scores(count))
    order = list(range(count))
    chance.shuffle(order)
    assert Tree(leaves[order]).root == Tree(leaves).root


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_saved_tree_gives_the_same_proofs(tmp_path, count):
    leaves = score_leaves(Chamber.SENATE, 1, scores(count))
    tree = Tree(leaves)
    tree.save(tmp_path / "tree.npy")
    again = Tree.open(tmp_path / "tree.npy")
    assert (again.root, len(again)) == (tree.root, count)
    for leaf in leaves:
        assert again.proof(leaf.tobytes()) == tree.proof(leaf.tobytes())


@pytest.mark.parametrize(
    "number, score, message",
    [
        (1 << 64, (bytes(20), 1, 1, 1), "round 18446744073709551616 does not fit"),
        (1, (bytes(19), 1, 1, 1), "has 19 bytes; it must have 20"),
        (1, (bytes(20), -1, 1, 1), "does not fit in 256 bits"),
        (1, (bytes(20), 1 << 256, 1, 1), "does not fit in 256 bits"),
    ],
)
def test_what_no_contract_can_hold_is_refused(number, score, message):
    with pytest.raises(ValueError, match=message):
        score_leaves(Chamber.CONGRESS, number, [score])
