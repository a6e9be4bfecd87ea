"""Reading ahead: the next records are read and verified while the caller works on these."""

from collections.abc import Iterator
from queue import Full, Queue
from threading import Event, Thread

from excraft.messages.codec import Record

BATCH_COMMANDS = 20_000  # handed over at once
BATCH_RECORDS = 500
BATCHES = 3  # waiting at most
_LOOK_S = 0.2  # how soon the thread sees that nobody listens any more


class _Failed:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def ahead(records: Iterator[Record]) -> Iterator[Record]:
    """The same records in the same order, and the same error at the same place.

    Worth it where the caller spends its time outside the interpreter lock, as the kernel does:
    reading and hashing are outside of it too.
    """
    waiting: Queue[list[Record] | _Failed | None] = Queue(BATCHES)
    stop = Event()

    def put(item: list[Record] | _Failed | None) -> None:
        while not stop.is_set():
            try:
                return waiting.put(item, timeout=_LOOK_S)
            except Full:
                continue

    def fetch() -> None:
        try:
            for batch in _batches(records):
                put(batch)
                if stop.is_set():
                    return
            put(None)
        except BaseException as error:
            put(_Failed(error))

    thread = Thread(target=fetch, name="excraft-log-ahead", daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, _Failed):
                raise item.error
            yield from item
    finally:
        stop.set()
        thread.join()


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    batch, commands = [], 0
    try:
        for record in records:
            batch.append(record)
            commands += len(record.commands)
            if commands >= BATCH_COMMANDS or len(batch) >= BATCH_RECORDS:
                yield batch
                batch, commands = [], 0
    except Exception:
        yield batch  # what was good before the error
        raise
    yield batch
