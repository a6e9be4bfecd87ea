"""The address of a Unix socket, whatever the length of its path."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATH_BYTES_MAX = 100  # of an address; the system allows a few more


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """An address for `path` that a Unix socket accepts."""
    if len(os.fsencode(path)) <= _PATH_BYTES_MAX:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
