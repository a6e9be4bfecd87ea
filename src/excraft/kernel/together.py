"""A record from its commands to its event rows, by one thread or by several side by side.

Every thread runs `run`; between two phases they wait for each other, spinning, since a phase takes
a millisecond and waking a thread up a tenth of that. Between two records the threads that are not
the caller's spin for a moment too, so that records that follow each other at once wake nobody.
"""

from excraft.kernel.book import mixed
from excraft.kernel.compiled import (
    commands_at,
    compiled,
    entry,
    give_way,
    i64,
    observe,
    publish,
    swap_if,
)
from excraft.kernel.layout import (
    BOOK_PARTITIONS,
    END,
    EVENT_ROWS,
    GATHERED_ROWS,
    OTHER_ROWS,
    OWN_ROWS,
    Batch,
)
from excraft.kernel.step import (
    administer,
    census,
    count_rows,
    gather,
    markets_each,
    match,
    open_trading,
    reserve,
    settle,
)

GONE = 1 << 62  # gate of a thread that failed

# Words of a thread's row of `gates`. MET: the last point that it came to, the number of the record
# plus that of the point. STATE: of every thread but the caller's.
MET, STATE = 0, 1
ASLEEP, READY, CALLED, LEAVE = 0, 1, 2, 3  # READY: spins, and can be called without waking it
# of the row of the caller's thread: the record, the numbers of which are multiples of POINTS, where
# its commands are, what is to be done with it, and whether any of them may be administrative
RECORD, ADDRESS, COUNT, WORD, ADMINISTRATIVE = 2, 3, 4, 5, 6
POINTS = 16
GO, CHANGED, STAY = 1, 2, 3  # CHANGED: go, with other tables
# what `run` returns on threads that are not the caller's
FAILED, RESTS, AGAIN = -1, -2, -3

PATIENCE = 1000  # looks before giving way to another thread at each
LINGER = 3000  # looks for a next record before going to sleep


@entry
def call_on(gates, thread, outgrown):
    """Call a thread for the record; True when it is spinning and does its part of the census. If
    not it must be woken: it sleeps, or knows only tables that are too small even to begin with."""
    if swap_if(gates[thread], STATE, READY, LEAVE if outgrown else CALLED):
        return not outgrown
    publish(gates[thread], STATE, CALLED)
    return False


@entry
def take_census(parts, threads, gates, counts, lists):
    """Of the whole record, with the help of the threads that spin if `parts` is not 1."""
    record, count = i64(gates[0, RECORD]), i64(gates[0, COUNT])
    census(0, parts, threads, commands_at(i64(gates[0, ADDRESS]), count), counts[0], lists)
    for t in range(1, threads):
        if parts == 1:
            for other in range(threads):
                lists[t, other, count] = 0
            continue
        await_point(gates[t], MET, record + 1)
        for k in range(counts.shape[1]):
            counts[0, k] += counts[t, k]


@entry
def say(gates, word):
    """What is to be done with the record: GO, CHANGED or STAY."""
    publish(gates[0], WORD, i64(gates[0, RECORD]) + word)


@entry
def listen(gates, record):
    """Wait for what the caller's thread says of the record."""
    return await_point(gates[0], WORD, record) - record


@entry
def rest(gates, thread):
    """What a thread says before it goes to sleep without having been ready."""
    publish(gates[thread], STATE, ASLEEP)


@compiled
def await_point(words, index, number):
    """Spin until a word is at least `number`; returns it."""
    looks = 0
    while observe(words, index) < number:
        looks += 1
        if looks > PATIENCE:
            give_way()
    return observe(words, index)


@compiled
def await_record(thread, threads, gates, counts, lists):
    """Spin until there is a record to carry out with the same tables: its number; or RESTS or AGAIN
    when there is a reason to leave. The thread is READY already."""
    looks = 0
    while True:
        state = observe(gates[thread], STATE)
        if state == LEAVE:
            return RESTS
        if state == CALLED:
            record, count = i64(gates[0, RECORD]), i64(gates[0, COUNT])
            commands = commands_at(i64(gates[0, ADDRESS]), count)
            census(thread, threads, threads, commands, counts[thread], lists)
            publish(gates[thread], MET, record + 1)
            said = await_point(gates[0], WORD, record) - record
            if said == GO:
                return record
            if said == CHANGED:
                return AGAIN
            publish(gates[thread], STATE, READY)
            looks = 0
        looks += 1
        if looks > PATIENCE:
            give_way()
        if looks > LINGER and swap_if(gates[thread], STATE, READY, ASLEEP):
            return RESTS


@compiled
def meet(thread, threads, gates, number):
    """Wait until every thread has come to this point; False when one of them never will."""
    if threads == 1:
        return True
    publish(gates[thread], MET, number)
    for other in range(threads):
        if await_point(gates[other], MET, number) == GONE:
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
def run(thread, threads, gates, counts, funds, books, assets, batch, out, rows):
    """All phases of a record; the caller has seen to the room. Returns how many event rows there
    are in `rows` when it is thread 0, FAILED when another thread is gone. The others go on with the
    next record, and the next, while nothing keeps them: see `await_record`."""
    record = i64(gates[0, RECORD])
    while True:
        commands = commands_at(i64(gates[0, ADDRESS]), i64(gates[0, COUNT]))
        whole = Batch(
            commands,
            batch.lists,
            batch.work,
            batch.waiting,
            batch.sorted,
            batch.starts,
            batch.ranks,
            batch.limits,
            batch.owners,
            batch.load,
        )
        total = carry_out(thread, threads, gates, record, funds, books, assets, whole, out, rows)
        if thread == 0 or total < 0:
            return total
        record = await_record(thread, threads, gates, counts, batch.lists)
        if record < 0:
            return record


@compiled
def carry_out(thread, threads, gates, record, funds, books, assets, batch, out, rows):
    """All phases of one record; returns as `run` does, 0 when it is not thread 0."""
    count = len(batch.commands)
    begin, end = count * thread // threads, count * (thread + 1) // threads
    out.tops[thread, EVENT_ROWS] = 0
    out.tops[thread, OWN_ROWS] = 0
    out.tops[thread, OTHER_ROWS] = 0
    if thread == 0:
        if gates[0, ADMINISTRATIVE] > 0:
            administer(funds, books, assets, batch, out)
        open_trading(funds, books, batch)
    if not meet(thread, threads, gates, record + 2):
        return FAILED
    reserve(thread, threads, funds, books, batch, out)
    if not meet(thread, threads, gates, record + 3):
        return FAILED
    tally(thread, threads, begin, end, batch)
    if not meet(thread, threads, gates, record + 4):
        return FAILED
    if thread == 0:
        plan(threads, batch)
    if not meet(thread, threads, gates, record + 5):
        return FAILED
    sort(thread, threads, begin, end, batch)
    if not meet(thread, threads, gates, record + 6):
        return FAILED
    match(thread, threads, funds, books, batch, out)
    if not meet(thread, threads, gates, record + 7):
        return FAILED
    settle(thread, threads, funds, books, out)
    if threads > 1:
        out.tops[thread, GATHERED_ROWS] = count_rows(begin, end, batch)
    if not meet(thread, threads, gates, record + 8):
        return FAILED
    at = 0
    for t in range(thread):
        at += i64(out.tops[t, GATHERED_ROWS])
    out.tops[thread, END] = gather(begin, end, at, batch, out, rows)
    if thread > 0:  # nobody looks at what this one does from here on
        publish(gates[thread], STATE, READY)
        publish(gates[thread], MET, record + 9)
        return 0
    if not meet(thread, threads, gates, record + 9):
        return FAILED
    return i64(out.tops[threads - 1, END])
