"""Trees of hashes, and the leaves of those by which seats are claimed on chain.

Laid out like OpenZeppelin's StandardMerkleTree, so that its tools and the contracts' MerkleProof
read it. A leaf is hashed twice: hashed once, 64 bytes could be read as two children of a node. No
leaf is doubled to fill a row; a lone one is part of a higher row.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from pathlib import Path

import numpy as np
from eth_utils import keccak

from excraft.scores.keccak import HASH_BYTES, hashes, tree_nodes

EMPTY = bytes(32)  # root of a tree without leaves: no proof leads to it
UINT256_MAX = (1 << 256) - 1
ADDRESS_BYTES = 20
WORD = 32


class Chamber(IntEnum):
    """Whose seats a tree of scores is about."""

    CONGRESS = 1
    SENATE = 2


def node_of(one: bytes, other: bytes) -> bytes:
    """A node from its two children, whichever is left: proofs need no directions."""
    return keccak(one + other if one <= other else other + one)


def proves(root: bytes, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """What the contracts do with a proof."""
    for sibling in proof:
        leaf = node_of(leaf, sibling)
    return leaf == root


def words_of(numbers: Iterable[int]) -> np.ndarray:
    """Each number as the 32 bytes of a uint256, (n, 32) uint8. Raises ValueError for others."""
    try:
        joined = b"".join([number.to_bytes(WORD, "big") for number in numbers])
    except OverflowError:
        raise ValueError("a number does not fit in 256 bits without a sign") from None
    return np.frombuffer(joined, np.uint8).reshape(-1, WORD)


def addresses_of(addresses: Sequence[bytes]) -> np.ndarray:
    """Each address of 20 bytes as the 32 bytes of ABI, (n, 32) uint8."""
    for address in addresses:
        if len(address) != ADDRESS_BYTES:
            raise ValueError(f"address 0x{address.hex()} has {len(address)} bytes; it must have 20")
    words = np.zeros((len(addresses), WORD), np.uint8)
    words[:, WORD - ADDRESS_BYTES :] = np.frombuffer(b"".join(addresses), np.uint8).reshape(
        -1, ADDRESS_BYTES
    )
    return words


def leaves_of(*columns: np.ndarray) -> np.ndarray:
    """Leaves (n, 32) of ABI words side by side, hashed twice."""
    return hashes(hashes(np.concatenate(columns, 1)))


def score_leaves(chamber: Chamber, number: int, scores: Sequence[tuple]) -> np.ndarray:
    """Leaves of (address of 20 bytes, first, second, id) in round `number`: of
    abi.encode(uint8 chamber, uint64 round, address, uint256 first, uint256 second, uint256 id)."""
    if not 0 <= number < 1 << 64:
        raise ValueError(f"round {number} does not fit in 64 bits without a sign")
    head = words_of([chamber, number]).reshape(1, -1).repeat(len(scores), 0)
    who, *rest = zip(*scores, strict=True) if scores else ((), (), (), ())
    return leaves_of(head, addresses_of(who), *map(words_of, rest))


class Tree:
    """A tree over distinct leaves, (n, 32) uint8 in any order."""

    def __init__(self, leaves: np.ndarray) -> None:
        count = len(leaves)
        keys = np.ascontiguousarray(leaves).view(">u8").reshape(count, 4)
        order = np.lexsort(keys.T[::-1])[::-1]  # as OpenZeppelin: the least leaf is the last node
        self._nodes = tree_nodes(leaves[order]) if count else np.empty((0, HASH_BYTES), np.uint8)

    @classmethod
    def open(cls, path: Path) -> "Tree":
        """A saved tree; its nodes stay on the disk until a proof needs them."""
        tree = cls.__new__(cls)
        tree._nodes = np.load(path, mmap_mode="r")
        return tree

    def save(self, path: Path) -> None:
        """Write the nodes, as a NumPy file."""
        with open(path, "wb") as file:
            np.save(file, self._nodes)

    def __len__(self) -> int:
        return (len(self._nodes) + 1) // 2

    @property
    def root(self) -> bytes:
        return self.node(0) if len(self._nodes) else EMPTY

    def node(self, at: int) -> bytes:
        """Node `at`: 0 is the root, the children of i are 2i + 1 and 2i + 2."""
        return self._nodes[at].tobytes()

    def place(self, leaf: bytes) -> int:
        """The node that is this leaf. Raises KeyError when there is none."""
        low, high = len(self._nodes) - len(self), len(self._nodes)
        while low < high:
            middle = (low + high) // 2
            if self.node(middle) > leaf:
                low = middle + 1
            else:
                high = middle
        if low >= len(self._nodes) or self.node(low) != leaf:
            raise KeyError(f"leaf 0x{leaf.hex()} is not in the tree")
        return low

    def proof(self, leaf: bytes) -> list[bytes]:
        """Siblings from the leaf up. Raises KeyError for a leaf that is not there."""
        at, siblings = self.place(leaf), []
        while at > 0:
            siblings.append(self.node(at + 1 if at % 2 else at - 1))
            at = (at - 1) // 2
        return siblings

    def invariant(self) -> None:
        """Raises AssertionError unless every leaf is proved by the root, by the plain hash."""
        for node in self._nodes[len(self._nodes) - len(self) :]:
            leaf = node.tobytes()
            assert proves(self.root, leaf, self.proof(leaf)), f"leaf 0x{leaf.hex()}"
