"""What keeps a proof of liabilities from telling a member about the others.

All of it comes from one key, so nothing but the tree needs to be kept, and the same state of the
same day gives the same tree again.
"""

from collections.abc import Callable
from hashlib import blake2b, shake_256

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
SHARE = 16  # no leaf holds more than this part of what is owed in all


class Hiding:
    """Salts, order and splitting of one day's trees."""

    def __init__(self, secret: bytes, day: str, log_hash: bytes) -> None:
        """Bound to the log hash too: a second tree of a day would share nothing with the first."""
        info = b"excraft proof of liabilities 1 " + day.encode()
        self._key = HKDF(SHA256(), KEY_BYTES, log_hash, info).derive(secret)

    def nonces(self) -> Callable[[int], bytes]:
        """What blinds the id of an account, by account; 32 bytes."""
        key = self._subkey("member")
        return lambda account: _number(key, account)

    def salts(self, symbol: str) -> Callable[[int], bytes]:
        """Salt by place of a leaf; 32 bytes."""
        key = self._subkey(f"salt {symbol}")
        return lambda place: _number(key, place)

    def places(self, symbol: str, count: int) -> np.ndarray:
        """A secret permutation of `count` places: neighbours are drawn anew each day."""
        stream = shake_256(self._subkey(f"place {symbol}")).digest(8 * count)
        return np.argsort(np.frombuffer(stream, "<u8"), kind="stable")

    def split(self, symbol: str, amounts: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """(index of the owner, big-endian words) of every part; nothing of what is 0.

        What is more than a SHARE-th of the total becomes parts of random size, so no leaf gives
        the largest holder away, and there are at most 4 * SHARE parts more than holders.
        """
        most, key = max(1, sum(amounts) // SHARE), self._subkey(f"split {symbol}")
        owners, parts, drawn = [], [], 0
        for owner, left in enumerate(amounts):
            while left > most:
                chance = int.from_bytes(_number(key, drawn), "big")
                part, drawn = most - chance % (most // 2 + 1), drawn + 1
                owners.append(owner)
                parts.append(part)
                left -= part
            if left:
                owners.append(owner)
                parts.append(left)
        words = b"".join([part.to_bytes(16, "big") for part in parts])
        return np.array(owners, np.int64), np.frombuffer(words, [("high", ">u8"), ("low", ">u8")])

    def _subkey(self, purpose: str) -> bytes:
        return blake2b(purpose.encode(), key=self._key, digest_size=KEY_BYTES).digest()


def _number(key: bytes, counter: int) -> bytes:
    return blake2b(counter.to_bytes(8, "big"), key=key, digest_size=32).digest()
