"""What the signer believes: every byte of the log verified, and only what was acknowledged."""

import pytest

from excraft.custody.errors import SignerRefused
from excraft.custody.signer.log_view import LogView
from excraft.log import FileLog
from excraft.log.log import LogDamaged
from excraft.messages.commands import Cause, Credit, Reserve
from tests.custody.signer.conftest import coins, pay


def view(bench, known=None) -> LogView:
    return LogView(bench.log.directory, known or {})


def fill(bench, records: int) -> None:
    for n in range(records):
        bench.append(
            *[Credit(account=n, asset=0, amount=1, cause=Cause.DEPOSIT, reference="x" * 900)] * 20
        )


def test_it_reads_on_from_segment_to_segment_while_the_log_grows(bench):
    seen = view(bench)
    seen.catch_up()
    assert seen.position == 0
    for id in range(1, 13):
        bench.approved(coins(id))
        fill(bench, 3)  # more than one segment of 64 KB all in all
        seen.catch_up()
        assert seen.position == bench.log.end(0) and len(seen.reserves) == id
        assert seen.hash == bench.log.last_hash(0).hex()
    assert len([p for p in (bench.log.directory / "0000").iterdir() if p.name.isdigit()]) > 5
    again = view(bench)
    again.catch_up()
    assert (again.reserves, again.approvals, again.hash) == (
        seen.reserves, seen.approvals, seen.hash
    )  # fmt: skip


def test_of_what_is_closed_only_the_number_is_kept_also_beside_others_in_its_record(bench):
    one, two = coins(1), coins(2)
    both = [
        Reserve(account=4, asset=3, amount=p.atoms, cause=Cause.WITHDRAWAL, reference=p.reference)
        for p in (one, two)
    ]
    position = bench.append(*both)
    bench.approve(one, position)
    bench.release(one)
    approval = bench.approve(two, position)
    seen = view(bench)
    seen.catch_up()
    assert ([*seen.reserves], [*seen.approvals]) == ([(position, 2)], [(approval, 2)])
    assert seen.closed == {1}
    bench.signed(pay(2, approval))


def test_a_changed_byte_anywhere_is_damage_and_nothing_is_signed(bench):
    position = bench.approved(coins())
    path = bench.log.directory / "0000" / f"{1:020d}"
    whole = path.read_bytes()
    used = len(whole.rstrip(b"\0"))
    for at in range(0, used, 13):
        changed = bytearray(whole)
        changed[at] ^= 0x40
        path.write_bytes(changed)
        with pytest.raises(LogDamaged):
            view(bench).catch_up()
    path.write_bytes(whole)
    bench.restart()
    bench.signed(pay(1, position))


def test_a_record_that_was_not_acknowledged_counts_for_nothing(bench):
    payment = coins()
    reserved = bench.reserve(payment)
    marks = bench.log.directory / "0000" / "mark"
    before = marks.read_bytes()
    position = bench.approve(payment, reserved)
    bench.log.close()  # its thread writes the mark again
    after, seen = marks.read_bytes(), view(bench)
    marks.write_bytes(before)  # as when the sync of the record has not ended yet
    seen.catch_up()
    assert seen.position == position - 1 and seen.approvals == {}
    assert "approves no withdrawal 1" in bench.refused(pay(1, position))
    marks.write_bytes(after)
    bench.signed(pay(1, position))


def test_another_log_than_the_one_that_was_signed_by_is_refused(bench, tmp_path):
    bench.signed(pay(1, bench.approved(coins())))
    known = {e.log_position: e.log_hash for e in bench.journal.entries}
    other = FileLog(tmp_path / "other", segment_bytes=1 << 16, reserve_bytes=1 << 12)
    bench.log, bench.sequence, first = other, 1, bench.log
    bench.approved(coins(2))
    with pytest.raises(LogDamaged, match="another log"):
        view(bench, known).catch_up()
    bench.log = first
    other.close()


def test_a_log_that_became_shorter_is_refused(bench):
    bench.reserve(coins())
    marks = bench.log.directory / "0000" / "mark"
    before, seen = marks.read_bytes(), view(bench)
    bench.reserve(coins(2))
    seen.catch_up()
    bench.log.close()  # its thread writes the mark again
    marks.write_bytes(before)
    with pytest.raises(SignerRefused, match="it was replaced"):
        seen.catch_up()


def test_without_a_log_nothing_is_believed(tmp_path):
    with pytest.raises(SignerRefused, match="there is no log"):
        LogView(tmp_path, {}).catch_up()


def test_commands_that_make_no_sense_are_passed_over(bench):
    bench.append(Reserve(account=4, asset=3, amount=5, cause=Cause.STAKE,
                         reference=coins().reference))  # fmt: skip
    seen = view(bench)
    seen.catch_up()
    assert seen.reserves == {} and seen.closed == set()
