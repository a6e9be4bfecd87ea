"""A file of order-flow messages through one kernel book, with every report written.

Format (little-endian): u64 magic, u32 version, u32 count; then 40-byte messages, see MESSAGE.
The book is the kernel's own (book.py); there are no accounts and no money here.
"""

import gzip
import io
import time
from collections import namedtuple
from hashlib import sha256
from pathlib import Path

import numpy as np

from excraft.kernel.book import enqueue, find_order, index_add, remove, sign_of, take_slot
from excraft.kernel.compiled import compiled, entry, i64
from excraft.kernel.layout import EXTRA, FRESH, LEVEL, LEVELS, ORDER, QUEUE, records, table
from excraft.kernel.tables import power_of_two

MAGIC, VERSION = 0x4D4542575F303031, 1
HEADER_BYTES = 16
MESSAGE = np.dtype(
    [
        (
            "kind",
            "u1",
        ),  # 0 new, 1 cancel, 2 modify: remove and insert at the new price and quantity
        ("side", "u1"),  # 0 buy, 1 sell
        ("ioc", "u1"),
        ("zero", "u1"),
        ("quantity", "<u4"),
        ("sequence", "<u8"),
        ("order_id", "<i8"),
        ("price", "<i8"),
        ("reserved", "<i8"),
    ]
)
REPORT = np.dtype(
    [
        ("kind", "<i4"),
        ("side", "<i4"),
        ("sequence", "<u8"),
        ("order_id", "<i8"),  # the taker of a trade
        ("price", "<i8"),
        ("quantity", "<i8"),
        ("maker", "<i8"),
    ]
)
NEW, CANCEL, MODIFY = 0, 1, 2
ACCEPTED, TRADE, CANCELED, MODIFIED, NO_CANCEL, NO_MODIFY = range(6)
REPEATED_ID = -1

Book = namedtuple("Book", "orders extras index free pool levels queues")


class FlowDamaged(ValueError):
    """A file that is not an order flow, or a message that means nothing."""


def new_book(orders: int, levels: int = 0) -> Book:
    """An empty book with room for so many orders at a time, and for the price levels of as many
    orders ever placed, or for so many."""
    size = power_of_two(orders)
    return Book(
        orders=table(ORDER, size),
        extras=table(EXTRA, 16),
        index=table(np.dtype(np.int64), 2 * size),
        free=table(np.dtype(np.int32), size),
        pool=np.zeros(8, np.int64),
        levels=table(LEVEL, (levels or 4 * size) + 64),
        queues=table(QUEUE, 4),
    )


@compiled
def report(reports, at, kind, message, price):
    """One report row about the message's order."""
    row = reports[at]
    row.kind = kind
    row.side = message.side
    row.sequence = message.sequence
    row.order_id = message.order_id
    row.price = price
    row.quantity = message.quantity
    row.maker = 0
    return at + 1


@compiled
def sweep(book, message, reports, at):
    """Trade with all the price allows; returns (lots left, next report)."""
    left = i64(message.quantity)
    opposite = 1 - i64(message.side)
    queue = book.queues[opposite]
    worst = sign_of(opposite) * i64(message.price)
    while left > 0 and queue.count > 0:
        level = book.levels[i64(queue.offset) + i64(queue.count) - 1]
        if level.key < worst:
            break
        slot = i64(level.head)
        maker = book.orders[slot]
        lots = min(left, i64(maker.left))
        at = report(reports, at, TRADE, message, maker.price)
        reports[at - 1].quantity = lots
        reports[at - 1].maker = maker.id
        left -= lots
        maker.left -= lots
        if maker.left == 0:
            remove(book, slot)
    return left, at


@compiled
def insert(book, message, reports, at):
    """Sweep, then let the rest stand in the book, or end when it is immediate-or-cancel."""
    left, at = sweep(book, message, reports, at)
    if left == 0:
        return at
    if message.ioc:
        return report(reports, at, CANCELED, message, message.price)
    slot = take_slot(book)
    order = book.orders[slot]
    order.id = message.order_id
    order.left = left
    order.price = message.price
    order.side = message.side
    order.market = 0
    order.marks = 0
    index_add(book.index, i64(message.order_id), slot)
    side = i64(message.side)
    enqueue(book, side, slot, sign_of(side) * i64(message.price))
    return at


@entry
def play(messages, book, reports):
    """All messages in order. Returns (reports, -1), or (reports, number of the message that
    places an id which is still in the book)."""
    at = 0
    for i in range(len(messages)):
        message = messages[i]
        slot = find_order(book.index, book.orders, i64(message.order_id))
        if message.kind == NEW:
            if slot >= 0:
                return at, i
            at = report(reports, at, ACCEPTED, message, message.price)
            at = insert(book, message, reports, at)
        elif slot < 0:
            kind = NO_CANCEL if message.kind == CANCEL else NO_MODIFY
            at = report(reports, at, kind, message, message.price)
        elif message.kind == CANCEL:
            at = report(reports, at, CANCELED, message, book.orders[slot].price)
            reports[at - 1].side = book.orders[slot].side
            remove(book, slot)
        else:
            remove(book, slot)
            at = report(reports, at, MODIFIED, message, message.price)
            at = insert(book, message, reports, at)
    return at, REPEATED_ID


def read_messages(path: Path) -> np.ndarray:
    """The messages of a plain or gzip file; raises FlowDamaged with what is wrong."""
    raw = Path(path).read_bytes()
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (EOFError, OSError, ValueError) as error:
            raise FlowDamaged(f"{path}: the gzip file is damaged: {error}") from error
    if len(raw) < HEADER_BYTES:
        raise FlowDamaged(f"{path}: {len(raw)} bytes; an order flow has at least {HEADER_BYTES}")
    magic, version, count = np.frombuffer(raw, "<u8,<u4,<u4", 1)[0].tolist()
    if magic != MAGIC or version != VERSION:
        raise FlowDamaged(
            f"{path}: magic {magic:#x} version {version}; an order flow begins with "
            f"{MAGIC:#x} version {VERSION}"
        )
    if len(raw) != HEADER_BYTES + count * MESSAGE.itemsize:
        raise FlowDamaged(
            f"{path}: {len(raw)} bytes for {count} messages; "
            f"{HEADER_BYTES + count * MESSAGE.itemsize} would be right"
        )
    messages = np.frombuffer(raw, MESSAGE, count, HEADER_BYTES)
    for field, most in (("kind", MODIFY), ("side", 1), ("ioc", 1)):
        wrong = np.flatnonzero(messages[field] > most)
        if len(wrong):
            value = messages[field][wrong[0]]
            raise FlowDamaged(f"{path}: message {wrong[0]}: {field} {value}; 0 to {most} are known")
    wrong = np.flatnonzero((messages["kind"] != CANCEL) & (messages["quantity"] == 0))
    if len(wrong):
        raise FlowDamaged(f"{path}: message {wrong[0]}: quantity 0; at least 1 is needed")
    return messages


def report_text(reports: np.ndarray) -> bytes:
    """Canonical text: stable-sorted by (sequence, kind), joined by newlines, none at the end."""
    order = np.lexsort((reports["kind"], reports["sequence"]))
    out = io.StringIO()
    separator = ""
    for kind, side, sequence, order_id, price, quantity, maker in reports[order].tolist():
        order_id &= 0xFFFFFFFFFFFFFFFF
        if kind in (ACCEPTED, MODIFIED):
            line = f"{kind},{sequence},{side},{order_id},{price},{quantity}"
        elif kind == TRADE:
            line = f"1,{sequence},{price},{quantity},{maker & 0xFFFFFFFFFFFFFFFF},{order_id}"
        elif kind == CANCELED:
            line = f"2,{sequence},{side},{order_id},{price}"
        else:
            line = f"{kind},{sequence},{order_id}"
        out.write(separator + line)
        separator = "\n"
    return out.getvalue().encode()


def run(path: Path, rounds: int = 5) -> dict:
    """Messages, messages per second (median of some rounds on empty books), reports, hash.

    The books have room for as many orders as are ever open at a time in this flow, as the kernel's
    tables have; a first round that is not timed finds out how many.
    """
    messages = read_messages(path)
    rows = records(messages)
    fresh = int((messages["kind"] != CANCEL).sum())
    reports = table(REPORT, 2 * len(messages) + fresh + 16)
    book = new_book(fresh + 1)
    total, repeated = play(rows, book, reports)  # compiles, and shows how large the book becomes
    if repeated != REPEATED_ID:
        raise FlowDamaged(
            f"{path}: message {repeated} places order {messages['order_id'][repeated]}, "
            f"which is still in the book"
        )
    most = int(book.pool[FRESH]), int(book.pool[LEVELS])
    spent = []
    for _ in range(rounds):
        book = new_book(*most)
        begun = time.perf_counter()
        play(rows, book, reports)
        spent.append(time.perf_counter() - begun)
    text = report_text(reports[:total].view(np.ndarray))
    spent.sort()
    return {
        "messages": len(messages),
        "messages_per_s": round(len(messages) / spent[len(spent) // 2]) if len(messages) else 0,
        "reports": total,
        "sha256": sha256(text).hexdigest(),
    }
