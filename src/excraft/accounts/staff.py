"""The parts that staff acts through, put together for one database."""

import time
from collections.abc import Callable
from typing import NamedTuple

from excraft.accounts import four_eyes
from excraft.accounts.acts import Act
from excraft.accounts.approvals import Approvals
from excraft.accounts.audit import Audit
from excraft.accounts.executors import Executors
from excraft.accounts.roles import Roles
from excraft.store.database import Database


class Staff(NamedTuple):
    audit: Audit
    roles: Roles
    approvals: Approvals


def staff_of(
    database: Database,
    clock: Callable[[], int] = time.time_ns,
    more: Executors | None = None,
) -> Staff:
    """Approved changes of roles and of the four-eyes list are carried out by themselves; `more`:
    executors of acts that other parts know."""
    audit = Audit(database, clock)
    roles = Roles(database, audit, clock)
    executors: Executors = {
        Act.MANAGE_ROLES: roles.execute,
        Act.SET_FOUR_EYES: four_eyes.executor(clock),
        **(more or {}),
    }
    return Staff(audit, roles, Approvals(database, audit, executors, clock))
