"""Order books: sorted price levels, orders in one pool, ids in one index.

A market has four queues: 0 bids, 1 asks, 2 stops below, 3 stops above. A queue is a sorted array of
levels with the best one at the end; keys of queues 1 and 3 are negated prices, so one rule serves
both directions. Orders of a level form a doubly linked list, first come first.
"""

from excraft.kernel.compiled import compiled, i64, nth
from excraft.kernel.layout import FREE, FRESH, LEVELS, MARK_PENDING, OPEN

LOOK = 8  # levels looked at one by one from the best before halving
LOW = 0xFFFFFFFF
FIRST_MIX, SECOND_MIX = 0x7FEB352D, 0x046CA68B


@compiled
def sign_of(queue):
    """1 for queues whose best price is the highest, -1 for the others."""
    return 1 - 2 * (queue & 1)


@compiled
def index_place(order_id, mask):
    """Place of an order id in the index.

    Two rounds of multiply and shift: ids are dense, and one multiplication leaves patterns in them
    that make long runs of used places.
    """
    return mixed(order_id) & mask


@compiled
def mixed(order_id):
    """32 well-mixed bits of the low 32 bits of an id, which are what an index entry keeps."""
    h = order_id & LOW
    h = ((h ^ (h >> 16)) * FIRST_MIX) & LOW
    h = ((h ^ (h >> 15)) * SECOND_MIX) & LOW
    return h ^ (h >> 16)


@compiled
def find_order(index, orders, order_id):
    """Slot of an open order, -1 when it is not open. An entry is (low 32 bits of id, slot + 1)."""
    mask = len(index) - 1
    at = index_place(order_id, mask)
    low = order_id & LOW
    while True:
        entry = i64(index[nth(at)])
        if entry == 0:
            return -1
        if ((entry >> 32) & LOW) == low:
            slot = (entry & LOW) - 1
            if orders[nth(slot)].id == order_id:
                return slot
        at = (at + 1) & mask


@compiled
def index_add(index, order_id, slot):
    """Enter an open order."""
    mask = len(index) - 1
    at = index_place(order_id, mask)
    while index[nth(at)] != 0:
        at = (at + 1) & mask
    high = order_id & 0x7FFFFFFF
    if order_id & 0x80000000:
        high -= 0x80000000  # so that the entry fits a signed word
    index[nth(at)] = (high << 32) | (slot + 1)


@compiled
def index_remove(index, order_id, slot):
    """Remove an open order and close the gap."""
    mask = len(index) - 1
    gap = index_place(order_id, mask)
    while (i64(index[nth(gap)]) & LOW) != slot + 1:
        gap = (gap + 1) & mask
    at = gap
    while True:
        at = (at + 1) & mask
        entry = i64(index[nth(at)])
        if entry == 0:
            break
        home = index_place((entry >> 32) & LOW, mask)
        if ((at - home) & mask) >= ((at - gap) & mask):
            index[nth(gap)] = entry
            gap = at
    index[nth(gap)] = 0


@compiled
def take_slot(lane):
    """A free slot of the order pool; the caller has seen to the room."""
    pool = lane.pool
    pool[OPEN] += 1
    free = pool[FREE]
    if free > 0:
        pool[FREE] = free - 1
        return i64(lane.free[nth(free - 1)])
    fresh = pool[FRESH]
    pool[FRESH] = fresh + 1
    return fresh


@compiled
def give_slot(lane, slot):
    """Return a slot to the pool."""
    pool = lane.pool
    pool[OPEN] -= 1
    lane.free[pool[FREE]] = slot
    pool[FREE] += 1
    lane.orders[nth(slot)].id = 0


@compiled
def likely_level(levels, offset, count, key):
    """Where `key` is if there is no gap between it and the best; it cannot lie before, as all keys
    differ. Always a level of a queue that has one."""
    best = i64(levels[nth(offset + count - 1)].key)
    return min(max(count - 1 - (best - key), 0), count - 1)


@compiled
def find_level(levels, offset, count, key):
    """Number of levels whose key is smaller, so the place where `key` is or belongs."""
    at = count
    if count > 0:
        likely = likely_level(levels, offset, count, key)
        if levels[nth(offset + likely)].key == key:
            return likely
    stop = max(0, count - LOOK)
    while at > stop:
        if levels[nth(offset + at - 1)].key < key:
            return at
        at -= 1
    low = 0
    while at > 0:  # halving without a branch that depends on what is found
        half = (at + 1) >> 1
        low += half if levels[nth(offset + low + half - 1)].key < key else 0
        at -= half
    return low


@compiled
def widen(lane, queue):
    """Move a full queue to a place twice as large; the caller has seen to the room."""
    levels = lane.levels
    capacity = max(4, 2 * i64(queue.capacity))
    offset = i64(lane.pool[LEVELS])
    lane.pool[LEVELS] = offset + capacity
    old = i64(queue.offset)
    for i in range(i64(queue.count)):
        levels[nth(offset + i)].key = levels[nth(old + i)].key
        levels[nth(offset + i)].head = levels[nth(old + i)].head
        levels[nth(offset + i)].tail = levels[nth(old + i)].tail
    queue.offset = offset
    queue.capacity = capacity


@compiled
def enqueue(lane, number, slot, key):
    """Put an order at the end of its level in queue `number` (market x 4 + queue)."""
    queue = lane.queues[nth(number)]
    levels, orders = lane.levels, lane.orders
    count = i64(queue.count)
    at = find_level(levels, i64(queue.offset), count, key)
    here = i64(queue.offset) + at
    order = orders[nth(slot)]
    order.next = -1
    if at < count and levels[nth(here)].key == key:
        tail = i64(levels[nth(here)].tail)
        order.prev = tail
        orders[nth(tail)].next = slot
        levels[nth(here)].tail = slot
        return
    if count == queue.capacity:
        widen(lane, queue)
        here = i64(queue.offset) + at
    last = i64(queue.offset) + count
    while last > here:
        levels[nth(last)].key = levels[nth(last - 1)].key
        levels[nth(last)].head = levels[nth(last - 1)].head
        levels[nth(last)].tail = levels[nth(last - 1)].tail
        last -= 1
    levels[nth(here)].key = key
    levels[nth(here)].head = slot
    levels[nth(here)].tail = slot
    order.prev = -1
    queue.count = count + 1


@compiled
def dequeue(lane, number, slot, key):
    """Take an order out of its queue."""
    orders = lane.orders
    before, after = i64(orders[nth(slot)].prev), i64(orders[nth(slot)].next)
    if before >= 0 and after >= 0:
        orders[nth(before)].next = after
        orders[nth(after)].prev = before
        return
    queue, levels = lane.queues[nth(number)], lane.levels
    offset, count = i64(queue.offset), i64(queue.count)
    at = offset + find_level(levels, offset, count, key)
    if before >= 0:
        orders[nth(before)].next = -1
        levels[nth(at)].tail = before
    elif after >= 0:
        orders[nth(after)].prev = -1
        levels[nth(at)].head = after
    else:
        end = offset + count - 1
        while at < end:
            levels[nth(at)].key = levels[nth(at + 1)].key
            levels[nth(at)].head = levels[nth(at + 1)].head
            levels[nth(at)].tail = levels[nth(at + 1)].tail
            at += 1
        queue.count = count - 1


@compiled
def queue_of(order):
    """Queue number 0..3 of an order of the pool."""
    side = i64(order.side)
    if not order.marks & MARK_PENDING:
        return side
    return stop_queue(i64(order.order_type), side)


@compiled
def stop_queue(order_type, side):
    """3 for stops that wait for a rising price, 2 for a falling one (types 4, 5 are STOP_LOSS)."""
    return 3 if (order_type <= 5) == (side == 0) else 2


@compiled
def key_of(order, extra, number):
    """Sort key of an order in its queue."""
    price = i64(extra.stop_price) if order.marks & MARK_PENDING else i64(order.price)
    return sign_of(number) * price


@compiled
def remove(lane, slot):
    """Take an order out of queue, index and pool; its row stays readable until the next place."""
    order = lane.orders[nth(slot)]
    queue = queue_of(order)
    number = i64(order.market) * 4 + queue
    dequeue(lane, number, slot, key_of(order, lane.extras[nth(slot)], queue))
    index_remove(lane.index, i64(order.id), slot)
    give_slot(lane, slot)
