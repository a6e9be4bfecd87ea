"""A record from its commands to its event rows, by one thread or by several side by side.

Every thread runs `run`; between two phases they wait for each other, spinning, since a phase takes
a millisecond and waking a thread up a tenth of that.
"""

from excraft.kernel.book import mixed
from excraft.kernel.compiled import compiled, entry, give_way, i64, observe, publish
from excraft.kernel.layout import (
    BOOK_PARTITIONS,
    END,
    EVENT_ROWS,
    GATHERED_ROWS,
    OTHER_ROWS,
    OWN_ROWS,
)
from excraft.kernel.step import (
    administer,
    count_rows,
    gather,
    markets_each,
    match,
    open_trading,
    reserve,
    settle,
)

GONE = 1 << 62  # gate of a thread that failed
GO, STAY = 1, 2  # what the caller's thread says to those that it woke
PATIENCE = 1000  # looks before giving way to another thread


@entry
def call(gates, word):
    """Say GO or STAY to the threads that wait in `await_caller`."""
    publish(gates[0], 1, word)


@entry
def await_caller(gates):
    """Wait for the caller's thread; True when there is something to do."""
    looks = 0
    while observe(gates[0], 1) == 0:
        looks += 1
        if looks > PATIENCE:
            give_way()
    return observe(gates[0], 1) == GO


@compiled
def meet(thread, threads, gates, number):
    """Wait until every thread has come to this point, the record's `number`th; False when one of
    them never will."""
    if threads == 1:
        return True
    publish(gates[thread], 0, number)
    for other in range(threads):
        looks = 0
        while observe(gates[other], 0) < number:
            looks += 1
            if looks > PATIENCE:
                give_way()
        if observe(gates[other], 0) == GONE:
            return False
    return True


@compiled
def waiting(threads, i, batch):
    """What the thread that reserved command i noted of it (see `step.note`); 0 when it is not to
    be matched."""
    noted = i64(batch.waiting[0, i])
    for t in range(1, threads):
        noted = max(noted, i64(batch.waiting[t, i]))
    return noted


@entry
def tally(thread, threads, begin, end, batch):
    """How many of commands begin..end are to be matched in each market."""
    ranks, each = batch.ranks[thread], markets_each(batch)
    for k in range(each * BOOK_PARTITIONS + 1):
        ranks[k] = 0
    for i in range(begin, end):
        ranks[waiting(threads, i, batch) >> 32] += 1


@entry
def plan(threads, batch):
    """Turn the tallies into places; share the partitions out, the largest first, each to the thread
    with the least to do."""
    ranks, each = batch.ranks, markets_each(batch)
    total = 0
    for p in range(BOOK_PARTITIONS):
        batch.starts[p] = total
        batch.owners[p] = -1
        for k in range(p * each, (p + 1) * each):
            for t in range(threads):
                count = i64(ranks[t, k + 1])
                ranks[t, k + 1] = total
                total += count
    batch.starts[BOOK_PARTITIONS] = total
    for t in range(threads):  # commands that do not wait: after all that do
        count = i64(ranks[t, 0])
        ranks[t, 0] = total
        total += count
    for t in range(threads):
        batch.load[t] = 0
    for _ in range(BOOK_PARTITIONS):
        largest, size = 0, -1
        for p in range(BOOK_PARTITIONS):
            if batch.owners[p] < 0 and batch.starts[p + 1] - batch.starts[p] > size:
                largest, size = p, batch.starts[p + 1] - batch.starts[p]
        owner = 0
        for t in range(threads):
            if batch.load[t] < batch.load[owner]:
                owner = t
        batch.owners[largest] = owner
        batch.load[owner] += size


@entry
def sort(thread, threads, begin, end, batch):
    """Put commands begin..end in their places, keeping the order within a market."""
    ranks = batch.ranks[thread]
    for i in range(begin, end):
        noted = waiting(threads, i, batch)
        rank = noted >> 32
        at = i64(ranks[rank])
        ranks[rank] = at + 1
        batch.sorted[at] = (i << 32) | mixed(noted)


@entry
def run(thread, threads, gates, administrative, funds, books, assets, batch, out, rows):
    """All phases of a record; the caller has seen to the room. Returns how many event rows there
    are in `rows` when it is thread 0; -1 when another thread is gone. `administrative` 0: no
    command is."""
    count = len(batch.commands)
    begin, end = count * thread // threads, count * (thread + 1) // threads
    out.tops[thread, EVENT_ROWS] = 0
    out.tops[thread, OWN_ROWS] = 0
    out.tops[thread, OTHER_ROWS] = 0
    if thread == 0:
        if administrative > 0:
            administer(funds, books, assets, batch, out)
        open_trading(funds, books, batch)
    if not meet(thread, threads, gates, 1):
        return -1
    reserve(thread, threads, funds, books, batch, out)
    if not meet(thread, threads, gates, 2):
        return -1
    tally(thread, threads, begin, end, batch)
    if not meet(thread, threads, gates, 3):
        return -1
    if thread == 0:
        plan(threads, batch)
    if not meet(thread, threads, gates, 4):
        return -1
    sort(thread, threads, begin, end, batch)
    if not meet(thread, threads, gates, 5):
        return -1
    match(thread, threads, funds, books, batch, out)
    if not meet(thread, threads, gates, 6):
        return -1
    settle(thread, threads, funds, books, out)
    if threads > 1:
        out.tops[thread, GATHERED_ROWS] = count_rows(begin, end, batch)
    if not meet(thread, threads, gates, 7):
        return -1
    at = 0
    for t in range(thread):
        at += i64(out.tops[t, GATHERED_ROWS])
    out.tops[thread, END] = gather(begin, end, at, batch, out, rows)
    if thread > 0:  # nobody looks at what this one does from here on
        publish(gates[thread], 0, 8)
        return 0
    if not meet(thread, threads, gates, 8):
        return -1
    return i64(out.tops[threads - 1, END])
