"""A record's bytes: what is encoded is decoded, and any changed byte is noticed."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from excraft.messages.codec import (
    GENESIS,
    HEADER,
    Damaged,
    decode,
    encode,
    length_of,
    pack_text,
    record_of,
)
from excraft.messages.commands import TEXT_BYTES_MAX, Cause, Credit, OpenAccount

EXAMPLE = [
    OpenAccount(reference="first"),
    Credit(account=0, asset=1, amount=77, cause=Cause.DEPOSIT, reference="wire ✓"),
    OpenAccount(),
]


def example():
    return record_of(EXAMPLE, position=5, sequence=40, time_ns=1_000)


@given(st.integers(1, 2**40), st.integers(1, 2**40), st.integers(0, 2**62), st.binary(
    min_size=32, max_size=32))  # fmt: skip
def test_what_is_encoded_is_decoded(position, sequence, time_ns, previous):
    record = record_of(EXAMPLE, position=position, sequence=sequence, time_ns=time_ns)
    raw, digest = encode(record, previous, partition=3)
    found, before, partition = decode(raw)
    assert (found.position, found.sequence, found.time_ns) == (position, sequence, time_ns)
    assert (before, partition) == (previous, 3)
    assert found.commands.tobytes() == record.commands.tobytes()
    assert found.texts() == {0: "first", 1: "wire ✓"}
    assert found.next_sequence == sequence + 3
    assert digest == sha256(raw).digest()
    assert length_of(raw[: HEADER.size]) == len(raw)


def test_any_flipped_bit_is_noticed():
    raw, _ = encode(example(), GENESIS)
    for at in range(len(raw)):
        for bit in (0, 7):
            changed = bytearray(raw)
            changed[at] ^= 1 << bit
            with pytest.raises(Damaged):
                decode(bytes(changed))


def test_a_cut_record_is_noticed():
    raw, _ = encode(example(), GENESIS)
    for end in range(HEADER.size, len(raw)):
        with pytest.raises(Damaged, match="cut to"):
            decode(raw[:end])


def test_a_text_that_is_too_long_is_refused():
    assert len(pack_text(0, "x" * TEXT_BYTES_MAX)) == TEXT_BYTES_MAX + 6
    with pytest.raises(ValueError, match=f"at most {TEXT_BYTES_MAX}"):
        pack_text(0, "ü" * (TEXT_BYTES_MAX // 2 + 1))


def test_the_hash_of_a_record_is_fixed_for_ever():
    _, digest = encode(example(), GENESIS)
    assert digest.hex() == ("9b9513629297846c3afd95fbfd562bd6f6f095381285db3442d298dc8a7914ad")
