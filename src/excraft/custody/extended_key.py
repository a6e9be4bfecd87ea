"""BIP-32 with public keys only: no secret is ever needed here, and none is taken."""

import hashlib
import hmac
from typing import NamedTuple

from coincurve import PublicKey
from eth_utils import keccak, to_checksum_address

from excraft.custody.errors import BadKey

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
PUBLIC, PRIVATE = bytes.fromhex("0488b21e"), bytes.fromhex("0488ade4")
HARDENED = 1 << 31
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
TEXT = 111  # characters of a key; 78 bytes and 4 of check sum never take another number


class ExtendedKey(NamedTuple):
    """A point and a chain code from which the points below it follow."""

    point: bytes  # compressed
    chain_code: bytes

    @property
    def id(self) -> str:
        """Sixteen hex digits that tell keys apart; nobody gets the key from them."""
        return hashlib.sha256(self.point + self.chain_code).hexdigest()[:16]

    def child(self, number: int) -> "ExtendedKey | None":
        """The key below it. None where there is none, which happens once in 2**127."""
        if not 0 <= number < HARDENED:
            raise ValueError(f"public derivation takes numbers from 0 to {HARDENED - 1}: {number}")
        made = hmac.digest(self.chain_code, self.point + number.to_bytes(4, "big"), "sha512")
        if not 0 < int.from_bytes(made[:32], "big") < ORDER:
            return None
        try:
            point = PublicKey(self.point).add(made[:32]).format()
        except ValueError:  # the point at infinity
            return None
        return ExtendedKey(point, made[32:])

    def address(self) -> str:
        """The account of this point on every EVM chain, with the capitals of EIP-55."""
        whole = PublicKey(self.point).format(compressed=False)
        return to_checksum_address(keccak(whole[1:])[-20:])


def parse(text: str) -> ExtendedKey:
    """Raises BadKey for all that is not exactly one xpub; its message never shows the text."""
    data = _from_base58check(text)
    if data[:4] == PRIVATE:
        raise BadKey(
            "this is an extended PRIVATE key: take it out of the settings, count it as stolen, "
            "and put the extended public key (xpub...) of a new one there"
        )
    if data[:4] != PUBLIC:
        raise BadKey(f"the key begins with version {data[:4].hex()}; an xpub has {PUBLIC.hex()}")
    depth, parent, number = data[4], data[5:9], int.from_bytes(data[9:13], "big")
    if depth == 0 and (number or any(parent)):
        raise BadKey("the key says that it is a root and names a parent: it is damaged")
    if depth > 253:
        raise BadKey(f"the key is at depth {depth}; two more steps are taken and 255 is the last")
    try:
        point = PublicKey(data[45:]).format()
    except ValueError as error:
        raise BadKey("the key holds no point of the curve: it is damaged") from error
    return ExtendedKey(point, data[13:45])


def _from_base58check(text: str) -> bytes:
    if len(text) != TEXT:
        raise BadKey(f"an extended public key has {TEXT} characters, not {len(text)}")
    number = 0
    for letter in text:
        digit = ALPHABET.find(letter)
        if digit < 0:
            raise BadKey("the key contains a character that base58 does not have")
        number = number * 58 + digit
    whole = number.to_bytes(82, "big")  # 111 digits of base 58 are less than 2**651
    if check(whole[:78]) != whole[78:]:
        raise BadKey("the check sum of the key is wrong: a character is missing or changed")
    return whole[:78]


def check(data: bytes) -> bytes:
    """The four bytes behind a key in base58."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4]
