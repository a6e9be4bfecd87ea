"""Records and their events -> one transaction of rows, with the mark that says how far it went."""

from collections.abc import Sequence

from sqlalchemy import insert as insert_one
from sqlalchemy import select, update

from excraft.store import bulk, schema
from excraft.store.batch import Batch, Taken
from excraft.store.database import Database
from excraft.store.ledger import entry_rows
from excraft.store.orders import fill_rows, order_rows
from excraft.store.terms import Terms

CONSUMER = "history"


class MarkMoved(RuntimeError):
    """Somebody else wrote history into this database since we last looked."""


class HistoryGap(RuntimeError):
    """A record that does not follow the one before: a part of history would be missing."""


class Recorder:
    """Each record takes effect exactly once, whatever fails in between and is tried again."""

    def __init__(self, database: Database) -> None:
        self.mark = 0
        self._database = database
        self._entries = 0
        self._terms = Terms()
        self._certain = False  # that `mark` is what the database holds

    def load(self) -> None:
        """Where the database stands."""
        with self._database.write() as connection:
            columns = schema.marks.c
            found = connection.execute(
                select(columns.position, columns.entries).where(columns.consumer == CONSUMER)
            ).first()
            if found is None:
                found = (0, 0)
                connection.execute(
                    insert_one(schema.marks).values(consumer=CONSUMER, position=0, entries=0)
                )
            self._terms.load(connection)
        self.mark, self._entries = found
        self._certain = True

    def store(self, taken: Sequence[Taken]) -> None:
        """Write what is not yet there. After an error nothing or all of it is; call again."""
        if not self._certain:
            self.load()
        fresh = [t for t in taken if t.record.position > self.mark]
        if not fresh:
            return
        if fresh[0].record.position != self.mark + 1:
            raise HistoryGap(
                f"record {fresh[0].record.position} came, but {self.mark + 1} is the next to store"
            )
        self._certain = False
        batch = Batch(fresh)
        listed = self._terms.learn(batch)
        placed, changed = order_rows(batch, self._terms)
        fills = fill_rows(batch, self._terms)
        entries = entry_rows(batch, self._terms, self._entries)
        after = self._entries + len(entries["id"])
        with self._database.write() as connection:
            bulk.insert(connection, schema.markets, listed)
            bulk.insert(connection, schema.orders, placed)
            bulk.change_orders(connection, changed)
            bulk.insert(connection, schema.fills, fills)
            bulk.insert(connection, schema.entries, entries)
            self._move_mark(connection, batch.last_position, after)
        self.mark, self._entries = batch.last_position, after
        self._certain = True

    def _move_mark(self, connection, position: int, entries: int) -> None:
        columns = schema.marks.c
        moved = connection.execute(
            update(schema.marks)
            .where(columns.consumer == CONSUMER, columns.position == self.mark)
            .values(position=position, entries=entries)
        )
        if moved.rowcount != 1:
            raise MarkMoved(f"the mark of {CONSUMER} is no longer {self.mark}")
