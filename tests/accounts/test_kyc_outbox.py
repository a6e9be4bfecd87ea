"""Levels are told once, in order, and also after a kill."""

import signal
import subprocess
import sys
import threading

import pytest

from excraft.accounts.kyc_outbox import LEASE_NS, Outbox
from excraft.accounts.kyc_states import Level, Step
from tests.accounts.kyc_desk import OLGA, quick_desk


@pytest.fixture
def desk(url, tmp_path):
    desk = quick_desk(tmp_path, url=url)
    yield desk
    desk.database.close()


def test_each_change_of_level_is_told_once_and_in_order(desk):
    ada, bob = desk.member("ada"), desk.member("bob")
    told = []
    outbox = Outbox(desk.database, lambda *said: told.append(said), lambda: desk.now_ns)
    case = desk.approved(ada)
    desk.approved(bob, document_number="OTHER1")
    assert outbox.deliver() == 2 and outbox.deliver() == 0
    desk.cases.step(case, Step.RECHECK, OLGA, "the list of sanctions changed")
    desk.cases.step(case, Step.CLAIM, OLGA)
    desk.cases.step(case, Step.APPROVE, OLGA)
    assert outbox.deliver() == 2 and outbox.deliver() == 0
    assert [level for member, level in told if member == ada] == [10, 0, 10]
    assert [level for member, level in told if member == bob] == [10]


DIES = """
import os, signal, sys
from excraft.accounts.kyc_outbox import Outbox
from excraft.store.database import Database
Outbox(
    Database(sys.argv[1]),
    lambda *said: os.kill(os.getpid(), signal.SIGKILL),
    lambda: int(sys.argv[2]),
).deliver()
"""


def test_a_kill_between_the_commit_and_the_call_loses_nothing(desk, url):
    ada = desk.member("ada")
    desk.approved(ada)  # committed; the process that should tell is killed before anybody hears
    killed = subprocess.run([sys.executable, "-c", DIES, url, str(desk.now_ns)], check=False)
    assert killed.returncode == -signal.SIGKILL
    told = []
    next_one = Outbox(desk.database, lambda *said: told.append(said), lambda: desk.now_ns)
    assert next_one.deliver() == 0  # whoever leased it may still be at it
    desk.now_ns += LEASE_NS
    assert next_one.deliver() == 1
    assert next_one.deliver() == 0
    assert told == [(ada, Level.BASIC)]


def test_a_call_that_fails_is_repeated_and_holds_later_ones_of_its_member_back(desk, caplog):
    ada, bob = desk.member("ada"), desk.member("bob")
    case = desk.approved(ada)
    desk.cases.step(case, Step.REVOKE, OLGA, "a forgery")
    desk.approved(bob, document_number="OTHER1")
    told, down = [], True

    def on_level(member: int, level: Level) -> None:
        if down and (member, level) == (ada, Level.BASIC):
            raise OSError("the engine is away")
        told.append((member, level))

    outbox = Outbox(desk.database, on_level, lambda: desk.now_ns)
    assert outbox.deliver() == 1 and told == [(bob, Level.BASIC)]
    assert "was not told about level BASIC" in caplog.text
    down = False
    assert outbox.deliver() == 2
    assert told[1:] == [(ada, Level.BASIC), (ada, Level.NONE)]


def test_what_another_told_meanwhile_is_not_told_again(desk):
    for name in ("ada", "bob"):
        desk.approved(desk.member(name), document_number=f"NR {name}")
    told = []
    other = Outbox(desk.database, lambda *said: told.append(said), lambda: desk.now_ns)

    def slow(*said) -> None:
        told.append(said)
        other.deliver()
        desk.now_ns += LEASE_NS

    assert Outbox(desk.database, slow, lambda: desk.now_ns).deliver() == 1
    assert len(told) == len(set(told)) == 2


def test_two_who_deliver_at_once_tell_once(desk):
    for i in range(6):
        desk.approved(desk.member(f"m{i}"), document_number=f"NR{i:04}")
    told, start = [], threading.Barrier(3)

    def deliver() -> None:
        start.wait()
        Outbox(desk.database, lambda *said: told.append(said), lambda: desk.now_ns).deliver()

    threads = [threading.Thread(target=deliver) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == len(set(told)) == 6
