"""Snapshots: whole or not at all, and no byte may change unseen."""

import numpy as np
import pytest

from excraft.log import snapshots
from excraft.messages.events import EVENT

HASH = bytes(range(32))
PACKED = np.dtype(
    {"names": ["a", "b"], "formats": ["u1", "<i8"], "offsets": [0, 8], "itemsize": 16}
)


def arrays() -> dict[str, np.ndarray]:
    return {
        "orders": np.arange(6, dtype=np.int64).reshape(2, 3),
        "events": np.zeros(2, EVENT),
        "padded": np.ones(3, PACKED),
        "none": np.empty(0, np.int32),
        "columns": np.arange(20, dtype=np.int16).reshape(4, 5)[:, ::2],
    }


def write(folder, position, **changed):
    return snapshots.write(folder, position, HASH, "ab" * 8, arrays() | changed, {"depth": b"\1\2"})


def test_what_was_written_comes_back(tmp_path):
    path = write(tmp_path / "new" / "folder", 7)
    found = snapshots.newest(tmp_path / "new" / "folder")
    assert (found.position, found.log_hash, found.state_hash) == (7, HASH, "ab" * 8)
    assert found.file == path
    assert found.blobs == {"depth": b"\1\2"}
    assert found.arrays.keys() == arrays().keys()
    for name, array in arrays().items():
        again = found.arrays[name]
        assert again.dtype == array.dtype and np.array_equal(again, array)
        assert again.flags.writeable and again.ctypes.data % 16 == 0


def test_no_folder_and_an_empty_folder_have_none(tmp_path):
    assert snapshots.newest(tmp_path / "nowhere") is None
    assert snapshots.newest(tmp_path) is None


def test_the_last_three_are_kept(tmp_path):
    for position in (5, 10, 20, 40, 80):
        write(tmp_path, position)
    assert [int(p.stem) for p in sorted(tmp_path.iterdir())] == [20, 40, 80]


def test_the_newest_up_to_a_position(tmp_path):
    for position in (10, 20, 30):
        write(tmp_path, position)
    assert snapshots.newest(tmp_path).position == 30
    assert snapshots.newest(tmp_path, at_most=29).position == 20
    assert snapshots.newest(tmp_path, at_most=9) is None


def test_every_flipped_byte_is_detected(tmp_path):
    path = write(tmp_path, 3)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1 :])
        with pytest.raises(snapshots.DamagedSnapshot):
            snapshots.load(path)


def test_every_shortened_or_lengthened_file_is_detected(tmp_path):
    path = write(tmp_path, 3)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(snapshots.DamagedSnapshot):
            snapshots.load(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(snapshots.DamagedSnapshot):
        snapshots.load(path)


def test_a_damaged_one_is_passed_over_and_told(tmp_path):
    write(tmp_path, 3)
    damaged = write(tmp_path, 4)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    skipped = []
    assert snapshots.newest(tmp_path, skipped=skipped).position == 3
    assert len(skipped) == 1 and str(damaged) in skipped[0]


def test_a_renamed_snapshot_is_not_taken_for_another_position(tmp_path):
    write(tmp_path, 3).rename(tmp_path / f"{9:020d}{snapshots.SUFFIX}")
    assert snapshots.newest(tmp_path) is None


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    write(tmp_path, 3)

    def refuse(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(snapshots.os, "fsync", refuse)
    with pytest.raises(OSError):
        write(tmp_path, 4)
    assert [int(p.stem) for p in tmp_path.iterdir()] == [3]


def test_an_array_of_objects_is_refused(tmp_path):
    with pytest.raises(TypeError):
        write(tmp_path, 3, odd=np.array([{}], dtype=object))
    assert list(tmp_path.iterdir()) == []
