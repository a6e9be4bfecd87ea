"""Days on disk: published whole, once, never changed, and checked whenever they are read."""

import json
import os
import shutil
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.dataset import publishing
from excraft.dataset.days import days_there, open_day, open_round, write_day, write_round
from excraft.dataset.errors import AlreadyPublished, Damaged, DatasetError, Malformed, NotPublished
from excraft.dataset.manifest import DayResults, canonical, dataset_hash
from excraft.dataset.tables import FACTS, TABLES
from excraft.units import Rational
from tests.dataset.made import ROWS, facts, publish

A, B = (bytes([n]) * 16 for n in (1, 2))
MEMBER = (A, b"", 1, 0, 0, 0, "", "credit", 0)
RESULTS = DayResults(10**22, Rational(1, 3), 5, 4, 3, 12, 10**22, 0, "00" * 32)


@given(st.fixed_dictionaries(ROWS))
@settings(max_examples=15, deadline=None)
def test_a_day_is_read_as_it_was_written(tmp_path_factory, tables):
    root = tmp_path_factory.mktemp("days")
    day = publish(root, tables, facts())
    day.check()
    for table in FACTS:
        assert list(day.rows(table.name)) == tables[table.name]
        assert all(isinstance(row, table.row) for row in day.rows(table.name))
    assert day.facts == facts()
    assert day.dataset_hash == dataset_hash(json.loads(canonical(day.manifest["facts"])))
    assert days_there(root) == [42]


@pytest.mark.parametrize("traded", [None, Rational(1, 7)])
def test_facts_and_results_survive_the_manifest(tmp_path, traded):
    given_facts = facts(traded=traded, carry_before=10**30)
    day = publish(tmp_path, {}, given_facts)
    assert day.facts == given_facts
    with pytest.raises(NotPublished, match="day-00042 has no results yet"):
        _ = day.results
    with day.write_results() as writer:
        writer["results"].rows([(A, 1, 2, 3, 4, 5, 6)])
        writer.publish(RESULTS.plain())
    again = open_day(tmp_path, 42)
    again.check()
    assert again.results == RESULTS
    assert again.dataset_hash == day.dataset_hash
    assert list(again.rows("results")) == [(A, 1, 2, 3, 4, 5, 6)]


def test_the_same_once_more_changes_nothing_and_anything_else_is_refused(tmp_path):
    first = publish(tmp_path, {"members": [MEMBER]}, facts())
    times = {path: path.stat().st_mtime_ns for path in first.path.iterdir()}
    assert publish(tmp_path, {"members": [MEMBER]}, facts()).manifest == first.manifest
    for changed in (({}, facts()), ({"members": [MEMBER]}, facts(carry_before=6))):
        with pytest.raises(AlreadyPublished, match="What is published never changes"):
            publish(tmp_path, *changed)
    assert {path: path.stat().st_mtime_ns for path in first.path.iterdir()} == times
    assert [path.name for path in tmp_path.iterdir()] == ["day-00042"]


def test_results_once_more_change_nothing_and_others_are_refused(tmp_path):
    day = publish(tmp_path, {}, facts())
    for _ in range(2):
        with day.write_results() as writer:
            first = writer.publish(RESULTS.plain())
    assert open_day(tmp_path, 42).manifest == first
    with open_day(tmp_path, 42).write_results() as writer:
        with pytest.raises(AlreadyPublished, match="other results"):
            writer.publish(replace(RESULTS, paid=13).plain())
    assert sorted(p.name for p in day.path.iterdir() if p.name[0] == ".") == []


def test_nothing_is_there_before_it_is_published(tmp_path):
    with pytest.raises(Malformed), write_day(tmp_path, 42) as writer:
        writer["members"].rows([MEMBER])
        writer["members"].rows([MEMBER])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(NotPublished, match="day-00042 was not published"):
        open_day(tmp_path, 42)


def test_some_columns_are_those_of_all(tmp_path):
    others = (B, A, 0, 1, 0, 3, "0x" + "ab" * 20, "chain", 10**30)
    day = publish(tmp_path, {"members": [MEMBER, others]}, facts())
    (some,) = day.batches("members", ("before", "address"))
    (every,) = day.batches("members")
    assert set(some) == {"id", "address", "before"}
    assert some["before"] == every["before"] == [0, 10**30]
    path = day.path / "members.csv"
    path.write_text(path.read_text().replace("chain", "credit"))  # in a column that is not read
    with pytest.raises(Damaged, match="SHA-256"):
        list(day.batches("members", ("before",)))


class Stopped(BaseException):
    """The process is gone."""


def test_stopped_at_any_step_it_is_published_whole_the_next_time(tmp_path, monkeypatch):
    """Every call that changes the disk fails in turn; what is there is always whole."""
    count, stop_at = [0], [0]

    def stopping(call):
        def wrapped(*given, **named):
            count[0] += 1
            if count[0] == stop_at[0]:
                raise Stopped
            return call(*given, **named)

        return wrapped

    for name in ("rename", "fsync", "open"):
        monkeypatch.setattr(os, name, stopping(getattr(os, name)))
    remove, gone = shutil.rmtree, lambda: 0 < stop_at[0] <= count[0]  # nobody cleans up after it
    monkeypatch.setattr(publishing.shutil, "rmtree", lambda path: gone() or remove(path))
    for step in range(1, 100):
        root = tmp_path / str(step)
        root.mkdir()
        count[0], stop_at[0] = 0, step
        try:
            _publish_all(root)
            break
        except Stopped:
            assert days_there(root) in ([], [42])
        stop_at[0] = 0
        if days_there(root):
            open_day(root, 42).check()
        _publish_all(root)
        open_day(root, 42).check()
        assert open_day(root, 42).results == RESULTS
        assert not list(root.rglob(".*"))
    assert step > 20


def _publish_all(root):
    day = publish(root, {"members": [MEMBER]}, facts())
    with day.write_results() as writer:
        writer.publish(RESULTS.plain())


@pytest.mark.parametrize("table", ["members", "fills", "rates"])
def test_a_changed_byte_is_found_when_it_is_read(tmp_path, table):
    row = {"members": MEMBER, "fills": (7, A, B, 0, 3, 1_000, 5, 1), "rates": (1, 2, 3)}[table]
    day = publish(tmp_path, {table: [row]}, facts())
    path = day.path / f"{table}.csv"
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises((Damaged, Malformed)):
            list(day.rows(table))
    path.write_bytes(whole)
    day.check()


def test_a_changed_manifest_is_found(tmp_path):
    day = publish(tmp_path, {}, facts())
    path = day.path / "manifest.json"
    whole = path.read_text()
    for changed, message in (
        (whole.replace('"carry_before":"5"', '"carry_before":"6"'), "its facts have"),
        (whole.replace('"format":1', '"format":2'), "has format 2, not 1"),
        (whole[:-9], "is not a manifest"),
        ("[]", "is not a manifest"),
    ):
        assert changed != whole
        path.write_text(changed)
        with pytest.raises(Damaged, match=message):
            open_day(tmp_path, 42)


def test_a_round_is_no_day(tmp_path):
    with write_round(tmp_path, 6) as writer:
        writer["congress"].rows([(1, "0x" + "ab" * 20, 10**30, 5, 7)])
        writer.publish({"round": 6})
    there = open_round(tmp_path, 6)
    assert list(there.rows("congress")) == [(1, "0x" + "ab" * 20, 10**30, 5, 7)]
    assert list(there.rows("senate")) == []
    (tmp_path / "round-0006").rename(tmp_path / "day-00006")
    with pytest.raises(DatasetError, match="day-00006 is a round, not a day"):
        open_day(tmp_path, 6)
    with pytest.raises(NotPublished, match="has no table 'fills'"):
        there.rows("fills")


def test_an_unknown_table_is_named(tmp_path):
    with write_day(tmp_path, 1) as writer:
        with pytest.raises(DatasetError, match="there is no table 'fill' here; there are members"):
            writer["fill"].rows([])
    assert set(TABLES) >= {table.name for table in FACTS}
