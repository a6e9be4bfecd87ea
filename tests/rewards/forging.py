"""Two honest days, and how somebody would falsify them: as cleverly as they can, with hashes and
manifest made to fit again."""

import csv
import json
from hashlib import sha256

import pytest

from excraft.dataset.manifest import canonical, dataset_hash
from excraft.rewards.close import close
from excraft.units import Rational
from tests.dataset.made import facts, publish
from tests.rewards.made import ADDRESSES, IDS, SMALL, VERIFIER

A, B, C, D, E = IDS[:5]
OWNER = b"\xaa" * 16
TERMS = SMALL._replace(verified_min=100, first=10**24, halving=3)
DAY = facts(3)
TABLES = {
    "members": [
        (A, b"", 1, 0, 0, 7, "", "credit", 0),
        (B, OWNER, 1, 0, 0, 7, ADDRESSES[0], "chain", 100),
        (C, b"", 1, 0, 0, 9, ADDRESSES[1], "credit", 50),
        (D, OWNER, 1, 0, 0, 9, ADDRESSES[2], "chain", 0),
        (E, b"", 1, 0, 1, 0, "", "credit", 0),
    ],
    "fills": [
        (1, B, A, 0, 0, 1_000_003, 10**9, 10_000),
        (1, A, B, 1, 0, 1_000_007, 10**9, 10_000),
        (2, C, A, 0, 0, 700_001, 10**9, 9_000),
        (2, A, C, 1, 0, 300_000, 10**9, 9_000),
        (3, D, B, 0, 0, 900_000, 10**9, 10_000),
        (4, C, D, 1, 0, 500_000, 10**9, 10_000),
        (5, C, E, 1, 0, 400_000, 10**9, 10_000),
        (6, A, C, 1, 0, 600_000, 10**9, 10_000),
    ],
    "stakes": [
        (A, "vault", 10**18 + 1, DAY.begin, DAY.end - 1_000),
        (C, "exchange", 2 * 10**18, DAY.begin, DAY.end),
    ],
    "pools": [(7, A, 1, 1_000, 1, 100), (9, C, 1, 500, 1, 99)],
    "flagged": [(C, D)],
    "rates": [(0, 2, 3)],
}  # fmt: skip


def honest_days(root):
    """Two days in a row below a folder; that of the second."""
    first = facts(2, terms=TERMS, total_before=30, traded=Rational(3, 10**12))
    members = [(*row[:8], 10 * bool(row[6])) for row in TABLES["members"]]
    tables = {name: TABLES[name] for name in ("fills", "pools", "rates")}
    before = close(publish(root, {"members": members, **tables}, first))
    claimed = {row.id: row.cumulative for row in before.rows("results")}
    members = [(*row[:8], claimed[row[0]]) for row in TABLES["members"]]
    second = facts(
        3, terms=TERMS, total_before=before.results.total, carry_before=before.results.carry,
        price_before=before.results.price, traded=Rational(7, 2 * 10**12),
    )  # fmt: skip
    return close(publish(root, {**TABLES, "members": members}, second)).path


def change(day, table, line, column, value):
    """One cell of the published text; None as a column removes the line."""
    path = day / f"{table}.csv"
    rows = list(csv.reader(path.read_text().splitlines()))
    at = line - 1
    if column is None:
        del rows[at]
    else:
        old = rows[at][rows[0].index(column)]
        rows[at][rows[0].index(column)] = str(value(old) if callable(value) else value)
    path.write_text("".join(",".join(row) + "\n" for row in rows))


def manifest(day, **changed):
    """Set what stands in facts or results; then make all hashes fit again."""
    path = day / "manifest.json"
    found = json.loads(path.read_text())
    for name, value in changed.items():
        part, _, key = name.partition("_")
        inside = found[part]
        if key.startswith("terms_"):
            inside, key = inside["terms"], key[6:]
        assert inside[key] != value
        inside[key] = value
    for part in ("facts", "results"):
        for name in found[part]["files"]:
            text = (day / f"{name}.csv").read_bytes()
            lines = text.count(b"\n") - 1
            found[part]["files"][name] = {"rows": lines, "sha256": sha256(text).hexdigest()}
    found["dataset_hash"] = dataset_hash(found["facts"])
    path.write_bytes(canonical(found))


def plus(units):
    return lambda old: int(old) + units


def wrong(day, **given):
    with pytest.raises(VERIFIER["Wrong"]) as raised:
        VERIFIER["check"](day, **given)
    return str(raised.value)
