"""Levels, the states of a case, and the one table of steps between them."""

from enum import Enum, IntEnum
from typing import NamedTuple

from excraft.accounts.kyc_errors import ImpossibleStep


class Level(IntEnum):
    """How well a member is known; numbered once, for ever, with room between."""

    NONE = 0
    BASIC = 10
    FULL = 20


class CaseState(IntEnum):
    """Where a case stands; numbered once, for ever."""

    DRAFT = 1
    SUBMITTED = 2
    IN_REVIEW = 3
    MORE_NEEDED = 4
    APPROVED = 5
    REJECTED = 6
    EXPIRED = 7


class By(Enum):
    """Who may take a step."""

    OWNER = "the member whose case it is"
    REVIEWER = "a reviewer"
    CLAIMANT = "the reviewer who claimed the case"
    CLOCK = "the clock"


class Step(Enum):
    """What can be done with a case."""

    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    CLAIM = "claim"
    RELEASE = "release"
    ASK = "ask"
    APPROVE = "approve"
    REJECT = "reject"
    RECHECK = "recheck"
    REVOKE = "revoke"
    EXPIRE = "expire"
    REOPEN = "reopen"


class Rule(NamedTuple):
    before: tuple[CaseState, ...]
    after: CaseState
    by: By
    needs_reason: bool = False


_S = CaseState
TABLE: dict[Step, Rule] = {
    Step.SUBMIT: Rule((_S.DRAFT, _S.MORE_NEEDED), _S.SUBMITTED, By.OWNER),
    Step.WITHDRAW: Rule((_S.SUBMITTED,), _S.DRAFT, By.OWNER),
    Step.CLAIM: Rule((_S.SUBMITTED,), _S.IN_REVIEW, By.REVIEWER),
    Step.RELEASE: Rule((_S.IN_REVIEW,), _S.SUBMITTED, By.CLAIMANT),
    Step.ASK: Rule((_S.IN_REVIEW,), _S.MORE_NEEDED, By.CLAIMANT, needs_reason=True),
    Step.APPROVE: Rule((_S.IN_REVIEW,), _S.APPROVED, By.CLAIMANT),
    Step.REJECT: Rule((_S.IN_REVIEW,), _S.REJECTED, By.CLAIMANT, needs_reason=True),
    Step.RECHECK: Rule((_S.APPROVED,), _S.SUBMITTED, By.REVIEWER, needs_reason=True),
    Step.REVOKE: Rule((_S.APPROVED,), _S.REJECTED, By.REVIEWER, needs_reason=True),
    Step.EXPIRE: Rule((_S.APPROVED,), _S.EXPIRED, By.CLOCK),
    Step.REOPEN: Rule((_S.REJECTED, _S.EXPIRED), _S.DRAFT, By.OWNER),
}
# What others do with a case, and its member is told by mail.
TOLD = (Step.ASK, Step.APPROVE, Step.REJECT, Step.RECHECK, Step.REVOKE, Step.EXPIRE)
EDITABLE = (_S.DRAFT, _S.MORE_NEEDED)  # the member may change what the case holds
RESTING = (_S.DRAFT, _S.MORE_NEEDED, _S.REJECTED, _S.EXPIRED)  # after long enough, erased


def after(state: CaseState, step: Step) -> CaseState:
    """The state that follows; raises ImpossibleStep."""
    rule = TABLE[step]
    if state not in rule.before:
        raise ImpossibleStep(
            f"cannot {step.value} a case that is {state.name}; it must be "
            f"{' or '.join(s.name for s in rule.before)}"
        )
    return rule.after
