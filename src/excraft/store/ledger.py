"""Events that move money -> double entries: each takes from one bucket and gives to another."""

from typing import NamedTuple

import numpy as np

from excraft.messages.commands import Side
from excraft.messages.events import EventKind, Flag
from excraft.store.batch import Batch
from excraft.store.schema import Bucket, EntryKind
from excraft.store.terms import Terms

NOBODY = -1  # account of the buckets FEES and OUTSIDE
_NOBODYS = (Bucket.FEES, Bucket.OUTSIDE)
_STEPS = 8  # more than the entries one trade can need


class _Move(NamedTuple):
    """Entries of one sort. `order` sorts all entries of a batch; the rest are columns."""

    rows: np.ndarray
    order: np.ndarray
    asset: np.ndarray
    amount: np.ndarray
    giver: tuple[np.ndarray, Bucket]
    taker: tuple[np.ndarray, Bucket]
    kind: EntryKind


def entry_rows(batch: Batch, terms: Terms, last_id: int) -> dict[str, np.ndarray | list]:
    """The entries of a batch, numbered after `last_id`, in an order in which no bucket but OUTSIDE
    ever goes below zero."""
    moves = [*_holds(batch, terms), *_trades(batch, terms), *_money(batch)]
    rows = np.concatenate([m.rows for m in moves])
    order = np.argsort(np.concatenate([m.order for m in moves]), kind="stable")
    rows = rows[order]

    def column(parts: list[np.ndarray]) -> np.ndarray:
        return np.concatenate(parts)[order]

    def same(parts: list[tuple[int, np.ndarray]]) -> np.ndarray:
        return column([np.full(len(r), value) for value, r in parts])

    money = batch.events["kind"][rows] >= EventKind.CREDITED
    references: list[str | None] = [None] * len(rows)
    where = np.flatnonzero(money)
    for at, text in zip(where.tolist(), batch.text_of(rows[where]), strict=True):
        references[at] = text
    return {
        "id": np.arange(last_id + 1, last_id + 1 + len(rows)),
        "position": batch.position[rows],
        "event": batch.event[rows],
        "time_ns": batch.time_ns[rows],
        "asset": column([m.asset for m in moves]),
        "amount": column([m.amount for m in moves]),
        "from_account": column([m.giver[0] for m in moves]),
        "from_bucket": same([(m.giver[1], m.rows) for m in moves]),
        "to_account": column([m.taker[0] for m in moves]),
        "to_bucket": same([(m.taker[1], m.rows) for m in moves]),
        "kind": same([(m.kind, m.rows) for m in moves]),
        "cause": np.where(money, batch.commands["number"][batch.command[rows]], 0),
        "order_id": batch.events["order_id"][rows],
        "reference": references,
    }


def _pays(row: np.ndarray, terms: Terms) -> np.ndarray:
    """The asset that an order of these events holds and pays."""
    market = row["market"]
    return np.where(row["side"] == Side.BUY, terms.quote[market], terms.base[market])


def _holds(batch: Batch, terms: Terms) -> list[_Move]:
    e = batch.events
    accepted = np.flatnonzero((e["kind"] == EventKind.ORDER_ACCEPTED) & (e["amount"] > 0))
    released = np.flatnonzero(e["released"] > 0)
    moves = []
    for rows, column, kind in (
        (accepted, "amount", EntryKind.HOLD),
        (released, "released", EntryKind.RELEASE),
    ):
        row = e[rows]
        free, held = (row["account"], Bucket.FREE), (row["account"], Bucket.HELD)
        giver, taker = (free, held) if kind == EntryKind.HOLD else (held, free)
        # A taker's release comes after the trade of its own event, hence the last step of it.
        step = 0 if kind == EntryKind.HOLD else _STEPS - 1
        moves.append(
            _Move(rows, rows * _STEPS + step, _pays(row, terms), row[column], giver, taker, kind)
        )
    return moves


def _trades(batch: Batch, terms: Terms) -> list[_Move]:
    e = batch.events
    rows = np.flatnonzero(e["kind"] == EventKind.ORDER_FILLED)
    row = e[rows]
    market = row["market"]
    buys = row["side"] == Side.BUY
    quote = row["price"] * row["quantity"] * terms.quote_atoms_per_tick_lot[market]
    base = row["quantity"] * terms.base_atoms_per_lot[market]
    maker = (row["flags"] & Flag.MAKER).astype(np.int64)
    other = e["account"][rows + 1 - 2 * maker]  # the maker's row is directly after the taker's
    order = (rows - maker) * _STEPS  # both sides pay before either fee is taken
    account = row["account"]
    paid = _Move(rows, order + maker, _pays(row, terms), np.where(buys, quote, base),
                 (account, Bucket.HELD), (other, Bucket.FREE), EntryKind.TRADE)  # fmt: skip
    fee = np.flatnonzero(row["amount"] > 0)
    received = np.where(buys, terms.base[market], terms.quote[market])
    nobody = np.full(len(fee), NOBODY)
    charged = _Move(rows[fee], (order + 2 + maker)[fee], received[fee], row["amount"][fee],
                    (account[fee], Bucket.FREE), (nobody, Bucket.FEES), EntryKind.FEE)  # fmt: skip
    return [paid, charged]


def _money(batch: Batch) -> list[_Move]:
    """What one event moves from one bucket to another; a spending pays its fee after it."""
    e, moves = batch.events, []

    def move(event: EventKind, kind: EntryKind, giver: Bucket, taker: Bucket, column="amount"):
        rows = np.flatnonzero((e["kind"] == event) & (e[column] > 0))
        row = e[rows]
        ends = [
            (np.full(len(rows), NOBODY) if of in _NOBODYS else row["account"], of)
            for of in (giver, taker)
        ]
        step = 1 if column == "price" else 0
        order = rows * _STEPS + step
        moves.append(_Move(rows, order, row["market"], row[column], *ends, kind))

    free, reserved = Bucket.FREE, Bucket.RESERVED
    move(EventKind.CREDITED, EntryKind.CREDIT, Bucket.OUTSIDE, free)
    move(EventKind.DEBITED, EntryKind.DEBIT, free, Bucket.OUTSIDE)
    move(EventKind.RESERVED, EntryKind.RESERVE, free, reserved)
    move(EventKind.RELEASED, EntryKind.UNRESERVE, reserved, free)
    move(EventKind.SPENT, EntryKind.SPEND, reserved, Bucket.OUTSIDE)
    move(EventKind.SPENT, EntryKind.FEE, reserved, Bucket.FEES, "price")
    move(EventKind.REFERRAL_PAID, EntryKind.REFERRAL, Bucket.FEES, free)
    rows = np.flatnonzero(e["kind"] == EventKind.TRANSFERRED)
    row = e[rows]
    giver, taker = (row["account"], free), (row["order_id"], free)
    moves.append(
        _Move(rows, rows * _STEPS, row["market"], row["amount"], giver, taker, EntryKind.TRANSFER)
    )
    return moves
