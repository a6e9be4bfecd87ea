"""The phases of a record as compiled loops; together.py calls them in order, on each thread.

A phase never looks at what another thread of the same phase writes: phases 1 and 3 split accounts
by funds partition, phase 2 splits markets by book partition, the last splits commands by range.
Nor do two threads write to one cache line, or ask for the lines of the other's accounts: a line
that wanders between cores costs more than the command it serves.
"""

from excraft.kernel.administer import FIRST_ADMINISTRATIVE, LIST_MARKET, administer_one
from excraft.kernel.book import LOW
from excraft.kernel.compiled import (
    compiled,
    entry,
    i64,
    prefetch,
    prefetch_second,
    prefetch_to_read,
)
from excraft.kernel.funds import balance_key, partition_of, settle_one, spread
from excraft.kernel.layout import (
    BOOK_PARTITIONS,
    EVENT_ROWS,
    FUNDS_PARTITIONS,
    OPEN,
    SETTLEMENT_ROWS,
    Lane,
)
from excraft.kernel.matching import match_one
from excraft.kernel.reserve import (
    ACCOUNTS,
    BALANCES_AT_START,
    MARKETS,
    OPEN_AT_START,
    PLACE_ORDER,
    reserve_other,
    reserve_place,
)
from excraft.kernel.rows import refuse

AHEAD = 16  # commands between asking for a cache line and using it
SETTLED_AT_ONCE = 256  # rows
SHORT = 64  # records of at most so many commands are not prefetched


@entry
def census(commands, counts):
    """What a record can need at most: counts[0..15] balances and [16..31] client ids per funds
    partition, [32..47] orders per book partition, [48] accounts, [49] assets or markets, [50] all
    administrative commands."""
    for i in range(len(commands)):
        c = commands[i]
        account = i64(c.account) & (FUNDS_PARTITIONS - 1)
        if c.kind == PLACE_ORDER:
            counts[account] += 2
            counts[32 + (i64(c.market) & (BOOK_PARTITIONS - 1))] += 1
            if c.client_key != 0:
                counts[16 + account] += 1
        elif c.kind >= FIRST_ADMINISTRATIVE:
            counts[50] += 1
            counts[account] += 1
            if c.kind == LIST_MARKET - 2:
                counts[48] += 1
            elif c.kind == LIST_MARKET or c.kind == LIST_MARKET - 1:
                counts[49] += 1


@compiled
def fetch_credited(funds, c):
    """Ask for the balance that a credit or a debit changes; another command asks for any."""
    account = i64(c.account)
    slots = funds.balances[partition_of(account)]
    prefetch(slots, spread(balance_key(account, c.market), len(slots) - 1))


@entry
def administer(funds, books, assets, batch, out):
    """Phase 0 on one thread."""
    events, tops = out.events[0], out.tops[0]
    total = len(batch.commands)
    for i in range(total):
        if total > SHORT and i + AHEAD < total:
            fetch_credited(funds, batch.commands[i + AHEAD])
        c = batch.commands[i]
        if c.kind < FIRST_ADMINISTRATIVE:
            continue
        work = batch.work[i]
        work.first = tops[EVENT_ROWS]
        work.count = 1
        work.origin = 0
        work.waiting = 0
        administer_one(funds, books, assets, c, batch.limits, events, tops)


@compiled
def thread_of(account, threads):
    """Which thread looks after an account: partitions next to each other go to the same one, since
    two accounts lie in one cache line."""
    return (account & (FUNDS_PARTITIONS - 1)) * threads // FUNDS_PARTITIONS


@compiled
def fetch_account(funds, books, c, limits):
    """Ask for the lines that reserving this command will touch. Without branches, since they would
    be mispredicted: a number out of range asks for some other line."""
    account = min(max(i64(c.account), 0), max(i64(limits[ACCOUNTS]) - 1, 0))
    market = min(max(i64(c.market), 0), max(i64(limits[MARKETS]) - 1, 0))
    prefetch(funds.accounts, account)
    slots = funds.balances[partition_of(account)]
    mask = len(slots) - 1
    mask = mask if c.kind == PLACE_ORDER else 0  # nothing else touches balances
    m = books.markets[market]
    prefetch(slots, spread(balance_key(account, m.base_asset), mask))
    prefetch(slots, spread(balance_key(account, m.quote_asset), mask))


@entry
def reserve(thread, threads, funds, books, batch, out):
    """Phase 1: the accounts of this thread."""
    events, tops = out.events[thread], out.tops[thread]
    commands, limits = batch.commands, batch.limits
    mine = out.mine[thread]
    total = len(commands)
    if threads > 1:
        total = 0
        for i in range(len(commands)):
            mine[total] = i
            total += 1 if thread_of(i64(commands[i].account), threads) == thread else 0
    for k in range(total):
        if total > SHORT and k + AHEAD < total:
            ahead = k + AHEAD if threads == 1 else i64(mine[k + AHEAD])
            fetch_account(funds, books, commands[ahead], limits)
        i = k if threads == 1 else i64(mine[k])
        c, work = commands[i], batch.work[i]
        if c.kind >= FIRST_ADMINISTRATIVE:
            continue
        if c.kind == PLACE_ORDER:
            reason = reserve_place(funds, books, c, i, limits, work)
        else:
            reason = reserve_other(funds, books, c, limits, work)
        work.kind = c.kind
        work.account = c.account
        work.market = c.market
        work.waiting = 1
        if reason != 0:
            work.waiting = 0
            work.first = tops[EVENT_ROWS]
            work.count = 1
            work.origin = thread
            refuse(events, tops, c, reason)


@compiled
def fetch_near(lane, batch, j, end):
    """Ask, in three stages, for the rows that matching commands j + 8, 16, 24 will touch: what
    each stage asked for is what the next one reads. Without branches on what it finds, since they
    would be mispredicted: what a command does not need is some other line."""
    if j + 24 < end:
        prefetch(lane.index, i64(batch.mixed[j + 24]) & (len(lane.index) - 1))
        i = i64(batch.sorted[j + 24])
        prefetch(batch.work, i)
        prefetch_second(batch.work, i)
    if j + 16 < end:
        market = i64(batch.work[i64(batch.sorted[j + 16])].market)
        prefetch(lane.queues, market * 4)
        prefetch(lane.markets, market)
        prefetch(lane.orders, likely_order(lane, batch, j + 16))
    if j + 8 < end:
        order = lane.orders[likely_order(lane, batch, j + 8)]
        prefetch(lane.orders, max(i64(order.next), 0))
        prefetch(lane.orders, max(i64(order.prev), 0))
        number = i64(batch.work[i64(batch.sorted[j + 8])].market) * 4
        prefetch(lane.levels, best_level(lane, number))
        prefetch(lane.levels, best_level(lane, number + 1))


@compiled
def likely_order(lane, batch, j):
    """The slot that the first place of the index names for the order that command j is about."""
    entry_ = i64(lane.index[i64(batch.mixed[j]) & (len(lane.index) - 1)])
    return max((entry_ & LOW) - 1, 0)


@compiled
def best_level(lane, number):
    """Row of the best level of a queue."""
    queue = lane.queues[number]
    return max(i64(queue.offset) + i64(queue.count) - 1, 0)


@entry
def settle(thread, threads, funds, books, out):
    """Phase 3: the accounts of this thread, from the settlement rows of all threads; the only
    thread also empties them."""
    mine = out.mine[thread]
    for origin in range(threads):
        rows, events = out.settlements[origin], out.events[origin]
        total = i64(out.tops[origin, SETTLEMENT_ROWS])
        if threads > 1:
            rows_of_all, total = total, 0
            for k in range(rows_of_all):
                mine[total] = k
                total += 1 if thread_of(i64(rows[k].account), threads) == thread else 0
        for k in range(total):
            if total > SHORT and k + AHEAD < total:
                row = rows[k + AHEAD if threads == 1 else i64(mine[k + AHEAD])]
                account = i64(row.account)
                slots = funds.balances[partition_of(account)]
                prefetch(slots, i64(row.pay))
                prefetch(slots, i64(row.receive))
                prefetch(funds.accounts, account)
            settle_one(funds, books, events, rows[k if threads == 1 else i64(mine[k])])
    if threads == 1:
        out.tops[thread, SETTLEMENT_ROWS] = 0


@entry
def match(thread, threads, funds, books, batch, out):
    """Phase 2: the book partitions that batch.owners gives to this thread. A thread alone settles
    at once, while the rows are still near: matching looks at nothing that settling changes."""
    tops = out.tops[thread]
    for p in range(BOOK_PARTITIONS):
        start, end = i64(batch.starts[p]), i64(batch.starts[p + 1])
        if batch.owners[p] != thread or start == end:
            continue
        for j in range(start, end):
            i = i64(batch.sorted[j])
            work = batch.work[i]
            lane = Lane(
                books.orders[p],
                books.extras[p],
                books.index[p],
                books.free[p],
                books.pool[p],
                books.levels[p],
                books.queues,
                books.markets,
                out.events[thread],
                out.settlements[thread],
                tops,
                work,
            )
            if end - start > SHORT:
                fetch_near(lane, batch, j, end)
            first = i64(tops[EVENT_ROWS])
            match_one(lane, batch.commands[i])
            work.first = first
            work.count = i64(tops[EVENT_ROWS]) - first
            work.origin = thread
            if threads == 1 and tops[SETTLEMENT_ROWS] >= SETTLED_AT_ONCE:
                settle(thread, threads, funds, books, out)


@entry
def count_rows(begin, end, batch):
    """How many event rows commands begin..end have."""
    total = 0
    for i in range(begin, end):
        total += i64(batch.work[i].count)
    return total


@entry
def gather(begin, end, at, batch, out, rows):
    """Copy the events of commands begin..end to their final order, from row `at` on; returns where
    they end."""
    for i in range(begin, end):
        if end - begin > SHORT and i + AHEAD < end:
            ahead = batch.work[i + AHEAD]
            prefetch_to_read(out.events[i64(ahead.origin)], i64(ahead.first))
        work = batch.work[i]
        source = out.events[i64(work.origin)]
        first = i64(work.first)
        for k in range(i64(work.count)):
            rows[at + k] = source[first + k]
            rows[at + k].command = i
        at += i64(work.count)
    return at


@entry
def open_trading(funds, books, batch):
    """Between phases 0 and 1: the counts that stand for the whole record."""
    batch.limits[OPEN_AT_START] = 0
    for p in range(BOOK_PARTITIONS):
        batch.limits[OPEN_AT_START] += books.pool[p, OPEN]
    batch.limits[BALANCES_AT_START] = 0
    for p in range(FUNDS_PARTITIONS):
        batch.limits[BALANCES_AT_START] += funds.balance_count[p]
