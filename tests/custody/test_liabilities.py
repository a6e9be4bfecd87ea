"""The sum tree: what it adds up to, what it refuses, what neighbours can see."""

from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.custody.liabilities import (
    ATOMS_LIMIT,
    LiabilitiesError,
    Tree,
    atoms_of,
    build,
    climbed,
    parts_of,
    path_of,
    to_atoms,
)
from excraft.custody.liabilities_hiding import SHARE, Hiding
from tests.custody.liabilities_made import LOG_HASH, SECRET, checked, made

HIDING = Hiding(SECRET, "2026-11-22", LOG_HASH)
BALANCES = st.lists(
    st.one_of(st.just(0), st.integers(1, 1000), st.integers(0, 2**63), st.integers(0, 2**121)),
    max_size=40,
)


def tree_of(amounts: list[int], hiding: Hiding = HIDING) -> Tree:
    ids = np.array([sha256(bytes([n % 256])).digest() for n in range(len(amounts))], "V32")
    return build("BTC", np.arange(len(amounts)), to_atoms(amounts), ids, hiding)


@settings(max_examples=60, deadline=None)
@given(BALANCES, BALANCES)
def test_every_member_is_counted_with_what_is_owed(bitcoins, dollars):
    root, proofs = made({"BTC": bitcoins, "USDT": dollars})
    totals = {asset["symbol"]: int(asset["total"]) for asset in root["assets"]}
    assert totals == {"BTC": sum(bitcoins), "USDT": sum(dollars)}
    for account, proof in enumerate(proofs):
        owed = {"BTC": bitcoins, "USDT": dollars}
        assert checked(proof, root) == {
            symbol: amounts[account] if account < len(amounts) else 0
            for symbol, amounts in owed.items()
        }


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64, 65])
def test_sizes_around_powers_of_two(count):
    amounts = [1000 + n for n in range(count)]
    root, proofs = made({"BTC": amounts})
    assert [checked(proof, root)["BTC"] for proof in proofs] == amounts
    assert int(root["assets"][0]["total"]) == sum(amounts)


def test_the_largest_sum_fits_and_one_more_is_refused():
    assert tree_of([ATOMS_LIMIT - 1]).total == ATOMS_LIMIT - 1
    assert tree_of([ATOMS_LIMIT - 2, 1]).total == ATOMS_LIMIT - 1
    with pytest.raises(LiabilitiesError, match=r"less than 2\^127"):
        tree_of([ATOMS_LIMIT - 1, 1])


@pytest.mark.parametrize("amount", [-1, ATOMS_LIMIT])
def test_a_balance_out_of_range_is_refused(amount):
    with pytest.raises(LiabilitiesError, match=str(amount)):
        to_atoms([5, amount])
    with pytest.raises(LiabilitiesError, match=r"2\^127 atoms or more, or below 0"):
        words = np.zeros(1, to_atoms([]).dtype)
        words["high"] = 1 << 63
        build("BTC", np.arange(1), words, np.zeros(1, "V32"), HIDING)


def test_an_account_twice_is_refused():
    with pytest.raises(LiabilitiesError, match="ascend"):
        build("BTC", np.array([3, 3]), to_atoms([1, 1]), np.zeros(2, "V32"), HIDING)


def test_carries_between_the_words_of_a_sum():
    amounts = [2**64 - 1] * 33 + [2**64, 1]
    tree = tree_of(amounts)
    assert tree.total == sum(amounts)
    for level in tree.levels:
        assert sum(atoms_of(node) for node in level) == sum(amounts)


def test_leaving_a_member_out_changes_the_total_and_breaks_the_proof():
    amounts = [500, 70, 9000, 1, 300]
    whole, proofs = made({"BTC": amounts})
    for gone in range(len(amounts)):
        less, _ = made({"BTC": [0 if n == gone else a for n, a in enumerate(amounts)]})
        assert int(less["assets"][0]["total"]) == sum(amounts) - amounts[gone]
        assert less["hash"] != whole["hash"]
        with pytest.raises(Exception, match="is another root"):
            checked(proofs[gone], less)
        with pytest.raises(Exception, match="proof.assets.BTC"):
            checked(proofs[gone] | {"root": less["hash"]}, less)


def test_a_sum_is_inside_the_hash_with_both_its_children():
    """The flaw of a tree that adds without committing to each child: the two sums are shifted."""
    tree = tree_of([40, 60])
    place = parts_of(tree.parts, 0)[0]
    path = path_of(tree.levels, place)
    leaf, own = tree.levels[0][place], atoms_of(tree.levels[0][place])
    digest = bytes(leaf["hash"])
    assert climbed(own, digest, path) == (100, tree.hash)
    shifted = [path[0] | {"sum": str(int(path[0]["sum"]) - 1)}, *path[1:]]
    total, top = climbed(own + 1, digest, shifted)
    assert total == 100 and top != tree.hash


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 10**12), max_size=30))
def test_no_leaf_gives_the_largest_holder_away(amounts):
    owners, words = HIDING.split("BTC", amounts)
    parts = [high << 64 | low for high, low in words.tolist()]
    most = max(1, sum(amounts) // SHARE)
    assert all(0 < part <= most for part in parts)
    got = [0] * len(amounts)
    for owner, part in zip(owners.tolist(), parts, strict=True):
        got[owner] += part
    assert got == amounts
    holders = sum(amount > 0 for amount in amounts)
    assert len(parts) <= holders + 4 * SHARE


def test_order_salts_and_nonces_are_new_each_day_and_for_each_position():
    others = [
        Hiding(SECRET, "2026-11-23", LOG_HASH),
        Hiding(SECRET, "2026-11-22", bytes(32)),
        Hiding(b"t" * 32, "2026-11-22", LOG_HASH),
    ]
    for other in others:
        assert other.nonces()(1) != HIDING.nonces()(1)
        assert other.salts("BTC")(1) != HIDING.salts("BTC")(1)
        assert other.places("BTC", 64).tolist() != HIDING.places("BTC", 64).tolist()
    assert HIDING.salts("BTC")(1) != HIDING.salts("USDT")(1)
    assert sorted(HIDING.places("BTC", 64).tolist()) == list(range(64))


def test_padding_is_worth_nothing_and_looks_like_any_hash():
    tree = tree_of([10] * 33)
    leaves = tree.levels[0]
    assert len(leaves) == 64
    empty = [node for node in leaves if atoms_of(node) == 0]
    assert len(empty) == 31
    assert len({bytes(node["hash"]) for node in leaves}) == 64


def test_the_same_state_gives_the_same_tree_again():
    assert made({"BTC": [5, 6, 7]}) == made({"BTC": [5, 6, 7]})
