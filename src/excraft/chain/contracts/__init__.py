"""The contracts as compiled from contracts/: `make contracts` writes the files beside this one."""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

NAMES = ("ExtToken", "StakeVault", "Rounds", "RewardDistributor")


class Artifact(NamedTuple):
    """What deploying and calling a contract needs."""

    abi: list[dict[str, Any]]
    bytecode: str  # 0x and hex, without the constructor's arguments


def place_of(name: str) -> Path:
    """The file of a contract."""
    return Path(__file__).parent / f"{name}.json"


@cache
def artifact(name: str) -> Artifact:
    """One of NAMES."""
    found = json.loads(place_of(name).read_text())
    return Artifact(found["abi"], found["bytecode"])
