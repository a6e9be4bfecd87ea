"""Keccak-256, as Ethereum has it, of many inputs of one length at once, compiled.

Its plain twin is `eth_utils.keccak`. Constants are those of FIPS 202; the padding is Keccak's own.
"""

import numpy as np

from excraft.kernel.compiled import compiled, entry

HASH_BYTES = 32
BLOCK_WORDS = 17  # of the 25 of the state, one block of input fills so many: 136 bytes
CONSTANTS = np.array(
    [
        0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000,
        0x000000000000808B, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
        0x000000000000008A, 0x0000000000000088, 0x0000000080008009, 0x000000008000000A,
        0x000000008000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003,
        0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A,
        0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
    ],
    np.uint64,
)  # fmt: skip
# the walk of steps rho and pi: word k of it moves to PLACES[k], turned left by TURNS[k] bits
PLACES = np.array(
    [10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1]
)
TURNS = np.array(
    [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44],
    np.uint64,
)
BITS, FIRST, LAST = np.uint64(64), np.uint64(1), np.uint64(1 << 63)


@compiled
def turned(word, bits):
    """Bits that leave on the left come in on the right; 0 < bits < 64."""
    return (word << bits) | (word >> (BITS - bits))


@compiled
def permute(state, five):
    """Keccak-f[1600] of 25 words in place; `five` is room for five more."""
    for step in range(24):
        for x in range(5):  # theta
            five[x] = state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20]
        for x in range(5):
            mixed = five[(x + 4) % 5] ^ turned(five[(x + 1) % 5], FIRST)
            for y in range(0, 25, 5):
                state[x + y] ^= mixed
        moving = state[1]  # rho and pi
        for k in range(24):
            there = state[PLACES[k]]
            state[PLACES[k]] = turned(moving, TURNS[k])
            moving = there
        for y in range(0, 25, 5):  # chi
            for x in range(5):
                five[x] = state[y + x]
            for x in range(5):
                state[y + x] = five[x] ^ (~five[(x + 1) % 5] & five[(x + 2) % 5])
        state[0] ^= CONSTANTS[step]  # iota


@compiled
def absorb(words, at, state, five):
    """Hash row `at` of `words` (n, w) uint64: the first four words of `state` are its hash."""
    for k in range(25):
        state[k] = np.uint64(0)
    used = 0
    for k in range(words.shape[1]):
        state[used] ^= words[at, k]
        used += 1
        if used == BLOCK_WORDS:
            permute(state, five)
            used = 0
    state[used] ^= FIRST
    state[BLOCK_WORDS - 1] ^= LAST
    permute(state, five)


@entry
def hash_rows(words, out, state, five):
    """Hash each row of `words` (n, w) uint64 into `out` (n, 4) uint64."""
    for at in range(words.shape[0]):
        absorb(words, at, state, five)
        for k in range(4):
            out[at, k] = state[k]


@compiled
def goes_first(nodes, one, other):
    """Whether the bytes of node `one` are not after those of `other`."""
    for k in range(4):
        for shift in range(0, 64, 8):
            a = (nodes[one, k] >> np.uint64(shift)) & np.uint64(255)
            b = (nodes[other, k] >> np.uint64(shift)) & np.uint64(255)
            if a != b:
                return a < b
    return True


@entry
def fill_nodes(nodes, pair, state, five):
    """Inner nodes of a tree (2n - 1, 4) uint64 whose leaves are the last n: node i is the hash of
    its children 2i + 1 and 2i + 2, the lesser first. `pair` (1, 8) is room."""
    for at in range((nodes.shape[0] - 1) // 2 - 1, -1, -1):
        low, high = 2 * at + 1, 2 * at + 2
        if not goes_first(nodes, low, high):
            low, high = high, low
        for k in range(4):
            pair[0, k] = nodes[low, k]
            pair[0, 4 + k] = nodes[high, k]
        absorb(pair, 0, state, five)
        for k in range(4):
            nodes[at, k] = state[k]


def hashes(rows: np.ndarray) -> np.ndarray:
    """Keccak-256 of each row of bytes (n, length) as (n, 32) uint8; `length` a multiple of 8."""
    count, length = rows.shape
    if rows.dtype != np.uint8 or length % 8:
        raise ValueError(f"rows of {length} x {rows.dtype}; a multiple of 8 x uint8 is needed")
    words = np.ascontiguousarray(rows).view("<u8").astype(np.uint64, copy=False)
    out = np.empty((count, 4), np.uint64)
    hash_rows(words.reshape(count, length // 8), out, np.empty(25, np.uint64), room(5))
    return out.view(np.uint8).reshape(count, HASH_BYTES)


def tree_nodes(leaves: np.ndarray) -> np.ndarray:
    """All 2n - 1 nodes (…, 32) uint8 of a tree over n >= 1 leaves, which come last, as given."""
    count = len(leaves)
    nodes = np.empty((2 * count - 1, HASH_BYTES), np.uint8)
    nodes[count - 1 :] = leaves
    words = nodes.view("<u8").astype(np.uint64, copy=False)
    fill_nodes(words, np.empty((1, 8), np.uint64), room(25), room(5))
    return words.view(np.uint8).reshape(nodes.shape)


def room(words: int) -> np.ndarray:
    return np.empty(words, np.uint64)
