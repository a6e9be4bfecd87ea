"""A day and a round on disk: written by merit, read by rewards, the doors and auditors."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from excraft.dataset import reading
from excraft.dataset.errors import Damaged, DatasetError, NotPublished
from excraft.dataset.manifest import DayFacts, DayResults, load
from excraft.dataset.publishing import FactsWriter, ResultsWriter
from excraft.dataset.tables import COMPUTED, FACTS, SEATS, TABLES, Columns
from excraft.dataset.writing import File


def day_name(day: int) -> str:
    return f"day-{day:05}"


def round_name(number: int) -> str:
    return f"round-{number:04}"


def write_day(root: Path, day: int) -> FactsWriter:
    """Writes the facts of a day below `root`: ``writer.publish(facts.plain())`` ends it."""
    return FactsWriter(root, "day", day_name(day), FACTS)


def write_round(root: Path, number: int) -> FactsWriter:
    """Writes the seats of a round below `root`; see rewards/seats.py for what is published."""
    return FactsWriter(root, "round", round_name(number), SEATS)


@dataclass(frozen=True)
class Folder:
    """A published folder; its tables are checked against their hashes whenever they are read."""

    path: Path
    manifest: dict[str, Any]

    def file(self, table: str) -> File:
        """Rows and hash of a table by the manifest. Raises NotPublished when it is not there."""
        files = self._files()
        if table not in files:
            raise NotPublished(f"{self.path.name} has no table {table!r}; it has {sorted(files)}")
        try:
            return File(**files[table])
        except TypeError as trouble:
            raise Damaged(f"{self.path.name}: files.{table} in the manifest: {trouble}") from None

    def batches(self, table: str, only: Collection[str] = ()) -> Iterator[Columns]:
        """Columns, batch by batch; trust them when the iteration has ended (see reading.py)."""
        file = self.file(table)
        return reading.batches(self.path / f"{table}.csv", TABLES[table], file, only)

    def rows(self, table: str) -> Iterator[Any]:
        """Rows of the table's type, with ids as bytes."""
        file = self.file(table)
        return reading.rows(self.path / f"{table}.csv", TABLES[table], file)

    def check(self) -> None:
        """Read every table to its end. Raises Malformed or Damaged."""
        for table in self._files():
            for _ in self.batches(table):
                continue

    def _files(self) -> dict[str, Any]:
        computed = (self.manifest["results"] or {}).get("files", {})
        return {**self.manifest["facts"]["files"], **computed}

    @property
    def dataset_hash(self) -> str:
        return self.manifest["dataset_hash"]


class Day(Folder):
    """A day's facts and, once computed, its results."""

    @property
    def facts(self) -> DayFacts:
        return _typed(self, DayFacts, self.manifest["facts"])

    @property
    def results(self) -> DayResults:
        """Raises NotPublished while they are not computed."""
        if self.manifest["results"] is None:
            raise NotPublished(f"{self.path.name} has no results yet")
        return _typed(self, DayResults, self.manifest["results"])

    def write_results(self) -> ResultsWriter:
        """Writes what was computed into the folder; open the day again to read it."""
        return ResultsWriter(self.path, COMPUTED)


class Round(Folder):
    """The seats of a round, from its days."""


def open_day(root: Path, day: int) -> Day:
    """A published day. Raises NotPublished or Damaged."""
    return Day(*_opened(root / day_name(day), "day"))


def open_round(root: Path, number: int) -> Round:
    """A published round. Raises NotPublished or Damaged."""
    return Round(*_opened(root / round_name(number), "round"))


def days_there(root: Path) -> list[int]:
    """Days that are published below `root`, ascending."""
    return sorted(int(path.name[4:]) for path in root.glob("day-[0-9]*"))


def _opened(path: Path, kind: str) -> tuple[Path, dict[str, Any]]:
    manifest = load(path)
    if manifest.get("kind") != kind:
        raise DatasetError(f"{path.name} is a {manifest.get('kind')}, not a {kind}")
    return path, manifest


def _typed(folder: Folder, kind: Any, plain: Any) -> Any:
    try:
        return kind.read(plain)
    except (KeyError, TypeError, ValueError) as trouble:
        raise Damaged(f"{folder.path.name}: its manifest is not whole: {trouble!r}") from None
