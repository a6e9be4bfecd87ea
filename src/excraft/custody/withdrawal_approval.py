"""Approvals and refusals of withdrawals by people, inside the transaction of their audit row."""

from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from excraft.custody.errors import WithdrawalRefused
from excraft.custody.withdrawal_book import Decision, decide
from excraft.store.schema_withdrawals import withdrawal_approvals, withdrawals

REASON_MAX = 300


class Approver(NamedTuple):
    """`eyes`: whom it counts for, `member_id`: None for a shell."""

    who: str
    eyes: str
    member_id: int | None


def approve(connection: Connection, id: int, by: Approver, seen: str, now_ns: int) -> None:
    """One approval of what `by` was shown (`seen`, its commitment); raises WithdrawalRefused."""
    row = _waiting(connection, id)
    if by.member_id is not None and by.member_id == row.member_id:
        raise WithdrawalRefused("own", f"withdrawal {id} is your own; another approves it")
    if seen != row.commitment:
        raise WithdrawalRefused(
            "changed", f"withdrawal {id} has the hash {row.commitment}, not {seen[:64]!r}"
        )
    a = withdrawal_approvals.c
    same = select(a.who).where(a.withdrawal_id == id, a.eyes == by.eyes)
    if connection.execute(same).first():
        raise WithdrawalRefused("twice", f"{by.eyes} approved withdrawal {id} already")
    made = {"withdrawal_id": id, "eyes": by.eyes, "who": by.who, "commitment": seen}
    connection.execute(insert(withdrawal_approvals).values(**made, approved_ns=now_ns))


def refuse(connection: Connection, id: int, by: Approver, reason: str, now_ns: int) -> None:
    """End one that is not approved yet; raises WithdrawalRefused."""
    check_reason(reason)
    row = _waiting(connection, id)
    if by.member_id is not None and by.member_id == row.member_id:
        raise WithdrawalRefused("own", f"withdrawal {id} is your own; cancel it instead")
    assert decide(connection, id, Decision("refuse", by.who, reason), now_ns)


def check_reason(reason: str) -> None:
    """Raises WithdrawalRefused."""
    if not (0 < len(reason) <= REASON_MAX and reason.isprintable()):
        raise WithdrawalRefused(
            "reason", f"a reason has 1 to {REASON_MAX} printable characters, not {len(reason)}"
        )


def _waiting(connection: Connection, id: int):
    w = withdrawals.c
    row = None
    if 0 < id < 1 << 62:
        asked = select(w.member_id, w.commitment, w.decision).where(w.id == id)
        row = connection.execute(asked.with_for_update()).first()
    if row is None:
        raise WithdrawalRefused("not_found", f"there is no withdrawal {id}"[:80])
    if row.decision is not None:
        raise WithdrawalRefused("too_late", f"withdrawal {id} is decided already: {row.decision}")
    return row
