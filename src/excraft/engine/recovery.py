"""The way back after a stop of any kind: the newest snapshot that fits, then the log after it."""

import asyncio
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from excraft.engine.effects import Effects
from excraft.engine.errors import EngineError
from excraft.engine.snapshot import RECORD_BLOB, InvariantBroken, Snapshots, fingerprint
from excraft.log import Log
from excraft.log import snapshots as files

Progress = Callable[[int, int], object]  # (positions done, positions in all)
_SLICE_S = 0.05  # the event loop gets a turn so often


class RecoveryRefused(EngineError):
    """Log, snapshots and the consumers' own data cannot belong together."""


@dataclass(slots=True)
class Recovered:
    """What a start found."""

    position: int = 0
    snapshot_position: int = 0  # 0: none was used
    records: int = 0  # replayed
    commands: int = 0  # replayed
    seconds: float = 0.0
    skipped: list[str] = field(default_factory=list)  # snapshots not used, and why


async def recover(
    log: Log, kernel, effects: Effects, snapshots: Snapshots, progress: Progress | None
) -> Recovered:
    """Bring kernel, read models and consumers to the end of the log.

    Raises RecoveryRefused, InvariantBroken, or LogDamaged from the log.
    """
    began = time.monotonic()
    end, found = log.end(0), Recovered()
    marks = _marks(effects, end)
    if snapshots.folder is not None and end:
        _restore(log, kernel, effects, found, (snapshots.folder, min([end, *marks])))
    await _replay(log, kernel, effects, found, progress)
    if broken := kernel.invariant():
        raise InvariantBroken(f"after record {kernel.position}: {'; '.join(broken)}")
    snapshots.position = found.snapshot_position
    snapshots.changed(found.commands)
    found.position, found.seconds = kernel.position, time.monotonic() - began
    return found


def _marks(effects: Effects, end: int) -> list[int]:
    marks = []
    for subscription in effects.subscriptions:
        if subscription.mark is not None:
            marks.append(subscription.mark())
            if marks[-1] > end:
                raise RecoveryRefused(
                    f"{subscription.name or 'a consumer'} holds everything up to record "
                    f"{marks[-1]}, but the log ends at {end}: it is another log, or a part of "
                    f"it is missing"
                )
    return marks


def _restore(log: Log, kernel, effects: Effects, found: Recovered, where: tuple) -> None:
    """Load the newest snapshot that is whole, of this log, and of everything that is needed."""
    folder, at_most = where
    while at_most > 0:
        damaged: list[str] = []
        snapshot = files.newest(folder, at_most, skipped=damaged)
        found.skipped += [reason for reason in damaged if reason not in found.skipped]
        if snapshot is None:
            return
        at_most = snapshot.position - 1
        wrong = _unusable(log, effects, snapshot) or _other_hash(kernel, snapshot)
        if not wrong:
            kernel.restore(snapshot.arrays)
            effects.load(snapshot.blobs, snapshot.position)
            found.snapshot_position = snapshot.position
            return
        found.skipped.append(f"snapshot at record {snapshot.position}: {wrong}")


def _other_hash(kernel, snapshot) -> str:
    """What is wrong with the state; tried on another kernel, since one can be filled only once."""
    trial = type(kernel)()
    trial.restore(snapshot.arrays)
    gives = trial.state_hash()
    if gives == snapshot.state_hash:
        return ""
    return f"its state gives hash {gives}, not {snapshot.state_hash}"


def _unusable(log: Log, effects: Effects, snapshot) -> str:
    """Why a snapshot cannot be the start, empty when it can."""
    if lacking := effects.lacking(snapshot.blobs):
        return f"it lacks {', '.join(lacking)}"
    with closing(log.read(0, after=snapshot.position - 1)) as records:
        record = next(records)
    same = snapshot.blobs.get(RECORD_BLOB) == fingerprint(record)
    if snapshot.position == log.end(0):
        same = same and snapshot.log_hash == log.last_hash(0)
    return "" if same else "the record at its position is another one, so it is of another log"


async def _replay(
    log: Log, kernel, effects: Effects, found: Recovered, progress: Progress | None
) -> None:
    end, turn = log.end(0), time.monotonic()
    for record in log.read(0, after=kernel.position):
        effects.apply(record, kernel.step(record), tuples=False, live=False)
        found.records += 1
        found.commands += len(record.commands)
        if time.monotonic() - turn >= _SLICE_S:
            if progress is not None:
                progress(record.position, end)
            await asyncio.sleep(0)
            while effects.behind():
                await asyncio.sleep(0.01)
            turn = time.monotonic()
    if progress is not None:
        progress(end, end)
