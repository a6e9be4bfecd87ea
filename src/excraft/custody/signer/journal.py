"""What the signer signed: one line each, on the disk before a signature leaves.

A line is the SHA-256 of its JSON, a blank, and the JSON, which repeats the hash of the line before.
"""

import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from excraft.custody.errors import SignerBroken

FILE = "journal"
DAY_NS = 86_400 * 10**9
GENESIS = "0" * 64
VOID = "void"  # never to be signed; the exchange gives the money back
_LINE_BYTES_MAX = 4096


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line. A replacement repeats kind, id, nonce and payment, with a higher fee."""

    number: int
    previous: str  # SHA-256 of the line before, in hex
    time_ns: int
    kind: str  # withdrawal, void, sweep, cold, gas
    log_position: int  # up to where the log was read, and the hash of that record
    log_hash: str
    id: int = 0  # of the withdrawal
    chain: int = 0
    source: str = ""
    nonce: int = -1
    to: str = ""  # who gets it
    token: str | None = None
    units: str = "0"
    asset: int = -1
    atoms: int = 0  # what the withdrawal takes from the member, with the fee
    gas: int = 0
    fee_max: int = 0
    tip: int = 0
    hash: str = ""

    @property
    def place(self) -> tuple[int, str, int]:
        """Chain, sender and nonce: only one transaction with these can ever be mined."""
        return self.chain, self.source, self.nonce

    @property
    def purpose(self) -> tuple:
        """What it pays; the same for every replacement."""
        return self.kind, self.id, self.place, self.to, self.token, self.units

    @property
    def payment(self) -> tuple:
        """All that a withdrawal is bound to by its first signature."""
        return self.place, self.to, self.token, self.units, self.asset, self.atoms

    @property
    def cost(self) -> int:
        """Wei that its gas costs at most."""
        return self.gas * self.fee_max


class Journal:
    """Of one process at a time. Everything signed is in memory too, by what it is asked for."""

    def __init__(self, folder: Path) -> None:
        """Raises SignerBroken when another signer has it, or a line is not what was written."""
        self._path = folder / FILE
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.entries: list[Entry] = []
        self.by_place: dict[tuple[int, str, int], Entry] = {}  # the newest of each
        self.by_withdrawal: dict[int, Entry] = {}
        self._highest: dict[tuple[int, str], int] = {}  # nonce, by chain and sender
        self._first: dict[int, Entry] = {}  # signature of each withdrawal
        try:
            self._lock(folder)
            self._last = self._load()
        except BaseException:
            os.close(self._handle)
            raise

    def close(self) -> None:
        os.close(self._handle)

    def append(self, entry: Entry) -> None:
        """Durable when it returns. `number` and `previous` must be those of `next_link`."""
        assert (entry.number, entry.previous) == self.next_link()
        line, digest = _line(entry)
        assert len(line) <= _LINE_BYTES_MAX, "every field is bounded"
        written = os.write(self._handle, line)
        if written != len(line):
            raise SignerBroken(
                f"{self._path} took {written} of {len(line)} bytes: the disk is full"
            )
        os.fsync(self._handle)
        self._take(entry, digest)

    def next_link(self) -> tuple[int, str]:
        """(number, previous) of the next entry."""
        return len(self.entries) + 1, self._last

    def highest(self, chain: int, source: str) -> int:
        """The highest nonce that was signed there; -1 before the first."""
        return self._highest.get((chain, source), -1)

    def from_nonce(self, chain: int, source: str, nonce: int) -> Entry | None:
        """The newest signature with that nonce, or with the next one that was signed there."""
        if nonce > self.highest(chain, source) or (chain, source, nonce) in self.by_place:
            return self.by_place.get((chain, source, nonce))
        later = [
            entry
            for (of, by, used), entry in self.by_place.items()
            if (of, by) == (chain, source) and used > nonce
        ]
        return min(later, key=lambda entry: entry.nonce)

    def attempts(self, newest: Entry | None) -> list[Entry]:
        """Everything that was signed with the nonce of an entry, oldest first."""
        if newest is None or newest.kind == VOID:
            return []
        place = newest.place
        return [e for e in self.entries if e.kind != VOID and e.place == place]

    def paid_since(self, chain: int, asset: int, since_ns: int) -> int:
        """Atoms of the withdrawals that were first signed after `since_ns`."""
        return sum(
            entry.atoms
            for entry in self._after(since_ns)
            if (entry.chain, entry.asset) == (chain, asset) and self._first[entry.id] is entry
        )

    def gas_since(self, chain: int, since_ns: int) -> dict[str, int]:
        """Wei that the transactions signed after `since_ns` cost at most, by their kind; one for
        each nonce."""
        newest = {e.place: e for e in reversed([*self._after(since_ns)]) if e.chain == chain}
        spent: dict[str, int] = {}
        for entry in newest.values():
            spent[entry.kind] = spent.get(entry.kind, 0) + entry.cost
        return spent

    def _after(self, since_ns: int) -> Iterator[Entry]:
        """The newest first; times never fall."""
        for entry in reversed(self.entries):
            if entry.time_ns <= since_ns:
                return
            yield entry

    def invariant(self) -> None:
        """Raises AssertionError: what holds of every journal."""
        first_of: dict[int, tuple] = {}
        purpose_of: dict[tuple, tuple] = {}
        voided: set[int] = set()
        for entry in self.entries:
            if entry.kind == VOID:
                assert entry.id not in first_of, f"withdrawal {entry.id} was signed, then void"
                voided.add(entry.id)
                continue
            same = purpose_of.setdefault(entry.place, entry.purpose)
            assert same == entry.purpose, f"nonce {entry.nonce} pays two things"
            if entry.kind == "withdrawal":
                assert entry.id not in voided, f"withdrawal {entry.id} was void, then signed"
                same = first_of.setdefault(entry.id, entry.payment)
                assert same == entry.payment, f"withdrawal {entry.id} pays two things"

    def _lock(self, folder: Path) -> None:
        mode = stat.S_IMODE(os.fstat(self._handle).st_mode)
        if mode & 0o077:
            raise SignerBroken(f"{self._path} has mode {mode:04o}: others could read it")
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SignerBroken(f"another signer works with {folder}; stop it first") from error
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)  # the file's name
        finally:
            os.close(handle)

    def _load(self) -> str:
        self._last = GENESIS
        with os.fdopen(os.dup(self._handle), "rb") as file:
            raw = file.read()
        for entry, digest in _entries(self._path, raw):
            self._take(entry, digest)
        whole = raw.rfind(b"\n") + 1
        if whole != len(raw):  # a line that a power cut tore: its signature never left
            os.ftruncate(self._handle, whole)
            os.fsync(self._handle)
        os.lseek(self._handle, 0, os.SEEK_END)
        return self._last

    def _take(self, entry: Entry, digest: str) -> None:
        self.entries.append(entry)
        self._last = digest
        if entry.kind in (VOID, "withdrawal"):
            self.by_withdrawal[entry.id] = entry
            self._first.setdefault(entry.id, entry)
        if entry.kind != VOID:
            self.by_place[entry.place] = entry
            wallet = entry.chain, entry.source
            self._highest[wallet] = max(self.highest(*wallet), entry.nonce)


def read(folder: Path) -> list[Entry]:
    """Every entry, also while a signer runs; raises SignerBroken where a line is wrong."""
    path = folder / FILE
    try:
        return [entry for entry, _ in _entries(path, path.read_bytes())]
    except FileNotFoundError:
        return []


def _line(entry: Entry) -> tuple[bytes, str]:
    """(the line, its hash)."""
    text = msgspec.json.encode(entry)
    digest = hashlib.sha256(text).hexdigest()
    return digest.encode() + b" " + text + b"\n", digest


def _entries(path: Path, raw: bytes) -> Iterator[tuple[Entry, str]]:
    """Each whole line with its hash; raises SignerBroken."""
    last = GENESIS
    for number, line in enumerate(raw[: raw.rfind(b"\n") + 1].split(b"\n")[:-1], 1):
        try:
            entry = msgspec.json.decode(line[65:], type=Entry)
        except msgspec.DecodeError as wrong:
            raise SignerBroken(f"{path}, line {number}: {wrong}") from wrong
        if _line(entry)[0] != line + b"\n":
            raise SignerBroken(f"{path}, line {number} is not what was written")
        if (entry.number, entry.previous) != (number, last):
            raise SignerBroken(f"{path}, line {number} does not follow the one before")
        last = line[:64].decode()
        yield entry, last
