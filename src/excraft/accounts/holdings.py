"""Who holds which role, and what that lets them do, read inside a caller's transaction."""

from sqlalchemy import Connection, select

from excraft.accounts.actors import SHELL, Actor
from excraft.accounts.acts import BUILT_IN, Act
from excraft.store.schema_audit import role_holders, roles


def acts_of_role(connection: Connection, name: str) -> frozenset[Act] | None:
    """What a role allows; None when there is no such role."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    text = connection.execute(select(roles.c.acts).where(roles.c.name == name)).scalar()
    if text is None:
        return None
    return frozenset(Act(act) for act in text.split() if act in Act.__members__)


def roles_of(connection: Connection, member_id: int) -> list[str]:
    """Roles that were given to a member, by name; `member`, which all have, is not listed."""
    held = select(role_holders.c.role).where(role_holders.c.member_id == member_id)
    return list(connection.execute(held.order_by(role_holders.c.role)).scalars())


def acts_of(connection: Connection, actor: Actor) -> frozenset[Act]:
    """Everything the actor may do."""
    if actor.is_shell:
        return frozenset(Act)
    allowed: frozenset[Act] = frozenset()
    for name in roles_of(connection, actor.member_id):
        allowed |= acts_of_role(connection, name) or frozenset()
    return allowed


def role_for(connection: Connection, actor: Actor, act: str) -> str:
    """The role that allows the act, the first by name; empty when none does."""
    if actor.is_shell:
        return SHELL
    for name in roles_of(connection, actor.member_id):
        if act in (acts_of_role(connection, name) or ()):
            return name
    return ""


def is_staff(connection: Connection, actor: Actor) -> bool:
    """Whether the actor holds any role that was given."""
    return actor.is_shell or bool(roles_of(connection, actor.member_id))
