"""Secrets at rest: AES-256-GCM with one key, kept in a file beside the data."""

import hmac
import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from excraft.accounts.errors import SecretKeyError

KEY_BYTES = 32
NONCE_BYTES = 12


class SecretBox:
    """Seals short secrets. `name` is part of the seal: moved to another row it does not open."""

    def __init__(self, key: bytes, origin: str = "the secret key") -> None:
        self._key = key
        self._cipher = AESGCM(key)
        self._origin = origin

    @classmethod
    def open(cls, file: Path) -> "SecretBox":
        """With the key in `file`, made now if there is none; raises SecretKeyError."""
        try:
            if not file.exists():
                _make(file)
            mode = stat.S_IMODE(file.stat().st_mode)
            raw = file.read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise SecretKeyError(f"cannot read the secret key in {file}: {error}") from error
        if mode & 0o077:
            raise SecretKeyError(
                f"{file} has mode {mode:o}; only its owner may read it: chmod 600 it"
            )
        try:
            key = bytes.fromhex(raw)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise SecretKeyError(
                f"{file} is damaged: it must hold {2 * KEY_BYTES} hexadecimal digits"
            )
        return cls(key, str(file))

    def derive(self, purpose: str) -> bytes:
        """A key of its own for `purpose`, such as hashing what must be found without opening it."""
        return hmac.digest(self._key, purpose.encode(), "sha256")

    def seal(self, name: str, secret: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, name.encode())

    def unseal(self, name: str, sealed: bytes) -> bytes:
        """Raises SecretKeyError when it was sealed with another key or name, or was changed."""
        nonce, sealed = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, sealed, name.encode())
        except (InvalidTag, ValueError) as error:
            raise SecretKeyError(
                f"{self._origin} does not open the secret of API key {name[:8]}...: it is not the "
                f"file this database was used with, or the row was changed; put back the right file"
            ) from error


def _make(file: Path) -> None:
    """Create the file with a new key, whole or not at all; the first of two processes wins."""
    partial = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as out:
            out.write(secrets.token_hex(KEY_BYTES) + "\n")
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(partial, file)
        except FileExistsError:
            return
    finally:
        partial.unlink()
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
