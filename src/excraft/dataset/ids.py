"""Salted ids: who somebody is, to those alone who know the salt.

An id is the first 16 bytes of SHA-256 of the salt and the account. In arrays it is a row of two
uint64, the high half first, so that rows sort as the hex digits do; (0, 0) is nobody.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

import numpy as np

ID_BYTES = 16
SALT_BYTES = 32


def member_id(salt: bytes, account: int) -> bytes:
    """The id of an account (or of a beneficial owner) under the round's salt of 32 bytes."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    return sha256(salt + account.to_bytes(8, "little")).digest()[:ID_BYTES]


def member_ids(salt: bytes, accounts: Iterable[int]) -> np.ndarray:
    """The ids of many, as (n, 2) uint64 in the order given."""
    return halves_of([member_id(salt, account) for account in accounts])


def halves_of(ids: Sequence[bytes]) -> np.ndarray:
    """Ids of 16 bytes as (n, 2) uint64; an empty one is (0, 0). Raises ValueError for another
    length."""
    try:
        joined = b"".join(ids)
        if len(joined) != ID_BYTES * len(ids) or not {ID_BYTES}.issuperset(map(len, ids)):
            joined = b"".join(one or bytes(ID_BYTES) for one in ids)
            wrong = next((one for one in ids if len(one) not in (0, ID_BYTES)), None)
            if wrong is not None:
                raise ValueError(f"id 0x{wrong.hex()} has {len(wrong)} bytes, not {ID_BYTES}")
    except TypeError as trouble:
        raise ValueError(f"an id must be bytes: {trouble}") from None
    return np.frombuffer(joined, ">u8").astype(np.uint64).reshape(-1, 2)


def ids_of(halves: np.ndarray) -> list[bytes]:
    """Ids of 16 bytes from rows of two halves; (0, 0) becomes empty."""
    joined = np.ascontiguousarray(halves, np.uint64).astype(">u8").tobytes()
    nobody = bytes(ID_BYTES)
    ids = (joined[at : at + ID_BYTES] for at in range(0, len(joined), ID_BYTES))
    return [b"" if one == nobody else one for one in ids]


def ascending(halves: np.ndarray) -> np.ndarray:
    """The order in which rows of ids are sorted, as `argsort` gives it."""
    return np.lexsort((halves[:, 1], halves[:, 0]))
