"""tools/verify_rewards.py catches what is falsified, and says in which table and line.

Each falsification is as clever as it can be: hashes and manifest are made to fit again, so that
only the recomputation can find it. Who does not bother is found by the hashes, at the end.
"""

import json
import re
import shutil
import subprocess
import sys

import pytest
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from excraft.rewards.tree import ClaimTree
from tests.rewards.forging import A, B, change, manifest, plus, wrong
from tests.rewards.made import TOOL, VERIFIER


def test_honest_days_are_right(day):
    VERIFIER["check"](day, day.parent / "day-00002")


RESULT = r"results, line \d, (poe|reward_poe): published is \d+, computed from the facts \d+"
POOL = r"pool_results, line \d, (poe|units): published is \d+, computed from the facts \d+"
EITHER = f"({RESULT}|{POOL})"
CELLS = {
    "a fee raised": ("fills", 3, "fee", plus(50_000), EITHER),
    "a fill omitted": ("fills", 3, None, None, EITHER),
    "a fill given to another": ("fills", 5, "id", B.hex(), EITHER),
    "a maker made a taker": ("fills", 9, "maker", 0, EITHER),
    "a market's weight changed": ("fills", 4, "weight", 10_000, EITHER),
    "a wrong owner": ("members", 5, "owner", "", EITHER),
    "a house made a member": ("members", 6, "house", 0, EITHER),
    "a member moved to another pool": ("members", 4, "pool", 7, POOL),
    "a flagged pair dropped": ("flagged", 2, None, None, EITHER),
    "a rate changed": ("rates", 2, "numerator", 3, EITHER),
    "a commission changed": ("pools", 2, "commission_bp", 1_001,
                             r"results, line 2, reward_pool: published is"),
    "a pool that does not redistribute": ("pools", 2, "redistribute", 0,
                                          r"results, line 2, reward_pool: published is"),
    "99 verified members made 100": ("pools", 3, "verified", 100,
                                     r"pool_results, line \d, units: published is"),
    "a pool closed": ("pools", 2, "active", 0, r"pool_results, line 2, units: published is"),
    "a stake held longer": ("stakes", 2, "end", plus(1),
                            r"results, line 2, token_seconds: published is"),
    "a larger stake": ("stakes", 3, "units", plus(1),
                       r"results, line (4, token_seconds|2, reward_stake): published is"),
    "a choice changed": ("members", 4, "choice", "chain", r"results, line 4, cumulative: p"),
    "PoE of a member raised": ("results", 2, "poe", plus(1), r"results, line 2, poe: published"),
    "a reward raised": ("results", 2, "reward_poe", plus(1), r"results, line 2, reward_poe: publi"),
    "cumulative lowered": ("results", 3, "cumulative", plus(-1),
                           r"results, line 3, cumulative: published"),
    "a pool's units changed": ("pool_results", 2, "units", plus(1), r"pool_results, line 2, units"),
    "a member without a result": ("results", 6, None, None, r"results, line 6: missing is"),
}  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
def test_a_falsified_table_is_found(day, name):
    table, line, column, value, message = CELLS[name]
    change(day, table, line, column, value)
    manifest(day)
    found = wrong(day)
    assert re.match(message, found), found


FIELDS = {
    "another emission": ({"results_emitted": "5"}, "manifest, results.emitted: published is 5"),
    "another schedule": ({"facts_terms_first": "5"}, "(pool_)?results, line 2"),
    "another price": ({"results_price": ["1", "2"]}, r"manifest, results.price: published is \(1"),
    "another traded price": ({"facts_traded": ["9", "1000"]}, "(pool_)?results, line|manifest"),
    "carry kept back": ({"results_carry": "7"}, "manifest, results.carry: published is 7"),
    "carry of before lowered": ({"facts_carry_before": "6"}, "manifest, carry_before .from --"),
    "another total": ({"results_total": "1"}, "manifest, results.total: published is 1"),
    "another total before": ({"facts_total_before": "1"}, "manifest, total_before: published is 1"),
    "a cap raised": ({"facts_terms_cap_poe_bp": 9_000}, "manifest, terms: the caps are 13000 bp"),
    "a cap changed": ({"facts_terms_cap_poe_bp": 4_000}, "(pool_)?results, line"),
    "paid more": ({"results_paid": "1"}, "manifest, results.paid: published is 1"),
    "another day": ({"facts_day": 4}, "manifest, day .from --before.: published is 4"),
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_a_falsified_manifest_is_found(day, name):
    changed, message = FIELDS[name]
    manifest(day, **changed)
    found = wrong(day, before=day.parent / "day-00002")
    assert re.match(message, found), found


def test_a_remainder_unit_given_to_another_is_found(day):
    change(day, "results", 2, "reward_poe", plus(1))
    change(day, "results", 3, "reward_poe", plus(-1))
    manifest(day)
    assert wrong(day).startswith("results, line 2, reward_poe: published is")


def test_the_root_of_another_day_is_found(day):
    other = json.loads((day.parent / "day-00002" / "manifest.json").read_text())["results"]["roots"]
    manifest(day, results_roots=other)
    assert wrong(day).startswith(f"manifest, results.roots.claims: published is {other['claims']}")
    shutil.copytree(day.parent / "day-00002", day.parent / "again")
    message = "the root that was given: published is 1234, computed from the facts "
    assert wrong(day.parent / "again", root="0x1234").startswith(message)
    assert "the hash of facts that was given" in wrong(day.parent / "again", facts_hash="12")


def test_claims_of_the_day_before_cannot_vanish(day):
    change(day, "members", 3, "before", plus(-1))
    found = json.loads((day / "manifest.json").read_text())["facts"]
    manifest(day, facts_total_before=str(int(found["total_before"]) - 1))
    found = wrong(day, before=day.parent / "day-00002")
    assert "manifest, total_before (from --before): published is" in found


@pytest.mark.parametrize(
    "table", ["members", "fills", "stakes", "pools", "flagged", "rates", "results", "pool_results"]
)
def test_a_file_that_was_changed_is_found_by_its_hash(day, table):
    path = day / f"{table}.csv"
    text = path.read_bytes()
    path.write_bytes(text[:-2] + (b"4" if text[-2:-1] != b"4" else b"5") + b"\n")
    found = wrong(day)
    assert table in found, found


@pytest.mark.parametrize(
    "text, message",
    [
        ("1,x\n", "is not of the form trade, id"),
        ("01" + "," * 7 + "\n", "is not of the form trade, id"),
        (f"1,{A.hex()},{B.hex()},0,0,1,1,10001\n", "weight 10001 is more than 10000"),
        (f"1,{A.hex()},{'0f' * 16},0,0,1,1,1\n", "is not in the table members"),
        (f"1,{A.hex()},{B.hex()},0,0,1,1,1\n" * 2, "twice, or out of order"),
    ],
)
def test_a_line_that_cannot_be_is_named(day, text, message):
    (day / "fills.csv").write_text("trade,id,other,maker,asset,fee,notional,weight\n" + text)
    manifest(day)
    found = wrong(day)
    assert found.startswith("fills, line ") and message in found


def run(*arguments):
    command = [sys.executable, "-S", "-E", str(TOOL), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_it_runs_by_itself_and_says_yes_or_no(day):
    before, root = day.parent / "day-00002", json.loads((day / "manifest.json").read_text())
    claims, facts_hash = root["results"]["roots"]["claims"], root["dataset_hash"]
    done = run(day, "--before", before, "--root", "0x" + claims, "--facts", "0x" + facts_hash,
               "--member", A.hex())  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Yes: day 3, 5 members, pays ") and "reward_stake" in done.stdout
    change(day, "results", 2, "reward_poe", plus(1))
    manifest(day)
    done = run(day)
    assert done.returncode == 1 and done.stdout.startswith("NO: results, line 2, reward_poe: ")
    done = run(day.parent / "nowhere")
    assert done.returncode == 2 and "could not be checked" in done.stderr
    assert "manifest.json" in done.stderr


@given(st.binary(max_size=135))
def test_its_own_hash_is_the_known_one(message):
    VERIFIER["prepare"]() if not VERIFIER["CONSTANTS"] else None
    assert VERIFIER["keccak"](message) == keccak(message)


@given(st.dictionaries(st.binary(min_size=20, max_size=20), st.integers(0, 2**256 - 1), max_size=9))
def test_its_own_tree_is_ours(claims):
    VERIFIER["prepare"]() if not VERIFIER["CONSTANTS"] else None
    hexed = {"0x" + address.hex(): units for address, units in claims.items()}
    assert VERIFIER["root_of"](hexed) == ClaimTree(claims).root.hex()


def test_it_shares_no_code_with_the_exchange():
    text = TOOL.read_text()
    assert "excraft" not in text.replace("the exchange", "")
    assert len(text.splitlines()) <= 440
