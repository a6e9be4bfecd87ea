"""The audit log only grows, every change of it is found, and no secret gets in."""

import json
import multiprocessing
import threading

import pytest
from sqlalchemy import delete, insert, text
from sqlalchemy.exc import DBAPIError

from excraft.accounts import actors
from excraft.accounts.acts import Act
from excraft.accounts.audit import Audit, AuditRow, Filter, hash_of
from excraft.accounts.canonical import DEPTH_MAX, NOTHING, PAYLOAD_BYTES_MAX
from excraft.accounts.members import Members
from excraft.accounts.staff import Staff, staff_of
from excraft.accounts.staff_errors import BadPayload, NeedsApproval, NotAllowed
from excraft.store.database import Database
from excraft.store.schema_audit import audit_log

SHELL = actors.Actor("shell:eva", None)
T = 1_790_000_000_000_000_000
# Where one database says all: nothing in it is left to the database.
on_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


@pytest.fixture
def audit(database) -> Audit:
    times = iter(range(T, T + 10**6))
    return Audit(database, lambda: next(times))


@pytest.fixture
def staff(database) -> Staff:
    return staff_of(database)


def fill(audit: Audit, rows: int) -> None:
    for n in range(1, rows + 1):
        audit.record(SHELL, Act.WRITE_NOTE, f"member:{n}", payload={"note": f"row {n}"})


def without_triggers(database: Database, *statements: str) -> None:
    with database.write() as connection:
        if database.is_sqlite:
            for what in ("update", "delete", "insert"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS audit_log_{what}"))
        else:
            connection.execute(text("ALTER TABLE audit_log DISABLE TRIGGER USER"))
        for statement in statements:
            connection.execute(text(statement))


@on_sqlite
def test_a_row_says_who_did_what_in_which_role(audit, database):
    number = audit.record(SHELL, Act.CREDIT, "member:7", payload={"amount": 5, "asset": "BTC"})
    row = audit.newest()[0]
    assert number == 1
    assert row[:-1] == (1, T, "shell:eva", "shell", "CREDIT", "member:7", "done",
                        '{"amount":5,"asset":"BTC"}')  # fmt: skip
    assert audit.head() == (1, row.hash)


def test_the_bytes_that_are_hashed_stay_for_ever():
    row = AuditRow(1, T, "shell:eva", "shell", "CREDIT", "member:7", "done", "{}", b"")
    assert hash_of(NOTHING, row).hex() == (
        "d882f5670c1e41d92dd1417462973e4a514de3b511a6aa4d965ddc7b4a98c4a2"
    )


def test_the_database_itself_refuses_to_change_a_row(audit, database):
    fill(audit, 3)
    for statement in (
        "UPDATE audit_log SET who = 'shell:bob' WHERE number = 2",
        "UPDATE audit_log SET payload = payload",
        "DELETE FROM audit_log WHERE number = 3",
        "DELETE FROM audit_log",
    ):
        with pytest.raises(DBAPIError, match="only grows"), database.write() as connection:
            connection.execute(text(statement))
        assert audit.verify().rows == 3


def test_ways_around_the_triggers_of_each_database_are_closed(audit, database):
    fill(audit, 3)
    if database.is_sqlite:
        copied = "SELECT 2, time_ns, 'x', role, act, object, outcome, payload, hash FROM audit_log"
        statement = f"INSERT OR REPLACE INTO audit_log {copied} WHERE number = 2"
    else:
        statement = "TRUNCATE audit_log"
    with pytest.raises(DBAPIError, match="only grows"), database.write() as connection:
        connection.execute(text(statement))
    assert audit.verify().rows == 3


def test_verify_names_the_row_of_which_any_column_was_changed(audit, database):
    fill(audit, 6)
    kept = [row._asdict() for row in audit.newest()]
    without_triggers(database)
    for number in (1, 4, 6):
        other = f"(SELECT hash FROM audit_log AS o WHERE o.number = {number % 6 + 1})"
        for column in AuditRow._fields:
            change = {"number": "number + 100", "time_ns": "time_ns + 1", "hash": other}.get(
                column, f"{column} || ' '"
            )
            with database.write() as connection:
                connection.execute(
                    text(f"UPDATE audit_log SET {column} = {change} WHERE number = {number}")
                )
            found = audit.verify()
            assert (found.rows, found.broken) == (number - 1, number), column
            with database.write() as connection:
                connection.execute(delete(audit_log))
                connection.execute(insert(audit_log), kept)
            assert audit.verify().broken is None


@on_sqlite
def test_a_removed_or_exchanged_row_is_named(audit, database):
    fill(audit, 6)
    without_triggers(database, "DELETE FROM audit_log WHERE number = 4")
    assert audit.verify() == (3, audit.newest()[2].hash, 4, "row 4 is missing")
    without_triggers(database, "UPDATE audit_log SET number = number - 1 WHERE number > 4")
    assert audit.verify().broken == 4


@on_sqlite
def test_rows_cut_off_at_the_end_are_noticed_with_a_kept_head(audit, database):
    fill(audit, 5)
    early, kept = audit.newest()[1].hash, audit.head().hash
    assert audit.verify(kept).broken is audit.verify(early).broken is None
    assert audit.verify(NOTHING).broken is None
    without_triggers(database, "DELETE FROM audit_log WHERE number > 3")
    assert audit.verify().broken is None
    assert audit.verify(early).broken is None
    found = audit.verify(kept)
    assert (found.broken, found.rows) == (4, 3)
    assert "cut off" in found.why
    fill(audit, 2)
    assert audit.verify(kept).broken == 6


@on_sqlite
def test_an_empty_log_is_whole(audit):
    assert audit.verify() == (0, NOTHING, None, "")
    assert audit.head() == (0, NOTHING)
    assert audit.verify(b"x" * 32).broken == 1


def test_two_threads_append_to_one_chain(database):
    audit, failed = Audit(database), []

    def append(who: str) -> None:
        try:
            for n in range(100):
                audit.record(actors.Actor(who, None), Act.ANNOUNCE, f"text:{n}")
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=append, args=(f"shell:{n}",)) for n in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert audit.verify()[:1] + audit.verify()[2:] == (200, None, "")
    assert {len(audit.newest(Filter(who=f"shell:{n}"), 1_000)) for n in "ab"} == {100}


def _append_100(url: str, who: str) -> None:
    database = Database(url)
    audit = Audit(database)
    for n in range(100):
        audit.record(actors.Actor(who, None), Act.ANNOUNCE, f"text:{n}")
    database.close()


def test_two_processes_append_to_one_chain(audit, url):
    start = multiprocessing.get_context("spawn")
    others = [start.Process(target=_append_100, args=(url, f"shell:{n}")) for n in "ab"]
    for other in others:
        other.start()
    for other in others:
        other.join(60)
    assert [other.exitcode for other in others] == [0, 0]
    found = audit.verify()
    assert (found.rows, found.broken) == (200, None)


def test_act_and_row_are_written_together_or_not_at_all(staff, database):
    with staff.audit.acting(SHELL, Act.ADD_MEMBER, "member:new") as connection:
        connection.execute(
            text("INSERT INTO members (name, account, created_ns) VALUES ('a', 1, 1)")
        )
    with pytest.raises(RuntimeError, match="power"):
        with staff.audit.acting(SHELL, Act.ADD_MEMBER, "member:new") as connection:
            connection.execute(
                text("INSERT INTO members (name, account, created_ns) VALUES ('b', 2, 1)")
            )
            raise RuntimeError("power")
    assert [m.name for m in Members(database).all()] == ["a"]
    assert len(staff.audit.newest()) == 1


@on_sqlite
def test_a_denied_attempt_of_staff_is_kept_and_of_others_is_not(staff, database):
    members = Members(database)
    clerk, other = (actors.member(members.add(n, i).id) for i, n in enumerate("ab"))
    staff.roles.give(SHELL, clerk.member_id, "support")
    for person in (clerk, other):
        with pytest.raises(NotAllowed, match="may not CREDIT"):
            with staff.audit.acting(person, Act.CREDIT, "member:2"):
                pytest.fail("got in")
    denied = staff.audit.newest(Filter(outcome="denied"))
    assert [(r.who, r.role, r.act) for r in denied] == [(clerk.who, "", "CREDIT")]
    staff.roles.give(SHELL, clerk.member_id, "finance")
    with pytest.raises(NeedsApproval, match="1 approvals by others"):
        with staff.audit.acting(clerk, Act.CREDIT, "member:2"):
            pytest.fail("got in")


@on_sqlite
def test_a_row_needs_a_transaction_that_writes(audit, database):
    with database.read() as connection, pytest.raises(RuntimeError, match="write_durable"):
        audit.append(connection, SHELL, Act.ANNOUNCE, "text:1")


SECRETS = [
    {"password": "x"}, {"new_password": "x"}, {"passwd": 1}, {"a": [{"apiSecret": "x"}]},
    {"totp": "123456"}, {"otp_code": 1}, {"recovery_codes": []}, {"mnemonic": "a b"},
    {"private_key": "x"}, {"session_token": "x"}, {"accessToken": "x"}, {"seed": "x"},
    {"Cookie": "x"}, {"authorization": "Bearer x"}, {"client_pin": 1},
    {"text": "-----BEGIN RSA PRIVATE KEY-----\nMII"}, {"text": "$argon2id$v=19$m=65536"},
    {"deep": {"er": ["otpauth://totp/x"]}}, {"k": "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJ"},
]  # fmt: skip


@on_sqlite
def test_secrets_never_get_in(staff):
    for payload in SECRETS:
        with pytest.raises(BadPayload, match="secret|looks like a key"):
            staff.audit.record(SHELL, Act.WRITE_NOTE, "member:1", payload=payload)
        with pytest.raises(BadPayload, match="secret|looks like a key"):
            with staff.audit.acting(SHELL, Act.WRITE_NOTE, "member:1", payload):
                pytest.fail(f"the act was done before its row was looked at: {payload}")
        with pytest.raises(BadPayload, match="secret|looks like a key"):
            staff.approvals.propose(SHELL, Act.CREDIT, payload)
        assert staff.audit.newest() == []


def deep(levels: int) -> dict:
    return {"a": deep(levels - 1)} if levels else {}


TOO_MUCH = [
    ({"a": "x" * PAYLOAD_BYTES_MAX}, "8192 are allowed"),
    ({"a": ["x" * 5000, "é" * 1000]}, "8192 are allowed"),
    ({"a": "x" * 10**7}, "8192 are allowed"),
    (deep(DEPTH_MAX), "nested deeper"),
    ({"a": 1.5}, "no float"),
    ({"a": b"x"}, "no bytes"),
    ({1: 2}, "names in a payload are text"),
    ({"a": 1 << 600}, "512 bits"),
    ([1], "an object with names"),
]


@on_sqlite
def test_payloads_that_cannot_be_kept(audit):
    for payload, words in TOO_MUCH:
        with pytest.raises(BadPayload, match=words):
            audit.record(SHELL, Act.WRITE_NOTE, "member:1", payload=payload)
    for object in ("", "x" * 201, "a\nb", "a\0b"):
        with pytest.raises(BadPayload, match="names no object"):
            audit.record(SHELL, Act.WRITE_NOTE, object)
    assert audit.newest() == []


def test_hostile_text_is_kept_as_it_is(audit):
    note = "'; DROP TABLE audit_log; -- \0 \ud800 é \u202e %s %(x)s"
    audit.record(SHELL, Act.WRITE_NOTE, "member:'%s", payload={"note": note})
    assert json.loads(audit.newest()[0].payload) == {"note": note}
    assert audit.verify().broken is None


def test_rows_are_found_by_what_they_say(audit):
    fill(audit, 5)
    audit.record(actors.Actor("shell:bob", None), Act.CREDIT, "member:3", outcome="executed")
    for wanted, numbers in [
        (Filter(), [1, 2, 3, 4, 5, 6]),
        (Filter(who="shell:bob"), [6]),
        (Filter(act="WRITE_NOTE", object="member:3"), [3]),
        (Filter(outcome="executed"), [6]),
        (Filter(since_ns=T + 2, until_ns=T + 4), [3, 4]),
        (Filter(who="nobody"), []),
    ]:
        assert [r.number for r in audit.newest(wanted)] == numbers
    assert [r.number for r in audit.newest(limit=2)] == [5, 6]
