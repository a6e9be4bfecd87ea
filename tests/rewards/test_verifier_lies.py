"""Lies that fit together. Who makes the whole day anew, results and all, is found by what others
hold: the day before, and root and hash on the chain. Each check of the verifier has a lie here that
only it finds, or that would end in a crash without it."""

import json
import re

import pytest

from excraft.dataset.days import open_day
from excraft.dataset.manifest import DayFacts
from excraft.rewards.close import close
from excraft.units import Rational
from tests.dataset.made import facts, publish
from tests.rewards.forging import TABLES, TERMS, A, C, change, manifest, plus, wrong
from tests.rewards.made import VERIFIER


def forged(root, day, tables=None, **changed):
    """The same day made anew with other facts: everything in it fits, also its results."""
    was = open_day(day.parent, 3)
    there = {name: list(was.rows(name)) for name in TABLES}
    given = {name: getattr(was.facts, name) for name in was.facts.__dataclass_fields__}
    return close(publish(root, {**there, **(tables or {})}, DayFacts(**{**given, **changed}))).path


def of_chain(day):
    """What is on the chain of an honest day: the root of its claims, the hash of its facts."""
    found = json.loads((day / "manifest.json").read_text())
    return found["results"]["roots"]["claims"], found["dataset_hash"]


def test_a_day_made_anew_from_other_fills_is_found_by_root_and_hash(day, tmp_path):
    root, facts_hash = of_chain(day)
    fills = [(*TABLES["fills"][0][:5], 2_000_003, *TABLES["fills"][0][6:]), *TABLES["fills"][1:]]
    lie = forged(tmp_path, day, {"fills": fills})
    VERIFIER["check"](lie, day.parent / "day-00002")  # nothing in it is wrong by itself
    assert wrong(lie, root=root).startswith("the root that was given: published is")
    assert wrong(lie, facts_hash=facts_hash).startswith("the hash of facts that was given")


def test_who_gives_only_other_credits_is_found_by_the_hash(day, tmp_path):
    """Nobody who claims on chain gets another sum: the root is the same, the facts are not."""
    root, facts_hash = of_chain(day)
    members = [(*row[:6], "", "credit", 0) for row in TABLES["members"]]
    tables = {**TABLES, "members": members}
    plain = {"terms": TERMS, "total_before": 0, "traded": None}
    honest = close(publish(tmp_path / "one", tables, facts(3, **plain))).path
    tables["stakes"] = [TABLES["stakes"][0], (C, "exchange", 3 * 10**18, *TABLES["stakes"][1][3:])]
    lie = close(publish(tmp_path / "two", tables, facts(3, **plain))).path
    root, facts_hash = of_chain(honest)
    VERIFIER["check"](lie, root=root)
    assert wrong(lie, root=root, facts_hash=facts_hash).startswith("the hash of facts that was")


BREAKS = {
    "price": ({"price_before": Rational(5, 10**12)}, "manifest, price_before (from --before)"),
    "carry": ({"carry_before": 10**30}, "manifest, carry_before (from --before)"),
    "carry lost": ({"carry_before": 0}, "manifest, carry_before (from --before)"),
    "begin": ({"begin": facts(3).begin - 60}, "manifest, begin (from --before)"),
    "a gap": ({"begin": facts(3).begin + 1}, "manifest, begin (from --before)"),
    "round": ({"round": 5}, "manifest, round: 5 after 0"),
    "an earlier round": ({"round": -1}, "manifest, round: -1 after 0"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_day_that_fits_in_itself_must_follow_from_the_one_before(day, tmp_path, name):
    changed, message = BREAKS[name]
    stakes = [(*row[:3], max(row[3], changed.get("begin", 0)), row[4]) for row in TABLES["stakes"]]
    lie = forged(tmp_path, day, {"stakes": stakes}, **changed)
    VERIFIER["check"](lie)
    assert wrong(lie, before=day.parent / "day-00002").startswith(message)


def test_the_total_before_must_be_that_of_the_day_before(day, tmp_path):
    members = [list(row) for row in open_day(day.parent, 3).rows("members")]
    members[1][8] += 10**20
    total = sum(row[8] for row in members)
    lie = forged(tmp_path, day, {"members": list(map(tuple, members))}, total_before=total)
    VERIFIER["check"](lie)
    message = "manifest, total_before (from --before)"
    assert wrong(lie, before=day.parent / "day-00002").startswith(message)


def test_claims_of_the_day_before_cannot_move_to_another(day, tmp_path):
    """All sums stay: only whose they are changes."""
    members = [list(row) for row in open_day(day.parent, 3).rows("members")]
    members[1][8], members[2][8] = members[1][8] - 5, members[2][8] + 5
    lie = forged(tmp_path, day, {"members": list(map(tuple, members))})
    VERIFIER["check"](lie)
    found = wrong(lie, before=day.parent / "day-00002")
    assert re.match(r"members, before, of 0x0[12]", found), found


@pytest.mark.parametrize("total, carry", [(10**20, 0), (0, 7)])
def test_the_first_day_has_nothing_before_it(tmp_path, total, carry):
    """Else who began the exchange could give themselves a claim that no day ever paid."""
    row = TABLES["members"][1]
    tables = {"members": [(*row[:5], 0, *row[6:8], total)]}
    given = {"total_before": total, "carry_before": carry}
    lie = close(publish(tmp_path, tables, facts(0, **given))).path
    assert wrong(lie).startswith("manifest, facts: before day 0 there is neither carry nor a claim")
    first = close(publish(tmp_path / "first", {}, facts(0, carry_before=0)))
    VERIFIER["check"](first.path)


def test_a_stated_hash_of_other_facts_is_found(day):
    """Who checks the hash on the chain reads it from the manifest: it must be that of the facts."""
    _, facts_hash = of_chain(day)
    path = day / "manifest.json"
    found = json.loads(path.read_text())
    found["facts"]["position"] += 1
    path.write_text(json.dumps(found))
    assert wrong(day, facts_hash=facts_hash).startswith("manifest, dataset_hash: published is")


def test_a_result_for_nobody_is_found(day):
    with (day / "results.csv").open("a") as file:
        file.write("f" * 32 + ",0,0,0,5,0,0\n")
    manifest(day)
    assert "results, line 7: " in (found := wrong(day)) and "one line too many" in found


def test_a_result_for_nobody_in_the_day_before_is_found(day):
    before = day.parent / "day-00002"
    with (before / "results.csv").open("a") as file:
        file.write("f" * 32 + ",0,0,0,5,0,0\n")
    manifest(before)
    assert "results of the day before, line 7" in wrong(day, before=before)


def test_counted_rows_are_the_rows_there_are(day):
    path = day / "manifest.json"
    text = path.read_text()
    found = json.loads(text)
    found["results"]["files"]["results"]["rows"] += 1
    path.write_text(json.dumps(found))
    assert wrong(day).startswith("results.csv, rows: published is 6, computed from the facts 5")


CELLS = {
    "stake of another day": ("stakes", 3, "begin", plus(-1), "stakes, line 3: .* not in the day"),
    "stake that ends later": ("stakes", 3, "end", plus(1), "stakes, line 3: .* not in the day"),
    "too large a commission": ("pools", 2, "commission_bp", 2_001, "pools, line 2: commission_bp"),
    "a pool that is not there": ("members", 6, "pool", 8, "members, line 6: no pool 8"),
    "nothing as a rate": ("rates", 2, "denominator", 0, "rates, line 2: denominator is 0"),
    "a claim without address": ("members", 3, "address", "", "members, line 3: who claims on"),
    "a pair the other way round": ("flagged", 2, "low", "f" * 32, "flagged, line 2: the lower id"),
    "another header": ("rates", 1, "asset", "coin", "rates, line 1: the header must be"),
}  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_that_cannot_be_is_named(day, name):
    table, line, column, value, message = CELLS[name]
    change(day, table, line, column, value)
    manifest(day)
    assert re.match(message, found := wrong(day)), found


PLAIN = {
    "shares beyond all": ({"facts_terms_poe_bp": 8_001}, "manifest, terms: shares over 10000 bp"),
    "no number": ({"results_paid": "1e3"}, "manifest, results.paid: '1e3'"),
    "less than nothing": ({"facts_carry_before": -1}, "manifest, carry_before: -1"),
    "no fraction": ({"facts_price_before": ["1"]}, "manifest, price_before: .* is no fraction"),
    "no price": ({"facts_price_before": ["0", "1"]}, "manifest, price_before: .* must be positive"),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_manifest_that_cannot_be_is_named(day, name):
    changed, message = PLAIN[name]
    manifest(day, **changed)
    assert re.match(message, found := wrong(day)), found


SHAPES = {
    "of a round": (lambda found: found.update(kind="round"), "manifest: format 1 of a day"),
    "a later format": (lambda found: found.update(format=2), "manifest: format 1 of a day"),
    "without results": (lambda found: found.update(results=None), "manifest: the results of this"),
    "a table more": (lambda found: found["facts"]["files"].update(x={}), "manifest, files: must"),
    "a table less": (lambda found: found["facts"]["files"].pop("flagged"), "manifest, files: must"),
    "no file": (lambda found: found["results"]["files"].update(results=5), "manifest, files.resul"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_manifest_of_another_shape_is_named(day, name):
    change_it, message = SHAPES[name]
    path = day / "manifest.json"
    found = json.loads(path.read_text())
    change_it(found)
    found["dataset_hash"] = VERIFIER["sha256"](
        json.dumps(found["facts"], sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()
    path.write_text(json.dumps(found))
    assert wrong(day).startswith(message)


def test_a_name_that_is_there_twice_is_found(day):
    """Two readers could each take another of the two."""
    path = day / "manifest.json"
    path.write_text(path.read_text().replace('"paid":', '"paid":"1","paid":', 1))
    assert wrong(day).startswith("manifest: a name is there twice")


def test_who_asks_for_a_member_that_is_not_there_is_told(day):
    with pytest.raises(VERIFIER["Wrong"], match="is not in this day"):
        VERIFIER["main"]([str(day), "--member", "e" * 32])
    VERIFIER["main"]([str(day), "--member", A.hex()])
