"""Roles: made, given and taken, and the one question `may(member, act)`."""

import re
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from excraft.accounts import holdings
from excraft.accounts.actors import Actor, member
from excraft.accounts.acts import ADMINISTRATOR, BUILT_IN, MEMBER, Act
from excraft.accounts.audit import Audit
from excraft.accounts.staff_errors import BadPayload, BadRole, LastAdministrator, NotAllowed
from excraft.store.database import Database
from excraft.store.schema import members
from excraft.store.schema_audit import role_holders, roles

_MEMBER_END = 1 << 63  # of a number that the database can hold
_NAME = re.compile(r"[a-z][a-z0-9-]{1,31}")


class Role(NamedTuple):
    """`holders` are numbers of members."""

    name: str
    acts: frozenset[Act]
    built_in: bool
    holders: tuple[int, ...]


class Roles:
    """Nothing is kept in memory: what is taken from somebody is gone with the next question."""

    def __init__(
        self, database: Database, audit: Audit, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def may(self, member_id: int, act: Act) -> bool:
        """Whether one of the member's roles has the act."""
        return act in self.acts_of(member(member_id))

    def acts_of(self, actor: Actor) -> frozenset[Act]:
        with self._database.read() as connection:
            return holdings.acts_of(connection, actor)

    def roles_of(self, member_id: int) -> list[str]:
        """What was given to the member, by name; `member` is everybody's and not listed."""
        with self._database.read() as connection:
            return holdings.roles_of(connection, member_id)

    def all(self) -> list[Role]:
        """The built-in roles, then the others by name."""
        with self._database.read() as connection:
            own = connection.execute(select(roles.c.name).order_by(roles.c.name)).scalars()
            names = [*BUILT_IN, *own]
            held: dict[str, list[int]] = {name: [] for name in names}
            pairs = select(role_holders.c.role, role_holders.c.member_id)
            for name, member_id in connection.execute(pairs.order_by(role_holders.c.member_id)):
                held[name].append(member_id)
            return [
                Role(n, holdings.acts_of_role(connection, n), n in BUILT_IN, tuple(held[n]))
                for n in names
            ]

    def add(self, actor: Actor, name: str, acts: Iterable[str]) -> None:
        """A new role with acts that the actor has; it never changes afterwards."""
        self._now(actor, {"do": "add", "role": name, "acts": sorted(set(acts))})

    def give(self, actor: Actor, member_id: int, role: str) -> None:
        """Raises NotAllowed when it is the actor's own, or has an act that the actor lacks."""
        self._now(actor, {"do": "give", "member": member_id, "role": role})

    def take(self, actor: Actor, member_id: int, role: str) -> None:
        """Raises NotAllowed, or LastAdministrator."""
        self._now(actor, {"do": "take", "member": member_id, "role": role})

    def _now(self, actor: Actor, payload: dict[str, Any]) -> None:
        about = payload.get("member")
        object = f"role:{payload['role'][:32]}" if about is None else f"member:{about}"
        with self._audit.acting(actor, Act.MANAGE_ROLES, object, payload) as connection:
            self.execute(connection, actor, payload)

    def execute(self, connection: Connection, actor: Actor, payload: dict[str, Any]) -> None:
        """What an allowed MANAGE_ROLES does; also carries out an approved proposal of one."""
        match payload:
            case {"do": "add", "role": str(name), "acts": list(acts), **rest} if not rest:
                self._add(connection, actor, name, acts)
            case {"do": "give" | "take" as what, "member": about, "role": str(name), **rest} if (
                type(about) is int and 0 < about < _MEMBER_END and not rest
            ):
                change = self._give if what == "give" else self._take
                change(connection, actor, about, name)
            case _:
                raise BadPayload(
                    'say {"do": "give" or "take", "member": ID, "role": NAME} or '
                    '{"do": "add", "role": NAME, "acts": [ACT, ...]}'
                )

    def _add(self, connection: Connection, actor: Actor, name: str, acts: list) -> None:
        if not _NAME.fullmatch(name):
            raise BadRole(
                f"{name[:40]!r} names no role: take 2 to 32 of a-z, 0-9, - as in night-desk"
            )
        if holdings.acts_of_role(connection, name) is not None:
            raise BadRole(f"there is a role {name!r} already; roles do not change, add another")
        if not acts:
            raise BadRole(f"a role needs at least one act, such as {Act.SEE_MEMBERS}")
        for act in acts:
            if act not in Act.__members__:
                raise BadRole(f"there is no act {act!r:.60}; there are {', '.join(Act)}")
        self._check_reach(connection, actor, name, frozenset(map(Act, acts)))
        row = {"name": name, "acts": " ".join(sorted(set(acts))), "created_by": actor.who}
        connection.execute(insert(roles).values(row | {"created_ns": self._clock()}))

    def _give(self, connection: Connection, actor: Actor, about: int, name: str) -> None:
        if about == actor.member_id:
            raise NotAllowed(f"nobody gives a role to themselves; ask another for {name!r}")
        self._check_reach(connection, actor, name, self._known(connection, name))
        known = select(members.c.id).where(members.c.id == about)
        if connection.execute(known).first() is None:
            raise BadRole(f"there is no member {about} to give a role")
        if name in holdings.roles_of(connection, about):
            raise BadRole(f"member {about} has the role {name!r} already")
        row = {"member_id": about, "role": name, "given_by": actor.who}
        connection.execute(insert(role_holders).values(row | {"given_ns": self._clock()}))

    def _take(self, connection: Connection, actor: Actor, about: int, name: str) -> None:
        self._check_reach(connection, actor, name, self._known(connection, name))
        if name not in holdings.roles_of(connection, about):
            raise BadRole(f"member {about} does not have the role {name!r}")
        of_role = role_holders.c.role == name
        count = select(func.count()).select_from(role_holders).where(of_role)
        if name == ADMINISTRATOR and connection.execute(count).scalar_one() == 1:
            raise LastAdministrator(f"member {about} is the last administrator; make another first")
        connection.execute(delete(role_holders).where(of_role, role_holders.c.member_id == about))

    def _known(self, connection: Connection, name: str) -> frozenset[Act]:
        acts = holdings.acts_of_role(connection, name)
        if acts is None or name == MEMBER:
            raise BadRole(
                f"there is no role {name[:40]!r} to give; the list of roles has those there are"
            )
        return acts

    def _check_reach(
        self, connection: Connection, actor: Actor, name: str, acts: frozenset[Act]
    ) -> None:
        if lacking := acts - holdings.acts_of(connection, actor):
            raise NotAllowed(
                f"{actor.who} lacks {', '.join(sorted(lacking))}, which the role {name!r} has; "
                f"nobody makes, gives or takes more than they have"
            )
