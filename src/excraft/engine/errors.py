"""Why the engine did not take a command.

EngineError
├── Busy            nothing happened; send it again later
├── Stopped         the engine takes no more commands; what was in flight is in an unknown state
└── ListingRefused  the asset or market asked for cannot be listed; nothing happened
"""


class EngineError(Exception):
    """A command that the engine did not carry out."""


class Busy(EngineError):
    """Too many commands wait already; nothing happened."""


class Stopped(EngineError):
    """The engine has stopped. What waited may or may not be in the log."""


class ListingRefused(EngineError):
    """An asset or market that cannot be listed as asked; nothing happened."""
