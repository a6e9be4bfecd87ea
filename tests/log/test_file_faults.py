"""The file log on a disk that loses, tears, misdirects and refuses."""

import errno
import time
from pathlib import Path
from random import Random

import pytest

from excraft.log import FileLog, LogBroken, LogDamaged, LogFull, LogInUse
from excraft.messages.codec import Record
from excraft.testing.disk import PowerCut, SimulatedDisk
from excraft.testing.records import chain, same

HOME = Path("/log")
SEGMENT = 2048
SIZES = [1, 5, 1, 12, 3, 8, 1, 1, 20, 2]  # commands; over several segments
RECORDS = chain(SIZES, text="odd")


def open_log(disk: SimulatedDisk, **options) -> FileLog:
    options = {"segment_bytes": SEGMENT, "reserve_bytes": 512} | options
    return FileLog(HOME, disk=disk, background=False, **options)


def fill(disk: SimulatedDisk, records: list[Record] = RECORDS) -> None:
    """Append and close, with the mark made durable in between now and then."""
    log = open_log(disk)
    for record in records:
        log.append(0, record)
    log.close()


def append_until_the_power_is_cut(disk: SimulatedDisk) -> int:
    """Number of records that were acknowledged."""
    acknowledged = 0
    try:
        log = open_log(disk)
        for record in RECORDS:
            log.append(0, record)
            acknowledged = record.position
            if acknowledged % 4 == 0:
                log.tend()
        log.close()
    except PowerCut:
        pass
    return acknowledged


def steps_of_a_whole_run() -> int:
    disk = SimulatedDisk()
    assert append_until_the_power_is_cut(disk) == len(RECORDS)
    return disk.operations


def check_after(disk: SimulatedDisk, acknowledged: int) -> None:
    """Everything acknowledged is there, once; at most one more; and the log goes on."""
    log = open_log(disk, everything=True)
    found = list(log.read(0))
    assert acknowledged <= len(found) <= acknowledged + 1
    assert same(found, RECORDS[: len(found)])
    for record in RECORDS[len(found) :]:
        log.append(0, record)
    log.close()
    again = open_log(disk, everything=True)
    assert same(again.read(0), RECORDS)
    again.close()


@pytest.mark.parametrize("seed", range(8))
def test_a_power_cut_at_any_operation_loses_nothing_acknowledged(seed):
    for stop_at in range(steps_of_a_whole_run()):
        disk = SimulatedDisk()
        disk.stop_at = stop_at
        acknowledged = append_until_the_power_is_cut(disk)
        check_after(disk.crash(Random(f"{seed} {stop_at}")), acknowledged)


def test_a_kill_at_any_operation_loses_nothing_acknowledged():
    for stop_at in range(steps_of_a_whole_run()):
        disk = SimulatedDisk()
        disk.stop_at = stop_at
        acknowledged = append_until_the_power_is_cut(disk)
        check_after(disk.kill(), acknowledged)


@pytest.mark.parametrize("seed", range(4))
def test_a_second_power_cut_while_opening_after_the_first(seed):
    whole = steps_of_a_whole_run()
    for first_stop in range(20, whole, 7):
        for second_stop in range(0, 40, 3):
            disk = SimulatedDisk()
            disk.stop_at = first_stop
            acknowledged = append_until_the_power_is_cut(disk)
            disk = disk.crash(random := Random(f"{seed} {first_stop} {second_stop}"))
            disk.stop_at = second_stop
            try:
                log = open_log(disk)
                acknowledged = max(acknowledged, log.end(0))
                log.close()
            except PowerCut:
                pass
            check_after(disk.crash(random), acknowledged)


def test_a_failed_sync_breaks_the_log_and_is_never_treated_as_done():
    disk = SimulatedDisk()
    log = open_log(disk)
    log.append(0, RECORDS[0])
    disk.fail("sync", errno.EIO, name="0000")
    with pytest.raises(LogBroken):
        log.append(0, RECORDS[1])
    for record in RECORDS[1:3]:
        with pytest.raises(LogBroken):
            log.append(0, record, urgent=True)
    assert not log.room
    assert (log.end(0), [r.position for r in log.read(0)]) == (1, [1])
    log.close()


def test_after_a_failed_sync_a_restart_serves_only_what_a_power_cut_will_not_take():
    """The system has forgotten that the record is not on the disk: it is written once more."""
    disk = SimulatedDisk()
    log = open_log(disk)
    log.append(0, RECORDS[0])
    disk.fail("sync", errno.EIO, name="0000")
    with pytest.raises(LogBroken):
        log.append(0, RECORDS[1])
    disk = disk.kill()
    served = open_log(disk).end(0)
    assert served == 2
    check_after(disk.crash(Random(0)), served)


@pytest.mark.parametrize("operation, name", [("write", "0000"), ("write", "mark"), ("sync", "0000"),
                                             ("sync", "spare"), ("sync_folder", "0000"),
                                             ("rename", "spare"), ("open", "spare")])  # fmt: skip
def test_an_input_output_error_anywhere_breaks_the_log_and_loses_nothing(operation, name):
    disk = SimulatedDisk()
    log = open_log(disk)
    acknowledged = 0
    with pytest.raises(LogBroken, match="Input/output"):
        for record in RECORDS:
            if record.position == 3:
                disk.fail(operation, errno.EIO, name=name, partial=100)
            log.append(0, record)
            acknowledged = record.position
    with pytest.raises(LogBroken):
        log.append(0, RECORDS[acknowledged])
    log.close()
    check_after(disk.crash(Random(1)), acknowledged)


def test_a_mark_that_cannot_be_synced_breaks_the_log():
    disk = SimulatedDisk()
    log = open_log(disk)
    log.append(0, RECORDS[0])
    disk.fail("sync", errno.EIO, name="mark")
    log.tend()
    with pytest.raises(LogBroken):
        log.append(0, RECORDS[1])


@pytest.mark.parametrize("partial", [0, 1, 95, 96, 200, 10_000])
def test_a_refused_write_leaves_nothing_and_the_log_goes_on(partial):
    disk = SimulatedDisk()
    log = open_log(disk)
    log.append(0, RECORDS[0])
    disk.fail("write", errno.ENOSPC, name="0000", partial=partial)
    with pytest.raises(LogFull):
        log.append(0, RECORDS[1])
    check_after(disk.kill().crash(Random(2)), 1)
    disk.fail("write", errno.ENOSPC, name="0000", partial=partial)
    with pytest.raises(LogFull):
        log.append(0, RECORDS[1])
    for record in RECORDS[1:]:
        log.append(0, record)
    assert same(log.read(0), RECORDS)


@pytest.mark.parametrize("seed", range(20))
def test_a_refused_record_does_not_come_back_after_a_restart(seed):
    """Even when all its bytes had arrived: its sender was told that it was not taken."""
    disk = SimulatedDisk()
    log = open_log(disk)
    log.append(0, RECORDS[0])
    disk.fail("write", errno.ENOSPC, name="0000", partial=10_000)
    with pytest.raises(LogFull):
        log.append(0, RECORDS[1])
    for after in (disk.crash(Random(seed)), disk.kill()):
        assert open_log(after).end(0) == 1


def test_too_many_open_files_refuses_and_recovers(monkeypatch):
    monkeypatch.setattr("excraft.log.spare.RETRY_S", 0.0)
    disk = SimulatedDisk()
    log = open_log(disk)
    log.append(0, RECORDS[0])
    disk.fail("open", errno.EMFILE, name="spare")
    big = chain([1, 29])[1]
    with pytest.raises(LogFull, match="Too many open files"):
        log.append(0, big)
    log.append(0, big)
    assert log.end(0) == 2


@pytest.mark.parametrize("distance", [-512, -64, 8, 512, SEGMENT])
def test_a_misdirected_write_is_found_at_the_next_opening(distance):
    disk = SimulatedDisk()
    log = open_log(disk)
    for record in RECORDS[:3]:
        log.append(0, record)
    disk.misdirect(distance)
    log.append(0, RECORDS[3])
    log.tend()
    disk = disk.crash(Random(0))
    with pytest.raises(LogDamaged):
        open_log(disk)


def test_a_write_misdirected_with_the_mark_behind_is_found_by_its_successor():
    disk = SimulatedDisk()
    log = open_log(disk)
    log.append(0, RECORDS[0])
    disk.misdirect(-64)
    log.append(0, RECORDS[1])
    log.append(0, RECORDS[2])
    with pytest.raises(LogDamaged):
        open_log(disk.crash(Random(0)))


def test_a_full_disk_refuses_orders_takes_cancels_and_recovers_by_itself(monkeypatch):
    monkeypatch.setattr("excraft.log.spare.RETRY_S", 0.0)
    disk = SimulatedDisk(capacity=3 * SEGMENT + 2 * 16384)
    log = open_log(disk)
    records = iter(chain([1] * 200))
    record = next(records)
    with pytest.raises(LogFull):
        for _ in range(200):
            assert log.room
            log.append(0, record)
            record = next(records)
    assert not log.room
    ordinary = log.end(0)
    with pytest.raises(LogFull, match="nothing is accepted"):
        for _ in range(200):
            log.append(0, record, urgent=True)
            record = next(records)
    assert log.end(0) - ordinary >= 512 // 160
    disk.capacity += 2 * SEGMENT
    assert log.room
    log.append(0, record)
    assert [r.position for r in log.read(0)] == list(range(1, record.position + 1))
    log.close()


def test_a_full_disk_is_asked_at_most_once_a_second():
    disk = SimulatedDisk(capacity=2 * SEGMENT + 16384)
    log = open_log(disk)
    records = chain([1] * 200)
    with pytest.raises(LogFull):
        for record in records:
            log.append(0, record)
    asked = []
    disk.free = lambda folder: asked.append(folder) or 0
    began = time.monotonic()
    for _ in range(300):
        with pytest.raises(LogFull):
            log.append(0, records[log.end(0)])
        assert not log.room
    assert len(asked) <= 1 + (time.monotonic() - began)


def test_an_allocation_that_fails_gives_its_blocks_back():
    disk = SimulatedDisk(capacity=2 * SEGMENT + 2 * 16384)
    log = open_log(disk, segment_bytes=2 * SEGMENT - 100)
    disk.fail("allocate", errno.ENOSPC)
    with pytest.raises(LogFull):
        log.append(0, RECORDS[0])
    assert not [p for p in disk.paths() if "spare" in p.name]


def test_a_second_opening_is_refused_and_names_the_folder():
    disk = SimulatedDisk()
    log = open_log(disk)
    with pytest.raises(LogInUse, match=f"another process uses the log {HOME}"):
        open_log(disk)
    log.close()
    open_log(disk).close()


def test_without_its_mark_a_whole_log_opens_and_a_torn_one_is_refused():
    disk = SimulatedDisk()
    fill(disk)
    disk.remove(HOME / "0000" / "mark")
    log = open_log(disk)
    assert log.end(0) == len(RECORDS)
    assert ["mark in /log/0000 was missing" in note for note in log.notes] == [True]
    log.close()
    disk.remove(HOME / "0000" / "mark")
    tail = max(p for p in disk.paths() if p.name.isdecimal())
    disk.flip(tail, 10)
    with pytest.raises(LogDamaged, match="mark is missing"):
        open_log(disk)


def test_a_missing_segment_is_refused():
    for number in range(3):
        disk = SimulatedDisk()
        fill(disk)
        segments = sorted(p for p in disk.paths() if p.name.isdecimal())
        assert len(segments) >= 3
        disk.remove(segments[number if number < 2 else -1])
        with pytest.raises(LogDamaged):
            log = open_log(disk)
            list(log.read(0))
