"""What members ask of their pools, and why it is refused."""

import msgspec

from excraft.messages.merit import Verb

NOBODY = -1


class ActRefused(Exception):
    """One sentence: what was wrong, with the value, and what would be right."""


class Act(msgspec.Struct, frozen=True):
    """An act of a member, as the log has it."""

    verb: Verb
    account: int
    pool: int = NOBODY
    other: int = NOBODY
    value: int = 0
    text: str = ""
