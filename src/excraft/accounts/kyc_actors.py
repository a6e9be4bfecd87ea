"""Who asks for something of a case, what they may do, and the reason they give."""

from enum import StrEnum
from typing import NamedTuple

from excraft.accounts.kyc_errors import NotAllowed

REASON_MAX = 400  # a few words of ours may come before it
WHO_MAX = 80


class Act(StrEnum):
    """What staff may be allowed to do."""

    REVIEW = "kyc.review"
    READ = "kyc.read"  # personal data and documents in clear
    LINK = "kyc.link"
    TAKE_OVER = "kyc.take_over"  # release a case that another reviewer claimed
    CLOCK = "kyc.clock"  # what happens by itself


class Actor(NamedTuple):
    """`name` is kept for ever and must be nobody else's; `member_id` when it is a member."""

    name: str
    member_id: int | None = None
    acts: frozenset[Act] = frozenset()

    def require(self, act: Act) -> None:
        """Raises NotAllowed."""
        if act not in self.acts:
            raise NotAllowed(f"{self.name} may not do this; it needs the act {act}")
        if not (0 < len(self.name) <= WHO_MAX and self.name.isprintable()):
            raise NotAllowed(f"staff acts under a name of 1 to {WHO_MAX} printable characters")


CLOCK = Actor("the clock", acts=frozenset({Act.CLOCK}))


def owner(member_id: int) -> Actor:
    """A member, asking for themselves."""
    return Actor(f"member {member_id}", member_id)


def check_reason(reason: str, *, needed: bool = True) -> str:
    """Raises NotAllowed unless it is one line of at most 400 characters, and there when needed."""
    reason = reason.strip()
    if needed and not reason:
        raise NotAllowed("this needs a reason; say why in one line")
    if len(reason) > REASON_MAX or not (reason.isprintable() or not reason):
        raise NotAllowed(f"a reason is one line of at most {REASON_MAX} printable characters")
    return reason
