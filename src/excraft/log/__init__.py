"""The durable, ordered log: what the exchange is computed from."""

from excraft.log.file import FileLog, open_for_reading
from excraft.log.log import Cut, Log, LogBroken, LogDamaged, LogError, LogFull, LogInUse
from excraft.log.memory import MemoryLog

__all__ = [
    "Cut",
    "FileLog",
    "Log",
    "LogBroken",
    "LogDamaged",
    "LogError",
    "LogFull",
    "LogInUse",
    "MemoryLog",
    "open_for_reading",
]
