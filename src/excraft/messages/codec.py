"""A record (one batch of commands) and its bytes, the same in memory, in a file and on a wire.

Layout, little-endian: a 96-byte header, `count` 64-byte command rows, `text_bytes` of texts.
Each text is (u32 command index, u16 length, UTF-8 bytes), in the order of the indexes.
`crc` is CRC-32C of everything but itself; `previous` is the SHA-256 of the whole preceding record,
zeros before the first, so one hash at the end stands for all that came before.
"""

import struct
from dataclasses import dataclass, field
from hashlib import sha256

import crc32c
import numpy as np

from excraft.messages.commands import COMMAND, TEXT_BYTES_MAX, Command, pack

MAGIC = b"ExCR"
VERSION = 1
HEADER = struct.Struct("<4sIHHIIIqqq32s16x")  # magic crc version partition count text_bytes zero
#                                               position sequence time_ns previous
assert HEADER.size == 96
GENESIS = bytes(32)
COMMANDS_MAX = 1 << 20  # in one record
_TEXT = struct.Struct("<IH")


class Damaged(ValueError):
    """Bytes that are not the record they claim to be."""


class OutOfOrder(RuntimeError):
    """A record that is not the next one: its position, sequence or time does not follow."""


@dataclass(frozen=True, slots=True)
class Record:
    """A batch of commands with the place, the time and the ids they get.

    position  grows by one from 1, without gaps
    sequence  number of the first command; command i is `sequence + i`, which is also the order id
              of the order it places. The next record's sequence is `sequence + count`.
    time_ns   nanoseconds since 1970, never smaller than the record before
    commands  COMMAND array of at least one row
    text      the packed texts
    """

    position: int
    sequence: int
    time_ns: int
    commands: np.ndarray
    text: bytes = field(default=b"")

    @property
    def next_sequence(self) -> int:
        return self.sequence + len(self.commands)

    def texts(self) -> dict[int, str]:
        """Text by command index, only for the commands that have one."""
        found, at = {}, 0
        while at < len(self.text):
            index, length = _TEXT.unpack_from(self.text, at)
            at += _TEXT.size
            found[index] = self.text[at : at + length].decode()
            at += length
        return found


def pack_text(index: int, text: str) -> bytes:
    """One text entry; raises ValueError over TEXT_BYTES_MAX."""
    raw = text.encode()
    if len(raw) > TEXT_BYTES_MAX:
        raise ValueError(f"text of {len(raw)} bytes; at most {TEXT_BYTES_MAX} fit a command")
    return _TEXT.pack(index, len(raw)) + raw


def record_of(commands: list[Command], *, position: int, sequence: int, time_ns: int) -> Record:
    """A record of typed commands."""
    packed = [pack(c) for c in commands]
    rows = np.frombuffer(b"".join(row for row, _ in packed), dtype=COMMAND)
    text = b"".join(pack_text(i, t) for i, (_, t) in enumerate(packed) if t)
    return Record(position, sequence, time_ns, rows, text)


def encode(record: Record, previous: bytes, partition: int = 0) -> tuple[bytes, bytes]:
    """The bytes of a record and their SHA-256, which is `previous` of the next."""
    body = record.commands.tobytes() + record.text
    parts = (VERSION, partition, len(record.commands), len(record.text), 0, record.position,
             record.sequence, record.time_ns, previous)  # fmt: skip
    crc = crc32c.crc32c(body, crc32c.crc32c(HEADER.pack(MAGIC, 0, *parts)[8:]))
    raw = HEADER.pack(MAGIC, crc, *parts) + body
    return raw, sha256(raw).digest()


def length_of(header: bytes) -> int:
    """Bytes of the whole record whose 96-byte header this is; raises Damaged when it is none."""
    magic, _, version, _, count, text_bytes, zero, *_ = HEADER.unpack(header)
    if magic != MAGIC or zero:
        raise Damaged("no record begins here")
    if version != VERSION:
        raise Damaged(f"record version {version}; this program reads version {VERSION}")
    if not 1 <= count <= COMMANDS_MAX or text_bytes > count * (TEXT_BYTES_MAX + _TEXT.size):
        raise Damaged(f"impossible sizes: {count} commands, {text_bytes} bytes of text")
    return HEADER.size + count * COMMAND.itemsize + text_bytes


def decode(raw: bytes | memoryview) -> tuple[Record, bytes, int]:
    """(record, previous hash, partition) of exactly one record's bytes; raises Damaged.

    The commands are a read-only view of `raw`: nothing is copied.
    """
    _, crc, _, partition, count, text_bytes, _, position, sequence, time_ns, previous = (
        HEADER.unpack(raw[: HEADER.size])
    )
    if length_of(raw[: HEADER.size]) != len(raw):
        raise Damaged(f"record of {length_of(raw[: HEADER.size])} bytes cut to {len(raw)}")
    if crc32c.crc32c(raw[8:]) != crc:
        raise Damaged(f"checksum of record {position} does not match its bytes")
    rows = np.frombuffer(raw, dtype=COMMAND, count=count, offset=HEADER.size)
    text = bytes(raw[len(raw) - text_bytes :]) if text_bytes else b""
    return Record(position, sequence, time_ns, rows, text), previous, partition
