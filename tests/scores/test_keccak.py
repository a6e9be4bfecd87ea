"""Keccak in batches: known answers, and what the plain implementation says of anything."""

import os
import subprocess
import sys

import numpy as np
import pytest
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.scores.keccak import hashes, tree_nodes
from excraft.scores.tree import node_of


def rows(*inputs: bytes) -> np.ndarray:
    return np.frombuffer(b"".join(inputs), np.uint8).reshape(len(inputs), -1)


@pytest.mark.parametrize(
    "given_bytes, known",
    [  # published: of nothing, and of words of zeros as contracts hash them
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (bytes(32), "290decd9548b62a8d60345a988386fc84ba6bc95484008f6362f93160ef3e563"),
        (bytes(64), "ad3228b676f7d3cd4284a5443f17f1962b36e491b30a40b2405849e597ba5fb5"),
    ],
)
def test_known_answers(given_bytes, known):
    assert hashes(rows(given_bytes)).tobytes().hex() == known == keccak(given_bytes).hex()


@given(st.integers(0, 40).map(lambda n: 8 * n), st.data())
@settings(max_examples=60, deadline=None)
def test_every_row_has_the_plain_hash(length, data):
    inputs = data.draw(
        st.lists(st.binary(min_size=length, max_size=length), min_size=1, max_size=5)
    )
    found = hashes(rows(*inputs))
    assert [row.tobytes() for row in found] == [keccak(one) for one in inputs]


@pytest.mark.parametrize("length", [64, 128, 136, 192])
def test_many_rows_have_the_plain_hash(length):
    many = np.random.default_rng(length).integers(0, 256, (300, length), np.uint8)
    assert [row.tobytes() for row in hashes(many)] == [keccak(row.tobytes()) for row in many]


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=9))
@settings(max_examples=40, deadline=None)
def test_nodes_are_the_plain_ones(leaves):
    nodes = [row.tobytes() for row in tree_nodes(rows(*leaves))]
    assert nodes[len(leaves) - 1 :] == leaves
    for at in range(len(leaves) - 1):
        assert nodes[at] == node_of(nodes[2 * at + 1], nodes[2 * at + 2])


def test_a_length_that_it_does_not_take_is_refused():
    with pytest.raises(ValueError, match="rows of 20 x uint8; a multiple of 8"):
        hashes(rows(bytes(20)))


def test_it_runs_uncompiled():
    program = (
        "import numpy as np\nfrom excraft.scores.keccak import hashes\n"
        "print(hashes(np.zeros((1, 64), np.uint8)).tobytes().hex())"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    plain = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(command, env=plain, check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout.strip() == keccak(bytes(64)).hex()
