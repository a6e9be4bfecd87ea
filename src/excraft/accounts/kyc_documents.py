"""Documents of a case: one sealed file each in a folder, and a row that says whose it is."""

import logging
import os
import re
import secrets
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from excraft.accounts.kyc import Cases, editable, find
from excraft.accounts.kyc_actors import Act, Actor, check_reason
from excraft.accounts.kyc_content import DOCUMENT_BYTES_MAX, check_content
from excraft.accounts.kyc_errors import BadDocument, KycError, SealBroken, UnknownCase
from excraft.accounts.kyc_seal import OVERHEAD_BYTES, Place
from excraft.accounts.kyc_states import RESTING
from excraft.store.schema_kyc import kyc_cases, kyc_documents

ORPHANS_MAX = 64  # more than one kill can leave

_log = logging.getLogger(__name__)
_ID = re.compile(r"[0-9a-f]{32}")
_c = kyc_documents.c
_COLUMNS = (_c.id, _c.case_id, _c.purpose, _c.content_type, _c.size_bytes, _c.added_ns,
            _c.erased_ns)  # fmt: skip


class Purpose(StrEnum):
    """What a document shows. The name that a file had at its owner's is not kept."""

    FRONT = "FRONT"
    BACK = "BACK"
    PORTRAIT = "PORTRAIT"
    ADDRESS = "ADDRESS"
    OTHER = "OTHER"


class Document(NamedTuple):
    """What the row says; `erased_ns` is None while the content is there."""

    id: str
    case_id: int
    purpose: str
    content_type: str
    size_bytes: int
    added_ns: int
    erased_ns: int | None


class Documents:
    """Files in `folder` (DATA/kyc), which only the owner of the process can read."""

    def __init__(
        self, cases: Cases, folder: Path, check: Callable[[str, bytes], str] = check_content
    ) -> None:
        """`check`: as check_content, perhaps in another process."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._cases = cases
        self._folder = folder
        self._check = check

    def add(
        self, case_id: int, actor: Actor, *, purpose: str, declared: str, content: bytes
    ) -> Document:
        """Checked, sealed and on the disk when this returns; raises KycError."""
        if purpose not in set(Purpose):
            raise BadDocument(
                f"{purpose[:40]!r} is no purpose of a document; there are {', '.join(Purpose)}"
            )
        with self._cases.database.read() as connection:  # before the work, which is not small
            case = editable(connection, case_id, actor)
            self._check_room(connection, case_id)
        kind = self._check(declared, content)
        document = secrets.token_hex(16)
        place = Place(case.member_id, case_id, document)
        sealed_key, sealed = self._cases.seals.seal_document(place, content)
        row = Document(document, case_id, purpose, kind, len(content), self._cases.clock(), None)
        # Before the row, so that no row is without its file; a file without row is an orphan.
        _write_synced(self._folder / document, sealed)
        try:
            self._insert(row, sealed_key, actor)
        except KycError:
            (self._folder / document).unlink()
            raise
        return row

    def of_case(self, case_id: int) -> list[Document]:
        """Every document there was, oldest first."""
        question = select(*_COLUMNS).where(_c.case_id == case_id).order_by(_c.added_ns, _c.id)
        with self._cases.database.read() as connection:
            return [Document(*row) for row in connection.execute(question)]

    def read(self, document: str, actor: Actor, reason: str) -> tuple[Document, bytes]:
        """A document in clear; written into the case's history before it is given out."""
        reason = check_reason(reason)
        question = select(*_COLUMNS, _c.sealed_key).where(_c.id == document)
        with self._cases.database.write_durable() as connection:
            actor.require(Act.READ)
            row = connection.execute(question).first() if _ID.fullmatch(document) else None
            if row is None:
                raise UnknownCase(f"there is no document {document[:40]!r}")
            what = f"saw document {document}: {reason}"
            case = self._cases.look(connection, row.case_id, actor, what)
        self._cases.note(actor.name, Act.READ, f"kyc document {document}", reason)
        if row.sealed_key is None:
            raise UnknownCase(f"document {document} was erased when it was no longer needed")
        place = Place(case.member_id, case.id, document)
        content = self._cases.seals.open_document(place, row.sealed_key, self._read_file(document))
        return Document(*row[:-1]), content

    def remove_orphans(self) -> int:
        """Delete files without a row. Call it at the start, before the first `add`.

        A kill leaves a few. When there are many, or no row at all, the database is not the one of
        this folder, and nothing is deleted.
        """
        with self._cases.database.read() as connection:
            total = connection.scalar(select(func.count()).select_from(kyc_documents))
            known = set(connection.scalars(select(_c.id).where(_c.sealed_key.is_not(None))))
        orphans = [f for f in self._folder.iterdir() if f.name not in known and f.is_file()]
        if orphans and (total == 0 or len(orphans) > ORPHANS_MAX):
            _log.warning(
                "%s has %d files that the database does not know, so they stay; is it the database "
                "of this folder?", self._folder, len(orphans),
            )  # fmt: skip
            return 0
        for orphan in orphans:
            orphan.unlink()
        return len(orphans)

    def erase_old(self) -> int:
        """Erase what nobody needs: personal data and documents of cases that rest too long."""
        c = kyc_cases.c
        before_ns = self._cases.clock() - self._cases.rules.retention_ns
        rests = c.state.in_(RESTING) & (c.changed_ns < before_ns)
        kept = select(_c.id).where((_c.case_id == c.id) & _c.sealed_key.is_not(None)).exists()
        with self._cases.database.read() as connection:
            found = list(
                connection.scalars(select(c.id).where(rests & (c.person.is_not(None) | kept)))
            )
        return sum(self._erase(case_id, before_ns) for case_id in found)

    def _erase(self, case_id: int, before_ns: int) -> bool:
        with self._cases.database.write_durable() as connection:
            case = find(connection, case_id, lock=True)
            if case.state not in RESTING or case.changed_ns >= before_ns:
                return False  # its member came back just now
            mine = (_c.case_id == case_id) & _c.sealed_key.is_not(None)
            documents = list(connection.scalars(select(_c.id).where(mine)))
            connection.execute(
                update(kyc_documents).where(mine).values(
                    sealed_key=None, erased_ns=self._cases.clock()
                )
            )  # fmt: skip
            connection.execute(
                update(kyc_cases).where(kyc_cases.c.id == case_id).values(person=None)
            )
        for (
            document
        ) in documents:  # after the commit: a crash leaves orphans, which a start removes
            (self._folder / document).unlink(missing_ok=True)
        return True

    def _insert(self, row: Document, sealed_key: bytes, actor: Actor) -> None:
        with self._cases.database.write_durable() as connection:
            editable(connection, row.case_id, actor)
            self._check_room(connection, row.case_id)
            connection.execute(
                insert(kyc_documents).values({**row._asdict(), "sealed_key": sealed_key})
            )
            connection.execute(
                update(kyc_cases)
                .where(kyc_cases.c.id == row.case_id)
                .values(changed_ns=row.added_ns)
            )

    def _check_room(self, connection: Connection, case_id: int) -> None:
        most = self._cases.rules.documents_max
        mine = (_c.case_id == case_id) & _c.erased_ns.is_(None)
        if connection.scalar(select(func.count()).select_from(kyc_documents).where(mine)) >= most:
            raise BadDocument(f"case {case_id} has {most} documents already, which is the most")

    def _read_file(self, document: str) -> bytes:
        try:
            with (self._folder / document).open("rb") as file:
                return file.read(DOCUMENT_BYTES_MAX + OVERHEAD_BYTES + 1)
        except OSError as error:
            raise SealBroken(
                f"the file of document {document} cannot be read ({error.strerror}); restore the "
                f"folder {self._folder} from the backup of the database"
            ) from error


def _write_synced(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
