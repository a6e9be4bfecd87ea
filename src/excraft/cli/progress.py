"""Bars for long work, on a terminal; silence when nobody looks."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars


class Progress:
    """A context manager; `compiling` and `recovering` feed it."""

    def __init__(self, shown: bool | None = None):
        shown = sys.stderr.isatty() if shown is None else shown
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=not shown,
            transient=True,
        )
        self._tasks: dict[str, int] = {}
        self.summary = ""  # what a start found
        self.notes: list[str] = []  # what an operator should know about it

    def __enter__(self) -> "Progress":
        self._bars.start()
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Take the bars away; more calls change nothing."""
        self._bars.stop()

    def show(self, what: str, done: int, total: int) -> None:
        """`done` of `total` steps of `what`."""
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total)
        self._bars.update(self._tasks[what], completed=done, total=total)
