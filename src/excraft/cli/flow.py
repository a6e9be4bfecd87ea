"""`excraft flow FILE`: a public order flow through a kernel book."""

from pathlib import Path
from typing import Annotated

import typer

from excraft.cli.exits import Exit, Failure
from excraft.cli.options import Json, show_json

File = Annotated[Path, typer.Argument(help="A flow file, plain or gzip.", show_default=False)]


def flow(file: File, as_json: Json = False) -> None:
    """Run every message, write every report, print the rate and the hash of the reports."""
    from excraft.kernel.flow import FlowDamaged, run

    try:
        result = run(file)
    except OSError as error:
        raise Failure(f"cannot read {file}: {error.strerror}", Exit.USAGE) from error
    except FlowDamaged as damaged:
        raise Failure(f"{file} is no order flow: {damaged}", Exit.DAMAGED) from damaged
    if as_json:
        show_json(result)
        return
    for name, value in result.items():
        print(f"{name:<16} {value:,}" if isinstance(value, int) else f"{name:<16} {value}")
