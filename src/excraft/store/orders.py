"""Events of orders -> new rows of `orders` and changes of stored ones, and the fills of a batch."""

from enum import StrEnum

import numpy as np

from excraft.messages.commands import Side
from excraft.messages.events import EventKind, Flag
from excraft.messages.reasons import Reason
from excraft.store.batch import Batch
from excraft.store.terms import Terms

Columns = dict[str, "np.ndarray | list"]


class OrderStatus(StrEnum):
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"


STATUSES = tuple(OrderStatus)  # the column `status` is an index into this; numbered for ever
NEW, PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED, EXPIRED_IN_MATCH = range(6)
UNCHANGED = -1
_COMMAND_COLUMNS = ("order_type", "time_in_force", "self_trade", "price", "amount", "stop_price")


def order_rows(batch: Batch, terms: Terms) -> tuple[Columns, Columns]:
    """(rows of orders placed in the batch, changes of orders placed before it).

    In a change `filled`, `quote`, `prevented` and `amended` are what to add or take off, `status`
    UNCHANGED and `working_ns` 0 mean: leave as it is.
    """
    e = batch.events
    kind = e["kind"]
    about = np.flatnonzero((kind >= EventKind.ORDER_ACCEPTED) & (kind <= EventKind.TRADE_PREVENTED))
    about = about[np.argsort(e["order_id"][about], kind="stable")]
    order_id = e["order_id"][about]
    starts = np.ones(len(about), bool)
    starts[1:] = order_id[1:] != order_id[:-1]
    first = np.flatnonzero(starts)
    if not len(first):
        return {}, {}
    row = e[about]
    last = np.append(first[1:], len(about)) - 1
    kind = row["kind"]

    def total(which: EventKind, values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(np.where(kind == which, values, 0), first)

    filled = total(EventKind.ORDER_FILLED, row["quantity"])
    amended = total(EventKind.ORDER_AMENDED, row["quantity"])
    is_new = kind[first] == EventKind.ORDER_ACCEPTED
    pending = row["flags"][first] & Flag.PENDING != 0
    triggered = np.maximum.reduceat(
        np.where(kind == EventKind.ORDER_TRIGGERED, batch.time_ns[about], 0), first
    )
    columns = {
        "id": order_id[first],
        "left": _left(row[last]),
        "filled": filled,
        "quote": total(EventKind.ORDER_FILLED, _quote(row, terms)),
        "prevented": total(EventKind.TRADE_PREVENTED, row["quantity"]),
        "status": _status(row[last], filled, is_new),
        "updated_ns": batch.time_ns[about[last]],
        "position": batch.position[about[last]],
        "working_ns": np.where(is_new & ~pending, batch.time_ns[about[first]], triggered),
    }
    placed = about[first[is_new]]
    changed = {name: values[~is_new] for name, values in columns.items()}
    changed["amended"] = amended[~is_new]
    new = {name: values[is_new] for name, values in columns.items()}
    new |= _placed(batch, placed, amended[is_new])
    return new, changed


def _placed(batch: Batch, placed: np.ndarray, amended: np.ndarray) -> Columns:
    """The columns that an order keeps for ever, from its event and its command."""
    accepted = batch.events[placed]
    causing = batch.commands[batch.command[placed]]
    return {
        "account": accepted["account"],
        "market": accepted["market"],
        "side": accepted["side"],
        **{name: causing[name] for name in _COMMAND_COLUMNS},
        "quantity": causing["quantity"] - amended,
        "client_id": batch.text_of(placed),
        "client_key": causing["client_key"],
        "time_ns": batch.time_ns[placed],
    }


def _left(last: np.ndarray) -> np.ndarray:
    """Lots that remain, resting or waiting, after each order's last event."""
    # Acceptance and triggering are followed by the fills they cause, so as a last event they leave
    # the whole order; their own column `left` says what rests in the book, which is another thing.
    kind = last["kind"]
    whole = (kind == EventKind.ORDER_ACCEPTED) | (kind == EventKind.ORDER_TRIGGERED)
    open_after = last["flags"] & Flag.CLOSED == 0
    return np.where(open_after, np.where(whole, last["quantity"], last["left"]), 0)


def _status(last: np.ndarray, filled: np.ndarray, is_new: np.ndarray) -> np.ndarray:
    """Status after each order's last event; UNCHANGED when the batch cannot tell and need not."""
    kind, reason, flags = last["kind"], last["reason"], last["flags"]
    # A market order by amount begins and ends within one command, so `filled` is all it ever got.
    spent = (reason == Reason.BUDGET_SPENT) & (flags & Flag.BY_AMOUNT != 0) & (filled > 0)
    closed = flags & Flag.CLOSED != 0
    return np.select(
        [
            closed & (kind == EventKind.ORDER_FILLED),
            closed & (kind == EventKind.ORDER_CANCELED),
            closed & (reason == Reason.SELF_TRADE),
            closed & spent,
            closed,
            filled > 0,
            is_new,
        ],
        [FILLED, CANCELED, EXPIRED_IN_MATCH, FILLED, EXPIRED, PARTIALLY_FILLED, NEW],
        UNCHANGED,
    )


def fill_rows(batch: Batch, terms: Terms) -> Columns:
    """One row per side of each trade."""
    filled = np.flatnonzero(batch.events["kind"] == EventKind.ORDER_FILLED)
    row = batch.events[filled]
    market = row["market"]
    return {
        "account": row["account"],
        "market": market,
        "trade_id": row["trade_id"],
        "maker": row["flags"] & Flag.MAKER,
        "order_id": row["order_id"],
        "side": row["side"],
        "price": row["price"],
        "lots": row["quantity"],
        "quote": _quote(row, terms),
        "fee": row["amount"],
        "fee_asset": np.where(row["side"] == Side.BUY, terms.base[market], terms.quote[market]),
        "time_ns": batch.time_ns[filled],
        "position": batch.position[filled],
        "event": batch.event[filled],
    }


def _quote(row: np.ndarray, terms: Terms) -> np.ndarray:
    """Quote atoms of fills; other kinds of events give a number without meaning."""
    # price x lots x atoms never exceeds 2**62: NOTIONAL_TOO_LARGE refused the maker otherwise.
    return row["price"] * row["quantity"] * terms.quote_atoms_per_tick_lot[row["market"]]
