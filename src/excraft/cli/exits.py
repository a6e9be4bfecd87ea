"""How a command ends: documented exit codes, and one sentence on stderr when it is not 0."""

from enum import IntEnum


class Exit(IntEnum):
    """Documented in docs/reference/cli.md; numbered once, for ever."""

    DONE = 0
    FAILED = 1  # the exchange refused, or something that was checked does not hold
    USAGE = 2  # the command line itself is wrong
    IN_USE = 3  # another process has the data folder or the port
    DAMAGED = 4  # stored bytes are not what was written


MEANING = {
    Exit.DONE: "done",
    Exit.FAILED: "the exchange refused, or what was checked does not hold",
    Exit.USAGE: "the command line is wrong: an unknown option, a value of the wrong kind",
    Exit.IN_USE: "the data folder or the port is in use by another process",
    Exit.DAMAGED: "stored bytes are not what was written; nothing was changed",
}


class Failure(Exception):
    """Ends a command: one sentence with the value and what would be right."""

    def __init__(self, sentence: str, code: Exit = Exit.FAILED):
        super().__init__(sentence)
        self.code = code
