"""The log in files: damage, torn tails, other processes, kills, and a disk that is really full."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from excraft.log import FileLog, LogDamaged, LogError, LogFull, LogInUse, open_for_reading
from excraft.log.disk import Disk
from excraft.log.segment import padded
from excraft.messages.codec import encode
from excraft.testing.records import chain, same

SMALL = {"segment_bytes": 1024, "reserve_bytes": 256, "background": False}


class QuickDisk(Disk):
    """Real files without syncs: these tests read back, they cut no power."""

    def sync(self, handle) -> None:
        """Nothing."""

    def sync_folder(self, folder) -> None:
        """Nothing."""


QUICK = SMALL | {"disk": QuickDisk()}
RECORDS = chain([1, 3, 1, 9, 2, 4], text="odd")


def write(folder: Path, records=RECORDS) -> None:
    log = FileLog(folder, **QUICK)
    for record in records:
        log.append(0, record)
    log.close()


def segments(folder: Path) -> list[Path]:
    return sorted(p for p in (folder / "0000").iterdir() if p.name.isdecimal())


def places(folder: Path) -> list[tuple[Path, int, int]]:
    """(file, offset, padded length) of each record."""
    found, offset, file = [], 0, None
    firsts = {int(p.name): p for p in segments(folder)}
    previous = bytes(32)
    for record in RECORDS:
        if record.position in firsts:
            file, offset = firsts[record.position], 0
        raw, previous = encode(record, previous)
        found.append((file, offset, padded(len(raw))))
        offset += padded(len(raw))
    return found


def flipped(file: Path, offset: int) -> bytes:
    """Flip a bit of one byte; returns the whole content before."""
    whole = file.read_bytes()
    file.write_bytes(
        whole[:offset] + bytes([whole[offset] ^ (1 << offset % 8)]) + whole[offset + 1 :]
    )
    return whole


def test_a_log_is_there_after_closing_and_goes_on(tmp_path):
    write(tmp_path, RECORDS[:3])
    log = FileLog(tmp_path, **QUICK)
    assert same(log.read(0), RECORDS[:3])
    for record in RECORDS[3:]:
        log.append(0, record)
    digest = log.last_hash(0)
    log.close()
    log.close()
    again = FileLog(tmp_path, everything=True, **QUICK)
    assert same(again.read(0), RECORDS)
    assert (again.end(0), again.last_hash(0), again.cuts) == (len(RECORDS), digest, [])
    again.close()
    with pytest.raises(LogError, match="closed"):
        again.append(0, RECORDS[0])


def test_segments_are_named_by_their_first_position_and_keep_their_size(tmp_path):
    write(tmp_path)
    assert [p.name for p in segments(tmp_path)] == [f"{n:020d}" for n in (1, 4, 6)]
    assert {p.stat().st_size for p in segments(tmp_path)} == {SMALL["segment_bytes"]}


def test_a_record_larger_than_a_segment_gets_its_own(tmp_path):
    records = chain([1, 100, 1, 2])
    write(tmp_path, records)
    log = FileLog(tmp_path, everything=True, **QUICK)
    assert same(log.read(0), records)
    assert same(log.read(0, 1), records[1:])
    log.close()


def test_every_flipped_byte_of_a_record_is_refused_and_named(tmp_path):
    write(tmp_path)
    for record, (file, begin, length) in zip(RECORDS, places(tmp_path), strict=True):
        for offset in range(begin, begin + length):
            whole = flipped(file, offset)
            with pytest.raises(LogDamaged) as caught:
                FileLog(tmp_path, everything=True, **QUICK)
            error = caught.value
            assert (error.file, error.offset, error.position) == (file, begin, record.position)
            assert str(file) in str(error)
            with pytest.raises(LogDamaged):
                list(open_for_reading(tmp_path).read(0))
            file.write_bytes(whole)


def test_a_flipped_byte_of_an_older_segment_is_refused_when_it_is_read(tmp_path):
    write(tmp_path)
    file, begin, length = places(tmp_path)[1]
    for offset in range(begin, begin + length, 7):
        whole = flipped(file, offset)
        log = FileLog(tmp_path, **QUICK)
        for verify in ("chain", "crc"):
            served = []
            with pytest.raises(LogDamaged):
                served.extend(log.read(0, verify=verify))
            assert same(log.read(0, 3), RECORDS[3:])
        log.close()
        file.write_bytes(whole)


def test_a_flipped_byte_anywhere_else_serves_everything(tmp_path):
    write(tmp_path)
    used = {(f, at) for f, begin, length in places(tmp_path) for at in range(begin, begin + length)}
    for file in [*segments(tmp_path), tmp_path / "0000" / "mark"]:
        for offset in range(0, file.stat().st_size, 1 if file.name == "mark" else 3):
            if (file, offset) in used or (file.name == "mark" and offset % 4096 > 60):
                continue
            whole = flipped(file, offset)
            log = FileLog(tmp_path, everything=True, **QUICK)
            assert same(log.read(0), RECORDS)
            log.close()
            file.write_bytes(whole)


def torn(tmp_path: Path) -> tuple[Path, int, int, bytes]:
    """A log whose last record was written by a process that knew nothing of the mark."""
    write(tmp_path, RECORDS[:-1])
    mark = (tmp_path / "0000" / "mark").read_bytes()
    log = FileLog(tmp_path, **QUICK)
    log.append(0, RECORDS[-1])
    log.close()
    file, offset, length = places(tmp_path)[-1]
    assert file == segments(tmp_path)[-1]
    return file, offset, length, mark


def test_a_tail_torn_at_any_byte_is_cut_told_and_written_anew(tmp_path):
    file, offset, length, mark = torn(tmp_path)
    whole = file.read_bytes()
    end = offset + len(whole[offset : offset + length].rstrip(b"\0"))
    for cut_at in range(offset, end):
        file.write_bytes(whole[:cut_at] + bytes(len(whole) - cut_at))
        (tmp_path / "0000" / "mark").write_bytes(mark)
        reader = open_for_reading(tmp_path)
        assert same(reader.read(0), RECORDS[:-1])
        log = FileLog(tmp_path, **QUICK)
        assert same(log.read(0), RECORDS[:-1])
        if cut_at == offset:
            assert log.cuts == []
        else:
            (cut,) = log.cuts
            assert (cut.file, cut.offset, cut.position) == (file, offset, RECORDS[-1].position)
            assert 0 < cut.size <= cut_at - offset and str(file) in str(cut)
            assert not any(file.read_bytes()[offset:])
        if cut_at % 16 == 0:
            log.append(0, RECORDS[-1])
            assert file.read_bytes() == whole
        log.close()


def test_a_tail_torn_after_it_was_acknowledged_is_refused_at_any_byte(tmp_path):
    write(tmp_path)
    file, offset, length = places(tmp_path)[-1]
    whole = file.read_bytes()
    end = offset + len(whole[offset : offset + length].rstrip(b"\0"))
    for cut_at in range(offset, end):
        torn_bytes = whole[:cut_at] + bytes(len(whole) - cut_at)
        file.write_bytes(torn_bytes)
        with pytest.raises(LogDamaged) as caught:
            FileLog(tmp_path, **QUICK)
        assert (caught.value.offset, caught.value.position) == (offset, RECORDS[-1].position)
        assert file.read_bytes() == torn_bytes
        with pytest.raises(LogDamaged):
            open_for_reading(tmp_path).end(0)


def test_a_flipped_byte_of_a_last_record_of_which_nobody_knows_is_cut_or_refused(tmp_path):
    file, offset, length, mark = torn(tmp_path)
    whole = file.read_bytes()
    end = offset + len(encode(RECORDS[-1], bytes(32))[0])
    assert end < offset + length
    for at in range(offset, offset + length):
        flipped(file, at)
        (tmp_path / "0000" / "mark").write_bytes(mark)
        try:
            log = FileLog(tmp_path, **QUICK)
        except LogDamaged as error:  # the record is whole, only the zeros after it are not
            assert at >= end and error.offset == offset
        else:
            assert same(log.read(0), RECORDS[:-1])
            assert len(log.cuts) == 1
            log.close()
        file.write_bytes(whole)


def test_a_shortened_or_emptied_file_is_refused(tmp_path):
    write(tmp_path)
    for file in segments(tmp_path):
        whole = file.read_bytes()
        for length in (0, 50, 200):
            file.write_bytes(whole[:length])
            with pytest.raises(LogDamaged):
                FileLog(tmp_path, everything=True, **QUICK)
        file.write_bytes(whole)


def test_records_put_together_from_another_log_are_refused(tmp_path):
    write(tmp_path / "one")
    write(tmp_path / "other", chain([1, 3, 1, 9, 2, 4], text="ODD"))
    ours, theirs = segments(tmp_path / "one"), segments(tmp_path / "other")
    for mine, foreign in zip(ours, theirs, strict=True):
        whole = mine.read_bytes()
        mine.write_bytes(foreign.read_bytes())
        with pytest.raises(LogDamaged):
            FileLog(tmp_path / "one", everything=True, **QUICK)
        mine.write_bytes(whole)


def test_another_process_is_refused_with_the_name_of_the_folder(tmp_path):
    log = FileLog(tmp_path, **SMALL)
    program = "import sys; from excraft.log import FileLog; FileLog(sys.argv[1])"
    other = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, timeout=60
    )
    assert other.returncode == 1
    assert f"LogInUse: another process uses the log {tmp_path}" in other.stderr
    with pytest.raises(LogInUse, match=str(tmp_path)):
        FileLog(tmp_path)
    log.close()


def test_twenty_kills_lose_nothing_acknowledged(tmp_path):
    module = "excraft.testing.killed_appender"
    run = subprocess.run(
        [sys.executable, "-m", module, tmp_path, "20", "1"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert len(run.stdout.splitlines()) == 20


def test_a_reader_follows_a_log_that_is_being_written(tmp_path):
    log = FileLog(tmp_path, **SMALL)
    reader = open_for_reading(tmp_path)
    assert (reader.end(0), list(reader.read(0))) == (0, [])
    for record in RECORDS:
        log.append(0, record)
        assert reader.end(0) == record.position
        assert reader.last_hash(0) == log.last_hash(0)
        assert same(reader.read(0, record.position - 1), [record])
    assert reader.partitions == [0]
    log.close()


def test_a_reader_needs_a_folder(tmp_path):
    with pytest.raises(LogError, match="there is no log"):
        open_for_reading(tmp_path / "nowhere")


def test_the_next_segment_is_made_ahead_in_the_background(tmp_path):
    log = FileLog(tmp_path, segment_bytes=1 << 20, reserve_bytes=1 << 10)
    log.append(0, RECORDS[0])
    spare = tmp_path / "0000" / "spare"
    until = time.monotonic() + 20
    while not spare.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert spare.stat().st_size == 1 << 20
    log.close()


def test_a_really_full_disk_refuses_orders_takes_cancels_and_recovers(small_disk):
    folder, disk = small_disk
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(600 << 10))
    size = {"segment_bytes": 128 << 10, "reserve_bytes": 32 << 10}
    log = FileLog(folder / "log", disk=disk, **size)
    records = iter(chain([20] * 4000))
    record = next(records)
    with pytest.raises(LogFull, match="only cancels are accepted"):
        while True:
            log.append(0, record)
            record = next(records)
    assert not log.room
    refused_at = record.position
    for _ in range(10):
        with pytest.raises(LogFull):
            log.append(0, record)
        log.append(0, record, urgent=True)
        record = next(records)
    ballast.unlink()
    until = time.monotonic() + 20
    while not log.room and time.monotonic() < until:
        time.sleep(0.05)
    log.append(0, record)
    assert record.position == refused_at + 10
    log.close()
    again = FileLog(folder / "log", disk=disk, everything=True, **size)
    assert [r.position for r in again.read(0)] == list(range(1, record.position + 1))
    again.close()


def test_the_folder_of_another_partition_is_refused(tmp_path):
    write(tmp_path)
    shutil.copytree(tmp_path / "0000", tmp_path / "0003")
    with pytest.raises(LogDamaged, match="a record of partition 0 in the log of 3"):
        FileLog(tmp_path, **QUICK)


def test_a_spare_that_is_not_empty_is_made_again(tmp_path):
    write(tmp_path, RECORDS[:1])
    spare = tmp_path / "0000" / "spare"
    spare.write_bytes(bytes(500) + b"left over" + bytes(SMALL["segment_bytes"] - 509))
    write_on = FileLog(tmp_path, **QUICK)
    assert not spare.exists()
    for record in RECORDS[1:]:
        write_on.append(0, record)
    write_on.close()
    assert all(b"left over" not in p.read_bytes() for p in segments(tmp_path))
