"""One private key in a file that only its owner can read: 64 hex digits. It is never shown."""

import os
import stat
from pathlib import Path

from excraft.chain.ethereum import Account, LocalAccount

_BYTES_MAX = 256


def read_key(path: Path) -> LocalAccount:
    """Raises ValueError, without any of its text, when it is no such file."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ValueError(f"{path} has mode {mode:04o}: others could read it; chmod go= it")
    with path.open() as file:
        text = file.read(_BYTES_MAX).strip().removeprefix("0x")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ValueError(f"{path} must hold one private key of 64 hex digits")
    return Account.from_key(key)


def kept_key(path: Path) -> LocalAccount:
    """The key of the file; a new one, on the disk when this returns, where there is no file."""
    if not path.exists():
        partial = path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(Account.create().key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    return read_key(path)
