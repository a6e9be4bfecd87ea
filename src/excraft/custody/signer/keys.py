"""The signer's keys: m/44'/60'/0' of a mnemonic, or that key itself as an xprv.

Below it, 0/number is a deposit address (custody/addresses.py derives the same from the xpub) and
1/0 the hot wallet. Nothing in here is ever printed, logged or sent.
"""

import hmac
import os
import stat
from pathlib import Path
from typing import NamedTuple

from coincurve import PrivateKey

from excraft.chain.ethereum import Account, Language, LocalAccount, Mnemonic
from excraft.custody.errors import SignerBroken
from excraft.custody.extended_key import ALPHABET, HARDENED, ORDER, PRIVATE, PUBLIC, TEXT
from excraft.custody.extended_key import check as check_sum

MNEMONIC, XPRV = "mnemonic", "xprv"
PATH = (44 + HARDENED, 60 + HARDENED, HARDENED)
DEPOSIT, HOT = 0, 1
_FILE_BYTES_MAX = 1024


class PrivateNode(NamedTuple):
    """A private key and a chain code from which those below follow (BIP-32)."""

    key: bytes
    chain_code: bytes

    def child(self, number: int) -> "PrivateNode":
        """Numbers from HARDENED on need the private key."""
        if number >= HARDENED:
            data = b"\0" + self.key
        else:
            data = PrivateKey(self.key).public_key.format()
        made = hmac.digest(self.chain_code, data + number.to_bytes(4, "big"), "sha512")
        tweak = int.from_bytes(made[:32], "big")
        key = (tweak + int.from_bytes(self.key, "big")) % ORDER
        if tweak >= ORDER or not key:  # once in 2**127
            raise SignerBroken(f"the key has no child {number}: take another mnemonic")
        return PrivateNode(key.to_bytes(32, "big"), made[32:])


class Keys:
    """Accounts by their place below m/44'/60'/0'."""

    def __init__(self, top: PrivateNode) -> None:
        self._top = top
        self._deposits = top.child(DEPOSIT)
        self.hot: LocalAccount = Account.from_key(top.child(HOT).child(0).key)

    def deposit(self, number: int) -> LocalAccount:
        """The deposit address with that number."""
        if not 0 <= number < HARDENED:
            raise ValueError(f"deposit addresses have numbers from 0 to {HARDENED - 1}: {number}")
        return Account.from_key(self._deposits.child(number).key)

    @property
    def demo_cold(self) -> LocalAccount:
        """m/2/0, the demo's cold address; a real one is of a key that is not here."""
        return Account.from_key(self._top.child(2).child(0).key)

    @property
    def xpub(self) -> str:
        """What the exchange derives deposit addresses from; it opens nothing."""
        point = PrivateKey(self._top.key).public_key.format()
        # Depth and parent are not part of what is derived below, so those of a root will do.
        data = PUBLIC + bytes(9) + self._top.chain_code + point
        number = int.from_bytes(data + check_sum(data), "big")
        letters = ""
        while number:
            number, digit = divmod(number, 58)
            letters = ALPHABET[digit] + letters
        return letters


def opened(folder: Path) -> Keys:
    """The keys of a folder; raises SignerBroken, never with any of its text."""
    found = [name for name in (MNEMONIC, XPRV) if (folder / name).exists()]
    if len(found) != 1:
        raise SignerBroken(
            f"{folder} must hold one file, {MNEMONIC} or {XPRV}; `excraft signer init` makes one"
        )
    path = folder / found[0]
    for place in (folder, path):
        mode = stat.S_IMODE(os.stat(place).st_mode)
        if mode & 0o077:
            raise SignerBroken(f"{place} has mode {mode:04o}: others could read it; chmod go= it")
    with path.open() as file:
        text = " ".join(file.read(_FILE_BYTES_MAX).split())
    return Keys(_of_mnemonic(text) if found[0] == MNEMONIC else _of_xprv(text))


def made(folder: Path) -> Keys:
    """A new mnemonic of 24 words in the folder, on the disk when this returns."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any((folder / name).exists() for name in (MNEMONIC, XPRV)):
        raise SignerBroken(f"{folder} holds keys already; they are never overwritten")
    words = Mnemonic(Language.ENGLISH).generate(24)
    handle = os.open(folder / MNEMONIC, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(words + "\n")
        file.flush()
        os.fsync(file.fileno())
    return opened(folder)


def _of_mnemonic(words: str) -> PrivateNode:
    if not Mnemonic(Language.ENGLISH).is_mnemonic_valid(words):
        count = len(words.split())
        raise SignerBroken(f"the {count} words are no BIP-39 mnemonic: one is missing or misspelt")
    seed = Mnemonic.to_seed(words)
    first = hmac.digest(b"Bitcoin seed", seed, "sha512")
    node = PrivateNode(first[:32], first[32:])
    for step in PATH:
        node = node.child(step)
    return node


def _of_xprv(text: str) -> PrivateNode:
    number = 0
    if len(text) != TEXT or any(letter not in ALPHABET for letter in text):
        raise SignerBroken(f"an xprv has {TEXT} characters of base58, not {len(text)}")
    for letter in text:
        number = number * 58 + ALPHABET.index(letter)
    data = number.to_bytes(82, "big")
    if check_sum(data[:78]) != data[78:]:
        raise SignerBroken("the check sum of the xprv is wrong: a character is missing or changed")
    key = data[45:78]
    if data[:4] != PRIVATE or key[0] or not 0 < int.from_bytes(key[1:], "big") < ORDER:
        raise SignerBroken("the file holds no extended private key (xprv...)")
    return PrivateNode(key[1:], data[13:45])
