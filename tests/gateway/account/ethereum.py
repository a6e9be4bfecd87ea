"""A wallet in software."""

from coincurve import PrivateKey
from eth_utils import keccak, to_checksum_address

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Wallet:
    def __init__(self, secret=1):
        self.key = PrivateKey.from_int(secret)
        raw = self.key.public_key.format(compressed=False)[1:]
        self.address = to_checksum_address(keccak(raw)[-20:])

    def sign(self, message):
        """personal_sign: EIP-191."""
        text = message.encode()
        digest = keccak(b"\x19Ethereum Signed Message:\n%d" % len(text) + text)
        raw = self.key.sign_recoverable(digest, hasher=None)
        return "0x" + raw[:64].hex() + f"{raw[64] + 27:02x}"


def other_form(signature):
    """The second signature that fits as well: s mirrored, v flipped."""
    raw = bytes.fromhex(signature[2:])
    s = ORDER - int.from_bytes(raw[32:64], "big")
    return "0x" + (raw[:32] + s.to_bytes(32, "big") + bytes([55 - raw[64]])).hex()


async def link(browser, wallet):
    """Link it to whoever is logged in."""
    asked = await browser.ok("POST", "wallets/message", address=wallet.address)
    return await browser.ok("POST", "wallets", signature=wallet.sign(asked["message"]))


async def message(browser, wallet, **more):
    """The message of a login."""
    asked = {"address": wallet.address} | more
    return (await browser.ok("POST", "login/wallet/message", **asked))["message"]
