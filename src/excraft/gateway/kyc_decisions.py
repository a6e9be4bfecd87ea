"""What reviewers decide under four eyes: carried out in the transaction of the last approval.

The step is the proposer's, who holds the claim; what changed since the proposal refuses it whole.
"""

from typing import Any

from sqlalchemy import Connection, select

from excraft.accounts import actors
from excraft.accounts.acts import Act as StaffAct
from excraft.accounts.executors import Executors
from excraft.accounts.kyc import Cases
from excraft.accounts.kyc_actors import Act, Actor
from excraft.accounts.kyc_errors import KycError
from excraft.accounts.kyc_states import TABLE, By, Step
from excraft.accounts.staff_errors import BadPayload, WrongState
from excraft.store.schema import members

DECISIONS = {
    step.value: step
    for step, rule in TABLE.items()
    if rule.by in (By.REVIEWER, By.CLAIMANT) and step is not Step.CLAIM
}


def reviewer_of(actor: actors.Actor) -> Actor:
    """Staff as KYC knows them; the door has checked the role."""
    every = frozenset({Act.REVIEW, Act.READ, Act.LINK, Act.TAKE_OVER})
    acts = every if actor.is_shell else every - {Act.TAKE_OVER}
    return Actor(actor.who, actor.member_id, acts)


def executors(cases: Cases) -> Executors:
    """For the parts that staff acts through."""

    def decide(connection: Connection, proposer: actors.Actor, payload: dict[str, Any]) -> None:
        case, step, reason = _arguments(payload, case=int, step=str, reason=str)
        if step not in DECISIONS:
            raise BadPayload(f"{step[:20]!r} is no decision; there are {', '.join(DECISIONS)}")
        _taken(cases.step_in, connection, case, DECISIONS[step], reviewer_of(proposer), reason)

    def link(connection: Connection, proposer: actors.Actor, payload: dict[str, Any]) -> None:
        *names, reason = _arguments(payload, member=str, other=str, reason=str)
        number = select(members.c.id)
        pair = [connection.scalar(number.where(members.c.name == name)) for name in names]
        if None in pair:
            raise BadPayload(f"there is no member {names[pair.index(None)][:40]!r}")
        _taken(cases.link_in, connection, tuple(pair), reviewer_of(proposer), reason)

    review = StaffAct.REVIEW_KYC
    return {(review, "kyc_decide"): decide, (review, "kyc_link"): link}


def _arguments(payload: dict[str, Any], **types: type) -> list[Any]:
    """The operation's arguments, in this order."""
    given = payload.get("arguments")
    if not isinstance(given, dict) or given.keys() != types.keys():
        raise BadPayload(f"a decision has {', '.join(types)}, and nothing else")
    for name, kind in types.items():
        if type(given[name]) is not kind:
            raise BadPayload(f"{name} of a decision is {given[name]!r:.40}, which is no {kind}")
    return [given[name] for name in types]


def _taken(work, *given) -> None:
    try:
        work(*given)
    except KycError as refused:
        raise WrongState(str(refused)) from refused
