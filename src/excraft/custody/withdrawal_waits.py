"""What a withdrawal waits for before it is approved: the same for the steps and its member."""

from datetime import UTC, datetime
from typing import NamedTuple

_FROZEN = "withdrawals are frozen"


class Waits(NamedTuple):
    """`approvals`: those that count now; `until_ns`: the address is new until then, 0 when it is
    not; `frozen`: why nothing is paid at the moment, empty when it is."""

    approvals: int
    needed: int
    until_ns: int
    frozen: str
    account_frozen: bool

    @property
    def sentence(self) -> str:
        """The first of it, for staff; empty when it waits for nothing."""
        if self.account_frozen:
            return "the account is frozen"
        if self.frozen:
            return f"{_FROZEN}: {self.frozen}"
        if self.approvals < self.needed:
            return f"{self.approvals} of {self.needed} approvals"
        if self.until_ns:
            until = datetime.fromtimestamp(self.until_ns // 10**9 + 1, UTC)
            return f"the address is new until {until:%Y-%m-%d %H:%M:%S} UTC"
        return ""


def note_for_member(note: str) -> str:
    """Without why withdrawals are frozen, which may be about somebody else."""
    return _FROZEN if note.startswith(_FROZEN) else note
