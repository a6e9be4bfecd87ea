"""The salt of a round: who knows it knows which id is whose. Made once, and never leaves here."""

import os
import secrets
from pathlib import Path

from excraft.dataset.ids import SALT_BYTES

PRIVATE = "private"


def salt_of(root: Path, number: int) -> bytes:
    """The salt of round `number`, made now if there is none; on the disk when it is returned."""
    folder = root / PRIVATE
    path = folder / f"salt-{number:04}"
    if not path.exists():
        write_private(path, secrets.token_bytes(SALT_BYTES))
    salt = path.read_bytes()
    if len(salt) != SALT_BYTES:
        raise ValueError(
            f"{path} has {len(salt)} bytes, not {SALT_BYTES}: restore it from a backup"
        )
    return salt


def write_private(path: Path, content: bytes) -> None:
    """Whole or not at all, on the disk, readable by its owner only, as its folder is."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
