"""Whether a request was signed with a key. Wrong input is only ever False, never an error."""

import binascii
import hmac
from base64 import b64decode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from excraft.accounts.credentials import ApiKey, Kind

_PKCS1, _SHA256 = PKCS1v15(), SHA256()


def verify(key: ApiKey, payload: bytes, signature: str) -> bool:
    """HMAC-SHA256 in hexadecimal of either case, Ed25519 or RSA PKCS#1 v1.5 SHA-256 in base64."""
    if not signature.isascii():
        return False
    if key.kind is Kind.HMAC:
        made = key.keyed.copy()
        made.update(payload)
        return hmac.compare_digest(made.hexdigest(), signature.lower())
    try:
        raw = b64decode(signature, validate=True)
        if key.kind is Kind.ED25519:
            key.public_key.verify(raw, payload)
        else:
            key.public_key.verify(raw, payload, _PKCS1, _SHA256)
    except (InvalidSignature, binascii.Error):
        return False
    return True
