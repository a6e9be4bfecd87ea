"""A published day: whole or not there, never changed, and every damaged byte is noticed."""

import json
import os

import numpy as np
import pytest

from excraft.custody.liabilities import LiabilitiesError, root_hash
from excraft.custody.liabilities_files import DamagedLiabilities, Days, State
from tests.custody.liabilities_made import LOG_HASH, SECRET, checked

DAY = "2026-11-22"
ASSETS = [("BTC", 8), ("USDT", 6), ("EXT", 0)]
NAMES = [(0, "alice"), (1, "bob"), (2, "Zoë 大")]
BALANCES = [[0, 0, 5, 3], [0, 1, 0, 0], [1, 0, 1000, 0], [1, 1, 2**62, 2**62], [2, 1, 7, 0],
            [9, 0, 4, 0]]  # fmt: skip


def state(balances=BALANCES, assets=ASSETS) -> State:
    rows = np.array(balances, np.int64).reshape(-1, 4)
    return State(12, LOG_HASH, "cd" * 32, assets, rows)


@pytest.fixture
def days(tmp_path) -> Days:
    days = Days(tmp_path / "liabilities")
    days.publish("ExCraft", DAY, state(), NAMES, SECRET)
    return days


def test_a_root_binds_everything_and_the_totals_are_free_plus_held(days):
    root = days.root(DAY)
    assert [asset["total"] for asset in root["assets"]] == ["1012", str(2**63 + 7), "0"]
    assert (root["exchange"], root["day"], root["position"]) == ("ExCraft", DAY, 12)
    assert (root["log_hash"], root["state_hash"]) == (LOG_HASH.hex(), "cd" * 32)
    assert root["hash"] == root_hash(root)
    days.check(DAY)


def test_a_proof_is_served_from_the_files(days):
    again = Days(days.folder)
    root = again.root(DAY)
    owed = [checked(again.proof(DAY, *member, SECRET), root) for member in NAMES]
    assert owed == [
        {"BTC": 8, "USDT": 0, "EXT": 0},
        {"BTC": 1000, "USDT": 2**63, "EXT": 0},
        {"BTC": 0, "USDT": 7, "EXT": 0},
    ]
    newcomer = again.proof(DAY, 77, "carol", SECRET)
    assert checked(newcomer, root) == {"BTC": 0, "USDT": 0, "EXT": 0}
    nameless = again.proof(DAY, 9, "", SECRET)
    assert checked(nameless, root)["BTC"] == 4


def test_another_name_or_secret_gives_no_proof(days):
    for name, secret in (("mallory", SECRET), ("alice", b"x" * 32)):
        with pytest.raises(LiabilitiesError, match="had another name|key is another"):
            days.proof(DAY, 0, name, secret)


def test_a_day_is_published_once(days):
    before = (days.folder / DAY / "root.json").read_bytes()
    with pytest.raises(LiabilitiesError, match="published already"):
        days.publish("ExCraft", DAY, state([[0, 0, 1, 0]]), NAMES, SECRET)
    assert (days.folder / DAY / "root.json").read_bytes() == before
    assert days.published() == [DAY]


def test_of_two_at_the_same_time_one_wins(days, tmp_path, monkeypatch):
    slow, day = Days(tmp_path / "both"), "2026-11-23"

    def names():
        slow.publish("first", day, state(), NAMES, SECRET)
        yield from NAMES

    with pytest.raises(LiabilitiesError, match="somebody else published 2026-11-23"):
        slow.publish("second", day, state(), names(), SECRET)
    assert slow.root(day)["exchange"] == "first"
    assert os.listdir(slow.folder) == [day]


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    days = Days(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        days.publish("ExCraft", DAY, state(), NAMES, SECRET)
    assert os.listdir(tmp_path) == [] and days.published() == []


def full(_handle: int) -> None:
    raise OSError("full")


def test_a_changed_byte_of_a_tree_is_found(days):
    wanted = [days.proof(DAY, *member, SECRET) for member in NAMES]
    file = days.folder / DAY / "0000.tree"
    whole = file.read_bytes()
    for at in [*range(60), *range(60, len(whole), 7)]:
        changed = bytearray(whole)
        changed[at] ^= 1 << at % 8
        file.write_bytes(changed)
        with pytest.raises(DamagedLiabilities):
            days.check(DAY)
        if at % 5 == 0:
            served_as_published_or_not_at_all(days, wanted)
    for length in (0, 10, 40, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(DamagedLiabilities):
            days.check(DAY)
        with pytest.raises(DamagedLiabilities):
            days.proof(DAY, *NAMES[0], SECRET)


def served_as_published_or_not_at_all(days: Days, wanted: list[dict]) -> None:
    """A damaged table of parts may hide a part, which the total of the day cannot show."""
    for member, proof in zip(NAMES, wanted, strict=True):
        try:
            served = days.proof(DAY, *member, SECRET)
        except (DamagedLiabilities, LiabilitiesError):
            continue
        for symbol, parts in served["assets"].items():
            assert all(part in proof["assets"][symbol] for part in parts)


def test_a_changed_root_is_found(days):
    file = days.folder / DAY / "root.json"
    whole = file.read_text()
    for text in (whole.replace("12", "13", 1), "{}", "[]", "no json", ""):
        file.write_text(text)
        with pytest.raises(DamagedLiabilities, match="root.json is damaged"):
            days.root(DAY)
    root = json.loads(whole)
    root["assets"][0]["total"] = "1011"
    root["hash"] = root_hash(root)
    file.write_text(json.dumps(root))
    with pytest.raises(DamagedLiabilities, match="0000.tree is damaged"):
        days.proof(DAY, *NAMES[0], SECRET)


def test_a_day_that_is_not_there(days):
    for day in ("2026-11-21", "../2026-11-22", "", "x"):
        with pytest.raises(LiabilitiesError, match="not published; the last ones are: 2026-11-22"):
            days.root(day)
    assert Days(days.folder / "nowhere").published() == []


def test_what_cannot_be_published(tmp_path):
    days = Days(tmp_path)
    for change, name, sentence in (
        (state([[0, 0, -1, 5]]), "ExCraft", "below 0"),
        (state(assets=[("BTC", 8), ("BTC", 8), ("EXT", 0)]), "ExCraft", "the same symbol"),
        (state(), "", "is no name"),
        (state(), "a\nb", "is no name"),
    ):
        with pytest.raises(LiabilitiesError, match=sentence):
            days.publish(name, DAY, change, NAMES, SECRET)
    assert os.listdir(tmp_path) == []


def test_only_the_owner_may_read_the_trees(days):
    for path in [days.folder, days.folder / DAY, *(days.folder / DAY).iterdir()]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_an_exchange_without_accounts_or_assets(tmp_path):
    days = Days(tmp_path)
    days.publish("ExCraft", DAY, state([]), NAMES, SECRET)
    assert [asset["total"] for asset in days.root(DAY)["assets"]] == ["0", "0", "0"]
    days.publish("ExCraft", "2026-11-23", state([], []), [], SECRET)
    assert days.root("2026-11-23")["assets"] == []
    assert checked(days.proof("2026-11-23", 0, "alice", SECRET), days.root("2026-11-23")) == {}
