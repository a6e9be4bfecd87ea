"""A passkey in software: what an honest authenticator says, and what a dishonest one might."""

import hashlib
import json
import secrets
import struct

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor

PRESENT, VERIFIED, ATTESTED = 1, 4, 64


class Authenticator:
    """One passkey; `count` None never counts. Change what it believes to make it lie."""

    def __init__(self, origin="http://localhost", domain="localhost", count=None):
        self.origin, self.domain, self.count = origin, domain, count
        self.key, self.id = ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(32)
        self.flags, self.handle, self.kind = PRESENT | VERIFIED, b"", ""

    def create(self, options):
        """The credential for these creation options."""
        self.handle = base64url_to_bytes(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        key = encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        data = self._data(ATTESTED) + bytes(16) + struct.pack(">H", len(self.id)) + self.id + key
        return self._credential(
            attestationObject=encode_cbor({"fmt": "none", "attStmt": {}, "authData": data}),
            clientDataJSON=self._client("webauthn.create", options["challenge"]),
        )

    def get(self, options):
        """The assertion for these request options."""
        if self.count is not None:
            self.count += 1
        data, client = self._data(), self._client("webauthn.get", options["challenge"])
        signed = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._credential(
            authenticatorData=data, clientDataJSON=client, signature=signed, userHandle=self.handle
        )

    def _data(self, more=0):
        domain = hashlib.sha256(self.domain.encode()).digest()
        return domain + struct.pack(">BI", self.flags | more, self.count or 0)

    def _client(self, kind, challenge):
        said = {"type": self.kind or kind, "challenge": challenge, "origin": self.origin}
        return json.dumps(said).encode()

    def _credential(self, **response):
        encoded = {name: bytes_to_base64url(value) for name, value in response.items()}
        name = bytes_to_base64url(self.id)
        return {"id": name, "rawId": name, "type": "public-key", "response": encoded}


async def add_passkey(browser, label="laptop", **made):
    """An authenticator whose passkey is registered for whoever is logged in."""
    authenticator = Authenticator(**made)
    options = (await browser.ok("POST", "passkeys/options"))["options"]
    credential = authenticator.create(options)
    found = await browser.ok("POST", "passkeys", label=label, credential=credential)
    authenticator.passkey, authenticator.recovery = found["id"], found["recovery_codes"]
    return authenticator


async def begin(browser):
    """Options for a login."""
    return (await browser.ok("POST", "login/passkey/options"))["options"]
