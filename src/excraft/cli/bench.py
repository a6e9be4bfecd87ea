"""`excraft bench NAME`: the headline figures, measured by the programs in bench/."""

import importlib.util
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
    """What can be measured: every program of the folder."""
    return sorted(p.stem for p in FOLDER.glob("*.py") if not p.stem.startswith("_"))


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
        sys.exit(_program(name)(context.args))
    else:
        raise Failure(
            f"there is no benchmark {name!r}; there are all, {', '.join(known)}", Exit.USAGE
        )


def _program(name: str):
    spec = importlib.util.spec_from_file_location(f"bench_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(FOLDER))  # the programs share bench/_*.py
    spec.loader.exec_module(module)
    return module.main


def _run_all(known: list[str]) -> None:
    """Each in a process of its own, so that no figure sees another's memory."""
    for name in known:
        print(f"== {name}", flush=True)
        done = subprocess.run([sys.executable, "-m", "excraft", "bench", name], check=False)
        if done.returncode:
            raise Failure(f"benchmark {name} ended with code {done.returncode}")
