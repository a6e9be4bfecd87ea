"""verify says that all is well only when it is; replay gives the state of the log."""

import asyncio
import json
import sqlite3

import pytest

from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.cli.verify import verify
from excraft.cli.wiring import opened
from excraft.log import open_for_reading
from tests.cli.damage import first_record, flip


def test_a_whole_exchange_verifies(excraft, traded):
    done = excraft("verify", str(traded), "--json")
    assert done.returncode == Exit.DONE, done.stderr
    result = json.loads(done.stdout)
    assert result["findings"] == []
    assert all(times > 0 for times in result["checks"].values())
    assert "the stored history = the balances" in result["checks"]
    assert "snapshots have the state hash of the replay" in result["checks"]
    replayed = json.loads(excraft("replay", str(traded), "--json").stdout)
    assert (replayed["position"], replayed["state_hash"]) == (
        result["position"],
        result["state_hash"],
    )


def test_a_changed_byte_of_an_old_record_is_damage(data):
    file, at = first_record(data)
    flip(file, at + 100)
    with pytest.raises(Failure, match="the log is damaged: .* offset .* record 1") as caught:
        verify(data)
    assert caught.value.code == Exit.DAMAGED


def test_history_that_differs_by_one_atom_is_found(data, capsys):
    with sqlite3.connect(data / "excraft.db") as database:
        database.execute("UPDATE entries SET amount = amount + 1 WHERE id = 9")
    database.close()
    with pytest.raises(Failure, match=r"the history gives \d+ atoms, the log \d+") as caught:
        verify(data)
    assert caught.value.code == Exit.FAILED
    assert "everything holds" not in capsys.readouterr().out


def test_a_damaged_snapshot_is_found(data):
    flip(next((data / "snapshots").iterdir()), 200)
    with pytest.raises(Failure, match="snapshot.*so it can be deleted"):
        verify(data)


def test_a_log_shorter_than_the_history_is_found(data, tmp_path):
    shorter = Folder.make(tmp_path / "shorter")
    asyncio.run(_empty(shorter))
    (data / "excraft.db").rename(shorter.root / "excraft.db")
    with pytest.raises(Failure, match="the history is at position [0-9]+, but the log ends at 0"):
        verify(shorter.root)


async def _empty(folder: Folder) -> None:
    async with opened(folder):
        pass
    (folder.root / "excraft.db").unlink()
    assert open_for_reading(folder.log).end(0) == 0


def test_a_folder_without_an_exchange_is_a_wrong_command_line(tmp_path):
    with pytest.raises(Failure, match="holds no exchange") as caught:
        verify(tmp_path)
    assert caught.value.code == Exit.USAGE
