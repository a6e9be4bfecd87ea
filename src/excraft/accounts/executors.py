"""What carries out an approved act in the transaction of its last approval."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from excraft.accounts.actors import Actor
from excraft.accounts.acts import Act

Executor = Callable[[Connection, Actor, dict[str, Any]], None]  # in the proposer's name
Executors = Mapping[Act | tuple[Act, str], Executor]  # of an act, or of one operation of it


def executor_of(executors: Executors, act: str, payload: dict[str, Any]) -> Executor | None:
    """None: an approved act waits for `Approvals.execute`."""
    operation = str(payload.get("operation", ""))
    return executors.get((act, operation)) or executors.get(act)
