"""`excraft kyc`: who the members are, and what reviewers decide."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from excraft.accounts import actors
from excraft.accounts.acts import Act as StaffAct
from excraft.accounts.audit import Audit
from excraft.accounts.errors import SecretKeyError
from excraft.accounts.kyc import Case, Cases, Note
from excraft.accounts.kyc_actors import Actor
from excraft.accounts.kyc_documents import Documents
from excraft.accounts.kyc_errors import KycError
from excraft.accounts.kyc_seal import Seals
from excraft.accounts.kyc_states import CaseState, Step
from excraft.accounts.members import Members
from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.cli.options import DEFAULT_DATA, Data, Json, show_json, show_table
from excraft.cli.stored import database_of
from excraft.gateway.kyc_decisions import reviewer_of
from excraft.store.database import Database

app = typer.Typer(help="Who the members are: cases to review.", no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="Number of the case.", show_default=False)]
Why = Annotated[str, typer.Option("--reason", help="Kept with the case; one line.")]
_SHOWN = ["case", "member", "level", "state", "reviewer", "since"]


@app.command()
def queue(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Cases that wait for a decision, oldest first."""
    with _opened(data) as cases:
        rows = [_row(cases, case) for case in cases.queue()]
    show_json(rows) if as_json else show_table(rows, _SHOWN)


@app.command()
def show(
    case: Number,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Also the personal data; needs --reason, is noted.")
    ] = False,
    reason: Why = "",
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """One case: its documents, its history, and who showed the same document."""
    with _opened(data) as cases:
        person = cases.person(case, _operator(), reason) if reveal else None
        shown = _row(cases, cases.case(case)) | _details(cases, Folder(data), case)
        if person is not None:
            shown["person"] = {f: str(getattr(person, f)) for f in person.__struct_fields__}
    if as_json:
        show_json(shown)
        return
    show_table([shown], _SHOWN)
    for line in _told(shown):
        print(line)


@app.command()
def document(
    name: Annotated[str, typer.Argument(help="Id of the document, as shown with its case.")],
    out: Annotated[Path, typer.Option("--out", help="New file for it, readable by you only.")],
    reason: Why,
    data: Data = DEFAULT_DATA,
) -> None:
    """Write one document in clear into a file; noted in the case's history."""
    with _opened(data) as cases:
        found, content = Documents(cases, data / "kyc").read(name, _operator(), reason)
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except OSError as error:
        raise Failure(
            f"cannot write {out}: {error.strerror}; name a new file", Exit.USAGE
        ) from error
    print(f"{out}: {found.purpose}, {found.content_type}, {len(content):,} bytes")


@app.command()
def claim(data: Data = DEFAULT_DATA) -> None:
    """Take the oldest case that waits; nobody else can decide on it then."""
    with _opened(data) as cases:
        taken = cases.claim_next(_operator())
    print("no case waits" if taken is None else f"case {taken.id} is yours")


@app.command()
def release(case: Number, data: Data = DEFAULT_DATA) -> None:
    """Put a case back into the queue, also one that somebody else claimed."""
    _step(data, case, Step.RELEASE, "")


@app.command()
def approve(case: Number, reason: Why = "", data: Data = DEFAULT_DATA) -> None:
    """Give the member the level of this case."""
    _step(data, case, Step.APPROVE, reason)


@app.command()
def reject(case: Number, reason: Why, data: Data = DEFAULT_DATA) -> None:
    """Refuse a case; the member may open it again."""
    _step(data, case, Step.REJECT, reason)


@app.command("ask")
def ask_again(case: Number, reason: Why, data: Data = DEFAULT_DATA) -> None:
    """Give a case back to the member for more."""
    _step(data, case, Step.ASK, reason)


@app.command()
def recheck(case: Number, reason: Why, data: Data = DEFAULT_DATA) -> None:
    """Put an approved case into the queue again; its level ends until it is approved anew."""
    _step(data, case, Step.RECHECK, reason)


@app.command()
def revoke(case: Number, reason: Why, data: Data = DEFAULT_DATA) -> None:
    """Reject a case that was approved."""
    _step(data, case, Step.REVOKE, reason)


@app.command()
def link(
    member: Annotated[str, typer.Argument(help="Name of a member.")],
    other: Annotated[str, typer.Argument(help="Name of another one.")],
    reason: Why,
    data: Data = DEFAULT_DATA,
) -> None:
    """Say that two members belong to the same person: one beneficial owner."""
    with _opened(data) as cases:
        members = Members(cases.database)
        found = [members.by_name(name) for name in (member, other)]
        for name, known in zip((member, other), found, strict=True):
            if known is None:
                raise Failure(f"there is no member {name!r}; `excraft member list` has them all")
        group = cases.link(found[0].id, found[1].id, _operator(), reason)
        names = [members.by_id(each).name for each in group]
    print(f"the same owner: {', '.join(names)}")


@contextmanager
def _opened(data: Path) -> Iterator[Cases]:
    folder = Folder.existing(data)
    database = database_of(folder)
    if database is None or not folder.secret_key.exists():
        raise Failure(f"{data} has no database and secret key yet; start it with `excraft up`")
    try:
        database.migrate()
        yield Cases(database, Seals.open(folder.secret_key), note=_noting(database))
    except KycError as refused:
        raise Failure(str(refused)) from refused
    except SecretKeyError as broken:
        raise Failure(str(broken), Exit.DAMAGED) from broken
    except SQLAlchemyError as wrong:
        raise Failure(f"the database cannot be used: {str(wrong).splitlines()[0]}") from wrong
    finally:
        database.close()


def _noting(database: Database) -> Note:
    """Into the audit log, where every act of staff stands."""
    audit = Audit(database)

    def note(_: str, act: str, subject: str, reason: str) -> None:
        payload = {"did": str(act), "reason": reason[:300]}
        audit.record(actors.shell(), StaffAct.REVIEW_KYC, subject, payload=payload)

    return note


def _operator() -> Actor:
    """Whoever can open the data folder may do everything, under the name that the audit log has."""
    return reviewer_of(actors.shell())


def _step(data: Path, number: int, step: Step, reason: str) -> None:
    with _opened(data) as cases:
        # A decision from a shell claims the case on its way.
        decides = step in (Step.APPROVE, Step.REJECT, Step.ASK)
        if decides and cases.case(number).state == CaseState.SUBMITTED:
            cases.step(number, Step.CLAIM, _operator())
        case = cases.step(number, step, _operator(), reason)
    print(f"case {case.id} is {case.state.name}")


def _row(cases: Cases, case: Case) -> dict:
    return {
        "case": case.id, "member": Members(cases.database).by_id(case.member_id).name,
        "level": case.level.name, "state": case.state.name, "reviewer": case.reviewer or "-",
        "since": _time(case.submitted_ns or case.changed_ns),
    }  # fmt: skip


def _details(cases: Cases, folder: Folder, number: int) -> dict:
    return {
        "same_document": [Members(cases.database).by_id(m).name for m in cases.duplicates(number)],
        "documents": [
            {"id": d.id, "purpose": d.purpose, "type": d.content_type, "bytes": d.size_bytes,
             "erased": d.erased_ns is not None}
            for d in Documents(cases, folder.root / "kyc").of_case(number)
        ],
        "history": [
            {"time": _time(h.time_ns), "state": h.after.name, "who": h.who, "reason": h.reason}
            for h in cases.history(number)
        ],
    }  # fmt: skip


def _told(shown: dict) -> Iterator[str]:
    if shown["same_document"]:
        yield f"The same document was shown by {', '.join(shown['same_document'])}."
    for name, value in shown.get("person", {}).items():
        yield f"{name}: {value}"
    for each in shown["documents"]:
        yield " ".join(str(v) for v in ("document", *list(each.values())[:4]))
    for line in shown["history"]:
        yield " ".join(line.values()).rstrip()


def _time(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 10**9, UTC).isoformat(" ")
