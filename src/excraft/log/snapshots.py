"""Snapshots: the state at one position of the log, in one checked file each.

Layout, little-endian: a 32-byte head, a JSON table, the arrays and blobs (each at a multiple of
64), and the SHA-256 of all bytes before it. A snapshot is never needed, the log is enough; so a
damaged one is passed over for an older one, and the reason is told.
"""

import math
import os
import struct
from ast import literal_eval
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from excraft.log.disk import Disk

SUFFIX = ".snapshot"
KEPT = 3
MAGIC = b"ExCrSnap"
VERSION = 2
_HEAD = struct.Struct("<8sIIqq")  # magic version table_bytes position file_bytes
_ALIGN = 64
_HASH_BYTES = 32


class Snapshot(NamedTuple):
    """The state after record `position`, whose hash is `log_hash`.

    The arrays are views of one buffer read from the file: writable, and nobody else's.
    """

    position: int
    log_hash: bytes
    state_hash: str
    arrays: dict[str, np.ndarray]
    blobs: dict[str, bytes]
    file: Path


class DamagedSnapshot(ValueError):
    """Bytes that are not the snapshot they claim to be."""


class _Part(msgspec.Struct):
    """Where an array or a blob lies after the table; `dtype` is as in numpy's files."""

    name: str
    offset: int
    size: int
    dtype: str = ""  # empty: a blob
    shape: tuple[int, ...] = ()


class _Table(msgspec.Struct):
    log_hash: str
    state_hash: str
    parts: list[_Part]


def write(
    directory: Path | str,
    position: int,
    log_hash: bytes,
    state_hash: str,
    arrays: dict[str, np.ndarray],
    blobs: dict[str, bytes],
) -> Path:
    """Write a snapshot so that it is there whole or not at all, and drop all but the last three.

    Raises OSError, e.g. when the disk is full; then nothing is left behind.
    """
    directory = Path(directory)
    disk = Disk()
    disk.make_folder(directory)
    pieces, length = _pieces(position, log_hash, state_hash, arrays, blobs)
    path = directory / f"{position:020d}{SUFFIX}"
    new = path.with_suffix(".new")
    digest = sha256()
    try:
        with open(new, "wb") as file:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
            file.write(digest.digest())
            file.flush()
            if file.tell() != length:
                raise DamagedSnapshot(f"wrote {file.tell()} bytes instead of {length}")
            os.fsync(file.fileno())
        disk.rename(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    disk.sync_folder(directory)
    for old in _files(directory)[KEPT:]:
        old.unlink()
    return path


def newest(
    directory: Path | str, at_most: int | None = None, *, skipped: list[str] | None = None
) -> Snapshot | None:
    """The newest whole snapshot of a position up to `at_most`; None when there is none.

    A sentence for each damaged one that was passed over is appended to `skipped`.
    """
    for path in _files(Path(directory)):
        if at_most is not None and int(path.stem) > at_most:
            continue
        try:
            return load(path)
        except (DamagedSnapshot, OSError) as error:
            if skipped is not None:
                skipped.append(f"snapshot {path} was passed over: {error}")
    return None


def load(path: Path) -> Snapshot:
    """One snapshot; raises DamagedSnapshot when any byte of it is not as it was written."""
    raw = np.fromfile(path, np.uint8)
    view = memoryview(raw)
    if len(raw) < _HEAD.size + _HASH_BYTES:
        raise DamagedSnapshot(f"{len(raw)} bytes are too few")
    magic, version, table_bytes, position, length = _HEAD.unpack_from(view)
    if magic != MAGIC:
        raise DamagedSnapshot("it does not begin like a snapshot")
    if length != len(raw):
        raise DamagedSnapshot(f"it has {len(raw)} bytes and should have {length}")
    if sha256(view[:-_HASH_BYTES]).digest() != view[-_HASH_BYTES:]:
        raise DamagedSnapshot("its checksum does not match its bytes")
    if version != VERSION:
        raise DamagedSnapshot(f"version {version}; this program reads version {VERSION}")
    if path.name != f"{position:020d}{SUFFIX}":
        raise DamagedSnapshot(f"it is of position {position}, which is not its name")
    table = msgspec.json.decode(view[_HEAD.size : _HEAD.size + table_bytes], type=_Table)
    arrays, blobs = {}, {}
    base = _aligned(_HEAD.size + table_bytes)
    for part in table.parts:
        piece = raw[base + part.offset : base + part.offset + part.size]
        if part.dtype:
            dtype = np.lib.format.descr_to_dtype(literal_eval(part.dtype))
            arrays[part.name] = piece.view(dtype).reshape(part.shape)
        else:
            blobs[part.name] = piece.tobytes()
    log_hash = bytes.fromhex(table.log_hash)
    return Snapshot(position, log_hash, table.state_hash, arrays, blobs, path)


def _files(directory: Path) -> list[Path]:
    """Snapshot files, newest first."""
    found = directory.glob(f"*{SUFFIX}")
    return sorted((p for p in found if len(p.stem) == 20 and p.stem.isdecimal()), reverse=True)


def _pieces(
    position: int,
    log_hash: bytes,
    state_hash: str,
    arrays: dict[str, np.ndarray],
    blobs: dict[str, bytes],
) -> tuple[list, int]:
    """All bytes but the checksum, in order and without copying arrays; and the file's length."""
    parts, contents, at = [], [], 0
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"array {name} of {array.dtype} has no bytes of its own")
        flat = np.ascontiguousarray(array)
        descr = repr(np.lib.format.dtype_to_descr(array.dtype))
        parts.append(_Part(name, at, flat.nbytes, descr, array.shape))
        contents.append(flat.reshape(-1).view(np.uint8))
        at = _aligned(at + flat.nbytes)
    for name, blob in blobs.items():
        parts.append(_Part(name, at, len(blob)))
        contents.append(blob)
        at = _aligned(at + len(blob))
    table = _Table(log_hash.hex(), state_hash, parts)
    encoded = msgspec.json.encode(table)
    base = _aligned(_HEAD.size + len(encoded))
    length = base + at + _HASH_BYTES
    head = _HEAD.pack(MAGIC, VERSION, len(encoded), position, length) + encoded
    pieces = [head.ljust(base, b"\0")]
    for content in contents:
        pieces += [content, bytes(_aligned(len(content)) - len(content))]
    return pieces, length


def _aligned(offset: int) -> int:
    return math.ceil(offset / _ALIGN) * _ALIGN
