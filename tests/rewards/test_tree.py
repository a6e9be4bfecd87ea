"""The tree of claims: every size, every leaf; nothing else is proved."""

import pytest
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from excraft.rewards.tree import EMPTY, ClaimTree, leaf_of, node_of, proves

ADDRESSES = st.binary(min_size=20, max_size=20)
SIZES = [0, 1, 2, 3] + [2**k + d for k in (2, 3, 6) for d in (-1, 0, 1)]


def claims(count: int) -> dict[bytes, int]:
    return {i.to_bytes(20, "big"): 10 * i + 1 for i in range(1, count + 1)}


@pytest.mark.parametrize("count", SIZES)
def test_every_leaf_is_proved_and_no_other_amount(count):
    tree = ClaimTree(claims(count))
    tree.invariant()
    assert (tree.root == EMPTY) == (count == 0)
    for address, units in tree.claims.items():
        for wrong in (units - 1, units + 1, 0):
            assert not proves(tree.root, leaf_of(address, wrong), tree.proof(address))
        assert not proves(tree.root, leaf_of(bytes(20), units), tree.proof(address))


def test_a_known_tree():
    """Two leaves, put together by hand: the sum of both hashes in order."""
    tree = ClaimTree({b"\x11" * 20: 5 * 10**18, b"\x22" * 20: 25 * 10**17})
    one, other = leaf_of(b"\x11" * 20, 5 * 10**18), leaf_of(b"\x22" * 20, 25 * 10**17)
    # the published example of OpenZeppelin's merkle-tree package, version 1
    assert tree.root.hex() == keccak(min(one, other) + max(one, other)).hex()
    assert tree.root.hex() == "d4dee0beab2d53f2cc83e567171bd2820e49898130a22622b10ead383e90bd77"


@pytest.mark.parametrize("count", [c for c in SIZES if c > 1])
def test_an_inner_node_is_no_leaf(count):
    """The 64 bytes below a node, offered as a claim of (address, units), lead nowhere."""
    tree = ClaimTree(claims(count))
    for at in range(count - 1):
        left, right = sorted((tree.tree.node(2 * at + 1), tree.tree.node(2 * at + 2)))
        forged = keccak(keccak(left + right))
        path, place = [], at
        while place > 0:
            path.append(tree.tree.node(place + 1 if place % 2 else place - 1))
            place = (place - 1) // 2
        assert proves(tree.root, node_of(left, right), path)  # it is a node of this tree
        assert not proves(tree.root, forged, path)


def test_another_proof_proves_nothing():
    tree = ClaimTree(claims(9))
    first, second = list(tree.claims)[:2]
    assert not proves(tree.root, leaf_of(first, tree.claims[first]), tree.proof(second))
    assert not proves(tree.root, leaf_of(first, tree.claims[first]), tree.proof(first)[:-1])
    with pytest.raises(KeyError):
        tree.proof(bytes(20))


@given(st.dictionaries(ADDRESSES, st.integers(0, 2**256 - 1), max_size=40), st.randoms())
def test_the_order_of_claims_does_not_matter(entries, chance):
    pairs = list(entries.items())
    chance.shuffle(pairs)
    assert ClaimTree(dict(pairs)).root == ClaimTree(entries).root
    ClaimTree(entries).invariant()


@pytest.mark.parametrize("address, units", [(bytes(19), 1), (bytes(20), -1), (bytes(20), 1 << 256)])
def test_what_no_contract_can_hold_is_refused(address, units):
    with pytest.raises(ValueError, match="must have 20|256 bits"):
        leaf_of(address, units)
