"""Codes of an authenticator app (TOTP, RFC 6238: SHA-1, 30 s, 6 digits) and recovery codes."""

import base64
import hmac
import re
import secrets
import time
from collections.abc import Callable

import pyotp
from sqlalchemy import Connection, delete, func, insert, select, update

from excraft.accounts.people import hash_of
from excraft.accounts.refusals import Refused, wrong_code
from excraft.accounts.secret_box import SecretBox
from excraft.store.database import Database
from excraft.store.schema_people import passkeys, recovery_codes, second_factors

STEP_NS = 30 * 1_000_000_000
DRIFT = 1  # steps a clock may be early or late
RECOVERY_CODES = 10
RECOVERY_BYTES = 10  # 80 bits, so that a plain hash of it cannot be searched
ISSUER = "ExCraft"
_c = second_factors.c
_DIGITS = re.compile(r"[0-9]{6}")


class SecondFactors:
    """Whether a person has one, and whether a code is right. Each time step counts once."""

    def __init__(
        self, database: Database, box: SecretBox, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._database, self._box, self._clock = database, box, clock

    def on(self, person_id: int) -> bool:
        """Whether a password alone is not enough: there is an app or a passkey."""
        with self._database.read() as connection:
            return any_on(connection, person_id)

    def app_on(self, person_id: int) -> bool:
        with self._database.read() as connection:
            return _app_on(connection, person_id)

    def recovery_left(self, person_id: int) -> int:
        query = select(func.count()).where(recovery_codes.c.person_id == person_id)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def enrol(self, person_id: int, name: str) -> tuple[str, str]:
        """(secret, otpauth: URI) to be shown once; asked for only after `confirm`."""
        secret = pyotp.random_base32()
        with self._database.write_durable() as connection:
            connection.execute(
                delete(second_factors).where(_c.person_id == person_id, _c.confirmed_ns.is_(None))
            )
            if connection.execute(select(_c.person_id).where(_c.person_id == person_id)).first():
                raise _already_on()
            connection.execute(
                insert(second_factors).values(
                    person_id=person_id,
                    secret=self._box.seal(_seal_name(person_id), secret.encode()),
                    last_step=0,
                )
            )
        return secret, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)

    def confirm(self, person_id: int, code: str) -> list[str]:
        """Turn it on with a correct code; the recovery codes, which are never shown again."""
        codes = [_new_recovery_code() for _ in range(RECOVERY_CODES)]
        with self._database.write_durable() as connection:
            row = connection.execute(
                select(_c.secret, _c.confirmed_ns).where(_c.person_id == person_id)
            ).first()
            if row is not None and row.confirmed_ns is not None:
                raise _already_on()
            if row is None or not self._step_taken(connection, person_id, row.secret, code):
                raise wrong_code()
            connection.execute(
                update(second_factors)
                .where(_c.person_id == person_id)
                .values(confirmed_ns=self._clock())
            )
            _keep(connection, person_id, codes)
        return _readable(codes)

    def first_recovery(self, connection: Connection, person_id: int) -> list[str]:
        """Recovery codes for somebody who had none; empty when there are some left."""
        mine = select(recovery_codes.c.hash).where(recovery_codes.c.person_id == person_id)
        if connection.execute(mine.limit(1)).first():
            return []
        codes = [_new_recovery_code() for _ in range(RECOVERY_CODES)]
        _keep(connection, person_id, codes)
        return _readable(codes)

    def check(self, person_id: int, code: str) -> None:
        """Use up a code of the app or a recovery code; raises Refused."""
        code = "".join(code.split()).replace("-", "").upper()
        with self._database.write_durable() as connection:
            if _DIGITS.fullmatch(code):
                secret = connection.execute(
                    select(_c.secret).where(_c.person_id == person_id, _c.confirmed_ns.is_not(None))
                ).scalar_one_or_none()
                right = secret is not None and self._step_taken(connection, person_id, secret, code)
            else:
                used = connection.execute(
                    delete(recovery_codes).where(
                        recovery_codes.c.person_id == person_id,
                        recovery_codes.c.hash == hash_of(code),
                    )
                )
                right = used.rowcount == 1
        if not right:
            raise wrong_code()

    def disable(self, connection: Connection, person_id: int) -> None:
        """Turn the app off."""
        connection.execute(delete(second_factors).where(_c.person_id == person_id))

    def _step_taken(self, connection, person_id: int, sealed: bytes, code: str) -> bool:
        """Whether the code is of a step near now that is later than all that were taken."""
        totp = pyotp.TOTP(self._box.unseal(_seal_name(person_id), sealed).decode())
        now = self._clock() // STEP_NS
        steps = [
            step
            for step in range(now - DRIFT, now + DRIFT + 1)
            if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode())
        ]
        if not steps:
            return False
        # One statement, so that of two requests with the same code one is refused.
        taken = connection.execute(
            update(second_factors)
            .where(_c.person_id == person_id, _c.last_step < max(steps))
            .values(last_step=max(steps))
        )
        return taken.rowcount == 1


def any_on(connection: Connection, person_id: int) -> bool:
    """Whether there is an app or a passkey."""
    mine = select(passkeys.c.id).where(passkeys.c.person_id == person_id).limit(1)
    return bool(connection.execute(mine).first()) or _app_on(connection, person_id)


def _app_on(connection: Connection, person_id: int) -> bool:
    mine = (_c.person_id == person_id) & _c.confirmed_ns.is_not(None)
    return bool(connection.execute(select(_c.person_id).where(mine)).first())


def void_recovery(connection: Connection, person_id: int) -> None:
    """No recovery code opens anything any more."""
    connection.execute(delete(recovery_codes).where(recovery_codes.c.person_id == person_id))


def _keep(connection: Connection, person_id: int, codes: list[str]) -> None:
    """These recovery codes instead of any older ones."""
    void_recovery(connection, person_id)
    rows = [{"person_id": person_id, "hash": hash_of(code)} for code in codes]
    connection.execute(insert(recovery_codes), rows)


def _readable(codes: list[str]) -> list[str]:
    return ["-".join(re.findall("....", code)) for code in codes]


def _new_recovery_code() -> str:
    return base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode()


def _seal_name(person_id: int) -> str:
    return f"second factor {person_id}"


def _already_on() -> Refused:
    return Refused("already_on", "A second factor is on already; turn it off first.")
