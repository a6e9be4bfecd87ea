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
    nth,
    prefetch,
    prefetch_second,
    prefetch_second_to_read,
    prefetch_to_read,
)
from excraft.kernel.funds import balance_key, partition_of, settle_one, spread, thread_of
from excraft.kernel.layout import (
    BOOK_PARTITIONS,
    DOES_TRADE,
    EVENT_ROWS,
    FUNDS_PARTITIONS,
    OPEN,
    OTHER_ROWS,
    OWN_ROWS,
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
from excraft.kernel.set_aside import PAY_REFERRAL, TRANSFER

AHEAD = 16  # commands between asking for a cache line and using it
SETTLED_AT_ONCE = 256  # rows
BOOK_BITS = BOOK_PARTITIONS.bit_length() - 1
SHORT = 64  # records of at most so many commands are not prefetched


@compiled
def census(part, parts, threads, commands, counts, lists):
    """What the `part`th of `parts` of a record can need at most: counts[0..15] balances and
    [16..31] client ids per funds partition, [32..47] orders per book partition, [48] accounts,
    [49] assets or markets, [50] all administrative commands, [51] balances in any one funds
    partition. In the same pass: the numbers of its commands for each thread that will reserve
    them; how many they are stands behind the place of the record's last command."""
    total = len(commands)
    for k in range(len(counts)):
        counts[k] = 0
    if threads > 1:
        for t in range(threads):
            lists[part, t, total] = 0
    for i in range(total * part // parts, total * (part + 1) // parts):
        prefetch_to_read(commands, min(i + 4 * AHEAD, total - 1))
        c = commands[nth(i)]
        account = i64(c.account) & (FUNDS_PARTITIONS - 1)
        if threads > 1:
            mine = lists[nth(part), nth(thread_of(i64(c.account), threads))]
            at = i64(mine[nth(total)])
            mine[nth(at)] = i
            mine[nth(total)] = at + 1
        places = 1 if c.kind == PLACE_ORDER else 0  # added, as a branch would be mispredicted
        counts[account] += 2 * places
        counts[32 + (i64(c.market) & (BOOK_PARTITIONS - 1))] += places
        counts[16 + account] += places if c.client_key != 0 else 0
        if c.kind >= FIRST_ADMINISTRATIVE:
            counts[50] += 1
            counts[account] += 1
            if c.kind == LIST_MARKET - 2:
                counts[48] += 1
            elif c.kind == LIST_MARKET or c.kind == LIST_MARKET - 1:
                counts[49] += 1
            elif c.kind == PAY_REFERRAL or c.kind == TRANSFER:  # a balance, wherever that is
                counts[51] += 1


@compiled
def fetch_credited(funds, c):
    """Ask for the balance that a credit or a debit changes; another command asks for any."""
    account = i64(c.account)
    slots = funds.balances[nth(partition_of(account))]
    prefetch(slots, spread(balance_key(account, c.market), len(slots) - 1))


@entry
def administer(funds, books, assets, batch, out):
    """Phase 0 on one thread."""
    events, tops = out.events[0], out.tops[0]
    total = len(batch.commands)
    for i in range(total):
        if total > SHORT and i + AHEAD < total:
            fetch_credited(funds, batch.commands[nth(i + AHEAD)])
        c = batch.commands[nth(i)]
        if c.kind < FIRST_ADMINISTRATIVE:
            continue
        work = batch.work[nth(i)]
        work.first = tops[EVENT_ROWS]
        work.count = 1
        work.origin = 0
        administer_one(funds, books, assets, c, batch.limits, events, tops)


@compiled
def fetch_account(funds, books, c, limits):
    """Ask for the lines that reserving this command will touch. Without branches, since they would
    be mispredicted: a number out of range asks for some other line."""
    account = min(max(i64(c.account), 0), max(i64(limits[ACCOUNTS]) - 1, 0))
    market = min(max(i64(c.market), 0), max(i64(limits[MARKETS]) - 1, 0))
    prefetch(funds.accounts, account)
    slots = funds.balances[nth(partition_of(account))]
    mask = len(slots) - 1
    mask = mask if c.kind == PLACE_ORDER else 0  # nothing else touches balances
    m = books.markets[nth(market)]
    prefetch(slots, spread(balance_key(account, m.base_asset), mask))
    prefetch(slots, spread(balance_key(account, m.quote_asset), mask))


@compiled
def fetch_market(books, c, limits):
    """Ask for the lines of a command's market; `fetch_account` reads them."""
    market = min(max(i64(c.market), 0), max(i64(limits[MARKETS]) - 1, 0))
    prefetch_to_read(books.markets, market)
    prefetch_second_to_read(books.markets, market)


@compiled
def markets_each(batch):
    """Markets of a book partition, rounded up."""
    return (i64(batch.limits[MARKETS]) + BOOK_PARTITIONS - 1) // BOOK_PARTITIONS


@compiled
def note(market, order_id, each):
    """What sorting needs of a command that is to be matched, in one word: the rank of its market,
    from 1, in the order in which they are matched (by partition, then by number), and the low
    half of the id of its order."""
    rank = (market & (BOOK_PARTITIONS - 1)) * each + (market >> BOOK_BITS) + 1
    return (rank << 32) | (order_id & LOW)


@entry
def reserve(thread, threads, funds, books, batch, out):
    """Phase 1: the accounts of this thread."""
    waiting = batch.waiting[thread]
    for i in range(len(batch.commands)):
        waiting[i] = 0
    for part in range(threads):
        reserve_part(part, thread, threads, funds, books, batch, out)


@compiled
def reserve_part(part, thread, threads, funds, books, batch, out):
    """Of the commands that this thread reserves, those that the `part`th thread listed."""
    events, tops = out.events[nth(thread)], out.tops[thread]
    commands, limits = batch.commands, batch.limits
    mine = batch.lists[nth(part), nth(thread)]
    waiting, each = batch.waiting[thread], markets_each(batch)
    total = len(commands) if threads == 1 else i64(mine[len(commands)])
    for k in range(total):
        if total > SHORT and k + AHEAD < total:
            ahead = k + AHEAD if threads == 1 else i64(mine[k + AHEAD])
            fetch_account(funds, books, commands[nth(ahead)], limits)
            prefetch(batch.work, ahead)  # of a cancel that is all
            places = commands[nth(ahead)].kind == PLACE_ORDER
            prefetch_second(batch.work, ahead if places else 0)
            ahead = min(k + 4 * AHEAD, total - 1)
            prefetch_to_read(commands, ahead if threads == 1 else i64(mine[ahead]))
            ahead = min(k + 2 * AHEAD, total - 1)
            fetch_market(books, commands[ahead if threads == 1 else i64(mine[ahead])], limits)
        i = k if threads == 1 else i64(mine[k])
        c, work = commands[nth(i)], batch.work[nth(i)]
        if c.kind >= FIRST_ADMINISTRATIVE:
            continue
        if c.kind == PLACE_ORDER:
            reason = reserve_place(funds, books, c, i, limits, work)
        else:
            reason = reserve_other(funds, books, c, limits, work)
        work.kind = c.kind
        work.account = c.account
        work.market = c.market
        work.side = c.side
        work.named = 0 if c.kind == PLACE_ORDER else c.order_id
        if reason == 0:
            waiting[i] = note(i64(c.market), i64(work.id), each)
        else:
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
        home, mask = i64(batch.sorted[nth(j + 24)]) & LOW, len(lane.index) - 1
        prefetch(lane.index, home & mask)
        prefetch(lane.index, (home + 1) & mask)  # removing looks there: the next line, or the same
        i = i64(batch.sorted[nth(j + 24)]) >> 32
        prefetch(batch.work, i)
        prefetch_second(batch.work, i)
    if j + 16 < end:
        market = i64(batch.work[i64(batch.sorted[nth(j + 16)]) >> 32].market)
        prefetch(lane.queues, market * 4)
        prefetch(lane.markets, market)
        prefetch(lane.orders, likely_order(lane, batch, j + 16))
    if j + 8 < end:
        order = lane.orders[likely_order(lane, batch, j + 8)]
        prefetch(lane.orders, max(i64(order.next), 0))
        prefetch(lane.orders, max(i64(order.prev), 0))
        number = i64(batch.work[i64(batch.sorted[nth(j + 8)]) >> 32].market) * 4
        prefetch(lane.levels, best_level(lane, number))
        prefetch(lane.levels, best_level(lane, number + 1))


@compiled
def likely_order(lane, batch, j):
    """The slot that the first place of the index names for the order that command j is about."""
    entry_ = i64(lane.index[i64(batch.sorted[nth(j)]) & (len(lane.index) - 1)])
    return max((entry_ & LOW) - 1, 0)


@compiled
def best_level(lane, number):
    """Row of the best level of a queue."""
    queue = lane.queues[nth(number)]
    return max(i64(queue.offset) + i64(queue.count) - 1, 0)


@compiled
def fetch_settled(funds, row):
    """Ask for the lines that settling this row will touch."""
    account = i64(row.account)
    slots = funds.balances[nth(partition_of(account))]
    prefetch(slots, i64(row.pay))
    trades = row.does & DOES_TRADE != 0  # nothing else is received
    prefetch(slots, i64(row.receive) if trades else i64(row.pay))
    prefetch(funds.accounts, account)


@entry
def settle_own(thread, funds, books, out):
    """Apply the settlement rows that this thread wrote about its own accounts, and empty them."""
    rows, events = out.settlements[nth(thread), 0], out.events[nth(thread)]
    total = i64(out.tops[thread, OWN_ROWS])
    for k in range(total):
        if total > SHORT and k + AHEAD < total:
            fetch_settled(funds, rows[k + AHEAD])
        settle_one(funds, books, events, rows[k])
    out.tops[thread, OWN_ROWS] = 0


@entry
def settle(thread, threads, funds, books, out):
    """Phase 3: the accounts of this thread, from the settlement rows of all threads."""
    settle_own(thread, funds, books, out)
    mine = out.mine[thread]
    for origin in range(threads):
        if origin == thread:
            continue
        rows, events = out.settlements[nth(origin), 1], out.events[nth(origin)]
        total, count = 0, i64(out.tops[origin, OTHER_ROWS])
        for k in range(count):
            prefetch_to_read(rows, min(k + 2 * AHEAD, count - 1))
            mine[total] = k
            total += 1 if thread_of(i64(rows[k].account), threads) == thread else 0
        for k in range(total):
            if total > SHORT and k + AHEAD < total:
                fetch_settled(funds, rows[i64(mine[k + AHEAD])])
            settle_one(funds, books, events, rows[i64(mine[k])])


@entry
def match(thread, threads, funds, books, batch, out):
    """Phase 2: the book partitions that batch.owners gives to this thread. It settles its own
    accounts at once, while the rows are near: matching looks at nothing that settling changes."""
    tops = out.tops[thread]
    for p in range(BOOK_PARTITIONS):
        start, end = i64(batch.starts[p]), i64(batch.starts[p + 1])
        if batch.owners[p] != thread or start == end:
            continue
        for j in range(start, end):
            i = i64(batch.sorted[nth(j)]) >> 32
            work = batch.work[nth(i)]
            lane = Lane(
                books.orders[nth(p)],
                books.extras[nth(p)],
                books.index[nth(p)],
                books.free[nth(p)],
                books.pool[p],
                books.levels[nth(p)],
                books.queues,
                books.markets,
                out.events[nth(thread)],
                out.settlements[nth(thread)],
                tops,
                work,
                thread,
                threads,
            )
            if end - start > SHORT:
                fetch_near(lane, batch, j, end)
            first = i64(tops[EVENT_ROWS])
            match_one(lane)
            work.first = first
            work.count = i64(tops[EVENT_ROWS]) - first
            work.origin = thread
            if tops[OWN_ROWS] >= SETTLED_AT_ONCE:
                settle_own(thread, funds, books, out)


@entry
def count_rows(begin, end, batch):
    """How many event rows commands begin..end have."""
    total = 0
    for i in range(begin, end):
        total += i64(batch.work[nth(i)].count)
    return total


@entry
def gather(begin, end, at, batch, out, rows):
    """Copy the events of commands begin..end to their final order, from row `at` on; returns where
    they end."""
    for i in range(begin, end):
        if end - begin > SHORT and i + AHEAD < end:
            prefetch_to_read(batch.work, min(i + 2 * AHEAD, end - 1))
            ahead = batch.work[nth(i + AHEAD)]
            source = out.events[nth(i64(ahead.origin))]
            prefetch_to_read(source, i64(ahead.first))
            prefetch_second_to_read(source, i64(ahead.first))
        work = batch.work[nth(i)]
        source = out.events[nth(i64(work.origin))]
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
