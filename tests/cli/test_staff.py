"""`excraft staff` and `excraft audit` on a data folder, and while the exchange runs."""

import asyncio
import csv
import io
import json
import sqlite3

import pytest
from typer.testing import CliRunner

from excraft.accounts import actors
from excraft.accounts.acts import BUILT_IN, Act
from excraft.accounts.staff import staff_of
from excraft.cli.app import app
from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.cli.wiring import opened
from excraft.store.database import Database

ME = actors.shell().who


@pytest.fixture
def run(data):
    """What one command printed; a Failure is raised as `main` would get it."""

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, [*words, "--data", str(data)])
        if isinstance(done.exception, Failure):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


@pytest.fixture
def database(data):
    database = Database(f"sqlite:///{data / 'excraft.db'}")
    yield database
    database.close()


def test_roles_are_made_given_taken_and_each_step_is_on_record(run):
    run("staff", "role", "give", "alice", "administrator")
    run("staff", "role", "give", "alice", "auditor")
    assert "HALT_MARKET" in run("staff", "role", "add", "night-desk", "HALT_MARKET")
    run("staff", "role", "give", "bob", "night-desk")
    run("staff", "role", "take", "alice", "auditor")
    with pytest.raises(Failure, match="last administrator; make another first") as caught:
        run("staff", "role", "take", "alice", "administrator")
    assert caught.value.code == Exit.FAILED
    held = {r["role"]: r["holders"] for r in json.loads(run("staff", "role", "list", "--json"))}
    assert list(held) == [*BUILT_IN, "night-desk"]
    assert {role: names for role, names in held.items() if names} == {
        "administrator": ["alice"], "night-desk": ["bob"],
    }  # fmt: skip
    every = json.loads(run("audit", "list", "--json"))
    assert {(r["who"], r["role"]) for r in every} == {(ME, "shell")}
    assert {"ADD_MEMBER", "LIST_MARKET", "CREDIT"} <= {r["act"] for r in every}
    rows = [r for r in every if r["act"] == "MANAGE_ROLES"]
    assert [r["outcome"] for r in rows] == ["done"] * 5 + ["denied"]
    assert rows[0]["payload"] == {"do": "give", "member": 1, "role": "administrator"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["role", "give", "carol", "support"], "there is no member 'carol'"),
        (["role", "give", "bob", "king"], "there is no role 'king'"),
        (["role", "add", "x-desk", "FLY"], "there is no act 'FLY'; there are SEE_MEMBERS,"),
        (["approve", "7"], "there is no proposal 7"),
        (["approve", "7", "--hash", "xyz"], "'xyz' is not a hash"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(run, words, sentence):
    with pytest.raises(Failure, match=sentence):
        run("staff", *words)


def test_a_proposal_of_a_member_is_approved_from_the_shell(run, database):
    run("staff", "role", "give", "alice", "administrator")
    staff, alice = staff_of(database), actors.member(1)
    wanted = {"do": "give", "member": 2, "role": "finance"}
    made = staff.approvals.propose(alice, Act.MANAGE_ROLES, wanted)
    (shown,) = json.loads(run("staff", "proposals", "--json"))
    assert (shown["payload"], shown["proposer"], shown["hash"]) == (
        wanted, "member:1", made.hash.hex(),
    )  # fmt: skip
    with pytest.raises(Failure, match="has the hash"):
        run("staff", "approve", "1", "--hash", "0" * 64)
    assert "state     EXECUTED" in run("staff", "approve", "1", "--hash", shown["hash"])
    assert staff.roles.roles_of(2) == ["finance"]
    assert run("staff", "proposals") == ""
    staff.approvals.propose(alice, Act.CREDIT, {"member": 2, "amount": 5})
    assert "REFUSED\nreason    too much" in run("staff", "refuse", "2", "--reason", "too much")
    states = [p["state"] for p in json.loads(run("staff", "proposals", "--all", "--json"))]
    assert states == ["EXECUTED", "REFUSED"]
    assert "MANAGE_ROLES\t1" in run("staff", "four-eyes")


def test_a_log_that_was_changed_or_cut_is_damage(run, data):
    first = json.loads(run("audit", "head", "--json"))["number"]  # what made the folder
    for role in ("support", "finance", "auditor"):
        run("staff", "role", "give", "bob", role)
    head = json.loads(run("audit", "head", "--json"))
    assert head["number"] == first + 3
    assert f"{first + 3} rows, one chain" in run("audit", "verify", "--head", head["hash"])
    with sqlite3.connect(data / "excraft.db") as connection:
        connection.execute("DROP TRIGGER audit_log_delete")
        connection.execute(f"DELETE FROM audit_log WHERE number = {first + 3}")
    connection.close()
    assert f"{first + 2} rows, one chain" in run("audit", "verify")
    with pytest.raises(Failure, match=f"broken at row {first + 3}: .* were cut off") as caught:
        run("audit", "verify", "--head", head["hash"])
    assert caught.value.code == Exit.DAMAGED
    with sqlite3.connect(data / "excraft.db") as connection:
        connection.execute("DROP TRIGGER audit_log_update")
        connection.execute("UPDATE audit_log SET who = 'shell:eva' WHERE number = 2")
    connection.close()
    with pytest.raises(Failure, match="broken at row 2"):
        run("audit", "verify")


def test_rows_as_csv_do_not_run_in_a_spreadsheet(run, database):
    staff = staff_of(database)
    run("audit", "list")
    staff.audit.record(actors.shell(), Act.ANNOUNCE, "=cmd|x", payload={"text": 'a,"b"'})
    (row,) = csv.DictReader(io.StringIO(run("audit", "list", "--csv", "--act", "ANNOUNCE")))
    assert row["object"] == "'=cmd|x"
    assert json.loads(row["payload"]) == {"text": 'a,"b"'}
    assert bytes.fromhex(row["hash"]) == staff.audit.head().hash
    assert run("audit", "list", "--until", "2020-01-01") == ""
    assert run("audit", "list", "--since", "2020-01-01", "--act", "ANNOUNCE").count("\n") == 1


def test_the_name_of_the_shell_cannot_be_chosen(monkeypatch):
    for variable in ("USER", "LOGNAME", "SUDO_USER", "HOME"):
        monkeypatch.setenv(variable, "somebody-else")
    assert actors.shell().who == ME


def test_a_folder_without_an_exchange_is_a_wrong_command_line(tmp_path):
    done = CliRunner().invoke(app, ["staff", "role", "list", "--data", str(tmp_path)])
    assert isinstance(done.exception, Failure)
    assert done.exception.code == Exit.USAGE


def test_it_works_beside_an_exchange_that_runs(run, data):
    async def both() -> str:
        async with opened(Folder(data)):
            await asyncio.to_thread(run, "staff", "role", "give", "bob", "support")
            return await asyncio.to_thread(run, "audit", "verify")

    before = json.loads(run("audit", "head", "--json"))["number"]
    assert f"{before + 1} rows, one chain" in asyncio.run(both())
