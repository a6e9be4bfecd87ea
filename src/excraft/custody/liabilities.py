"""Proof of liabilities: a Merkle sum tree per asset, and the one hash over all of a day.

A leaf is a part of one account's balance; an inner node commits to the sum and the hash of both
its children. docs/decisions/0004-proof-of-liabilities.md tells why each part is as it is;
tools/verify_liabilities.py is the other half and shares no code with this one.
"""

import json
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np

from excraft.custody.liabilities_hiding import Hiding

ATOMS_LIMIT = 1 << 127  # every balance, sum and total is below
HEIGHT_MAX = 40
ROOT_FORMAT = "excraft liabilities root 1"
PROOF_FORMAT = "excraft liabilities proof 1"
MEMBER_TAG, LEAF_TAG = b"excraft:owed:member\0", b"excraft:owed:leaf:1\0"
NODE_TAG, ROOT_TAG = b"excraft:owed:node:1\0", b"excraft:owed:root:1\0"

ATOMS = np.dtype([("high", ">u8"), ("low", ">u8")])  # 128 bits, big-endian
NODE = np.dtype([("atoms", ATOMS), ("hash", "V32")])  # 48 bytes, as they enter the hash
PART = np.dtype([("account", "<u4"), ("index", "<u4")])  # where the parts of an account are
AT_ONCE = 1 << 16  # rows that are Python objects at one time


class LiabilitiesError(Exception):
    """What cannot be published or proven; its text is one sentence."""


class Tree(NamedTuple):
    """All nodes of one asset, leaves first, and the parts by account."""

    levels: list[np.ndarray]  # of NODE
    parts: np.ndarray  # of PART, ascending

    @property
    def height(self) -> int:
        return len(self.levels) - 1

    @property
    def total(self) -> int:
        return atoms_of(self.levels[-1][0])

    @property
    def hash(self) -> str:
        return bytes(self.levels[-1][0]["hash"]).hex()


def build(
    symbol: str, accounts: np.ndarray, atoms: np.ndarray, ids: np.ndarray, hiding: Hiding
) -> Tree:
    """The tree of one asset; `accounts` ascend, `atoms` (ATOMS) and `ids` (V32) lie beside them.

    A balance of 0 gets no leaf. Raises LiabilitiesError when the sums do not fit 127 bits.
    """
    if len(accounts) and (np.any(np.diff(accounts) <= 0) or accounts[0] < 0):
        raise LiabilitiesError("accounts must ascend, each once")
    if np.any(atoms["high"] >> 63):
        raise LiabilitiesError(f"{symbol}: a balance is 2^127 atoms or more, or below 0")
    amounts = [atoms_of_words(*pair) for pair in atoms.tolist()]
    if (total := sum(amounts)) >= ATOMS_LIMIT:
        raise LiabilitiesError(f"{symbol}: {total} atoms in all; the tree holds less than 2^127")
    owners, split = hiding.split(symbol, amounts)
    height = max(len(owners) - 1, 0).bit_length()
    places = hiding.places(symbol, 1 << height)[: len(owners)]
    leaves = np.zeros(1 << height, NODE)
    leaves["atoms"][places] = split
    _hash_leaves(symbol, leaves, _by_place(places, ids[owners]), hiding)
    levels = [leaves]
    while len(levels[-1]) > 1:
        levels.append(_parents(levels[-1]))
    parts, order = np.zeros(len(owners), PART), np.lexsort((places, owners))
    parts["account"], parts["index"] = accounts[owners[order]], places[order]
    return Tree(levels, parts)


def _by_place(places: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(places, ids) with the places ascending."""
    order = np.argsort(places)
    return places[order], ids[order]


def _hash_leaves(symbol: str, leaves: np.ndarray, used: tuple, hiding: Hiding) -> None:
    """Fill in the hashes: of the parts at `used` (places, ids), and of the padding."""
    name, salt_of = symbol.encode(), hiding.salts(symbol)
    raw, (places, ids) = leaves["atoms"].tobytes(), used
    padding = np.ones(len(leaves), bool)
    padding[places] = False
    for begin in range(0, len(places), AT_ONCE):
        some = places[begin : begin + AT_ONCE]
        blind = ids[begin : begin + AT_ONCE].tobytes()
        hashes = [
            sha256(LEAF_TAG + blind[32 * k : 32 * k + 32] + raw[16 * place : 16 * place + 16]
                   + salt_of(place) + name).digest()
            for k, place in enumerate(some.tolist())
        ]  # fmt: skip
        leaves["hash"][some] = np.frombuffer(b"".join(hashes), "V32")
    # a random number is a leaf of nobody
    nobody = b"".join([salt_of(place) for place in np.flatnonzero(padding).tolist()])
    leaves["hash"][padding] = np.frombuffer(nobody, "V32")


def _parents(children: np.ndarray) -> np.ndarray:
    """The level above."""
    parents = np.zeros(len(children) // 2, NODE)
    left, right = children["atoms"][::2], children["atoms"][1::2]
    low = left["low"].astype("u8") + right["low"].astype("u8")  # wraps
    carry = low < left["low"].astype("u8")
    parents["atoms"]["low"] = low
    parents["atoms"]["high"] = left["high"].astype("u8") + right["high"].astype("u8") + carry
    for begin in range(0, len(parents), AT_ONCE):
        raw = children[2 * begin : 2 * (begin + AT_ONCE)].tobytes()
        hashes = [sha256(NODE_TAG + raw[at : at + 96]).digest() for at in range(0, len(raw), 96)]
        parents["hash"][begin : begin + AT_ONCE] = np.frombuffer(b"".join(hashes), "V32")
    return parents


def atoms_of_words(high: int, low: int) -> int:
    return high << 64 | low


def atoms_of(node) -> int:
    """The sum of a node as an int."""
    return atoms_of_words(int(node["atoms"]["high"]), int(node["atoms"]["low"]))


def to_atoms(amounts: list[int]) -> np.ndarray:
    """ATOMS of ints; raises LiabilitiesError unless 0 <= amount < 2^127."""
    for amount in amounts:
        if not 0 <= amount < ATOMS_LIMIT:
            raise LiabilitiesError(f"a balance of {amount} atoms; 0 to 2^127 - 1 are possible")
    return np.frombuffer(b"".join(amount.to_bytes(16, "big") for amount in amounts), ATOMS)


def member_id(account: int, name: str, nonce: bytes) -> bytes:
    """Who a leaf belongs to, blinded; two members never share one, whatever the nonces are."""
    return sha256(MEMBER_TAG + account.to_bytes(8, "big") + nonce + name.encode()).digest()


def leaf_hash(symbol: str, who: bytes, atoms: int, salt: bytes) -> bytes:
    """Hash of one part of a balance; `who` is a member_id."""
    return sha256(LEAF_TAG + who + atoms.to_bytes(16, "big") + salt + symbol.encode()).digest()


def climbed(atoms: int, digest: bytes, path: list[dict[str, str]]) -> tuple[int, str]:
    """(total, hash) to which a path leads from a leaf."""
    for step in path:
        other = int(step["sum"])
        mine = atoms.to_bytes(16, "big") + digest
        its = other.to_bytes(16, "big") + bytes.fromhex(step["hash"])
        digest = sha256(NODE_TAG + (its + mine if step["side"] == "left" else mine + its)).digest()
        atoms += other
    return atoms, digest.hex()


def root_hash(root: dict[str, Any]) -> str:
    """The one hash over everything else in a root."""
    rest = {name: value for name, value in root.items() if name != "hash"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return sha256(ROOT_TAG + text.encode()).hexdigest()


def parts_of(parts: np.ndarray, account: int) -> list[int]:
    """The places of an account's leaves."""
    begin, end = np.searchsorted(parts["account"], [account, account + 1])
    return parts["index"][begin:end].tolist()


def path_of(levels: list[np.ndarray], place: int) -> list[dict[str, str]]:
    """The other child at every level on the way from a leaf to the root."""
    path = []
    for level in levels[:-1]:
        node = level[place ^ 1]
        side = "left" if place & 1 else "right"
        path.append({"side": side, "sum": str(atoms_of(node)), "hash": bytes(node["hash"]).hex()})
        place >>= 1
    return path
