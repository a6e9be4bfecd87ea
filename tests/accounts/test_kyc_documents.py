"""Documents: what is taken, where it lies, who sees it, and when it goes."""

import os
import random
import struct
import time
import zlib

import pytest
from sqlalchemy import select, update

from excraft.accounts import kyc_documents
from excraft.accounts.kyc import DAY_NS, Rules
from excraft.accounts.kyc_actors import Actor, owner
from excraft.accounts.kyc_content import (
    DOCUMENT_BYTES_MAX,
    JPEG,
    LOOKED_INTO_BYTES_MAX,
    PDF,
    PNG,
    check_content,
)
from excraft.accounts.kyc_errors import (
    BadDocument,
    ImpossibleStep,
    NotAllowed,
    SealBroken,
    UnknownCase,
)
from excraft.accounts.kyc_states import Level, Step
from excraft.accounts.kyc_sweep import Swept, sweep
from excraft.store.schema_kyc import kyc_cases
from excraft.store.schema_kyc import kyc_documents as rows
from tests.accounts.kyc_desk import OLGA, Desk, png, quick_desk

SCRIPT = b"<html><script>alert(1)</script></html>"
FRAME = b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 1, 1) + b"\x01\x01\x11\x00"
SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"pixels\xff\x00\xff\xd0more"
APP0 = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"


def jpeg(*parts: bytes, end: bytes = b"") -> bytes:
    return b"\xff\xd8" + b"".join(parts or (APP0, FRAME, SCAN)) + b"\xff\xd9" + end


def pdf(body: bytes = b"1 0 obj\n<< /Type /Catalog >>\nendobj\n", end: bytes = b"\n") -> bytes:
    content = b"%PDF-1.7\n" + body
    return content + b"xref\n0 1\ntrailer << >>\nstartxref\n%d\n%%%%EOF" % len(content) + end


def packed(objects: bytes, more: bytes = b"") -> bytes:
    stream = zlib.compress(objects)
    described = b"<< /Type /ObjStm /Filter /FlateDecode %s >>" % more
    return b"5 0 obj\n" + described + b"stream\n" + stream + b"\nendstream\nendobj\n"


@pytest.fixture
def desk(tmp_path):
    desk = quick_desk(tmp_path)
    yield desk
    desk.database.close()


def add(desk: Desk, case: int, member: int, content: bytes | None = None) -> str:
    """The id of a new document."""
    content = png() if content is None else content
    added = desk.documents.add(case, owner(member), purpose="FRONT", declared=PNG, content=content)
    return added.id


@pytest.mark.parametrize(
    ("declared", "content"),
    [
        (PNG, png()),
        (PNG, png((b"tEXt", b"Software\x00camera"))),
        (JPEG, jpeg()),
        (JPEG, jpeg(b"\xff\xff\xff" + APP0[1:], FRAME, SCAN, SCAN)),
        (PDF, pdf()),
        (PDF, pdf(end=b"")),
        (PDF, pdf(packed(b"<< /Type /Page >>"))),
        (PDF, pdf(b"2 0 obj\n<< /Length 3 >>\nstream\nabc\nendstream\nendobj\n")),
    ],
)
def test_plain_documents_are_taken(declared, content):
    assert check_content(declared, content) == declared


@pytest.mark.parametrize(
    ("declared", "content", "words"),
    [
        ("image/svg+xml", b"<svg/>", "is not taken; send image/jpeg"),
        ("text/html", SCRIPT, "is not taken"),
        ("image/gif", b"GIF89a", "is not taken"),
        (PNG, b"", "1 to 10485760"),
        (PNG, SCRIPT, "does not begin like one"),
        (PNG, jpeg(), "does not begin like one"),
        (PDF, b"\n" + pdf(), "does not begin like one"),
        # what begins right
        (PNG, png()[:8] + SCRIPT, "not whole"),
        (PNG, png(end=SCRIPT), "goes on"),
        (PNG, png()[:-12], "not whole"),
        (PNG, png()[:-13] + b"!" + png()[-12:], "checksum"),
        (PNG, png((b"tEXt", b"Comment\x00" + SCRIPT)), "<html>|<html|<script"),
        (PNG, png((b"ABCD", b"x")), "ABCD that no picture needs"),
        (PNG, png(width=1 << 30), "at most 20000 a side"),
        (JPEG, jpeg(end=SCRIPT), "a film or a second picture"),
        (JPEG, jpeg(end=b"PK\x03\x04"), "a film or a second picture"),
        (JPEG, jpeg(APP0), "a film or a second"),
        (JPEG, jpeg()[:-2], "not whole"),
        (JPEG, b"\xff\xd8\xff" + SCRIPT, "not whole"),
        (JPEG, jpeg(b"\xff\xfe" + struct.pack(">H", 40) + SCRIPT, FRAME, SCAN), "<html|<script"),
        (JPEG, jpeg(FRAME[:5] + b"\xff\xff\xff\xff" + FRAME[9:], SCAN), "65535 x 65535"),
        (PDF, pdf(end=SCRIPT), "does not end where"),
        (PDF, pdf() + b"%" + SCRIPT + pdf(), "not at byte|<html|<script"),
        (PDF, b"%PDF-1.7\nstartxref\n1\n%%EOF", "not at byte"),
        (PDF, b"%PDF-1.7\nhello", "does not end where"),
        (PDF, pdf(b"<< /S /JavaScript /JS (app.alert) >>"), "holds /JavaScript"),
        (PDF, pdf(b"<< /S /J#61va#53cript >>"), "holds /J#61va#53cript"),
        (PDF, pdf(b"<< /S /Launch /F (cmd.exe) >>"), "holds /Launch"),
        (PDF, pdf(b"<< /EmbeddedFiles 3 0 R >>"), "holds /EmbeddedFiles"),
        (PDF, pdf(b"<< /Encrypt 3 0 R >>"), "holds /Encrypt"),
        (PDF, pdf(b"<< /URI (javascript:alert) >>"), "javascript:"),
        (PDF, pdf(packed(b"<< /S /JavaScript >>")), "holds /JavaScript"),
        (PDF, pdf(packed(b"(<script>)")), "holds a script"),
        (PDF, pdf(packed(b"x", b"/DecodeParms << /Predictor 12 >>")), "cannot be looked into"),
        (PDF, pdf(packed(b"x").replace(b"FlateDecode", b"LZWDecode")), "cannot be looked into"),
        (PDF, pdf(packed(bytes(LOOKED_INTO_BYTES_MAX))), "unpacks to more"),
        (PDF, pdf(b"stream\nabc\nendstream"), "of no object"),
    ],
)
def test_what_is_no_plain_document_is_refused(declared, content, words):
    with pytest.raises(BadDocument, match=words):
        check_content(declared, content)


def test_one_byte_too_many_is_refused_and_the_largest_is_taken(desk):
    ada = desk.member("ada")
    case = desk.filled(ada)
    noise = random.Random(7).randbytes(DOCUMENT_BYTES_MAX - len(png((b"eXIf", b""))))
    largest = png((b"eXIf", noise))
    assert len(largest) == DOCUMENT_BYTES_MAX
    with pytest.raises(BadDocument, match="10485761 bytes"):
        add(desk, case, ada, largest + b"x")
    assert list(desk.folder.iterdir()) == []
    assert desk.documents.read(add(desk, case, ada, largest), OLGA, "a look")[1] == largest


@pytest.mark.parametrize(
    ("declared", "content"),
    [
        (JPEG, b"\xff" * DOCUMENT_BYTES_MAX),
        (JPEG, b"\xff\xd8" + b"\xff\xe0\x00\x02" * (DOCUMENT_BYTES_MAX // 4 - 1)),
        (PDF, pdf(b"#41" * (DOCUMENT_BYTES_MAX // 3 - 40))),
        (PDF, pdf(b"obj/ObjStm/Filter/FlateDecode>stream\n" * 280_000)),
        (PDF, pdf(b"/J#" * (DOCUMENT_BYTES_MAX // 3 - 40))),
        (PDF, pdf(b"<" * (DOCUMENT_BYTES_MAX - 200))),
    ],
)  # fmt: skip
def test_no_content_takes_long_to_check(declared, content):
    assert len(content) <= DOCUMENT_BYTES_MAX
    before_s = time.process_time()
    try:
        check_content(declared, content)
    except BadDocument as refused:
        assert str(refused)
    assert time.process_time() - before_s < 3.0


def test_a_document_is_stored_sealed_under_a_name_by_chance(url, tmp_path):
    desk = quick_desk(tmp_path, url=url)
    ada = desk.member("ada")
    case = desk.filled(ada)
    content = png((b"tEXt", b"Title\x00a passport"))
    document = add(desk, case, ada, content)
    (file,) = desk.folder.iterdir()
    assert file.name == document and len(document) == 32
    assert file.stat().st_mode & 0o777 == 0o600 and desk.folder.stat().st_mode & 0o777 == 0o700
    assert b"passport" not in file.read_bytes() and b"PNG" not in file.read_bytes()
    found, clear = desk.documents.read(document, OLGA, "the queue")
    assert clear == content
    assert (found.content_type, found.purpose, found.size_bytes) == (PNG, "FRONT", len(content))
    assert desk.noted[-1] == ("staff olga", "kyc.read", f"kyc document {document}", "the queue")
    assert desk.cases.history(case)[-1].reason == f"saw document {document}: the queue"
    desk.database.close()


def test_who_may_not_read_and_nothing_is_noted_as_read(desk):
    ada = desk.member("ada")
    case = desk.filled(ada)
    document = add(desk, case, ada)
    for actor, name, wrong in [
        (Actor("staff new"), document, NotAllowed),
        (owner(ada), document, NotAllowed),
        (OLGA._replace(member_id=ada), document, NotAllowed),
        (OLGA, "0" * 32, UnknownCase),
        (OLGA, "../secret.key", UnknownCase),
        (OLGA, "a\0b", UnknownCase),
        (OLGA, "/etc/passwd", UnknownCase),
    ]:
        with pytest.raises(wrong):
            desk.documents.read(name, actor, "a look")
    with pytest.raises(NotAllowed, match="reason"):
        desk.documents.read(document, OLGA, "")
    assert desk.noted == [] and len(desk.cases.history(case)) == 1


def test_a_path_in_a_changed_row_leads_nowhere(desk, tmp_path):
    ada = desk.member("ada")
    document = add(desk, desk.filled(ada), ada)
    with desk.database.write_durable() as connection:
        connection.execute(update(rows).where(rows.c.id == document).values(id="../secret.key"))
    with pytest.raises(UnknownCase, match="there is no document"):
        desk.documents.read("../secret.key", OLGA, "a look")


def test_names_of_uploads_reach_no_file(desk):
    ada = desk.member("ada")
    case = desk.filled(ada)
    for purpose in ("../../x", "passport.png", "", "front"):
        with pytest.raises(BadDocument, match="there are FRONT, BACK"):
            desk.documents.add(case, owner(ada), purpose=purpose, declared=PNG, content=png())
    assert list(desk.folder.iterdir()) == []


def test_ciphertext_swapped_between_rows_does_not_open(desk):
    ada, bob = desk.member("ada"), desk.member("bob")
    mine, other = add(desk, desk.filled(ada), ada), add(desk, desk.filled(bob), bob)
    one, two = desk.folder / mine, desk.folder / other
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    with pytest.raises(SealBroken, match="changed or moved"):
        desk.documents.read(mine, OLGA, "a look")
    with desk.database.write_durable() as connection:  # the file and the key moved together
        key = connection.scalar(select(rows.c.sealed_key).where(rows.c.id == other))
        connection.execute(update(rows).where(rows.c.id == mine).values(sealed_key=key))
    with pytest.raises(SealBroken, match="changed or moved"):
        desk.documents.read(mine, OLGA, "a look")
    two.write_bytes(second[:-1] + bytes([second[-1] ^ 1]))
    with pytest.raises(SealBroken):
        desk.documents.read(other, OLGA, "a look")
    two.write_bytes(first[:5])
    with pytest.raises(SealBroken):
        desk.documents.read(other, OLGA, "a look")
    two.unlink()
    with pytest.raises(SealBroken, match="restore the folder"):
        desk.documents.read(other, OLGA, "a look")


def test_a_row_moved_to_another_case_does_not_open(desk):
    ada, bob = desk.member("ada"), desk.member("bob")
    document, other = add(desk, desk.filled(ada), ada), desk.filled(bob)
    with desk.database.write_durable() as connection:
        connection.execute(update(rows).where(rows.c.id == document).values(case_id=other))
    with pytest.raises(SealBroken):
        desk.documents.read(document, OLGA, "a look")


def test_only_the_owner_adds_only_while_it_is_theirs_and_twelve_at_most(desk):
    ada, bob = desk.member("ada"), desk.member("bob")
    case = desk.filled(ada, Level.FULL)
    with pytest.raises(UnknownCase):
        add(desk, case, bob)
    for _ in range(12):
        add(desk, case, ada)
    with pytest.raises(BadDocument, match="has 12 documents already"):
        add(desk, case, ada)
    desk.cases.step(case, Step.SUBMIT, owner(ada))
    with pytest.raises(ImpossibleStep, match="SUBMITTED and cannot be changed"):
        add(desk, case, ada)
    assert len(list(desk.folder.iterdir())) == 12


def test_one_that_was_refused_at_the_end_leaves_no_file(desk, monkeypatch):
    ada = desk.member("ada")
    case = desk.filled(ada)

    def submitted_meanwhile(declared: str, content: bytes) -> str:
        desk.cases.step(case, Step.SUBMIT, owner(ada))
        return declared

    monkeypatch.setattr(desk.documents, "_check", submitted_meanwhile)
    with pytest.raises(ImpossibleStep):
        add(desk, case, ada)
    assert list(desk.folder.iterdir()) == [] and desk.documents.of_case(case) == []


def test_the_file_is_synced_before_the_row_says_so(desk, monkeypatch):
    ada = desk.member("ada")
    case = desk.filled(ada)
    order = []
    sync, insert = os.fsync, desk.documents._insert
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append("sync"), sync(fd)))
    monkeypatch.setattr(desk.documents, "_insert", lambda *row: (order.append("row"), insert(*row)))
    add(desk, case, ada)
    assert order[:3] == ["sync", "sync", "row"]  # the file, its folder, then the row


def test_a_start_removes_files_without_a_row(desk, monkeypatch):
    ada = desk.member("ada")
    case = desk.filled(ada)
    document = add(desk, case, ada)

    class Killed(BaseException):
        """Like SIGKILL."""

    def dies(*row) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(desk.documents, "_insert", dies)
        with pytest.raises(Killed):
            add(desk, case, ada)
    assert len(list(desk.folder.iterdir())) == 2
    assert desk.documents.remove_orphans() == 1
    assert [f.name for f in desk.folder.iterdir()] == [document]
    assert desk.documents.remove_orphans() == 0


def test_the_wrong_database_deletes_no_document(desk, tmp_path, caplog):
    ada = desk.member("ada")
    document = add(desk, desk.filled(ada), ada)
    other = quick_desk(tmp_path, url=f"sqlite:///{tmp_path / 'other.db'}")
    assert other.documents.remove_orphans() == 0
    bob = other.member("bob")
    mine = add(other, other.filled(bob), bob)
    for number in range(kyc_documents.ORPHANS_MAX):
        (desk.folder / f"{number:032x}").touch()
    assert other.documents.remove_orphans() == 0
    assert (desk.folder / document).exists() and (desk.folder / mine).exists()
    assert caplog.text.count("is it the database of this folder?") == 2
    other.database.close()


def test_what_rests_too_long_is_erased_and_what_is_needed_stays(url, tmp_path):
    desk = quick_desk(tmp_path, Rules(retention_ns=100 * DAY_NS), url)
    ada, bob = desk.member("ada"), desk.member("bob")
    gone, stays = desk.filled(ada), desk.filled(bob, document_number="OTHER1")
    documents = [add(desk, gone, ada), add(desk, gone, ada)]
    kept = add(desk, stays, bob)
    for case, member, step in ((gone, ada, Step.REJECT), (stays, bob, Step.APPROVE)):
        desk.cases.step(case, Step.SUBMIT, owner(member))
        desk.cases.step(case, Step.CLAIM, OLGA)
        desk.cases.step(case, step, OLGA, "seen")
    desk.now_ns += 100 * DAY_NS
    assert sweep(desk.cases, desk.documents) == Swept(0, 0)
    desk.now_ns += 1
    assert sweep(desk.cases, desk.documents) == Swept(0, 1)
    assert sweep(desk.cases, desk.documents) == Swept(0, 0)
    assert [f.name for f in desk.folder.iterdir()] == [kept]
    assert {d.erased_ns for d in desk.documents.of_case(gone)} == {desk.now_ns}
    with pytest.raises(UnknownCase, match="erased when it was no longer needed"):
        desk.documents.read(documents[0], OLGA, "a look")
    with pytest.raises(UnknownCase, match="or erased"):
        desk.cases.person(gone, OLGA, "a look")
    with desk.database.read() as connection:
        c = kyc_cases.c
        assert connection.scalar(select(c.person).where(c.id == gone)) is None
    desk.cases.step(gone, Step.REOPEN, owner(ada))
    with pytest.raises(ImpossibleStep, match="no personal data"):
        desk.cases.step(gone, Step.SUBMIT, owner(ada))
    desk.database.close()
