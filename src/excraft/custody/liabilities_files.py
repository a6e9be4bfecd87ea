"""The published days in a folder: one folder per day, with root.json and a tree per asset.

A day appears whole or not at all and is never written again. Nobody but the exchange may read the
trees: they say which account has how much. root.json is for everybody.

A tree file, little-endian where not said otherwise: a 40-byte head, the parts (PART, ascending by
account), the levels from the leaves up (NODE, big-endian sums), and the SHA-256 of all of it.
"""

import json
import os
import re
import shutil
import struct
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

import numpy as np

from excraft.custody.liabilities import (
    HEIGHT_MAX,
    NODE,
    PART,
    PROOF_FORMAT,
    ROOT_FORMAT,
    LiabilitiesError,
    Tree,
    atoms_of,
    build,
    climbed,
    leaf_hash,
    member_id,
    parts_of,
    path_of,
    root_hash,
    to_atoms,
)
from excraft.custody.liabilities_hiding import Hiding
from excraft.log.disk import Disk

ROOT_NAME = "root.json"
EXCHANGE_MAX = 100
_HEAD = struct.Struct("<8sIIqq8x")  # magic version height parts file_bytes
_MAGIC, _VERSION = b"ExCrOwed", 1
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{6}Z)?", re.ASCII)  # a whole day, or up to a second


class DamagedLiabilities(Exception):
    """Stored bytes that are not what was published."""


class State(NamedTuple):
    """What the kernel and the log say at one position; `balances` as in Kernel.snapshot()."""

    position: int
    log_hash: bytes
    state_hash: str
    assets: list[tuple[str, int]]  # symbol and decimals by asset number
    balances: np.ndarray  # int64 [n, 4]: account, asset, free, held


class Days:
    """Everything published below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def published(self) -> list[str]:
        """The days and moments, ascending; a day is over after each of its moments."""
        if not self.folder.is_dir():
            return []
        names = [p.name for p in self.folder.iterdir() if _DAY.fullmatch(p.name)]
        return sorted(names, key=lambda name: name if "T" in name else f"{name}T24")

    def publish(
        self, exchange: str, day: str, state: State, names: Iterable[tuple[int, str]], secret: bytes
    ) -> dict[str, Any]:
        """Build and keep the trees of a day; returns its root.

        `names` are (account, name) of the members; an account without one has the name "".
        Raises LiabilitiesError; then nothing is left behind.
        """
        if (self.folder / day).exists():
            raise LiabilitiesError(f"{day} is published already, and stays as it is")
        symbols = [symbol for symbol, _ in state.assets]
        if len(set(symbols)) < len(symbols):
            raise LiabilitiesError("two assets have the same symbol, so no proof could tell them")
        if not exchange.isprintable() or not 0 < len(exchange) <= EXCHANGE_MAX:
            raise LiabilitiesError(f"{exchange!r:.60} is no name; take 1 to 100 printable signs")
        disk = Disk()
        disk.make_folder(self.folder)
        new = Path(mkdtemp(prefix=f".{day}.", dir=self.folder))
        try:
            hiding = Hiding(secret, day, state.log_hash)
            assets = list(_write_trees(new, state, _ids(state, names, hiding), hiding))
            root = {
                "format": ROOT_FORMAT, "exchange": exchange, "day": day,
                "position": state.position, "log_hash": state.log_hash.hex(),
                "state_hash": state.state_hash, "assets": assets,
            }  # fmt: skip
            root["hash"] = root_hash(root)
            _write(new / ROOT_NAME, [json.dumps(root, indent=1).encode() + b"\n"])
            disk.sync_folder(new)
            disk.rename(new, self.folder / day)
        except BaseException as error:
            shutil.rmtree(new)
            if isinstance(error, OSError) and (self.folder / day).exists():
                raise LiabilitiesError(f"somebody else published {day} meanwhile") from error
            raise
        disk.sync_folder(self.folder)
        return root

    def root(self, day: str) -> dict[str, Any]:
        """The root of a published day; raises LiabilitiesError or DamagedLiabilities."""
        file = self.folder / day / ROOT_NAME
        if not _DAY.fullmatch(day) or not file.exists():
            known = ", ".join(self.published()[-3:]) or "none"
            raise LiabilitiesError(f"{day!r:.40} is not published; the last ones are: {known}")
        try:
            root = json.loads(file.read_bytes())
            same = root["hash"] == root_hash(root)
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedLiabilities(f"{file} is damaged: {error!r}") from error
        if not same:
            raise DamagedLiabilities(f"{file} is damaged: its hash is not that of its content")
        return root

    def proof(self, day: str, account: int, name: str, secret: bytes) -> dict[str, Any]:
        """The proof for one member. Every path is checked before it is given away; that no part is
        missing in a damaged file only `check` can tell, so call it when the files are new to you.

        Raises LiabilitiesError when the account had another name or the secret is another one,
        DamagedLiabilities when a stored tree does not lead to the root.
        """
        root = self.root(day)
        hiding = Hiding(secret, day, bytes.fromhex(root["log_hash"]))
        nonce = hiding.nonces()(account)
        who, assets = member_id(account, name, nonce), {}
        for number, asset in enumerate(root["assets"]):
            file = self._tree_file(day, number)
            tree = opened(file)
            if (str(tree.total), tree.hash) != (asset["total"], asset["hash"]):
                raise DamagedLiabilities(f"{file} is damaged: it does not lead to the root")
            salt_of = hiding.salts(asset["symbol"])
            assets[asset["symbol"]] = [
                _part(file, tree, place, (asset["symbol"], who, salt_of(place)))
                for place in parts_of(tree.parts, account)
            ]
        return {
            "format": PROOF_FORMAT, "root": root["hash"], "member": name, "account": account,
            "nonce": nonce.hex(), "assets": assets,
        }  # fmt: skip

    def check(self, day: str) -> None:
        """Read every byte of a day; raises DamagedLiabilities at the first that is not right."""
        for number, asset in enumerate(self.root(day)["assets"]):
            file = self._tree_file(day, number)
            tree = opened(file)
            digest = sha256()
            with open(file, "rb") as raw:
                left = file.stat().st_size - 32
                while left:
                    chunk = raw.read(min(left, 1 << 20))
                    digest.update(chunk)
                    left -= len(chunk)
                whole = raw.read() == digest.digest()
            if not whole or (str(tree.total), tree.hash) != (asset["total"], asset["hash"]):
                raise DamagedLiabilities(f"{file} is damaged: its checksum does not match")

    def _tree_file(self, day: str, number: int) -> Path:
        return self.folder / day / f"{number:04d}.tree"


def _ids(state: State, names: Iterable[tuple[int, str]], hiding: Hiding) -> np.ndarray:
    """Blinded id (V32) of every account that has a balance row, by account number."""
    owners = np.unique(state.balances[:, 0])
    count = int(owners[-1]) + 1 if len(owners) else 0
    ids, named, nonce_of = bytearray(32 * count), bytearray(count), hiding.nonces()

    def name_them(some: Iterable[tuple[int, str]]) -> None:
        for account, name in some:
            if account < count:
                who = member_id(account, name, nonce_of(account))
                ids[32 * account : 32 * account + 32] = who
                named[account] = True

    name_them(names)
    name_them((account, "") for account in owners.tolist() if not named[account])
    return np.frombuffer(ids, "V32")


def _write_trees(
    folder: Path, state: State, ids: np.ndarray, hiding: Hiding
) -> Iterator[dict[str, Any]]:
    """Write one tree after the other; what the root says about each."""
    for number, (symbol, decimals) in enumerate(state.assets):
        rows = state.balances[state.balances[:, 1] == number]
        if np.any(rows[:, 2:] < 0):
            raise LiabilitiesError(f"{symbol}: a balance is below 0; run `excraft verify`")
        rows = rows[np.argsort(rows[:, 0])]
        atoms = np.zeros(len(rows), to_atoms([]).dtype)
        atoms["low"] = rows[:, 2].astype("u8") + rows[:, 3].astype("u8")  # below 2^64
        tree = build(symbol, rows[:, 0], atoms, ids[rows[:, 0]], hiding)
        _write(folder / f"{number:04d}.tree", _pieces(tree))
        yield {
            "symbol": symbol, "decimals": decimals, "height": tree.height,
            "total": str(tree.total), "hash": tree.hash,
        }  # fmt: skip


def _pieces(tree: Tree) -> list[memoryview | bytes]:
    arrays = [tree.parts, *tree.levels]
    size = _HEAD.size + sum(array.nbytes for array in arrays) + 32
    pieces = [_HEAD.pack(_MAGIC, _VERSION, tree.height, len(tree.parts), size)]
    pieces += [np.ascontiguousarray(array).view(np.uint8).data for array in arrays]
    digest = sha256()
    for piece in pieces:
        digest.update(piece)
    return [*pieces, digest.digest()]


def _write(file: Path, pieces: list) -> None:
    """A new file that is on the disk when this returns."""
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        for piece in pieces:
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())


def opened(file: Path) -> Tree:
    """A tree as it lies in the file; only what is looked at is read. Not verified as a whole."""
    try:
        raw = np.memmap(file, np.uint8, "r")
        magic, version, height, parts, size = _HEAD.unpack(bytes(raw[: _HEAD.size]))
    except (OSError, ValueError, struct.error) as error:
        raise DamagedLiabilities(f"{file} cannot be read: {error}") from error
    nodes = (2 << height) - 1 if height <= HEIGHT_MAX else -1
    due = _HEAD.size + parts * PART.itemsize + nodes * NODE.itemsize + 32
    if magic != _MAGIC or version != _VERSION or not due == size == len(raw):
        raise DamagedLiabilities(f"{file} is damaged: its head does not fit its {len(raw)} bytes")
    at, levels = _HEAD.size + parts * PART.itemsize, []
    for level in range(height, -1, -1):
        length = NODE.itemsize << level
        levels.append(raw[at : at + length].view(NODE))
        at += length
    return Tree(levels, raw[_HEAD.size : _HEAD.size + parts * PART.itemsize].view(PART))


def _part(file: Path, tree: Tree, place: int, leaf: tuple[str, bytes, bytes]) -> dict[str, Any]:
    """One part of a proof, checked up to the root."""
    symbol, who, salt = leaf
    if place >= len(tree.levels[0]):
        raise DamagedLiabilities(f"{file} is damaged: it has no leaf {place}")
    atoms = atoms_of(tree.levels[0][place])
    own = leaf_hash(symbol, who, atoms, salt)
    if own != bytes(tree.levels[0][place]["hash"]):
        raise LiabilitiesError(
            f"leaf {place} of {symbol} is not of this account, name and secret key: the member "
            f"had another name that day, the key is another one, or {file} is damaged"
        )
    path = path_of(tree.levels, place)
    if climbed(atoms, own, path) != (tree.total, tree.hash):
        raise DamagedLiabilities(f"{file} is damaged: leaf {place} does not lead to the root")
    return {"atoms": str(atoms), "salt": salt.hex(), "path": path}
