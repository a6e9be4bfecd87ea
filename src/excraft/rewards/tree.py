"""The tree by which rewards are claimed on chain: who may have claimed how much in all, so far.

Laid out like OpenZeppelin's StandardMerkleTree of (address, uint256), so that its tools and the
contract's MerkleProof read it. A leaf is hashed twice: its 64 bytes hashed once could be read as
two children of a node. No leaf is doubled to fill a row; a lone one is part of a higher row.
"""

from collections.abc import Mapping, Sequence

from eth_utils import keccak

EMPTY = bytes(32)  # root of a tree without leaves: no proof leads to it
UINT256_MAX = (1 << 256) - 1


def leaf_of(address: bytes, cumulative: int) -> bytes:
    """The leaf of an account of 20 bytes: keccak(keccak(abi.encode(address, cumulative))).
    Raises ValueError for anything that the contract could not hold."""
    if len(address) != 20:
        raise ValueError(f"address 0x{address.hex()} has {len(address)} bytes; it must have 20")
    if not 0 <= cumulative <= UINT256_MAX:
        raise ValueError(f"{cumulative} units do not fit in 256 bits without a sign")
    return keccak(keccak(bytes(12) + address + cumulative.to_bytes(32, "big")))


def node_of(one: bytes, other: bytes) -> bytes:
    """A node from its two children, whichever is left: proofs need no directions."""
    return keccak(one + other if one <= other else other + one)


def proves(root: bytes, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """What the contract does with a proof."""
    for sibling in proof:
        leaf = node_of(leaf, sibling)
    return leaf == root


class ClaimTree:
    """All claims by one root. `claims` has cumulative units by address, of 20 bytes."""

    def __init__(self, claims: Mapping[bytes, int]) -> None:
        self.claims = dict(claims)
        self.total = sum(self.claims.values())
        leaves = sorted((leaf_of(address, units), address) for address, units in claims.items())
        count = len(leaves)
        self._nodes = [EMPTY] * max(2 * count - 1, 1)  # children of i are 2i + 1 and 2i + 2
        self._place: dict[bytes, int] = {}
        for at, (leaf, address) in enumerate(leaves):
            self._place[address] = 2 * count - 2 - at
            self._nodes[2 * count - 2 - at] = leaf
        for at in range(count - 2, -1, -1):
            self._nodes[at] = node_of(self._nodes[2 * at + 1], self._nodes[2 * at + 2])

    @property
    def root(self) -> bytes:
        return self._nodes[0]

    def proof(self, address: bytes) -> list[bytes]:
        """Siblings from the leaf up. Raises KeyError for an address without a claim."""
        at, siblings = self._place[address], []
        while at > 0:
            siblings.append(self._nodes[at + 1 if at % 2 else at - 1])
            at = (at - 1) // 2
        return siblings

    def invariant(self) -> None:
        """Raises AssertionError unless every claim is proved by the root."""
        for address, units in self.claims.items():
            proof = self.proof(address)
            assert proves(self.root, leaf_of(address, units), proof), f"0x{address.hex()}"
