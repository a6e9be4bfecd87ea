"""Which database belongs to a data folder; light to import, for commands that only look."""

import json
import os

from excraft.cli.folder import Folder
from excraft.store.database import Database


def chosen_url(folder: Folder, url: str) -> str:
    """The URL given now, else the one that a start was given before, else SQLite."""
    return url or _kept_url(folder) or folder.database


def keep_url(folder: Folder, url: str) -> None:
    """For the other commands; only once it has worked."""
    if url not in (folder.database, _kept_url(folder)):
        _write_private(folder, json.dumps({"database": url}))


def _kept_url(folder: Folder) -> str:
    if not folder.settings.exists():
        return ""
    return json.loads(folder.settings.read_text())["database"]


def _write_private(folder: Folder, text: str) -> None:
    partial = folder.settings.with_suffix(".partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    partial.rename(folder.settings)


def database_of(folder: Folder) -> Database | None:
    """The store of an exchange that is not ours to start; None when it never had one."""
    url = _kept_url(folder)
    if not url and not (folder.root / "excraft.db").exists():
        return None
    return Database(url or folder.database)
