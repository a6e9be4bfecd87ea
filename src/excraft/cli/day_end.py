"""The state of an exchange at the end of a UTC day, from its snapshots and its log."""

from contextlib import closing
from datetime import UTC, date, datetime, timedelta

from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.custody.liabilities_files import State
from excraft.engine.listings import Listings
from excraft.engine.snapshot import RECORD_BLOB, fingerprint
from excraft.kernel import Kernel
from excraft.kernel.state import owned
from excraft.log import LogDamaged, LogError, open_for_reading, snapshots
from excraft.log.ahead import ahead
from excraft.log.disk import Disk
from excraft.log.log import End
from excraft.log.partition import folder_of
from excraft.log.segment import UNKNOWN, Walk, firsts, name
from excraft.messages.codec import Record

SECOND_NS = 1_000_000_000


def end_of(day: date) -> int:
    """The first nanosecond that does not belong to the day any more."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    return int(midnight.timestamp()) * SECOND_NS


def state_before(folder: Folder, kernel: Kernel, end_ns: int) -> State:
    """What the records earlier than `end_ns` lead to; `kernel` is new and is brought there.

    Changes nothing, also while the exchange runs. Raises Failure, also when a balance sheet of the
    kernel does not add up.
    """
    try:
        listings = _bring(folder, kernel, end_ns)
        if not kernel.position:
            raise Failure("the log has no record as early as that; name a later day", Exit.USAGE)
        log_hash = hash_at(folder, kernel.position)
    except LogDamaged as damaged:
        raise Failure(str(damaged), Exit.DAMAGED) from damaged
    except (LogError, OSError) as error:
        raise Failure(f"cannot read {folder.root}: {error}") from error
    if broken := kernel.invariant():
        raise Failure(f"the kernel's state contradicts itself: {'; '.join(broken)}", Exit.DAMAGED)
    assets = [(asset.symbol, asset.decimals) for asset in listings.assets]
    return State(kernel.position, log_hash, kernel.state_hash(), assets, owned(kernel.snapshot()))


def _bring(folder: Folder, kernel: Kernel, end_ns: int) -> Listings:
    """Step the kernel to the last record before `end_ns`; the listings there."""
    listings, log = Listings(), open_for_reading(folder.log)
    if snapshot := _newest_snapshot(folder, log, end_ns):
        kernel.restore(snapshot.arrays)
        listings.load(snapshot.blobs["listings"])
    with closing(ahead(log.read(0, after=kernel.position))) as records:
        for record in records:
            if record.time_ns >= end_ns:
                break
            listings.apply(record, kernel.step(record))
    return listings


def _newest_snapshot(folder: Folder, log, end_ns: int) -> snapshots.Snapshot | None:
    """The newest that is early enough, whole, of this log, and has the state it says."""
    at_most = log.end(0)
    while snapshot := snapshots.newest(folder.snapshots, at_most):
        if int(snapshot.arrays["meta"][2]) < end_ns and _is_of(log, snapshot):
            return snapshot
        at_most = snapshot.position - 1
    return None


def _is_of(log, snapshot: snapshots.Snapshot) -> bool:
    record = _record_at(log, snapshot.position)
    if snapshot.blobs.get(RECORD_BLOB) != fingerprint(record):
        return False
    trial = Kernel()
    trial.restore(snapshot.arrays)
    return trial.state_hash() == snapshot.state_hash


def _record_at(log, position: int) -> Record:
    with closing(log.read(0, after=position - 1)) as records:
        return next(records)


def hash_at(folder: Folder, position: int) -> bytes:
    """SHA-256 of the record at `position`, which stands for all before it; raises LogDamaged."""
    disk, segments = Disk(), folder_of(folder.log, 0)
    first = max((f for f in firsts(disk, segments) if f <= position), default=1)
    before = End() if first == 1 else End(first - 1, UNKNOWN)
    with Walk(disk, segments / name(first), 0, before) as walk:
        for record in walk:
            if record.position == position:
                return walk.end.hash
        raise walk.damage()
