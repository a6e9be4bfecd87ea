"""What the tests of KYC share: a desk with a clock that is set by hand."""

import struct
import zlib
from pathlib import Path

from excraft.accounts.kyc import Cases, Rules
from excraft.accounts.kyc_actors import Act, Actor, owner
from excraft.accounts.kyc_documents import Documents
from excraft.accounts.kyc_person import DocumentKind, Person
from excraft.accounts.kyc_seal import Seals
from excraft.accounts.kyc_states import Level, Step
from excraft.accounts.members import Members
from excraft.store.database import Database
from excraft.store.tables import metadata

NOW_NS = 1_790_000_000 * 10**9  # 2026-09-21
REVIEW = frozenset({Act.REVIEW, Act.READ, Act.LINK})
OLGA, PETE = Actor("staff olga", acts=REVIEW), Actor("staff pete", acts=REVIEW)
CHIEF = Actor("staff chief", acts=REVIEW | {Act.TAKE_OVER})


def person(**changes: str) -> Person:
    fields = {
        "name": "Ada Example", "birth_date": "1990-12-31", "country": "FR",
        "document_kind": DocumentKind.PASSPORT, "document_number": "12 AB-34567",
        "address": "1 rue de l'Exemple, Paris",
    }  # fmt: skip
    return Person(**fields | changes)


def png(*parts: tuple[bytes, bytes], width: int = 1, end: bytes = b"") -> bytes:
    """A picture of one line; `parts` come before its pixels."""
    header = struct.pack(">IIBBBBB", width, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1 + min(width, 100)))
    content = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", header), *parts, (b"IDAT", pixels), (b"IEND", b"")):
        checksum = zlib.crc32(kind + body)
        content += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)
    return content + end


class Desk:
    """Cases and documents of one database, at the time `now_ns`."""

    def __init__(self, database: Database, folder: Path, rules: Rules | None = None) -> None:
        self.now_ns = NOW_NS
        self.noted: list[tuple[str, ...]] = []
        self.database = database
        self.folder = folder / "kyc"
        self.cases = Cases(
            database, Seals.open(folder / "secret.key"), rules=rules or Rules(),
            clock=lambda: self.now_ns, note=lambda *said: self.noted.append(said),
        )  # fmt: skip
        self.documents = Documents(self.cases, self.folder)
        self._accounts = 100

    def member(self, name: str) -> int:
        self._accounts += 1
        return Members(self.database).add(name, self._accounts).id

    def filled(self, member: int, level: Level = Level.BASIC, **changes: str) -> int:
        case = self.cases.open(member, level)
        self.cases.set_person(case.id, owner(member), person(**changes))
        return case.id

    def submitted(self, member: int, level: Level = Level.BASIC, **changes: str) -> int:
        """Number of a submitted case; each is a second later than the one before."""
        case_id = self.filled(member, level, **changes)
        self.now_ns += 10**9
        self.cases.step(case_id, Step.SUBMIT, owner(member))
        return case_id

    def claimed(self, member: int, by: Actor = OLGA, **changes: str) -> int:
        case_id = self.submitted(member, **changes)
        self.cases.step(case_id, Step.CLAIM, by)
        return case_id

    def approved(self, member: int, **changes: str) -> int:
        case_id = self.claimed(member, **changes)
        self.cases.step(case_id, Step.APPROVE, OLGA)
        return case_id


def quick_desk(folder: Path, rules: Rules | None = None, url: str = "") -> Desk:
    """With the tables made at once instead of migrated, on SQLite unless `url` says otherwise."""
    database = Database(url or f"sqlite:///{folder / 'quick.db'}")
    with database.write() as connection:
        metadata.create_all(connection)
    return Desk(database, folder, rules)
