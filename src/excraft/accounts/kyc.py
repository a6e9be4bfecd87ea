"""Cases: what a member says and shows about who they are, and what reviewers decide on it."""

import time
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from excraft.accounts import kyc_links, kyc_outbox, kyc_states, mail_queue
from excraft.accounts.kyc_actors import Act, Actor, check_reason
from excraft.accounts.kyc_errors import DuplicateIdentity, ImpossibleStep, NotAllowed, UnknownCase
from excraft.accounts.kyc_person import AGE_MIN, Person, checked
from excraft.accounts.kyc_seal import Place, Seals
from excraft.accounts.kyc_states import EDITABLE, TABLE, TOLD, By, CaseState, Level, Step
from excraft.store.database import Database
from excraft.store.schema import members
from excraft.store.schema_kyc import kyc_cases, kyc_documents, kyc_history

DAY_NS = 86_400 * 10**9
QUEUE_MAX = 500
# Somebody else's case with the same document counts from its first submission until rejected.
_COUNTS = (CaseState.SUBMITTED, CaseState.IN_REVIEW, CaseState.MORE_NEEDED, CaseState.APPROVED,
           CaseState.EXPIRED)  # fmt: skip
_c = kyc_cases.c
_PLAIN = (_c.id, _c.member_id, _c.level, _c.state, _c.reviewer, _c.submitted_ns, _c.changed_ns,
          _c.expires_ns)  # fmt: skip

Note = Callable[[str, str, str, str], None]  # (who, act, subject, reason): into the audit log


class Rules(NamedTuple):
    """What may be set by the operator."""

    age_min: int = AGE_MIN
    approval_ns: int = 730 * DAY_NS
    retention_ns: int = 5 * 365 * DAY_NS  # after which a resting case is erased
    documents_max: int = 12  # of a case
    documents_min: int = 1  # to submit a case of level FULL


class Case(NamedTuple):
    """A case without anything that identifies the person."""

    id: int
    member_id: int
    level: Level
    state: CaseState
    reviewer: str | None
    submitted_ns: int
    changed_ns: int
    expires_ns: int | None


class Change(NamedTuple):
    """One line of a case's history; equal states: somebody looked at what is sealed."""

    before: CaseState | None
    after: CaseState
    who: str
    reason: str
    time_ns: int


def unnoted(who: str, act: str, subject: str, reason: str) -> None:
    """The `note` of those who keep no audit log beside the history of each case."""


class Cases:
    """Reads and writes cases; nothing is kept in memory, so several processes may have one."""

    def __init__(
        self,
        database: Database,
        seals: Seals,
        *,
        rules: Rules = Rules(),  # noqa: B008  (it cannot be changed)
        clock: Callable[[], int] = time.time_ns,
        note: Note = unnoted,
    ) -> None:
        self.database = database
        self.seals = seals
        self.rules = rules
        self.clock = clock
        self.note = note

    def open(self, member_id: int, level: Level) -> Case:
        """The member's case for this level, a new DRAFT when there is none."""
        if level == Level.NONE:
            raise UnknownCase("there is no case for level NONE; open one for BASIC or FULL")
        mine = (_c.member_id == member_id) & (_c.level == level)
        now_ns = self.clock()
        row = {"member_id": member_id, "level": level, "state": CaseState.DRAFT,
               "submitted_ns": 0, "changed_ns": now_ns}  # fmt: skip
        try:
            with self.database.write_durable() as connection:
                if connection.execute(select(_c.id).where(mine)).first() is None:
                    made = connection.execute(insert(kyc_cases).values(row)).inserted_primary_key
                    _write(connection, made[0], (0, CaseState.DRAFT), f"member {member_id}", "",
                           now_ns)  # fmt: skip
        except IntegrityError as error:  # another process opened it just now, or no such member
            with self.database.read() as connection:
                if connection.execute(select(_c.id).where(mine)).first() is None:
                    raise UnknownCase(f"there is no member {member_id}") from error
        with self.database.read() as connection:
            return _case(connection.execute(select(*_PLAIN).where(mine)).one())

    def case(self, case_id: int) -> Case:
        with self.database.read() as connection:
            return find(connection, case_id)

    def of_member(self, member_id: int) -> list[Case]:
        with self.database.read() as connection:
            rows = connection.execute(
                select(*_PLAIN).where(_c.member_id == member_id).order_by(_c.level)
            )
            return [_case(row) for row in rows]

    def queue(self, limit: int = QUEUE_MAX) -> list[Case]:
        """Cases that wait for a reviewer or have one, oldest first."""
        waits = _c.state.in_((CaseState.SUBMITTED, CaseState.IN_REVIEW))
        question = select(*_PLAIN).where(waits).order_by(_c.submitted_ns, _c.id)
        with self.database.read() as connection:
            return [_case(r) for r in connection.execute(question.limit(min(limit, QUEUE_MAX)))]

    def history(self, case_id: int) -> list[Change]:
        h = kyc_history.c
        question = select(h.from_state, h.to_state, h.who, h.reason, h.time_ns)
        with self.database.read() as connection:
            rows = connection.execute(question.where(h.case_id == case_id).order_by(h.id)).all()
        return [Change(CaseState(a) if a else None, CaseState(b), *more) for a, b, *more in rows]

    def level_of(self, member_id: int, now_ns: int) -> Level:
        """The member's level at this time; an approval ends by itself, also before a sweep."""
        with self.database.read() as connection:
            return kyc_outbox.level_of(connection, member_id, now_ns)

    def group_of(self, member_id: int) -> tuple[int, ...]:
        """Members with the same beneficial owner, sorted, the member among them."""
        with self.database.read() as connection:
            return kyc_links.group_of(connection, member_id)

    def set_person(self, case_id: int, actor: Actor, person: Person) -> None:
        """What the member says of themselves; only while the case is theirs to edit."""
        now_ns = self.clock()
        person = checked(person, now_ns, self.rules.age_min)
        with self.database.write_durable() as connection:
            case = editable(connection, case_id, actor)
            sealed = self.seals.seal_person(Place(case.member_id, case.id), person)
            connection.execute(
                update(kyc_cases).where(_c.id == case_id).values(
                    person=sealed, identity=self.seals.identity(person), changed_ns=now_ns
                )
            )  # fmt: skip

    def person(self, case_id: int, actor: Actor, reason: str) -> Person:
        """The personal data in clear; written into the case's history before it is given out."""
        with self.database.write_durable() as connection:
            case = self.look(connection, case_id, actor, f"saw the person: {check_reason(reason)}")
            sealed = connection.scalar(select(_c.person).where(_c.id == case_id))
        self.note(actor.name, Act.READ, f"kyc case {case_id}", reason)
        if sealed is None:
            raise UnknownCase(f"case {case_id} holds no personal data: not given yet, or erased")
        return self.seals.open_person(Place(case.member_id, case.id), sealed)

    def duplicates(self, case_id: int) -> list[int]:
        """Other members who have shown the same document, linked or not."""
        with self.database.read() as connection:
            return self._duplicates(connection, find(connection, case_id))

    def step(self, case_id: int, step: Step, actor: Actor, reason: str = "") -> Case:
        """Take one step of the table; raises KycError, and then nothing changed.

        What staff did is noted once it is done: if `note` fails, the step stands in the history.
        """
        with self.database.write_durable() as connection:
            case = self.step_in(connection, case_id, step, actor, reason)
        if TABLE[step].by in (By.REVIEWER, By.CLAIMANT):
            self.note(actor.name, f"kyc.{step.value}", f"kyc case {case_id}", reason)
        return case

    def claim_next(self, actor: Actor) -> Case | None:
        """The oldest submitted case that this reviewer may review, claimed; None: there is none."""
        actor.require(Act.REVIEW)
        waits = select(_c.id).where(_c.state == CaseState.SUBMITTED)
        with self.database.write_durable() as connection:
            if actor.member_id is not None:
                waits = waits.where(
                    _c.member_id.not_in(kyc_links.group_of(connection, actor.member_id))
                )
            oldest = waits.order_by(_c.submitted_ns, _c.id).limit(1)
            case_id = connection.scalar(oldest.with_for_update(skip_locked=True))
            if case_id is None:
                return None
            case = self.step_in(connection, case_id, Step.CLAIM, actor, "")
        self.note(actor.name, "kyc.claim", f"kyc case {case_id}", "")
        return case

    def link(self, one: int, other: int, actor: Actor, reason: str) -> tuple[int, ...]:
        """Say that two members have the same beneficial owner; the group as it is then."""
        with self.database.write_durable() as connection:
            group = self.link_in(connection, (one, other), actor, reason)
        self.note(actor.name, Act.LINK, f"members {one} and {other}", reason)
        return group

    def link_in(
        self, connection: Connection, pair: tuple[int, int], actor: Actor, reason: str
    ) -> tuple[int, ...]:
        """The same as `link` within a transaction."""
        actor.require(Act.LINK)
        reason = check_reason(reason)
        one, other = pair
        if one == other:
            raise NotAllowed(f"member {one} cannot be linked with themselves; name another member")
        for member_id in sorted(pair):
            known = select(members.c.id).where(members.c.id == member_id)
            if connection.execute(known.with_for_update(key_share=True)).first() is None:
                raise UnknownCase(f"there is no member {member_id}")
            refuse_own(connection, actor, member_id)
        if not kyc_links.linked(connection, one, other):
            kyc_links.add(connection, pair, who=actor.name, reason=reason, time_ns=self.clock())
        return kyc_links.group_of(connection, one)

    def step_in(
        self, connection: Connection, case_id: int, step: Step, actor: Actor, reason: str
    ) -> Case:
        """The same as `step` within a transaction; everything is checked before it writes."""
        case = find(connection, case_id, lock=True)
        rule = TABLE[step]
        _check_actor(connection, case, step, actor)
        state = kyc_states.after(case.state, step)
        if rule.by is By.CLAIMANT and case.reviewer != actor.name:
            if not (step is Step.RELEASE and Act.TAKE_OVER in actor.acts):
                raise NotAllowed(f"case {case_id} is under review by {case.reviewer}, not by you")
        reason = check_reason(reason, needed=rule.needs_reason)
        now_ns = self.clock()
        self._check_step(connection, case, step, now_ns)
        values = {"state": state, "changed_ns": now_ns, "reviewer": None, "expires_ns": None}
        if step is Step.CLAIM:
            values["reviewer"] = actor.name
        elif step in (Step.SUBMIT, Step.RECHECK):
            values["submitted_ns"] = now_ns
        elif step is Step.APPROVE:
            values["expires_ns"] = now_ns + self.rules.approval_ns
        connection.execute(update(kyc_cases).where(_c.id == case_id).values(values))
        _write(connection, case_id, (case.state, state), actor.name, reason, now_ns)
        if CaseState.APPROVED in (case.state, state):
            kyc_outbox.tell(connection, case.member_id, now_ns)
        if step in TOLD:
            told = {"level": case.level.name, "state": state.name}
            mail_queue.add_for_member(connection, case.member_id, "kyc", told, now_ns)
        return find(connection, case_id)

    def look(self, connection: Connection, case_id: int, actor: Actor, what: str) -> Case:
        """Write into the history that somebody looks at what is sealed, if they may."""
        actor.require(Act.READ)
        case = find(connection, case_id)
        refuse_own(connection, actor, case.member_id)
        _write(connection, case_id, (case.state, case.state), actor.name, what, self.clock())
        return case

    def _check_step(self, connection: Connection, case: Case, step: Step, now_ns: int) -> None:
        if step is Step.SUBMIT:
            self._check_complete(connection, case)
        elif step is Step.EXPIRE and case.expires_ns > now_ns:
            raise ImpossibleStep(f"the approval of case {case.id} has not expired yet")
        elif step is Step.APPROVE:
            group = kyc_links.group_of(connection, case.member_id)
            others = [m for m in self._duplicates(connection, case) if m not in group]
            if others:
                raise DuplicateIdentity(
                    f"case {case.id} shows the document of member {', '.join(map(str, others))}; "
                    f"reject it, or link the members first when they are the same owner"
                )

    def _check_complete(self, connection: Connection, case: Case) -> None:
        if connection.scalar(select(_c.person).where(_c.id == case.id)) is None:
            raise ImpossibleStep(f"case {case.id} has no personal data yet; fill it in first")
        d = kyc_documents.c
        kept = select(d.id).where((d.case_id == case.id) & d.erased_ns.is_(None))
        least = self.rules.documents_min if case.level >= Level.FULL else 0
        if (count := len(connection.execute(kept).all())) < least:
            raise ImpossibleStep(f"case {case.id} has {count} documents; it needs {least}")

    def _duplicates(self, connection: Connection, case: Case) -> list[int]:
        identity = connection.scalar(select(_c.identity).where(_c.id == case.id))
        if identity is None:
            return []
        same = (_c.identity == identity) & (_c.member_id != case.member_id) & _c.state.in_(_COUNTS)
        question = select(_c.member_id).where(same).distinct().order_by(_c.member_id)
        return list(connection.scalars(question))


def find(connection: Connection, case_id: int, *, lock: bool = False) -> Case:
    """The case; `lock`: nobody else changes it before this transaction ends."""
    question = select(*_PLAIN).where(_c.id == case_id)
    if lock:
        question = question.with_for_update(key_share=True)
    row = connection.execute(question).first() if 0 < case_id < 2**63 else None
    if row is None:
        raise UnknownCase(f"there is no case {case_id}")
    return _case(row)


def editable(connection: Connection, case_id: int, actor: Actor) -> Case:
    """The case, locked, if this member may change what it holds."""
    case = find(connection, case_id, lock=True)
    if actor.member_id != case.member_id:
        raise UnknownCase(f"there is no case {case_id}")  # others shall not learn that there is
    if case.state not in EDITABLE:
        raise ImpossibleStep(f"case {case_id} is {case.state.name} and cannot be changed now")
    return case


def refuse_own(connection: Connection, actor: Actor, member_id: int) -> None:
    """Nobody decides on themselves, nor on whom they are linked with."""
    if actor.member_id is None:
        return
    if actor.member_id in kyc_links.group_of(connection, member_id):
        raise NotAllowed(
            "nobody reviews their own case or that of a linked member; ask a colleague"
        )


def _check_actor(connection: Connection, case: Case, step: Step, actor: Actor) -> None:
    by = TABLE[step].by
    if by is By.OWNER:
        if actor.member_id != case.member_id:
            raise UnknownCase(f"there is no case {case.id}")
    elif by is By.CLOCK:
        actor.require(Act.CLOCK)
    else:
        actor.require(Act.REVIEW)
        refuse_own(connection, actor, case.member_id)


def _case(row) -> Case:
    plain = Case(*row)
    return plain._replace(level=Level(plain.level), state=CaseState(plain.state))


def _write(connection, case_id, states: tuple[int, int], who: str, reason: str, now_ns) -> None:
    connection.execute(
        insert(kyc_history).values(
            case_id=case_id, from_state=states[0], to_state=states[1], who=who,
            reason=reason, time_ns=now_ns,
        )
    )  # fmt: skip
