"""Options that several commands share, and how answers are shown."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

Data = Annotated[
    Path,
    typer.Option("--data", envvar="EXCRAFT_DATA", help="Data folder of the exchange."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]

DEFAULT_DATA = Path("data")


def show_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, indent=2))


def show_table(rows: list[dict[str, Any]], columns: list[str]) -> None:
    """A plain table when a person looks, tab-separated lines when a program does."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(str(row[c]) for c in columns))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, header_style="bold")
    for row in rows:
        table.add_row(*(str(row[c]) for c in columns))
    Console().print(table)
