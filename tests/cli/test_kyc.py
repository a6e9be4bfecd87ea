"""`excraft kyc`: a reviewer at a shell, on a data folder."""

import json

import pytest
from typer.testing import CliRunner

from excraft.accounts import actors
from excraft.accounts.kyc import Cases
from excraft.accounts.kyc_actors import owner
from excraft.accounts.kyc_documents import Documents
from excraft.accounts.kyc_person import Person
from excraft.accounts.kyc_seal import Seals
from excraft.accounts.kyc_states import Level, Step
from excraft.accounts.members import Members
from excraft.cli.app import app
from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.store.database import Database
from tests.accounts.kyc_desk import png

NUMBER = "XK-998877"


@pytest.fixture
def folder(tmp_path):
    """A data folder with ada and bob, who show the same passport; case 1 and 2."""
    folder = Folder.make(tmp_path / "data")
    folder.log.mkdir()
    database = Database(folder.database)
    database.migrate()
    cases = Cases(database, Seals.open(folder.secret_key))
    for account, name in enumerate(("ada", "bob")):
        member = Members(database).add(name, account).id
        case = cases.open(member, Level.FULL)
        cases.set_person(case.id, owner(member), Person(
            name=name.title(), birth_date="1990-12-31", country="FR", document_kind="PASSPORT",
            document_number=NUMBER, address="1 rue de l'Exemple",
        ))  # fmt: skip
        Documents(cases, folder.root / "kyc").add(
            case.id, owner(member), purpose="FRONT", declared="image/png", content=png()
        )
        cases.step(case.id, Step.SUBMIT, owner(member))
    database.close()
    return folder


@pytest.fixture
def run(folder):
    def run(*words: str, code: Exit = Exit.DONE) -> str:
        done = CliRunner().invoke(app, ["kyc", *words, "--data", str(folder.root)])
        if isinstance(done.exception, Failure):
            assert done.exception.code == code, done.exception
            return str(done.exception)
        assert done.exit_code == code, done.output
        return done.output

    return run


def shown(run, case: int) -> dict:
    return json.loads(run("show", str(case), "--json"))


def test_a_reviewer_asks_again_rejects_links_and_approves(run, folder):
    rows = json.loads(run("queue", "--json"))
    assert [(r["case"], r["member"], r["state"]) for r in rows] == [
        (1, "ada", "SUBMITTED"), (2, "bob", "SUBMITTED"),
    ]  # fmt: skip
    assert run("claim") == "case 1 is yours\n"
    assert run("release", "1") == "case 1 is SUBMITTED\n"
    assert "shows the document of member 1" in run("approve", "2", code=Exit.FAILED)
    assert shown(run, 2)["same_document"] == ["ada"]
    assert run("link", "bob", "ada", "--reason", "one owner") == "the same owner: ada, bob\n"
    assert run("approve", "2") == "case 2 is APPROVED\n"
    assert run("ask", "1", "--reason", "the photo is dark") == "case 1 is MORE_NEEDED\n"
    assert run("queue") == ""
    assert run("recheck", "2", "--reason", "new list") == "case 2 is SUBMITTED\n"
    assert run("reject", "2", "--reason", "a forgery") == "case 2 is REJECTED\n"
    states = [h["state"] for h in shown(run, 2)["history"]]
    assert states[-3:] == ["SUBMITTED", "IN_REVIEW", "REJECTED"]
    listed = ["audit", "list", "--json", "--data", str(folder.root)]
    rows = json.loads(CliRunner().invoke(app, listed).output)
    assert {r["act"] for r in rows} == {"REVIEW_KYC"}
    assert [r["payload"]["did"] for r in rows][-2:] == ["kyc.claim", "kyc.reject"]
    assert rows[-1]["payload"]["reason"] == "a forgery" and rows[-1]["object"] == "kyc case 2"
    assert "cannot revoke a case that is REJECTED" in run(
        "revoke", "2", "--reason", "again", code=Exit.FAILED
    )
    assert run("claim") == "no case waits\n"


def test_personal_data_is_shown_only_when_asked_for_with_a_reason_and_noted(run):
    for words in (("queue",), ("show", "1"), ("show", "1", "--json"), ("queue", "--json")):
        told = run(*words)
        assert "998877" not in told and "Exemple" not in told and "1990" not in told
    assert "needs a reason" in run("show", "1", "--reveal", code=Exit.FAILED)
    assert len(shown(run, 1)["history"]) == 2
    told = run("show", "1", "--reveal", "--reason", "a call")
    assert f"document_number: {NUMBER}" in told
    last = shown(run, 1)["history"][-1]
    assert last["who"] == actors.shell().who and last["reason"] == "saw the person: a call"


def test_a_document_goes_to_a_new_private_file_and_is_noted(run, tmp_path):
    document = shown(run, 1)["documents"][0]["id"]
    out = tmp_path / "front.png"
    words = ("document", document, "--out", str(out), "--reason", "to compare")
    assert "FRONT, image/png" in run(*words)
    assert out.read_bytes() == png() and out.stat().st_mode & 0o777 == 0o600
    assert shown(run, 1)["history"][-1]["reason"] == f"saw document {document}: to compare"
    assert "name a new file" in run(*words, code=Exit.USAGE)
    other = ("document", "../secret.key", "--out", str(tmp_path / "x"), "--reason", "curious")
    assert "there is no document" in run(*other, code=Exit.FAILED)
    assert not (tmp_path / "x").exists()


def test_what_cannot_be_ends_in_one_sentence(run, folder):
    assert run("show", "99", code=Exit.FAILED) == "there is no case 99"
    told = run("link", "ada", "eve", "--reason", "x", code=Exit.FAILED)
    assert told == "there is no member 'eve'; `excraft member list` has them all"
    folder.secret_key.write_text("0" * 64)
    told = run("show", "1", "--reveal", "--reason", "a call", code=Exit.DAMAGED)
    assert "secret.key is not the one it was sealed with" in told
    folder.secret_key.unlink()
    assert "no database and secret key yet" in run("queue", code=Exit.FAILED)
    assert not folder.secret_key.exists()
    folder.log.rmdir()
    assert "holds no exchange" in run("queue", code=Exit.USAGE)
