"""Who acts: a member who is logged in, or somebody with a shell on the data folder."""

import os
import pwd
from typing import NamedTuple

SHELL = "shell"
_WHO_MAX = 80


class Actor(NamedTuple):
    """`who` goes into the audit log. Made by the door that knows the person, never from a request.

    `member_id` is None for the shell, which may do every act: it could write the database anyway.
    """

    who: str
    member_id: int | None

    @property
    def is_shell(self) -> bool:
        return self.member_id is None

    @property
    def eyes(self) -> str:
        """Whom an approval counts for. All shells are one: who has one may well be another user."""
        return SHELL if self.is_shell else self.who


def member(member_id: int) -> Actor:
    """The member with this number."""
    if type(member_id) is not int or member_id < 1:
        raise ValueError(f"{member_id!r} is not the number of a member; those are 1, 2, 3 ...")
    return Actor(f"member:{member_id}", member_id)


def shell() -> Actor:
    """Whoever runs this process; by number, since the environment can say anything."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # a container often has no names
        name = str(number)
    return Actor(f"{SHELL}:{name}"[:_WHO_MAX], None)


def stored(who: str) -> Actor:
    """The actor of a stored `who`."""
    kind, _, name = who.partition(":")
    if kind == SHELL and name:
        return Actor(who, None)
    if kind == "member" and name.isascii() and name.isdigit():
        return member(int(name))
    raise ValueError(f"{who[:80]!r} names nobody; it should be member:ID or shell:USER")
