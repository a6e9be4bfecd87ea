"""Mails of a transaction: there with it, gone when it is, sent once, and held up by no other."""

import threading
from types import SimpleNamespace

import pytest
from sqlalchemy import insert, select

from excraft.accounts import mail_queue
from excraft.accounts.kyc_actors import owner
from excraft.accounts.kyc_errors import KycError
from excraft.accounts.kyc_states import Step
from excraft.accounts.mail_queue import LEASE_NS, MailQueue
from excraft.accounts.mails import kyc
from excraft.accounts.outbox import Mail
from excraft.store.schema_people import mails_due, people
from tests.accounts.kyc_desk import OLGA, quick_desk

NOW = 1_700_000_000 * 10**9


class Postbox:
    """Keeps what is sent; `broken` while the server and the disk take nothing."""

    def __init__(self):
        self.sent, self.broken = [], set()

    def send(self, mail):
        if mail.subject in self.broken:
            raise OSError("the disk is full")
        self.sent.append(mail)


@pytest.fixture
def queue(database):
    """add(subject), deliver(), postbox, now."""
    row = {"email_hash": "e", "email": b"e", "password": "p", "created_ns": NOW}
    with database.write() as connection:
        connection.execute(insert(people).values(row | {"id": 5}))
    found = SimpleNamespace(postbox=Postbox(), now=NOW)

    def made():
        return MailQueue(
            database, found.postbox, lambda person: f"{person}@example.org",
            {"told": lambda to, details: Mail(to, details["subject"], "text")}, lambda: found.now,
        )  # fmt: skip

    def add(subject, fails=False):
        with database.write_durable() as connection:
            mail_queue.add(connection, 5, "told", {"subject": subject}, NOW)
            if fails:
                raise KeyError("what the mail is about did not happen")

    found.add, found.made, found.deliver = add, made, made().deliver
    return found


def test_a_mail_is_there_with_what_it_tells_and_sent_once(queue):
    with pytest.raises(KeyError):
        queue.add("never", fails=True)
    queue.add("first")
    queue.add("second")
    assert queue.deliver() == 2 and queue.deliver() == 0
    assert [(m.to, m.subject) for m in queue.postbox.sent] == [
        ("5@example.org", "first"), ("5@example.org", "second"),
    ]  # fmt: skip


def test_one_that_fails_waits_and_holds_up_no_other(queue, caplog):
    queue.add("bad")
    queue.add("good")
    queue.postbox.broken = {"bad"}
    assert queue.deliver() == 1 and "the disk is full" in caplog.text
    queue.postbox.broken = set()
    assert queue.deliver() == 0  # not yet again
    queue.now += LEASE_NS
    assert queue.deliver() == 1
    assert [m.subject for m in queue.postbox.sent] == ["good", "bad"]


def test_of_two_processes_one_sends_it(queue):
    queue.add("once")
    both = [threading.Thread(target=queue.made().deliver) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(queue.postbox.sent) == 1


@pytest.fixture
def desk(tmp_path):
    return quick_desk(tmp_path)


def due(desk):
    with desk.database.read() as connection:
        rows = connection.execute(select(mails_due).order_by(mails_due.c.id)).all()
    return [(row.person_id, row.details) for row in rows]


def test_every_decision_is_told_without_what_was_said_or_shown(desk):
    member = desk.member("ada")
    row = {"email_hash": "e", "email": b"e", "password": "p", "created_ns": NOW}
    with desk.database.write() as connection:
        connection.execute(insert(people).values(row | {"id": 9, "member_id": member}))
    case = desk.submitted(member)
    steps = [
        (Step.CLAIM, ""), (Step.RELEASE, ""), (Step.CLAIM, ""), (Step.ASK, "Ada, show more"),
    ]  # fmt: skip
    for step, reason in steps:
        desk.cases.step(case, step, OLGA, reason)
    desk.cases.step(case, Step.SUBMIT, owner(member))
    desk.cases.step(case, Step.CLAIM, OLGA)
    with pytest.raises(KycError):
        desk.cases.step(case, Step.REJECT, OLGA, "")  # no reason, so nothing happens
    desk.cases.step(case, Step.APPROVE, OLGA)
    desk.cases.step(case, Step.RECHECK, OLGA, "Ada is on a list")
    told = due(desk)
    assert [person for person, _ in told] == [9, 9, 9]
    states = ["MORE_NEEDED", "APPROVED", "SUBMITTED"]
    assert [details for _, details in told] == [
        f'{{"level":"BASIC","state":"{state}"}}' for state in states
    ]
    for state in (*states, "REJECTED", "EXPIRED"):
        mail = kyc("a@example.org", "", {"level": "BASIC", "state": state})
        assert "BASIC" in mail.text and "Ada" not in mail.text and "your desk" in mail.text


def test_a_member_without_a_login_gets_no_mail(desk):
    desk.approved(desk.member("bob"))
    assert due(desk) == []
