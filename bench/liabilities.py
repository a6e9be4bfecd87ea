"""How long the proof of liabilities of a day takes, how much memory, and how large a proof is.

    excraft bench liabilities [--accounts 1000000] [--assets 1] [--json]

Every account has a balance in every asset, log-normal: most are small, a few very large, as on an
exchange. Timed is Days.publish: ids, salts, order, splitting, all hashes, and the files with their
fsync; not the replay of the log, which `excraft bench replay` measures. The proofs of members drawn
at random are checked by the code of tools/verify_liabilities.py before the figures are shown.
"""

import argparse
import json
import resource
import runpy
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from excraft.custody.liabilities_files import Days, State

TOOL = Path(__file__).parents[1] / "tools" / "verify_liabilities.py"
DAY, SECRET = "2026-11-22", b"a secret of 32 bytes, for a bench"[:32]
PROOFS = 20


def state(accounts: int, assets: int) -> State:
    """Balances of everybody; the seed is fixed."""
    chance = np.random.default_rng(1)
    rows = np.zeros((accounts * assets, 4), np.int64)
    rows[:, 0] = np.repeat(np.arange(accounts), assets)
    rows[:, 1] = np.tile(np.arange(assets), accounts)
    rows[:, 2] = 1 + chance.lognormal(18, 3, len(rows))
    rows[:, 3] = rows[:, 2] // 10
    return State(1, bytes(32), "00" * 32, [(f"ASSET{n}", 8) for n in range(assets)], rows)


def measure(accounts: int, assets: int, folder: Path) -> dict:
    days, given = Days(folder), state(accounts, assets)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, cpu = time.perf_counter(), time.process_time()
    names = ((n, f"member {n}") for n in range(accounts))
    root = days.publish("bench", DAY, given, names, SECRET)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    began = time.perf_counter()
    drawn = np.random.default_rng(2).integers(0, accounts, PROOFS).tolist()
    proofs = [days.proof(DAY, n, f"member {n}", SECRET) for n in drawn]
    each = (time.perf_counter() - began) / PROOFS
    check(root, proofs, given)
    return {
        "accounts": accounts, "assets": assets, "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "peak_growth_mib": grown >> 10,
        "kept_mib": sum(f.stat().st_size for f in (folder / DAY).iterdir()) >> 20,
        "proof_ms": round(1000 * each, 3), "proof_bytes": len(json.dumps(proofs[0])),
    }  # fmt: skip


def check(root: dict, proofs: list[dict], given: State) -> None:
    """Raises unless all totals and all proofs are right."""
    verifier = runpy.run_path(str(TOOL))
    assets, found = len(given.assets), verifier["check_root"](root)
    owed = given.balances[:, 2] + given.balances[:, 3]
    for number, asset in enumerate(root["assets"]):
        if int(asset["total"]) != sum(owed[number::assets].tolist()):
            raise SystemExit(f"the total of {asset['symbol']} is wrong")
    for proof in proofs:
        begin = proof["account"] * assets
        if [*verifier["check_proof"](proof, root, found).values()] != owed[
            begin : begin + assets
        ].tolist():
            raise SystemExit(f"the proof of account {proof['account']} is wrong")


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="excraft bench liabilities", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--assets", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="excraft-bench-") as folder:
        result = measure(options.accounts, options.assets, Path(folder))
    if options.json:
        print(json.dumps(result))
        return 0
    print(
        "{accounts:,} accounts, {assets} assets: {seconds} s ({cpu_seconds} s CPU), at most "
        "{peak_growth_mib:,} MiB more memory, {kept_mib:,} MiB kept; a proof in "
        "{proof_ms} ms, {proof_bytes:,} bytes".format(**result)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
