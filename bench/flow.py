"""`excraft flow`: messages of a public order flow through a kernel book, every report written.

excraft bench flow [FILE ...] [--messages 2000000] [--rounds 3] [--json]

Runs `excraft flow` on each FILE, if any, and on a file that make_flow.py generates. Each run is a
process of its own and reports the median of its own rounds on empty books, compiling excluded.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))

import make_flow


def measure(file: Path, rounds: int) -> dict:
    """What `excraft flow` says of a file; the median rate of some runs."""
    command = [sys.executable, "-m", "excraft", "flow", str(file), "--json"]
    found = [
        json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        for _ in range(rounds)
    ]
    rates = [one["messages_per_s"] for one in found]
    return found[0] | {"messages_per_s": round(median(rates)), "each_per_s": rates}


def run(options: argparse.Namespace) -> dict:
    """Figures by file name."""
    result: dict = {"benchmark": "flow", "rounds": options.rounds}
    for file in options.files:
        result[file.name] = measure(file, options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "generated.bin"
        make_flow.write(file, make_flow.made(options.messages, options.seed))
        result["generated"] = measure(file, options.rounds)
    return result


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="excraft bench flow", description=__doc__)
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE", help="plain or gzip")
    parser.add_argument("--messages", type=int, default=2_000_000, help="of the generated file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    result = run(options)
    if options.json:
        print(json.dumps(result))
        return 0
    for name, value in result.items():
        if isinstance(value, dict):
            for part, figure in value.items():
                shown = f"{figure:,}" if isinstance(figure, int) else figure
                print(f"{name} {part:>16}  {shown}")
        else:
            print(f"{name:>16}  {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
