"""`excraft bench NAME`: the headline figures, measured by the programs in bench/."""

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

import excraft
from excraft.cli.exits import Exit, Failure

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
FOLDER = Path(excraft.__file__).parent.parent.parent / "bench"


def names() -> list[str]:
    """What can be measured: every file of the folder that is a program."""
    programs = [p for p in FOLDER.glob("[!_]*.py") if "\ndef main(" in p.read_text()]
    return sorted(p.stem for p in programs)


def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="One figure, or all.")] = "",
) -> None:
    """Measure one headline figure; what follows NAME goes to that program (try --help)."""
    known = names()
    if not known:
        raise Failure(
            f"the benchmarks are not part of the installed package: {FOLDER} is not there; "
            f"run this from a checkout of the repository",
            Exit.USAGE,
        )
    if name == "all":
        _run_all(known)
    elif name in known:
        _run(name, context.args)
    else:
        raise Failure(
            f"there is no benchmark {name!r}; there are all, {', '.join(known)}", Exit.USAGE
        )


def _run(name: str, arguments: list[str]) -> None:
    """As if the program were started by itself: it ends this process."""
    sys.path.insert(0, str(FOLDER))  # the programs share some files
    sys.argv = [f"excraft bench {name}", *arguments]
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")


def _run_all(known: list[str]) -> None:
    """Each in a process of its own, so that no figure sees another's memory."""
    for name in known:
        print(f"== {name}", flush=True)
        done = subprocess.run([sys.executable, "-m", "excraft", "bench", name], check=False)
        if done.returncode:
            raise Failure(f"benchmark {name} ended with code {done.returncode}")
