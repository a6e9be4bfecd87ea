"""Random acts on proposals, against a twin that is a few lines of plain Python."""

import json
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from excraft.accounts import actors
from excraft.accounts.actors import Actor
from excraft.accounts.acts import ADMINISTRATOR, Act
from excraft.accounts.members import Members
from excraft.accounts.staff import staff_of
from excraft.accounts.staff_errors import StaffError
from excraft.store.database import Database

BOSSES, CLERKS = 3, 1
SHELLS = [Actor("shell:eva", None), Actor("shell:bob", None)]
people = st.integers(0, BOSSES + CLERKS + len(SHELLS) - 1)


class Twin:
    """One proposal as it should be: who may do what is decided by the lines below only."""

    def __init__(self, proposer: int, concerned: int, needed: int, expires: int) -> None:
        self.proposer, self.concerned, self.needed = proposer, concerned, needed
        self.expires, self.approvers, self.state = expires, set(), "PROPOSED"

    def do(self, what: str, who: int, now: int, needed: int) -> bool:
        """Whether it is accepted; changes the state."""
        if self.state not in ("PROPOSED", "APPROVED"):
            return False
        if now >= self.expires:
            self.state = "EXPIRED"
            return False
        eyes = min(who, BOSSES + CLERKS)
        wanted = max(1, self.needed, needed)
        if what == "withdraw":
            allowed, self_state = eyes == self.proposer, "WITHDRAWN"
        elif BOSSES <= who < BOSSES + CLERKS:
            return False
        elif what == "refuse":
            allowed, self_state = True, "REFUSED"
        elif what == "execute":
            allowed = self.state == "APPROVED" and len(self.approvers) >= wanted
            self_state = "EXECUTED"
        else:
            allowed = self.state == "PROPOSED" and eyes not in {self.proposer, *self.approvers}
            allowed = allowed and eyes != self.concerned
            if allowed:
                self.approvers.add(eyes)
            self_state = "APPROVED" if len(self.approvers) >= wanted else "PROPOSED"
        if allowed:
            self.state = self_state
        return allowed


@pytest.fixture
def machine(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'excraft.db'}")
    database.migrate()
    members = Members(database)
    ids = [members.add(f"p{n}", n).id for n in range(BOSSES + CLERKS)]
    staff = staff_of(database)
    for n, number in enumerate(ids):
        staff.roles.give(SHELLS[0], number, ADMINISTRATOR if n < BOSSES else "support")
    yield partial(Desk, database, ids)
    staff.approvals.invariant()
    assert staff.audit.verify().broken is None
    database.close()


class Desk(RuleBasedStateMachine):
    """The database goes on from example to example, as a real one does; the twins start anew."""

    def __init__(self, database: Database, ids: list[int]) -> None:
        super().__init__()
        self.now = 10**18
        self.staff = staff_of(database, lambda: self.now)
        self.actors = [*map(actors.member, ids), *SHELLS]
        self.ids = ids
        self.twins: dict[int, Twin] = {}
        self.executed: dict[int, int] = {}
        self.needed = 1
        with database.write() as connection:
            connection.exec_driver_sql("DELETE FROM four_eyes")
            connection.exec_driver_sql(
                "UPDATE proposals SET closed_ns = 1, state = 'WITHDRAWN' "
                "WHERE state IN ('PROPOSED', 'APPROVED')"
            )
        self.database = database

    @rule(who=people, concerned=st.integers(0, BOSSES + CLERKS - 1), lasting=st.integers(1, 20))
    def propose(self, who: int, concerned: int, lasting: int) -> None:
        payload = {"member": self.ids[concerned], "amount": len(self.twins)}
        allowed = not BOSSES <= who < BOSSES + CLERKS and who != concerned and self.needed > 0
        try:
            made = self.staff.approvals.propose(self.actors[who], Act.CREDIT, payload, lasting)
        except StaffError:
            assert not allowed
            return
        assert allowed
        eyes = min(who, BOSSES + CLERKS)
        self.twins[made.id] = Twin(eyes, concerned, self.needed, self.now + lasting)
        self.executed[made.id] = 0

    @precondition(lambda self: self.twins)
    @rule(
        data=st.data(),
        who=people,
        what=st.sampled_from(["approve", "approve", "approve", "execute", "refuse", "withdraw"]),
    )
    def do(self, data, who: int, what: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.twins)))
        desk, actor = self.staff.approvals, self.actors[who]
        wanted = self.twins[number].do(what, who, self.now, self.needed)
        try:
            if what == "approve":
                desk.approve(actor, number, desk.get(number).hash)
            elif what == "execute":
                desk.execute(actor, number, partial(self._execute, number))
            elif what == "refuse":
                desk.refuse(actor, number, "no")
            else:
                desk.withdraw(actor, number)
        except StaffError as refusal:
            assert not wanted, refusal
        else:
            assert wanted

    def _execute(self, number: int, connection, proposer: Actor, payload: dict) -> None:
        assert payload["member"] == self.ids[self.twins[number].concerned]
        self.executed[number] += 1

    @rule(needed=st.integers(0, 3))
    def set(self, needed: int) -> None:
        self.needed = needed
        wanted = {"for": "CREDIT", "approvals": needed}
        desk = self.staff.approvals
        made = desk.propose(self.actors[0], Act.SET_FOUR_EYES, wanted)
        assert desk.approve(self.actors[1], made.id, made.hash).state == "EXECUTED"

    @rule(later=st.integers(1, 8))
    def wait(self, later: int) -> None:
        self.now += later

    @invariant()
    def agree(self) -> None:
        for number, twin in self.twins.items():
            over = twin.state in ("PROPOSED", "APPROVED") and self.now >= twin.expires
            found = self.staff.approvals.get(number)
            assert found.state == ("EXPIRED" if over else twin.state)
            assert len(found.approvers) == len(twin.approvers)
            assert self.executed[number] == (twin.state == "EXECUTED")
            assert json.loads(found.payload)["member"] == self.ids[twin.concerned]


def test_proposals_go_as_their_plain_twins(machine):
    run_machine(
        machine,
        settings=settings(
            max_examples=10,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
