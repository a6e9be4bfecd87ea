"""Harm done to a data folder on purpose."""

from pathlib import Path

from excraft.messages.codec import MAGIC


def flip(file: Path, offset: int) -> None:
    """Change one bit of a file."""
    raw = bytearray(file.read_bytes())
    raw[offset] ^= 1
    file.write_bytes(raw)


def first_record(data: Path) -> tuple[Path, int]:
    """The file that begins with the log's first record, and where the record is."""
    found = [(f, f.read_bytes().find(MAGIC)) for f in (data / "log").rglob("*") if f.is_file()]
    return min((file, at) for file, at in found if at >= 0)
