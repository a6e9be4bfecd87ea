"""Where the kernel keeps what: row types, tables, and the tuples that hand them to compiled code.

A table that grows has one row of slots per partition, `[partition, slot]`, so a slot number stays
valid when every partition's row is doubled between records. All memory comes zeroed and lazily from
the operating system: a capacity costs nothing until it is used.
"""

import mmap
from collections import namedtuple

import numpy as np

from excraft.kernel.compiled import PLAIN

FUNDS_PARTITIONS = 16  # accounts: account % 16
BOOK_PARTITIONS = 16  # markets: market % 16
APART = 32  # words between counters of two threads, so that they never share a cache line

ACCOUNT = np.dtype(
    [
        ("state", "<i4"),
        ("pool", "<i4"),
        ("group", "<i4"),
        ("tier", "<i4"),
        ("open_orders", "<i4"),
        ("level", "<i4"),  # KYC_LEVEL
        ("referrer", "<i4"),  # account + 1, 0 none
        ("share", "<i4"),  # of its fees that is owed to the referrer, ppm
    ]
)  # 32 bytes
BALANCE = np.dtype(
    [
        ("key", "<i8"),
        ("free", "<i8"),
        ("held", "<i8"),
        ("owed", "<i8"),  # to the referrer, of the fees in this asset: they contain it
    ]
)  # 32
RESERVED = np.dtype([("key", "<i8"), ("amount", "<i8")])
CLIENT = np.dtype([("key", "<i8"), ("order_id", "<i8"), ("account", "<i4"), ("market", "<i4")])
MARKET = np.dtype(
    [
        ("base_asset", "<i4"),
        ("quote_asset", "<i4"),
        ("lot_atoms", "<i8"),  # base atoms per lot
        ("unit_atoms", "<i8"),  # quote atoms per tick and lot
        ("state", "<i8"),
        ("pool", "<i8"),
        ("min_price", "<i8"),
        ("max_price", "<i8"),
        ("min_lots", "<i8"),
        ("max_lots", "<i8"),
        ("max_market_lots", "<i8"),
        ("min_notional", "<i8"),
        ("band_ppm", "<i8"),
        ("last_price", "<i8"),
        ("trades", "<i8"),
        ("spare", "<i8", 2),
    ]
)  # 128
ORDER = np.dtype(
    [
        ("id", "<i8"),
        ("left", "<i8"),
        ("price", "<i8"),  # the limit; 0 for STOP_LOSS, TAKE_PROFIT
        ("quantity", "<i8"),
        ("next", "<i4"),
        ("prev", "<i4"),
        ("account", "<i4"),
        ("group", "<i4"),
        ("pay", "<i4"),  # balance slots, so that settling never searches
        ("receive", "<i4"),
        ("market", "<i4"),
        ("side", "u1"),
        ("order_type", "u1"),
        ("modes", "u1"),  # time in force + 16 x self trade
        ("marks", "u1"),  # MARK_ bits
    ]
)  # 64: one cache line
EXTRA = np.dtype([("client_key", "<i8"), ("stop_price", "<i8"), ("hold", "<i8"), ("cap", "<i8")])
LEVEL = np.dtype([("key", "<i8"), ("head", "<i4"), ("tail", "<i4")])  # 16
QUEUE = np.dtype([("offset", "<i8"), ("count", "<i4"), ("capacity", "<i4")])  # four a market
WORK = np.dtype(  # a command on its way: what reserving found out, then the order as it executes
    [
        ("id", "<i8"),  # of the order that is placed, cancelled or amended
        ("price", "<i8"),
        ("quantity", "<i8"),
        ("named", "<i8"),  # the order that the command names itself, for its refusal
        ("account", "<i4"),
        ("market", "<i4"),
        ("first", "<i4"),  # its first event row, in the rows of thread `origin`
        ("count", "<i4"),  # and how many they are
        ("kind", "u1"),
        ("side", "u1"),
        ("order_type", "u1"),
        ("tif", "u1"),
        ("stp", "u1"),
        ("marks", "u1"),
        ("restriction", "u1"),
        ("origin", "u1"),
        ("spare", "u1", 8),
        # 64: all that a cancel needs
        ("left", "<i8"),
        ("budget", "<i8"),  # quote atoms it may still spend or receive; NO_BUDGET: no such limit
        ("held", "<i8"),
        ("cap", "<i8"),  # worst price it accepts; 0: it does not match
        ("stop_price", "<i8"),
        ("client_key", "<i8"),
        ("group", "<i4"),
        ("pay", "<i4"),
        ("receive", "<i4"),
        ("spare_", "<i4"),
    ]
)  # 128: two cache lines, so threads that work on different commands never share one
SETTLEMENT = np.dtype(
    [
        ("pay", "<i4"),
        ("receive", "<i4"),
        ("account", "<i4"),
        ("market", "<i4"),
        ("event", "<i4"),
        ("does", "<i4"),  # DOES_ bits
        ("paid", "<i8"),  # leaves held for good
        ("back", "<i8"),  # held -> free
        ("gross", "<i8"),  # received before the fee
        ("client_key", "<i8"),  # of an order that closes
    ]
)  # 56

# rows that phases write lie in whole cache lines; more or less of them is a silent loss of speed
assert (ORDER.itemsize, WORK.itemsize, MARKET.itemsize) == (64, 128, 128)
assert WORK.fields["left"][1] == 64

NO_BUDGET = 1 << 62
NO_LIMIT = 1 << 62  # lots of a buy by amount

MARK_FILLED = 1  # has a fill
MARK_PENDING = 2  # waits for its stop price
MARK_CLIENT = 4  # has a client key
MARK_BY_AMOUNT = 8

DOES_TRADE = 1
DOES_MAKE = 2
DOES_CLOSE = 4

# columns of Books.pool: one row of counters per partition
FRESH, FREE, OPEN, LEVELS = 0, 1, 2, 3
# columns of Outputs.tops, one row per thread: rows of events, of settlements of the thread's own
# accounts and of others', of events in its share of the commands; where that share ends
EVENT_ROWS, OWN_ROWS, OTHER_ROWS, GATHERED_ROWS, END = 0, 1, 2, 3, 4

Funds = namedtuple(
    "Funds",
    "accounts balances balance_count clients client_count fees reserves reserve_count",
)
Books = namedtuple("Books", "orders extras index free pool levels queues markets rates")
Assets = namedtuple("Assets", "decimals supply")
# one record on its way: see together.py
Batch = namedtuple("Batch", "commands lists work waiting sorted starts ranks limits owners load")
Outputs = namedtuple("Outputs", "events settlements mine tops")  # [thread, row]; see step.settle
Lane = namedtuple(
    "Lane",
    "orders extras index free pool levels queues markets events settlements tops taker"
    " thread threads",
)

HUGE = 2 << 20
LINE = 64  # bytes of a cache line


def records(rows: np.ndarray) -> np.ndarray:
    """The same rows for kernel code: compiled code reads fields of plain arrays by attribute,
    and Numba recognises those fast; uncompiled code needs NumPy's record arrays for it."""
    return rows.view(np.recarray) if PLAIN and rows.dtype.names else rows.view(np.ndarray)


def table(dtype: np.dtype, *shape: int) -> np.ndarray:
    """A zeroed array of rows that begins with a cache line, on huge pages when it is large."""
    count = int(np.prod(shape))
    size = max(count * dtype.itemsize, 1)
    if size < HUGE:
        room = np.zeros(size + LINE, np.uint8)
        begin = -room.ctypes.data % LINE
        flat = room[begin : begin + count * dtype.itemsize].view(dtype)
    else:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
        memory = mmap.mmap(-1, size, flags=flags)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            try:
                memory.madvise(mmap.MADV_HUGEPAGE)
            except OSError:
                pass  # a kernel without huge pages: only slower
        flat = np.frombuffer(memory, dtype, count)
    rows = flat.reshape(shape)
    return records(rows)


def grown(old: np.ndarray, capacity: int, used: int | None = None) -> np.ndarray:
    """A table with `capacity` slots per partition (last axis) that begins with the old rows."""
    base = np.asarray(old)
    new = table(base.dtype, *base.shape[:-1], capacity)
    keep = base.shape[-1] if used is None else used
    np.asarray(new)[..., :keep] = base[..., :keep]
    return new
