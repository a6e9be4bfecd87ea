"""Proposals: others approve, what was approved is what is done, and it is done once."""

import threading
from functools import partial

import pytest
from sqlalchemy import text

from excraft.accounts import actors, four_eyes
from excraft.accounts.actors import Actor
from excraft.accounts.acts import ADMINISTRATOR, Act
from excraft.accounts.approvals import (
    LASTING_NS,
    LASTING_NS_MAX,
    OPEN,
    OPEN_MAX,
    TRANSITIONS,
    State,
    hash_of,
)
from excraft.accounts.audit import Filter
from excraft.accounts.canonical import canonical
from excraft.accounts.members import Members
from excraft.accounts.staff import Staff, staff_of
from excraft.accounts.staff_errors import (
    Altered,
    BadPayload,
    NotAllowed,
    UnknownProposal,
    WrongState,
)

SHELL, OTHER_SHELL = Actor("shell:eva", None), Actor("shell:bob", None)
PAYLOAD = {"member": 9, "asset": "BTC", "amount": 5}
# Where one database says all: nothing in it is left to the database.
on_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


class Clock:
    now = 1_790_000_000_000_000_000

    def __call__(self) -> int:
        self.now += 1
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def staff(database, clock):
    staff = staff_of(database, clock)
    yield staff
    staff.approvals.invariant()
    assert staff.audit.verify().broken is None


@pytest.fixture
def bosses(database, staff) -> list[Actor]:
    members, made = Members(database), []
    for n in range(4):
        made.append(actors.member(members.add(f"boss {n}", n).id))
        staff.roles.give(SHELL, made[-1].member_id, ADMINISTRATOR)
    return made


def needs(staff: Staff, act: Act, approvals: int, bosses: list[Actor]) -> None:
    """Change the setting the only way there is."""
    wanted = {"for": act.value, "approvals": approvals}
    made = staff.approvals.propose(bosses[0], Act.SET_FOUR_EYES, wanted)
    assert staff.approvals.approve(bosses[1], made.id, made.hash).state == State.EXECUTED


def test_the_table_of_transitions():
    assert set(TRANSITIONS) == set(State)
    assert OPEN == {State.PROPOSED, State.APPROVED}
    assert [s for s in State if State.EXECUTED in TRANSITIONS[s]] == [State.APPROVED]


def test_two_others_approve_and_it_is_done_once(staff, bosses):
    needs(staff, Act.CREDIT, 2, bosses)
    made = staff.approvals.propose(bosses[0], Act.CREDIT, PAYLOAD)
    assert (made.state, made.needed) == (State.PROPOSED, 2)
    one = staff.approvals.approve(bosses[1], made.id, made.hash)
    assert (one.state, one.approvers) == (State.PROPOSED, (bosses[1].who,))
    done = []
    with pytest.raises(WrongState, match="is PROPOSED; only an APPROVED one"):
        staff.approvals.execute(bosses[2], made.id, lambda *given: done.append(given))
    assert staff.approvals.approve(bosses[2], made.id, made.hash).state == State.APPROVED
    after = staff.approvals.execute(bosses[3], made.id, lambda *given: done.append(given[1:]))
    assert after.state == State.EXECUTED
    for again in (staff.approvals.execute, staff.approvals.approve):
        with pytest.raises(WrongState, match="is EXECUTED"):
            again(bosses[3], made.id, made.hash)
    assert done == [(bosses[0], PAYLOAD)]
    told = staff.audit.newest(Filter(object=made.object))
    assert [r.outcome for r in told] == [
        "proposed", "approval", "denied", "approval", "approved", "executed", "denied", "denied",
    ]  # fmt: skip


@on_sqlite
def test_who_may_not_approve(staff, bosses, database):
    clerk = actors.member(Members(database).add("clerk", 50).id)
    staff.roles.give(SHELL, clerk.member_id, "support")
    needs(staff, Act.CREDIT, 3, bosses)
    made = staff.approvals.propose(bosses[0], Act.CREDIT, PAYLOAD | {"member": bosses[3].member_id})
    staff.approvals.approve(bosses[1], made.id, made.hash)
    staff.approvals.approve(SHELL, made.id, made.hash)
    for who, seen, words in [
        (bosses[0], made.hash, "was proposed by member:1; another approves"),
        (bosses[1], made.hash, "has approved proposal:2 already"),
        (OTHER_SHELL, made.hash, "shell has approved proposal:2 already"),
        (bosses[3], made.hash, "this concerns member:4"),
        (clerk, made.hash, "may not CREDIT"),
        (actors.member(77), made.hash, "may not CREDIT"),
        (bosses[2], bytes(32), "has the hash"),
    ]:
        with pytest.raises(NotAllowed, match=words):
            staff.approvals.approve(who, made.id, seen)
    assert staff.approvals.get(made.id).approvers == (bosses[1].who, SHELL.who)
    from_shell = staff.approvals.propose(SHELL, Act.CREDIT, PAYLOAD)
    with pytest.raises(NotAllowed, match="was proposed by shell:eva"):
        staff.approvals.approve(OTHER_SHELL, from_shell.id, from_shell.hash)


@on_sqlite
def test_what_cannot_be_proposed(staff, bosses):
    boss = bosses[0]
    for act, payload, error, words in [
        (Act.WRITE_NOTE, {}, WrongState, "needs no approval; do it"),
        (Act.CREDIT, {"amount": 1}, BadPayload, 'say "member" with the number'),
        (Act.CREDIT, {"member": True}, BadPayload, 'say "member" with the number'),
        (Act.CREDIT, {"member": boss.member_id}, NotAllowed, "concerns member:1"),
        (Act.SET_FOUR_EYES, {"for": "FLY", "approvals": 1}, BadPayload, "with an act we know"),
        (Act.SET_FOUR_EYES, {"for": "CREDIT", "approvals": 11}, BadPayload, "0 to 10"),
        (Act.SET_FOUR_EYES, {"for": "SET_FOUR_EYES", "approvals": 0}, BadPayload, "1 to 10"),
        (Act.SET_FOUR_EYES, {"for": "MANAGE_ROLES", "approvals": 0}, BadPayload, "1 to 10"),
        (Act.SET_FOUR_EYES, {"for": "EXPORT", "approvals": 1}, BadPayload, "only looks"),
    ]:
        with pytest.raises(error, match=words):
            staff.approvals.propose(boss, act, payload)
    for lasting in (0, -1, LASTING_NS_MAX + 1):
        with pytest.raises(BadPayload, match="lasts up to"):
            staff.approvals.propose(boss, Act.CREDIT, PAYLOAD, lasting)
    assert staff.approvals.newest(only_open=False) == []


@on_sqlite
def test_one_person_cannot_fill_the_desk(staff, bosses, clock, monkeypatch):
    monkeypatch.setattr("excraft.accounts.approvals.OPEN_MAX", 3)
    assert OPEN_MAX == 100
    made = [staff.approvals.propose(bosses[0], Act.CREDIT, PAYLOAD) for _ in range(3)]
    with pytest.raises(NotAllowed, match="has 3 open proposals"):
        staff.approvals.propose(bosses[0], Act.CREDIT, PAYLOAD)
    staff.approvals.withdraw(bosses[0], made[0].id)
    staff.approvals.propose(bosses[0], Act.CREDIT, PAYLOAD)
    clock.now += LASTING_NS
    staff.approvals.propose(bosses[0], Act.CREDIT, PAYLOAD)


@on_sqlite
def test_a_proposal_expires(staff, bosses, clock):
    open_one = staff.approvals.propose(bosses[0], Act.CREDIT, PAYLOAD, lasting_ns=1_000)
    approved = staff.approvals.propose(bosses[0], Act.CREDIT, PAYLOAD, lasting_ns=1_000)
    staff.approvals.approve(bosses[1], approved.id, approved.hash)
    clock.now += 1_000
    assert staff.approvals.newest() == []
    assert staff.approvals.get(open_one.id).state == State.EXPIRED
    with pytest.raises(WrongState, match="is EXPIRED; propose it again"):
        staff.approvals.approve(bosses[1], open_one.id, open_one.hash)
    with pytest.raises(WrongState, match="is EXPIRED; propose it again"):
        staff.approvals.execute(bosses[1], approved.id, lambda *_: pytest.fail("done too late"))
    ended = staff.approvals.newest(only_open=False)
    assert [(p.state, p.closed_ns > p.expires_ns) for p in ended] == [("EXPIRED", True)] * 2


@on_sqlite
def test_refusing_and_withdrawing_end_it(staff, bosses):
    made = [staff.approvals.propose(bosses[0], Act.CREDIT, PAYLOAD) for _ in range(2)]
    with pytest.raises(BadPayload, match="a reason has"):
        staff.approvals.refuse(bosses[1], made[0].id, "")
    with pytest.raises(NotAllowed, match="member:1's to withdraw"):
        staff.approvals.withdraw(bosses[1], made[0].id)
    after = staff.approvals.refuse(bosses[1], made[0].id, "wrong asset")
    assert (after.state, after.reason) == (State.REFUSED, "wrong asset")
    assert staff.approvals.withdraw(bosses[0], made[1].id).state == State.WITHDRAWN
    for number in (made[0].id, made[1].id):
        with pytest.raises(WrongState, match="so it takes no approval"):
            staff.approvals.approve(bosses[1], number, made[0].hash)
        with pytest.raises(WrongState, match="already"):
            staff.approvals.withdraw(bosses[0], number)
    for number in (0, 99, -1, 1 << 70):
        with pytest.raises(UnknownProposal, match="there is no proposal"):
            staff.approvals.get(number)
        with pytest.raises(UnknownProposal, match="there is no proposal"):
            staff.approvals.approve(bosses[1], number, b"")


ALTERATIONS = [
    'UPDATE proposals SET payload = \'{"amount":5000000,"asset":"BTC","member":9}\'',
    "UPDATE proposals SET payload = 'not json'",
    "UPDATE proposals SET act = 'DEBIT'",
    "UPDATE proposals SET act = 'FLY'",
    "UPDATE proposals SET proposer = 'member:2'",
    "UPDATE proposals SET proposer = 'nobody'",
    "UPDATE proposals SET needed = 0",
    "UPDATE proposals SET expires_ns = expires_ns + 1",
    "UPDATE proposals SET proposed_ns = proposed_ns + 1",
    "UPDATE approvals SET who = 'member:3'",
    "DELETE FROM approvals",
    "INSERT INTO approvals SELECT proposal_id, 'member:4', 'member:4', hash, 1 FROM approvals",
]


def approved(staff: Staff, bosses: list[Actor]):
    made = staff.approvals.propose(bosses[0], Act.CREDIT, PAYLOAD)
    return staff.approvals.approve(bosses[1], made.id, made.hash)


def test_what_was_altered_after_the_approval_is_refused_for_ever(database, clock):
    staff = staff_of(database, clock)
    members, bosses = Members(database), []
    for n in range(4):
        bosses.append(actors.member(members.add(f"boss {n}", n).id))
        staff.roles.give(SHELL, bosses[-1].member_id, ADMINISTRATOR)
    for alteration in ALTERATIONS:
        made = approved(staff, bosses)
        assert made.state == State.APPROVED
        where = "id" if alteration.startswith("UPDATE proposals") else "proposal_id"
        with database.write() as connection:
            connection.exec_driver_sql(f"{alteration} WHERE {where} = {made.id}")
        with pytest.raises(Altered, match="the database was altered"):
            staff.approvals.execute(
                bosses[1], made.id, lambda *_, what=alteration: pytest.fail(f"done: {what}")
            )
        assert staff.approvals.get(made.id).state == State.REFUSED, alteration
    with pytest.raises(AssertionError, match="proposal:1 .REFUSED.: the row is not what"):
        staff.approvals.invariant()
    assert staff.audit.verify().broken is None


def test_an_intruder_who_also_alters_the_hashes_meets_the_audit_log(database, staff, bosses):
    made = approved(staff, bosses)
    bigger = canonical(PAYLOAD | {"amount": 10**9})
    forged = made._replace(payload=bigger)

    def write(proposal, digest: bytes) -> None:
        given = {"hash": digest, "id": made.id, "payload": proposal.payload}
        with database.write() as connection:
            connection.execute(
                text("UPDATE proposals SET hash = :hash, payload = :payload WHERE id = :id"), given
            )
            connection.execute(
                text("UPDATE approvals SET hash = :hash WHERE proposal_id = :id"), given
            )

    write(forged, hash_of(forged))
    with pytest.raises(Altered, match="is refused"):
        staff.approvals.execute(bosses[1], made.id, lambda *_: pytest.fail("done"))
    write(made, made.hash)  # as it was, for the invariant at the end


@pytest.mark.parametrize("before", ["PROPOSED", "WITHDRAWN", "EXECUTED"])
@on_sqlite
def test_a_state_written_by_an_intruder_does_not_open_the_door(database, clock, before):
    staff = staff_of(database, clock)
    one, two = (actors.member(Members(database).add(n, i).id) for i, n in enumerate("ab"))
    for boss in (one, two):
        staff.roles.give(SHELL, boss.member_id, ADMINISTRATOR)
    made = staff.approvals.propose(one, Act.CREDIT, PAYLOAD)
    if before == "EXECUTED":
        staff.approvals.approve(two, made.id, made.hash)
        staff.approvals.execute(two, made.id, lambda *_: None)
    elif before == "WITHDRAWN":
        staff.approvals.approve(two, made.id, made.hash)
        staff.approvals.withdraw(one, made.id)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE proposals SET state = 'APPROVED', closed_ns = NULL")
    with pytest.raises(Altered, match="the database was altered"):
        staff.approvals.execute(two, made.id, lambda *_: pytest.fail("done"))


@on_sqlite
def test_an_approver_who_lost_the_act_no_longer_counts(staff, bosses):
    made = approved(staff, bosses)
    staff.roles.take(SHELL, bosses[1].member_id, ADMINISTRATOR)
    with pytest.raises(WrongState, match="lacks approvals by people who still may"):
        staff.approvals.execute(bosses[2], made.id, lambda *_: pytest.fail("done"))
    with pytest.raises(NotAllowed, match="may not CREDIT"):
        staff.approvals.execute(bosses[1], made.id, lambda *_: pytest.fail("done"))


@on_sqlite
def test_a_stricter_setting_counts_for_what_is_open(staff, bosses):
    made = staff.approvals.propose(bosses[0], Act.CREDIT, PAYLOAD)
    needs(staff, Act.CREDIT, 2, bosses)
    assert staff.approvals.approve(bosses[1], made.id, made.hash).state == State.PROPOSED
    for_two = staff.approvals.propose(bosses[0], Act.CREDIT, PAYLOAD)
    needs(staff, Act.CREDIT, 0, bosses)
    assert staff.approvals.approve(bosses[1], for_two.id, for_two.hash).state == State.PROPOSED
    with pytest.raises(WrongState, match="needs no approval; do it"):
        staff.approvals.propose(bosses[0], Act.CREDIT, PAYLOAD)
    assert staff.approvals.approve(bosses[2], made.id, made.hash).state == State.APPROVED


@on_sqlite
def test_settings_are_read_as_stored_and_never_fall_below_one_for_the_two(database):
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO four_eyes VALUES ('MANAGE_ROLES', 0, 1)")
        connection.exec_driver_sql("INSERT INTO four_eyes VALUES ('ANNOUNCE', 4, 1)")
        assert four_eyes.needed(connection, Act.MANAGE_ROLES) == 1
        assert four_eyes.needed(connection, Act.ANNOUNCE) == 4
        assert four_eyes.needed(connection, Act.CREDIT) == four_eyes.DEFAULT[Act.CREDIT]


@on_sqlite
@pytest.mark.parametrize("act", sorted(four_eyes.NEVER))
def test_what_has_approvals_of_its_own_takes_no_four_eyes(database, staff, bosses, act):
    """Also when a database says so from before: then nobody could do the act at all."""
    with pytest.raises(BadPayload, match=f"{act} takes no four eyes: "):
        staff.approvals.propose(bosses[0], Act.SET_FOUR_EYES, {"for": act, "approvals": 1})
    with database.write() as connection:
        connection.exec_driver_sql(f"INSERT INTO four_eyes VALUES ('{act}', 2, 1)")
        assert four_eyes.needed(connection, act) == 0
    none = staff.approvals.propose(bosses[0], Act.SET_FOUR_EYES, {"for": act, "approvals": 0})
    assert staff.approvals.approve(bosses[1], none.id, none.hash).state == State.EXECUTED


def together(*calls) -> list:
    """What each call gave, all started at the same moment."""
    barrier, given = threading.Barrier(len(calls)), []

    def run(call) -> None:
        barrier.wait()
        try:
            given.append(call())
        except (WrongState, NotAllowed) as refused:
            given.append(refused)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given) == len(calls)
    return given


def test_approvals_at_the_same_moment_execute_once(staff, bosses):
    for _ in range(5):
        wanted = {"do": "give", "member": bosses[3].member_id, "role": "support"}
        made = staff.approvals.propose(bosses[0], Act.MANAGE_ROLES, wanted)
        calls = [
            partial(staff.approvals.approve, boss, made.id, made.hash)
            for boss in (bosses[1], bosses[2], SHELL, OTHER_SHELL)
        ]
        given = together(*calls)
        assert sum(isinstance(g, WrongState) for g in given) == 3
        assert staff.approvals.get(made.id).state == State.EXECUTED
        assert len(staff.audit.newest(Filter(object=made.object, outcome="executed"))) == 1
        staff.roles.take(SHELL, bosses[3].member_id, "support")


def test_executions_at_the_same_moment_happen_once(staff, bosses):
    done = []
    for n in range(5):
        made = approved(staff, bosses)
        calls = [
            partial(staff.approvals.execute, boss, made.id, lambda *_: done.append(1))
            for boss in bosses
        ]
        given = together(*calls)
        assert sum(isinstance(g, WrongState) for g in given) == 3
        assert len(done) == n + 1


@on_sqlite
def test_one_approver_at_the_same_moment_counts_once(staff, bosses):
    needs(staff, Act.CREDIT, 2, bosses)
    made = staff.approvals.propose(bosses[0], Act.CREDIT, PAYLOAD)
    together(*[partial(staff.approvals.approve, bosses[1], made.id, made.hash)] * 4)
    after = staff.approvals.get(made.id)
    assert (after.state, after.approvers) == (State.PROPOSED, (bosses[1].who,))


@on_sqlite
def test_an_executor_that_breaks_leaves_it_approved(staff, bosses):
    made = approved(staff, bosses)

    def broken(*_) -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        staff.approvals.execute(bosses[1], made.id, broken)
    assert staff.approvals.get(made.id).state == State.APPROVED
    assert staff.approvals.execute(bosses[1], made.id, lambda *_: None).state == State.EXECUTED
