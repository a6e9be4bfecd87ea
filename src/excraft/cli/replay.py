"""`excraft replay DIR`: the log through the kernel, as fast as it goes."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.cli.options import Json, show_json

Source = Annotated[Path, typer.Argument(help="Data folder of an exchange.", show_default=False)]
CORES = min(os.cpu_count() or 1, 16)
Threads = Annotated[
    int,
    typer.Option(help="Worker threads of the kernel; one per core by default.", min=1, max=16,
                 show_default=False),
]  # fmt: skip
SHOW_EVERY_S = 0.1


def replay(source: Source, threads: Threads = CORES, as_json: Json = False) -> None:
    """Compute the state from the log alone; changes nothing, also while the exchange runs."""
    from excraft.cli.kernel import new_kernel
    from excraft.cli.progress import Progress

    folder = Folder.existing(source)
    with Progress() as progress:
        kernel = new_kernel(threads, progress, reuse_events=True)
        commands, began = 0, time.perf_counter()
        for record in records(folder, progress):
            kernel.step(record)
            commands += len(record.commands)
        seconds = time.perf_counter() - began
    rate = round(commands / seconds) if commands else 0
    result = {
        "commands": commands, "seconds": round(seconds, 3), "commands_per_s": rate,
        "position": kernel.position, "state_hash": kernel.state_hash(),
    }  # fmt: skip
    if as_json:
        show_json(result)
        return
    print(f"{commands:,} commands in {seconds:.2f} s, {rate:,} a second")
    print(f"position    {kernel.position}\nstate hash  {result['state_hash']}")


def records(folder: Folder, progress) -> Iterator:
    """All records from the first, read while the caller works; a damaged log becomes a Failure."""
    from excraft.log import LogDamaged, open_for_reading
    from excraft.log.ahead import ahead

    log = open_for_reading(folder.log)
    try:
        end, shown = log.end(0), 0.0
        for record in ahead(log.read(0)):
            yield record
            if time.monotonic() - shown > SHOW_EVERY_S:
                shown = time.monotonic()
                progress.show("replaying the log", record.position, max(end, record.position))
    except LogDamaged as damaged:
        raise Failure(str(damaged), Exit.DAMAGED) from damaged
    finally:
        log.close()
