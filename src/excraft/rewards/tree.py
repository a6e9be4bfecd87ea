"""The tree by which rewards are claimed on chain: who may have claimed how much in all, so far.

Its leaves are those of OpenZeppelin's StandardMerkleTree of (address, uint256); scores/tree.py has
its shape.
"""

from collections.abc import Mapping

from eth_utils import keccak

from excraft.scores.tree import (
    EMPTY,
    UINT256_MAX,
    Tree,
    addresses_of,
    leaves_of,
    node_of,
    proves,
    words_of,
)

__all__ = ["EMPTY", "ClaimTree", "leaf_of", "node_of", "proves"]


def leaf_of(address: bytes, cumulative: int) -> bytes:
    """The leaf of an account of 20 bytes: keccak(keccak(abi.encode(address, cumulative))).
    Raises ValueError for anything that the contract could not hold."""
    if len(address) != 20:
        raise ValueError(f"address 0x{address.hex()} has {len(address)} bytes; it must have 20")
    if not 0 <= cumulative <= UINT256_MAX:
        raise ValueError(f"{cumulative} units do not fit in 256 bits without a sign")
    return keccak(keccak(bytes(12) + address + cumulative.to_bytes(32, "big")))


class ClaimTree:
    """All claims by one root. `claims` has cumulative units by address, of 20 bytes."""

    def __init__(self, claims: Mapping[bytes, int]) -> None:
        self.claims = dict(claims)
        self.total = sum(self.claims.values())
        words = addresses_of(list(self.claims)), words_of(self.claims.values())
        self.tree = Tree(leaves_of(*words))

    @property
    def root(self) -> bytes:
        return self.tree.root

    def proof(self, address: bytes) -> list[bytes]:
        """Siblings from the leaf up. Raises KeyError for an address without a claim."""
        return self.tree.proof(leaf_of(address, self.claims[address]))

    def invariant(self) -> None:
        """Raises AssertionError unless every claim is proved by the root."""
        for address, units in self.claims.items():
            proof = self.proof(address)
            assert proves(self.root, leaf_of(address, units), proof), f"0x{address.hex()}"
