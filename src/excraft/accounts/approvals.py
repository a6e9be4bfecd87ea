"""Acts that nobody does alone: proposed by one, approved by others, carried out once."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from excraft.accounts import four_eyes, holdings
from excraft.accounts.actors import Actor, stored
from excraft.accounts.acts import ABOUT_A_MEMBER, Act
from excraft.accounts.audit import Audit
from excraft.accounts.canonical import canonical, digest
from excraft.accounts.executors import Executor, Executors, executor_of
from excraft.accounts.staff_errors import (
    Altered,
    BadPayload,
    NotAllowed,
    StaffError,
    UnknownProposal,
    WrongState,
)
from excraft.store.database import Database
from excraft.store.schema_audit import approvals, audit_log, proposals

DAY_NS = 86_400 * 10**9
LASTING_NS, LASTING_NS_MAX = 3 * DAY_NS, 30 * DAY_NS
OPEN_MAX = 100  # proposals of one person that wait
REASON_MAX = 300
_p, _a = proposals.c, approvals.c


class State(StrEnum):
    """Where a proposal stands; the last four are final."""

    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    EXECUTED = "EXECUTED"
    REFUSED = "REFUSED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


_ENDS = frozenset({State.REFUSED, State.EXPIRED, State.WITHDRAWN})
TRANSITIONS: dict[State, frozenset[State]] = {
    State.PROPOSED: _ENDS | {State.APPROVED},
    State.APPROVED: _ENDS | {State.EXECUTED},
    **dict.fromkeys((State.EXECUTED, *_ENDS), frozenset()),
}
OPEN = frozenset(state for state, after in TRANSITIONS.items() if after)


class Proposal(NamedTuple):
    """`hash` is what an approver signs off; `approvers` are those who did."""

    id: int
    act: str
    payload: str
    proposer: str
    needed: int
    proposed_ns: int
    expires_ns: int
    hash: bytes
    state: str
    closed_ns: int | None
    reason: str
    approvers: tuple[str, ...]

    @property
    def object(self) -> str:
        return f"proposal:{self.id}"


class Approvals:
    """`executors` carry out an act in the transaction of the last approval; an act without one
    stays APPROVED until somebody calls `execute`."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        executors: Executors,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._audit = audit
        self.executors = executors
        self._clock = clock

    def propose(
        self, actor: Actor, act: Act, payload: dict[str, Any], lasting_ns: int = LASTING_NS
    ) -> Proposal:
        """Raises NotAllowed, BadPayload, or what carrying it out now would raise."""
        text = canonical(payload)
        canonical({"hash": "0" * 64, "payload": payload})  # as the audit log will have it
        if not 0 < lasting_ns <= LASTING_NS_MAX:
            raise BadPayload(f"a proposal lasts up to {LASTING_NS_MAX} ns, not {lasting_ns}")
        try:
            with self._audit.writing() as connection:
                needed = self._check_proposal(connection, actor, act, payload)
                last = connection.execute(select(func.coalesce(func.max(_p.id), 0))).scalar_one()
                now = self._clock()
                made = Proposal(
                    last + 1, act.value, text, actor.who, needed, now, now + lasting_ns, b"",
                    State.PROPOSED.value, None, "", (),
                )  # fmt: skip
                made = made._replace(hash=hash_of(made))
                row = made._asdict()
                del row["approvers"]
                connection.execute(insert(proposals).values(row))
                self._tell(connection, actor, made, {"payload": payload})
        except StaffError as refusal:
            self._audit.denied(actor, act, "proposal:new", str(refusal))
            raise
        return made

    def approve(self, actor: Actor, number: int, seen: bytes) -> Proposal:
        """`seen` is the hash of what the approver was shown. The last approval carries it out."""

        def change(connection: Connection, found: Proposal) -> None:
            if found.state != State.PROPOSED:
                raise WrongState(f"{found.object} is {found.state}, so it takes no approval")
            self._check_approver(connection, actor, found, seen)
            row = {"proposal_id": number, "eyes": actor.eyes, "who": actor.who, "hash": found.hash}
            connection.execute(insert(approvals).values(row | {"approved_ns": self._clock()}))
            self._tell(connection, actor, found, outcome="approval")
            if len(self._valid(connection, found)) < self._needed(connection, found):
                return
            found = self._move(connection, actor, found, State.APPROVED)
            if executor := executor_of(self.executors, found.act, json.loads(found.payload)):
                self._carry_out(connection, actor, found, executor)

        return self._change(actor, number, change)

    def execute(self, actor: Actor, number: int, executor: Executor) -> Proposal:
        """Carry out an APPROVED proposal: `executor` and the new state are one transaction.

        For what is no act in the database, let it do nothing, and act with the reference
        `proposal:ID` once this has returned: at most once, and the audit log says that it was due.
        """

        def change(connection: Connection, found: Proposal) -> None:
            if found.state != State.APPROVED:
                raise WrongState(f"{found.object} is {found.state}; only an APPROVED one is done")
            self._check_holds(connection, actor, found)
            if len(self._valid(connection, found)) < self._needed(connection, found):
                raise WrongState(f"{found.object} lacks approvals by people who still may")
            self._carry_out(connection, actor, found, executor)

        return self._change(actor, number, change)

    def refuse(self, actor: Actor, number: int, reason: str) -> Proposal:
        """End it; anybody who could approve it may, also after the approval."""

        def change(connection: Connection, found: Proposal) -> None:
            self._check_open(found)
            self._check_holds(connection, actor, found)
            self._move(connection, actor, found, State.REFUSED, reason)

        _check_reason(reason)
        return self._change(actor, number, change)

    def withdraw(self, actor: Actor, number: int) -> Proposal:
        """The proposer thinks again."""

        def change(connection: Connection, found: Proposal) -> None:
            self._check_open(found)
            if actor.eyes != stored(found.proposer).eyes:
                raise NotAllowed(f"{found.object} is {found.proposer}'s to withdraw; refuse it")
            self._move(connection, actor, found, State.WITHDRAWN)

        return self._change(actor, number, change)

    def get(self, number: int) -> Proposal:
        """Raises UnknownProposal. One whose time is over is EXPIRED, written so or not."""
        with self._database.read() as connection:
            return self._as_of_now(self._load(connection, number))

    def newest(
        self, *, only_open: bool = True, limit: int = 100, acts: Collection[str] = tuple(Act)
    ) -> list[Proposal]:
        """The newest of these acts, oldest of them first."""
        query = select(_p.id).where(_p.act.in_(acts)).order_by(_p.id.desc()).limit(limit)
        if only_open:
            query = query.where(_p.state.in_(OPEN), _p.expires_ns > self._clock())
        with self._database.read() as connection:
            numbers = connection.execute(query).scalars().all()
            return [self._as_of_now(self._load(connection, n)) for n in reversed(numbers)]

    def invariant(self) -> None:
        """Raises AssertionError: what holds for every proposal in the database at any time."""
        with self._database.read() as connection:
            for number in connection.execute(select(_p.id).order_by(_p.id)).scalars().all():
                found = self._load(connection, number)
                where = f"{found.object} ({found.state})"
                signed = self._signatures(connection, found)
                done = self._told(connection, found)["executed"]
                assert found.hash == hash_of(found), f"{where}: the row is not what was proposed"
                assert (found.closed_ns is None) == (State(found.state) in OPEN), f"{where}: end"
                assert set(signed.values()) <= {found.hash}, f"{where}: something else approved"
                assert stored(found.proposer).eyes not in signed, f"{where}: by its proposer"
                assert len(done) == (found.state == State.EXECUTED), f"{where}: done {len(done)}x"
                if found.state in (State.APPROVED, State.EXECUTED):
                    assert len(signed) >= max(1, found.needed), f"{where}: approvals are missing"

    def _change(
        self, actor: Actor, number: int, change: Callable[[Connection, Proposal], None]
    ) -> Proposal:
        """`change` in a lone transaction; what it raises undoes it, an end found first does not."""
        act, ended = "PROPOSAL", None
        try:
            with self._audit.writing() as connection:
                found = self._load(connection, number)
                act = found.act
                ended = self._end_if_due(connection, actor, found)
                if ended is None:
                    change(connection, found)
                after = self._load(connection, number)
        except StaffError as refusal:
            self._audit.denied(actor, act, f"proposal:{number}"[:40], str(refusal))
            raise
        if ended is not None:
            raise ended
        return after

    def _end_if_due(
        self, connection: Connection, actor: Actor, found: Proposal
    ) -> StaffError | None:
        """Write down that an open proposal is over its time or was altered; None when neither."""
        if State(found.state) not in OPEN:
            return None
        if not self._is_whole(connection, found):
            why = "it is not what was proposed or approved: the database was altered"
            self._move(connection, actor, found, State.REFUSED, why)
            return Altered(f"{found.object} is refused: {why}")
        if self._clock() >= found.expires_ns:
            self._move(connection, actor, found, State.EXPIRED)
            return WrongState(f"{found.object} is EXPIRED; propose it again")
        return None

    def _is_whole(self, connection: Connection, found: Proposal) -> bool:
        """The open row, what every approver signed, and what the audit log says of both are one."""
        now = hash_of(found).hex()
        told = self._told(connection, found)
        approved_by = [who for who, _ in told["approval"]]
        hashes = [h.hex() for h in (found.hash, *self._signatures(connection, found).values())]
        hashes += [text for _, text in told["proposed"] + told["approval"]]
        return (
            set(hashes) == {now}
            and len(told["proposed"]) == 1
            and sorted(approved_by) == sorted(found.approvers)
            and (found.state == State.APPROVED) == bool(told["approved"])
            and not any(told[end.lower()] for end in State if end not in OPEN)
        )

    def _told(
        self, connection: Connection, found: Proposal
    ) -> defaultdict[str, list[tuple[str, str]]]:
        """(who, hash) of the audit rows of each outcome."""
        c, told = audit_log.c, defaultdict(list)
        query = select(c.outcome, c.who, c.payload).where(c.object == found.object)
        for outcome, who, payload in connection.execute(query.order_by(c.number)):
            told[outcome].append((who, json.loads(payload).get("hash", "")))
        return told

    def _check_proposal(
        self, connection: Connection, actor: Actor, act: Act, payload: dict[str, Any]
    ) -> int:
        """Approvals that are needed; raises when it cannot be proposed."""
        if act not in holdings.acts_of(connection, actor):
            raise NotAllowed(f"{actor.who} may not {act}, so may not propose it")
        needed = four_eyes.needed(connection, act)
        if not needed:
            raise WrongState(f"{act} needs no approval; do it")
        if act in ABOUT_A_MEMBER and type(payload.get("member")) is not int:
            raise BadPayload(f'{act} is about a member: say "member" with the number')
        _check_not_concerned(actor, payload)
        waiting = select(func.count()).select_from(proposals).where(
            _p.proposer == actor.who, _p.state.in_(OPEN), _p.expires_ns > self._clock()
        )  # fmt: skip
        if connection.execute(waiting).scalar_one() >= OPEN_MAX:
            raise NotAllowed(f"{actor.who} has {OPEN_MAX} open proposals; withdraw one first")
        if executor := executor_of(self.executors, act, payload):
            trial = connection.begin_nested()  # nonsense is refused now, not after the approvals
            try:
                executor(connection, actor, payload)
            finally:
                trial.rollback()
        return needed

    def _check_approver(
        self, connection: Connection, actor: Actor, found: Proposal, seen: bytes
    ) -> None:
        self._check_holds(connection, actor, found)
        if actor.eyes == stored(found.proposer).eyes:
            raise NotAllowed(f"{found.object} was proposed by {found.proposer}; another approves")
        if actor.eyes in self._signatures(connection, found):
            raise NotAllowed(f"{actor.eyes} has approved {found.object} already; another approves")
        _check_not_concerned(actor, json.loads(found.payload))
        if seen != found.hash:
            raise NotAllowed(f"{found.object} has the hash {found.hash.hex()}, not {seen.hex()}")

    def _check_holds(self, connection: Connection, actor: Actor, found: Proposal) -> None:
        if found.act not in holdings.acts_of(connection, actor):
            raise NotAllowed(f"{actor.who} may not {found.act}; none of their roles has it")

    def _check_open(self, found: Proposal) -> None:
        if State(found.state) not in OPEN:
            raise WrongState(f"{found.object} is {found.state} already")

    def _needed(self, connection: Connection, found: Proposal) -> int:
        """What the proposal says or, if that has grown since, the setting."""
        return max(1, found.needed, four_eyes.needed(connection, Act(found.act)))

    def _valid(self, connection: Connection, found: Proposal) -> list[str]:
        """Approvers who still hold the act."""
        return [
            eyes
            for eyes in self._signatures(connection, found)
            if found.act in holdings.acts_of(connection, _by_eyes(eyes))
        ]

    def _signatures(self, connection: Connection, found: Proposal) -> dict[str, bytes]:
        rows = connection.execute(select(_a.eyes, _a.hash).where(_a.proposal_id == found.id))
        return dict(rows.all())

    def _carry_out(
        self, connection: Connection, actor: Actor, found: Proposal, executor: Executor
    ) -> None:
        """In the name of the proposer, as they are now: what they lost they cannot have done."""
        proposer = stored(found.proposer)
        trial = connection.begin_nested()
        try:
            self._check_holds(connection, proposer, found)
            executor(connection, proposer, json.loads(found.payload))
        except StaffError as refusal:
            trial.rollback()
            self._move(connection, actor, found, State.REFUSED, str(refusal))
        else:
            trial.commit()
            self._move(connection, actor, found, State.EXECUTED)

    def _move(
        self, connection: Connection, actor: Actor, found: Proposal, to: State, reason: str = ""
    ) -> Proposal:
        assert to in TRANSITIONS[State(found.state)], f"{found.object}: {found.state} to {to}"
        closed_ns = None if to in OPEN else self._clock()
        reason = reason[:REASON_MAX]
        values = {"state": to.value, "closed_ns": closed_ns, "reason": reason}
        connection.execute(update(proposals).where(_p.id == found.id).values(values))
        moved = found._replace(**values)
        self._tell(connection, actor, moved, {"reason": reason} if reason else None)
        return moved

    def _tell(
        self, connection: Connection, actor: Actor, found: Proposal,
        more: dict[str, Any] | None = None, outcome: str = "",
    ) -> None:  # fmt: skip
        self._audit.append(
            connection, actor, found.act, found.object, outcome=outcome or found.state.lower(),
            payload={"hash": found.hash.hex(), **(more or {})},
        )  # fmt: skip

    def _load(self, connection: Connection, number: int) -> Proposal:
        row = None
        if 0 < number < 1 << 63:
            row = connection.execute(select(proposals).where(_p.id == number)).first()
        if row is None:
            raise UnknownProposal(f"there is no proposal {number}"[:80])
        who = select(_a.who).where(_a.proposal_id == number).order_by(_a.approved_ns, _a.eyes)
        return Proposal(*row, tuple(connection.execute(who).scalars()))

    def _as_of_now(self, found: Proposal) -> Proposal:
        over = State(found.state) in OPEN and self._clock() >= found.expires_ns
        return found._replace(state=State.EXPIRED.value) if over else found


def hash_of(proposal: Proposal) -> bytes:
    """What approvers sign off: everything that was proposed, by whom, and for how long."""
    return digest("excraft proposal 1", *proposal[: Proposal._fields.index("hash")])


def _by_eyes(eyes: str) -> Actor:
    return stored(eyes if ":" in eyes else f"{eyes}:any")


def _check_not_concerned(actor: Actor, payload: dict[str, Any]) -> None:
    listed = payload.get("concerned")
    concerned = [payload.get("member"), *(listed if isinstance(listed, list) else ())]
    if actor.member_id is not None and actor.member_id in concerned:
        raise NotAllowed(f"this concerns {actor.who}, who neither proposes nor approves it")


def _check_reason(reason: str) -> None:
    if not (0 < len(reason) <= REASON_MAX and reason.isprintable()):
        raise BadPayload(f"a reason has 1 to {REASON_MAX} printable characters")
