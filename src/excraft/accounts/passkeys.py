"""Passkeys (WebAuthn): kept, listed, and what they sign checked.

Always with user verification, so one passkey is something a person has and something they know or
are: both factors. The browser finds the person by the passkey itself, so nobody is told which
passkeys, or people, there are.
"""

import hmac
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

import webauthn
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from webauthn.helpers import base64url_to_bytes, encode_cbor, options_to_json_dict
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from excraft.accounts.origins import Origin
from excraft.accounts.people import hash_of
from excraft.accounts.refusals import Refused
from excraft.accounts.secret_box import SecretBox
from excraft.store.database import Database
from excraft.store.schema_people import passkeys

PASSKEYS_MAX = 20  # of one person
CREDENTIAL_BYTES_MAX = 1023
LABEL_MAX = 64
_MUST = UserVerificationRequirement.REQUIRED
_c = passkeys.c


class Answer(NamedTuple):
    """What a browser sent back, and what it should have signed."""

    credential: dict[str, Any]
    challenge: str  # in hexadecimal
    origin: Origin


class Listed(NamedTuple):
    id: str
    label: str
    created_ns: int
    used_ns: int | None


class CountWentBack(Refused):
    """The signature is right but the count is not: there may be a copy of the passkey."""

    def __init__(self, person_id: int, label: str) -> None:
        super().__init__("wrong_passkey", str(wrong_passkey()))
        self.person_id, self.label = person_id, label


class Passkeys:
    """Reads and writes `passkeys`. Its methods block."""

    def __init__(self, database: Database, box: SecretBox, clock: Callable[[], int]) -> None:
        self._database, self._clock = database, clock
        self._handle_key = box.derive("passkey user handle")
        self._nobodys = _some_public_key()

    def creation(self, person_id: int, name: str, origin: Origin, challenge: str) -> dict:
        """Options for navigator.credentials.create."""
        with self._database.read() as connection:
            mine = select(_c.credential).where(_c.person_id == person_id)
            known = [
                PublicKeyCredentialDescriptor(id=each)
                for each in connection.execute(mine).scalars()
            ]
        options = webauthn.generate_registration_options(
            rp_id=origin.passkey_domain, rp_name="ExCraft", user_name=name,
            user_id=self._handle(person_id), challenge=bytes.fromhex(challenge),
            exclude_credentials=known,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_MUST
            ),
        )  # fmt: skip
        return options_to_json_dict(options)

    def request(self, origin: Origin, challenge: str) -> dict:
        """Options for navigator.credentials.get; the same whoever asks."""
        options = webauthn.generate_authentication_options(
            rp_id=origin.passkey_domain,
            challenge=bytes.fromhex(challenge),
            user_verification=_MUST,
        )
        return options_to_json_dict(options)

    def add(self, connection: Connection, person_id: int, answer: Answer, label: str) -> str:
        """Keep a new passkey; its id. Raises Refused."""
        label = read_label(label)
        try:
            made = webauthn.verify_registration_response(
                credential=answer.credential,
                expected_challenge=bytes.fromhex(answer.challenge),
                expected_rp_id=answer.origin.passkey_domain,
                expected_origin=answer.origin.url,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError) as wrong:
            raise wrong_passkey() from wrong
        if len(made.credential_id) > CREDENTIAL_BYTES_MAX:
            raise wrong_passkey()
        count = select(func.count()).where(_c.person_id == person_id)
        if connection.execute(count).scalar_one() >= PASSKEYS_MAX:
            raise Refused("too_many", f"You have {PASSKEYS_MAX} passkeys, the most there may be.")
        row = {
            "id": secrets.token_hex(16), "person_id": person_id,
            "credential_hash": _hash(made.credential_id), "credential": made.credential_id,
            "public_key": made.credential_public_key, "sign_count": made.sign_count,
            "label": label, "created_ns": self._clock(),
        }  # fmt: skip
        try:
            connection.execute(insert(passkeys).values(row))
        except IntegrityError as error:
            raise Refused("already_on", "This passkey is registered already.") from error
        return row["id"]

    def check(self, answer: Answer) -> int:
        """The person whose passkey signed; raises Refused, the same for unknown and wrong ones."""
        try:
            credential = base64url_to_bytes(answer.credential["rawId"])
            handle = base64url_to_bytes(answer.credential["response"]["userHandle"])
        except (ValueError, TypeError, KeyError, AttributeError) as wrong:
            raise wrong_passkey() from wrong
        with self._database.read() as connection:
            row = connection.execute(
                select(passkeys).where(_c.credential_hash == _hash(credential))
            ).first()
        try:
            signed = webauthn.verify_authentication_response(
                credential=answer.credential,
                expected_challenge=bytes.fromhex(answer.challenge),
                expected_rp_id=answer.origin.passkey_domain,
                expected_origin=answer.origin.url,
                credential_public_key=row.public_key if row else self._nobodys,
                credential_current_sign_count=0,  # ours is checked below, once the rest is right
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError) as wrong:
            raise wrong_passkey() from wrong
        if row is None or not hmac.compare_digest(handle, self._handle(row.person_id)):
            raise wrong_passkey()
        self._count(row, signed.new_sign_count)
        return row.person_id

    def list(self, person_id: int) -> list[Listed]:
        """The oldest first."""
        columns = [_c[name] for name in Listed._fields]
        query = select(*columns).where(_c.person_id == person_id).order_by(_c.created_ns, _c.id)
        with self._database.read() as connection:
            return [Listed(*row) for row in connection.execute(query)]

    def rename(self, person_id: int, passkey_id: str, label: str) -> None:
        """Raises Refused when this person has no such passkey."""
        renamed = update(passkeys).where(_c.id == passkey_id, _c.person_id == person_id)
        with self._database.write_durable() as connection:
            if connection.execute(renamed.values(label=read_label(label))).rowcount != 1:
                raise _not_yours(passkey_id)

    def remove(self, connection: Connection, person_id: int, passkey_id: str) -> str:
        """Its label; raises Refused when this person has no such passkey."""
        mine = (_c.id == passkey_id) & (_c.person_id == person_id)
        label = connection.execute(select(_c.label).where(mine)).scalar_one_or_none()
        if label is None:
            raise _not_yours(passkey_id)
        connection.execute(delete(passkeys).where(mine))
        return label

    def remove_all(self, connection: Connection, person_id: int) -> None:
        connection.execute(delete(passkeys).where(_c.person_id == person_id))

    def _count(self, row, count: int) -> None:
        """Take the new count in one statement, so that of two answers with the same one is refused.

        An authenticator that never counts says 0 each time.
        """
        grows = (_c.sign_count < count) if count else (_c.sign_count == 0)
        with self._database.write_durable() as connection:
            taken = connection.execute(
                update(passkeys)
                .where(_c.id == row.id, grows)
                .values(sign_count=count, used_ns=self._clock())
            )
        if taken.rowcount != 1:
            raise CountWentBack(row.person_id, row.label)

    def _handle(self, person_id: int) -> bytes:
        """What a passkey carries to say whose it is; it tells nobody else."""
        return hmac.digest(self._handle_key, str(person_id).encode(), "sha256")


def new_challenge() -> str:
    return secrets.token_hex(32)


def read_label(label: str) -> str:
    """Raises Refused."""
    label = label.strip()
    if not 1 <= len(label) <= LABEL_MAX or not label.isprintable():
        raise Refused("bad_label", f"A name has 1 to {LABEL_MAX} printable characters.")
    return label


def wrong_passkey() -> Refused:
    """The same whether it is unknown, another's, or what it signed is wrong."""
    return Refused("wrong_passkey", "This passkey is not known here, or what it signed is wrong.")


def _not_yours(passkey_id: str) -> Refused:
    return Refused("not_found", f"You have no passkey {passkey_id[:40]!r}.")


def _hash(credential: bytes) -> str:
    return hash_of(credential.hex())


def _some_public_key() -> bytes:
    """For passkeys that are nobody's, so that they take as long."""
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
    return encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})
