"""`excraft verify DIR`: is everything that is stored still true?"""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from excraft.cli.exits import Failure
from excraft.cli.folder import Folder
from excraft.cli.options import Json, show_json

Source = Annotated[Path, typer.Argument(help="Data folder of an exchange.", show_default=False)]


def verify(source: Source, as_json: Json = False) -> None:
    """Replay from the beginning and check every invariant; exit 1 when one does not hold.

    Checked are the bytes and the chain of the log, positions and times, the kernel's own
    invariants, conservation of money per asset, depth against open orders, every snapshot's state
    hash, and the stored history against the balances. Best on a stopped exchange: on a running one
    the history is checked up to where it is.
    """
    from excraft.cli.audit import Audit
    from excraft.cli.kernel import new_kernel
    from excraft.cli.progress import Progress
    from excraft.cli.replay import records

    folder = Folder.existing(source)
    with Progress() as progress, closing(Audit(folder, new_kernel(1, progress))) as audit:
        for record in records(folder, progress):
            audit.record(record)
        audit.finish()
    result = {
        "position": audit.kernel.position, "state_hash": audit.kernel.state_hash(),
        "checks": audit.checks, "findings": audit.findings,
    }  # fmt: skip
    if as_json:
        show_json(result)
    else:
        for check, times in audit.checks.items():
            print(f"{check:<58} {times:>9,} times")
        print(f"position    {result['position']}\nstate hash  {result['state_hash']}")
    if audit.findings:
        raise Failure("this does not hold: " + "; ".join(audit.findings[:20]))
    if not as_json:
        print("everything holds")
