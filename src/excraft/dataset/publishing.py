"""Publishes a folder of the dataset: whole or not at all, once, and never changed.

Facts are written into a folder with a name that nobody reads, synced, and renamed. Results come
later into the same folder: their files first, then the manifest that names them, in one rename.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from excraft.dataset.errors import AlreadyPublished, DatasetError
from excraft.dataset.manifest import FORMAT, NAME, canonical, dataset_hash, files_plain, load
from excraft.dataset.tables import Table
from excraft.dataset.writing import TableWriter


class Tables:
    """Writers of some tables in one folder; a table that nobody wrote into is an empty one."""

    def __init__(self, folder: Path, tables: Sequence[Table]) -> None:
        self._stack = ExitStack()
        with self._stack:
            writers = {t.name: self._stack.enter_context(TableWriter(folder, t)) for t in tables}
            self._stack = self._stack.pop_all()
        self._writers = writers

    def __getitem__(self, name: str) -> TableWriter:
        try:
            return self._writers[name]
        except KeyError:
            there = ", ".join(self._writers)
            raise DatasetError(f"there is no table {name!r} here; there are {there}") from None

    def finish(self) -> dict[str, Any]:
        """All on the disk; what the manifest says of the files."""
        return files_plain({name: writer.close() for name, writer in self._writers.items()})

    def close(self) -> None:
        self._stack.close()


class _Writer:
    """Tables in a folder with a name that nobody reads, which is gone when it is left."""

    def __init__(self, partial: Path, tables: Sequence[Table]) -> None:
        self._partial = partial
        if partial.exists():  # of a process that was stopped
            shutil.rmtree(partial)
        partial.mkdir(parents=True)
        self._tables = Tables(partial, tables)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._tables.close()
        if self._partial.exists():
            shutil.rmtree(self._partial)

    def __getitem__(self, name: str) -> TableWriter:
        return self._tables[name]


class FactsWriter(_Writer):
    """Writes the facts of a new day or round; nothing is there before `publish`.

    with FactsWriter(root, "day", "day-00042", FACTS) as writer:
        writer["members"].rows(...)
        writer["fills"].columns(...)
        manifest = writer.publish(facts.plain())
    """

    def __init__(self, root: Path, kind: str, name: str, tables: Sequence[Table]) -> None:
        self._kind, self._final = kind, root / name
        super().__init__(root / f".{name}.partial", tables)

    def publish(
        self, facts: Mapping[str, Any], results: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The manifest, once everything is on the disk. The same facts once more change nothing.
        Raises AlreadyPublished when others are there."""
        whole = {**facts, "files": self._tables.finish()}
        manifest = {
            "format": FORMAT, "kind": self._kind, "facts": whole,
            "dataset_hash": dataset_hash(whole), "results": results,
        }  # fmt: skip
        if self._final.exists():
            there = load(self._final)
            if there["dataset_hash"] == manifest["dataset_hash"]:
                return there
            raise AlreadyPublished(
                f"{self._final.name} was published with dataset_hash {there['dataset_hash']}; "
                f"now it would be {manifest['dataset_hash']}. What is published never changes"
            )
        write_synced(self._partial / NAME, canonical(manifest) + b"\n")
        sync_folder(self._partial)
        os.rename(self._partial, self._final)
        sync_folder(self._final.parent)
        return manifest


class ResultsWriter(_Writer):
    """Writes results into a published folder; they are there when `publish` returns."""

    def __init__(self, folder: Path, tables: Sequence[Table]) -> None:
        self._folder, self._manifest = folder, load(folder)
        super().__init__(folder / ".results.partial", tables)

    def publish(self, results: Mapping[str, Any]) -> dict[str, Any]:
        """The manifest with the results. The same ones once more change nothing. Raises
        AlreadyPublished when others are there."""
        whole = {**results, "files": self._tables.finish()}
        there = self._manifest["results"]
        if there is not None:
            if canonical(there) == canonical(whole):
                return self._manifest
            raise AlreadyPublished(
                f"{self._folder.name} has other results already. What is published never changes"
            )
        for file in sorted(self._partial.iterdir()):
            os.rename(file, self._folder / file.name)
        manifest = {**self._manifest, "results": whole}
        write_synced(self._partial / NAME, canonical(manifest) + b"\n")
        sync_folder(self._folder)
        os.rename(self._partial / NAME, self._folder / NAME)
        sync_folder(self._folder)
        return manifest


def write_synced(path: Path, content: bytes) -> None:
    """A file whose bytes are on the disk when this returns."""
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """The names in a folder are on the disk when this returns."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
