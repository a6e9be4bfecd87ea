"""Personal data and documents at rest: sealed to the member, case and document they belong to.

A document has a random key of its own, which the box seals. So it is encrypted in one piece however
large it is, and erasing the sealed key makes every copy of the file unreadable.
"""

import hmac
import secrets
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from excraft.accounts.errors import SecretKeyError
from excraft.accounts.kyc_errors import SealBroken
from excraft.accounts.kyc_person import Person, normal_number
from excraft.accounts.secret_box import KEY_BYTES, NONCE_BYTES, SecretBox

OVERHEAD_BYTES = NONCE_BYTES + 16  # of a sealed document: the nonce and the tag


class Place(NamedTuple):
    """Where something sealed belongs; `document` is empty for the personal data of a case."""

    member_id: int
    case_id: int
    document: str = ""

    @property
    def name(self) -> str:
        kind = "document" if self.document else "person"
        return f"kyc {kind} member={self.member_id} case={self.case_id} id={self.document}"


class Seals:
    """Seals and opens with the secret key of the data folder."""

    def __init__(self, key: bytes) -> None:
        self._box = SecretBox(key)
        derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"excraft kyc identity 1")
        self._identity_key = derived.derive(key)

    @classmethod
    def open(cls, file: Path) -> "Seals":
        """With the key in `file`, made now if there is none; raises SecretKeyError."""
        SecretBox.open(file)  # makes it, and refuses one that is damaged or open to others
        return cls(bytes.fromhex(file.read_text("ascii")))

    def seal_person(self, place: Place, person: Person) -> bytes:
        return self._box.seal(place.name, msgspec.json.encode(person))

    def open_person(self, place: Place, sealed: bytes) -> Person:
        """Raises SealBroken."""
        return msgspec.json.decode(self._unseal(place, sealed), type=Person)

    def seal_document(self, place: Place, content: bytes) -> tuple[bytes, bytes]:
        """(the sealed key for the row, the sealed content for the file)."""
        key, nonce = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + AESGCM(key).encrypt(nonce, content, place.name.encode())
        return self._box.seal(place.name, key), sealed

    def open_document(self, place: Place, sealed_key: bytes, sealed: bytes) -> bytes:
        """Raises SealBroken."""
        key = self._unseal(place, sealed_key)
        try:
            return AESGCM(key).decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.name.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise _broken(place) from error

    def identity(self, person: Person) -> bytes:
        """The same for the same document, and useless to somebody who has not the key."""
        parts = (person.country, str(person.document_kind), normal_number(person.document_number))
        return hmac.digest(self._identity_key, "\0".join(parts).encode(), "sha256")

    def _unseal(self, place: Place, sealed: bytes) -> bytes:
        try:
            return self._box.unseal(place.name, sealed)
        except SecretKeyError as error:
            raise _broken(place) from error


def _broken(place: Place) -> SealBroken:
    return SealBroken(
        f"the {place.name} does not open: secret.key is not the one it was sealed with, or it was "
        f"changed or moved here; restore both from the same backup"
    )
