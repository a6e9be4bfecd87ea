"""The members of a day as columns, by their place in the table, which is the order of their ids."""

from dataclasses import dataclass

import numpy as np

from excraft.dataset.days import Day
from excraft.dataset.errors import Malformed
from excraft.dataset.ids import ascending, ids_of
from excraft.dataset.places import Places
from excraft.dataset.tables import Columns


@dataclass(frozen=True)
class People:
    """ids (n, 2) uint64; owner: a number for each beneficial owner, 0 when it is not known apart
    from the account; house, pool: int64; address, chain: of where rewards go; before: units."""

    ids: np.ndarray
    owner: np.ndarray
    house: np.ndarray
    pool: np.ndarray
    address: list[str]
    chain: np.ndarray
    before: list[int]
    places: Places

    def __len__(self) -> int:
        return len(self.ids)

    def place(self, halves: np.ndarray, table: str, line: int, column: str) -> np.ndarray:
        """Places of ids that a table names from `line` on. Raises Malformed for one that is no
        member."""
        found = self.places.of(halves)
        if len(found) and found.min() < 0:
            at = int(np.argmin(found))
            who = ids_of(halves[at : at + 1])[0].hex()
            raise Malformed(table, line + at, f"{column}: {who} is not in the table members")
        return found


def people_of(day: Day) -> People:
    """Reads the table. Raises Malformed for a member who may claim but has no address, or a sum of
    `before` that the manifest does not have."""
    parts: dict[str, list] = {}
    line = 2
    for batch in day.batches("members"):
        _check(batch, line)
        line += len(batch["address"])
        for name, column in batch.items():
            parts.setdefault(name, []).append(column)
    joined = {
        name: np.concatenate(columns) if isinstance(columns[0], np.ndarray) else sum(columns, [])
        for name, columns in parts.items()
    }
    if not parts:
        joined = _nobody()
    total = sum(joined["before"])
    if total != day.facts.total_before:
        raise Malformed(
            "members", 1,
            f"before adds up to {total}; total_before in the manifest is {day.facts.total_before}",
        )  # fmt: skip
    return People(
        joined["id"], numbered(joined["owner"]), joined["house"], joined["pool"],
        joined["address"], np.array([one == "chain" for one in joined["choice"]], bool),
        joined["before"], Places(joined["id"]),
    )  # fmt: skip


def _check(batch: Columns, line: int) -> None:
    if "" not in batch["address"]:
        return
    cells = zip(batch["address"], batch["choice"], batch["before"], strict=True)
    for at, (address, choice, before) in enumerate(cells):
        if not address and (choice == "chain" or before):
            raise Malformed(
                "members", line + at,
                f"address is empty, but choice is {choice} and before {before}; who claims on "
                f"chain needs one",
            )  # fmt: skip


def _nobody() -> Columns:
    halves, numbers = np.empty((0, 2), np.uint64), np.empty(0, np.int64)
    return {
        "id": halves, "owner": halves, "house": numbers, "pool": numbers,
        "address": [], "choice": [], "before": [],
    }  # fmt: skip


def numbered(halves: np.ndarray) -> np.ndarray:
    """A number for each distinct id, from 1; 0 for nobody."""
    order = ascending(halves)
    ordered = halves[order]
    new = np.ones(len(halves), bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(1)
    numbers = np.empty(len(halves), np.int64)
    numbers[order] = np.cumsum(new)
    return np.where(halves.any(1), numbers, 0)
