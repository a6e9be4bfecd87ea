"""Compiles and tests what is in contracts/: forge with the compiler of the npm package solc.

`python -m excraft.chain.forge` writes anew what the exchange itself needs of the result.
"""

import json
import os
import subprocess
from pathlib import Path

from excraft.chain.contracts import NAMES, place_of

PROJECT = Path(__file__).parents[3] / "contracts"
SECONDS = 300


def program() -> Path:
    """The program itself; raises FileNotFoundError and says what installs it."""
    for found in sorted((PROJECT / "node_modules" / "@foundry-rs").glob("forge-*/bin/forge*")):
        return found
    raise FileNotFoundError("forge is not installed: `make contracts/node_modules/.installed`")


def forge(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it in contracts/; what it says is one text in `stdout`."""
    return subprocess.run(
        [str(program()), *arguments], cwd=PROJECT, text=True, timeout=SECONDS,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | {"FOUNDRY_DISABLE_NIGHTLY_WARNING": "1", "NO_COLOR": "1"},
    )  # fmt: skip


def artifacts(out: Path) -> dict[str, str]:
    """The text of each contract's file, compiled now into the folder `out`; raises RuntimeError
    with what the compiler said."""
    said = forge("build", "--force", "--skip", "test", "--out", str(out))
    if said.returncode:
        raise RuntimeError(f"the contracts do not compile: {said.stdout}")
    return {name: _text(out / f"{name}.sol" / f"{name}.json") for name in NAMES}


def _text(compiled: Path) -> str:
    """ABI and bytecode only, so that the file changes when the contract does."""
    found = json.loads(compiled.read_text())
    kept = {"compiler": found["metadata"]["compiler"]["version"], "abi": found["abi"],
            "bytecode": found["bytecode"]["object"]}  # fmt: skip
    return json.dumps(kept, indent=1, sort_keys=True) + "\n"


def main() -> None:
    for name, text in artifacts(PROJECT / "build" / "artifacts").items():
        place_of(name).write_text(text)


if __name__ == "__main__":
    main()
