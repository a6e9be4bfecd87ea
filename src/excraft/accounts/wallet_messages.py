"""Sign-in with Ethereum (ERC-4361): the whole message is written here, and its signer recovered.

Accounts with a key of their own by it alone (EIP-191, "personal_sign"); contracts are asked in
accounts/contract_wallets.py. The exact text is kept with its nonce and never read back from what a
client sends.
"""

import re
import secrets
import string
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from coincurve import PublicKey
from eth_utils import keccak, to_checksum_address

from excraft.accounts.origins import Origin
from excraft.accounts.refusals import Refused

LASTS = timedelta(minutes=5)
NONCE_LENGTH = 24
CHAIN_ID_MAX = (1 << 53) - 1
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")
_LETTERS = string.ascii_letters + string.digits


class Text(NamedTuple):
    """What the message says beside its frame."""

    origin: Origin
    address: str
    chain_id: int
    statement: str


def read_address(text: str) -> str:
    """In the spelling of EIP-55; raises Refused. Mixed case must be exactly that spelling."""
    if not _ADDRESS.fullmatch(text):
        raise Refused("bad_address", f"{text[:60]!r} is no address: 0x and 40 hexadecimal digits.")
    right, digits = to_checksum_address(text), text[2:]
    if text != right and digits not in (digits.lower(), digits.upper()):
        raise Refused("bad_address", f"{text!r} is mistyped: its capitals do not fit the rest.")
    return right


def compose(said: Text, now_ns: int) -> str:
    """The message, with a nonce of its own."""
    nonce = "".join(secrets.choice(_LETTERS) for _ in range(NONCE_LENGTH))
    issued = datetime.fromtimestamp(now_ns // 10**9, UTC)
    return (
        f"{said.origin.domain} wants you to sign in with your Ethereum account:\n"
        f"{said.address}\n\n{said.statement}\n\n"
        f"URI: {said.origin.url}\nVersion: 1\nChain ID: {said.chain_id}\nNonce: {nonce}\n"
        f"Issued At: {issued:%Y-%m-%dT%H:%M:%SZ}\n"
        f"Expiration Time: {issued + LASTS:%Y-%m-%dT%H:%M:%SZ}"
    )


def address_in(message: str) -> str:
    """Of a message that `compose` wrote."""
    return message.split("\n", 2)[1]


def chain_in(message: str) -> int:
    """Of a message that `compose` wrote."""
    return int(message.split("\nChain ID: ", 1)[1].split("\n", 1)[0])


def digest(message: str) -> bytes:
    """What a wallet signs (EIP-191)."""
    text = message.encode()
    return keccak(b"\x19Ethereum Signed Message:\n%d" % len(text) + text)


def signature_bytes(text: str) -> bytes | None:
    """Of any length; None of what is none."""
    try:
        return bytes.fromhex(text[2:]) if text.startswith("0x") and text.isascii() else None
    except ValueError:
        return None


def signer(message: str, signature: str) -> str | None:
    """Who signed exactly this text; None when nobody can have, or in a second form of it."""
    if not _SIGNATURE.fullmatch(signature):
        return None
    raw = bytes.fromhex(signature[2:])
    if raw[64] not in (27, 28) or int.from_bytes(raw[32:64], "big") > _HALF_ORDER:
        return None  # anybody can make the form with the high s of another's signature
    try:
        key = PublicKey.from_signature_and_message(
            raw[:64] + bytes([raw[64] - 27]), digest(message), hasher=None
        )
    except Exception as wrong:  # coincurve raises plain Exception for numbers that are no signature
        if type(wrong) not in (Exception, ValueError):
            raise
        return None
    return to_checksum_address(keccak(key.format(compressed=False)[1:])[-20:])
