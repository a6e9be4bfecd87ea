"""The journal: on the disk before a signature leaves, and never another one."""

import os

import msgspec
import pytest

from excraft.custody.errors import SignerBroken
from excraft.custody.signer.journal import DAY_NS, FILE, Entry, Journal, read


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o700)
    return tmp_path


def entry(journal: Journal, id: int = 1, nonce: int = 0, **changes) -> Entry:
    number, previous = journal.next_link()
    given = {"chain": 1, "source": "0xh", "nonce": nonce, "to": "0xb", "units": "5", "asset": 3,
             "atoms": 100, "gas": 21_000, "fee_max": 10, "id": id} | changes  # fmt: skip
    return Entry(number, previous, given.pop("time_ns", 1000), given.pop("kind", "withdrawal"), 1,
                 "aa", **given)  # fmt: skip


def test_what_was_written_is_there_again(folder):
    with_three(folder)
    journal = Journal(folder)
    assert [e.id for e in journal.entries] == [1, 2, 2] == [e.id for e in read(folder)]
    assert journal.by_withdrawal[2].fee_max == 20 and journal.by_place[1, "0xh", 1].fee_max == 20
    journal.invariant()
    journal.close()


def with_three(folder) -> None:
    journal = Journal(folder)
    journal.append(entry(journal))
    journal.append(entry(journal, 2, 1))
    journal.append(entry(journal, 2, 1, fee_max=20))
    journal.close()


def test_sums_count_a_withdrawal_once_and_the_dearest_gas_of_a_nonce(folder):
    journal = Journal(folder)
    journal.append(entry(journal, 1, 0, time_ns=10))
    journal.append(entry(journal, 2, 1, time_ns=20))
    journal.append(entry(journal, 2, 1, time_ns=30, fee_max=20))
    journal.append(entry(journal, 3, 2, time_ns=40, asset=4))
    assert journal.paid_since(1, 3, 0) == 200 and journal.paid_since(1, 3, 10) == 100
    assert journal.paid_since(1, 3, 20) == 0  # its replacement at 30 is no other payment
    assert journal.gas_since(1, 0) == {"withdrawal": 21_000 * (10 + 20 + 10)}
    assert journal.gas_since(1, 25) == {"withdrawal": 21_000 * 30}
    assert journal.gas_since(2, 0) == {}
    assert DAY_NS == 86_400 * 10**9
    journal.close()


def test_a_line_that_a_power_cut_tore_never_left(folder):
    with_three(folder)
    whole = (folder / FILE).read_bytes()
    for cut in (1, 30, 150):
        (folder / FILE).write_bytes(whole[:-cut])
        journal = Journal(folder)
        assert len(journal.entries) == 2 == len(read(folder))
        journal.append(entry(journal, 3, 2))
        journal.close()
        assert len(read(folder)) == 3
        (folder / FILE).write_bytes(whole)


def test_every_changed_byte_is_noticed(folder):
    with_three(folder)
    whole = (folder / FILE).read_bytes()
    for at in range(0, len(whole) - 1, 5):
        changed = bytearray(whole)
        changed[at] ^= 1
        (folder / FILE).write_bytes(changed)
        with pytest.raises(SignerBroken, match=r"journal, line \d"):
            Journal(folder)


def test_a_line_taken_out_is_noticed(folder):
    with_three(folder)
    lines = (folder / FILE).read_bytes().splitlines(keepends=True)
    (folder / FILE).write_bytes(lines[0] + lines[2])
    for attempt in (Journal, read):
        with pytest.raises(SignerBroken, match="line 2 does not follow"):
            attempt(folder)


def test_of_two_signers_in_one_folder_the_second_does_not_start(folder):
    journal = Journal(folder)
    with pytest.raises(SignerBroken, match="another signer works with"):
        Journal(folder)
    assert read(folder) == []
    journal.close()
    Journal(folder).close()


def test_it_is_synced_before_append_returns(folder, monkeypatch):
    journal, order = Journal(folder), []
    write, fsync = os.write, os.fsync
    monkeypatch.setattr(os, "write", lambda h, raw: (order.append("write"), write(h, raw))[1])
    monkeypatch.setattr(os, "fsync", lambda h: (order.append("sync"), fsync(h))[1])
    journal.append(entry(journal))
    assert order == ["write", "sync"]
    monkeypatch.undo()
    monkeypatch.setattr(os, "write", lambda h, raw: len(raw) - 1)
    with pytest.raises(SignerBroken, match="the disk is full"):
        journal.append(entry(journal, 2, 1))
    assert len(journal.entries) == 1
    journal.close()


def test_a_journal_that_others_can_read_is_refused(folder):
    Journal(folder).close()
    (folder / FILE).chmod(0o640)
    with pytest.raises(SignerBroken, match="mode 0640"):
        Journal(folder)


def test_the_invariant_knows_what_must_never_be(folder):
    journal = Journal(folder)
    for changes in (
        {"id": 2},  # two payments at one nonce
        {"nonce": 1},  # one payment at two nonces
        {"kind": "void"},  # signed, then given up
    ):
        made = entry(journal)
        journal.entries = [made, msgspec.structs.replace(made, **changes)]
        with pytest.raises(AssertionError):
            journal.invariant()
    journal.close()
