"""Which acts need approvals, and how many; the database says, else the list below."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from excraft.accounts.actors import Actor
from excraft.accounts.acts import READING, Act
from excraft.accounts.staff_errors import BadPayload
from excraft.store.schema_audit import four_eyes

APPROVALS_MAX = 10
DEFAULT = {
    Act.CREDIT: 1,
    Act.DEBIT: 1,
    Act.SET_LIMITS: 1,
    Act.SET_PARAMETER: 1,
    Act.SWEEP_TO_COLD: 1,
    Act.UNFREEZE_WITHDRAWALS: 1,
    Act.LIST_ASSET: 1,
    Act.SET_REFERRAL: 1,
    Act.RESET_SECOND_FACTOR: 1,
    Act.MANAGE_ROLES: 1,
    Act.SET_FOUR_EYES: 1,
}
# With none of these, one stolen login could switch the rule off or make itself a second person.
ALWAYS = frozenset({Act.MANAGE_ROLES, Act.SET_FOUR_EYES})

# Such a setting would only be in the way: the sentence says what there is instead.
NEVER = {
    Act.APPROVE_WITHDRAWAL: "withdrawals count approvals of their own: set the limit `approvals`",
    Act.REFUSE_WITHDRAWAL: "what one refuses stays the member's own, so one is enough",
}


def needed(connection: Connection, act: Act) -> int:
    """Approvals by others that the act needs; 0: it is done at once."""
    return all_needed(connection)[act]


def all_needed(connection: Connection) -> dict[Act, int]:
    """The same for every act."""
    stored = dict(connection.execute(select(four_eyes.c.act, four_eyes.c.approvals)).all())
    return {
        act: max(stored.get(act, DEFAULT.get(act, 0)), 1 if act in ALWAYS else 0)
        if act not in NEVER
        else 0
        for act in Act
    }


def executor(clock: Callable[[], int] = time.time_ns):
    """What carries out an approved SET_FOUR_EYES with payload {"for": ACT, "approvals": n}."""

    def execute(connection: Connection, _: Actor, payload: dict[str, Any]) -> None:
        act, number = _read(payload)
        connection.execute(delete(four_eyes).where(four_eyes.c.act == act))
        connection.execute(insert(four_eyes).values(act=act, approvals=number, changed_ns=clock()))

    return execute


def _read(payload: dict[str, Any]) -> tuple[Act, int]:
    if payload.keys() != {"for", "approvals"} or payload["for"] not in Act.__members__:
        raise BadPayload('the setting is {"for": ACT, "approvals": 0 to 10}, with an act we know')
    act, number = Act(payload["for"]), payload["approvals"]
    lowest = 1 if act in ALWAYS else 0
    if type(number) is not int or not lowest <= number <= APPROVALS_MAX:
        raise BadPayload(f"{act} needs {lowest} to {APPROVALS_MAX} approvals, not {number!r:.40}")
    if act in NEVER and number:
        raise BadPayload(f"{act} takes no four eyes: {NEVER[act]}")
    if act in READING and number:
        raise BadPayload(f"{act} only looks, so there is nothing to approve; take 0")
    return act, number
