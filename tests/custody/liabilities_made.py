"""Trees made for tests, and the verifier run on them the way a member runs it."""

import json
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from excraft.custody.liabilities import (
    PROOF_FORMAT,
    ROOT_FORMAT,
    build,
    member_id,
    parts_of,
    path_of,
    root_hash,
    to_atoms,
)
from excraft.custody.liabilities_hiding import Hiding

TOOL = Path(__file__).parents[2] / "tools" / "verify_liabilities.py"
LOG_HASH = bytes(range(32))
SECRET = b"s" * 32
VERIFIER = runpy.run_path(str(TOOL))


def made(balances: dict[str, list[int]], day: str = "2026-11-22") -> tuple[dict, list[dict]]:
    """(root, the proof of every member) of balances by symbol; position in a list = account."""
    hiding = Hiding(SECRET, day, LOG_HASH)
    count = max(map(len, balances.values()), default=0)
    names = [f"member {account}" for account in range(count)]
    ids = [member_id(n, name, hiding.nonces()(n)) for n, name in enumerate(names)]
    proofs = [
        {"format": PROOF_FORMAT, "root": "", "member": name, "account": account,
         "nonce": hiding.nonces()(account).hex(), "assets": {}}
        for account, name in enumerate(names)
    ]  # fmt: skip
    assets = []
    for symbol, amounts in balances.items():
        blind = np.array(ids[: len(amounts)], "V32")
        tree = build(symbol, np.arange(len(amounts)), to_atoms(amounts), blind, hiding)
        assets.append({"symbol": symbol, "decimals": 2, "height": tree.height,
                       "total": str(tree.total), "hash": tree.hash})  # fmt: skip
        salt_of, leaves = hiding.salts(symbol), tree.levels[0]["atoms"].tolist()
        for account, proof in enumerate(proofs):
            proof["assets"][symbol] = [
                {"atoms": str(leaves[place][0] << 64 | leaves[place][1]),
                 "salt": salt_of(place).hex(), "path": path_of(tree.levels, place)}
                for place in parts_of(tree.parts, account)
            ]  # fmt: skip
    root = {"format": ROOT_FORMAT, "exchange": "ExCraft", "day": day, "position": 7,
            "log_hash": LOG_HASH.hex(), "state_hash": "ab" * 32, "assets": assets}  # fmt: skip
    root["hash"] = root_hash(root)
    for proof in proofs:
        proof["root"] = root["hash"]
    return root, proofs


def verify(proof, root) -> subprocess.CompletedProcess:
    """The verifier as a process without our packages; texts are written as they are."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, value in (("proof.json", proof), ("root.json", root)):
            files.append(Path(folder) / name)
            files[-1].write_text(value if isinstance(value, str) else json.dumps(value))
        return run(*map(str, files))


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-I", "-S", str(TOOL), *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def checked(proof: dict, root: dict) -> dict[str, int]:
    """The same functions in this process: atoms by symbol. Raises the verifier's Wrong."""
    return VERIFIER["check_proof"](proof, root, VERIFIER["check_root"](root))


Wrong = VERIFIER["Wrong"]
