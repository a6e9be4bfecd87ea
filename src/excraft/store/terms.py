"""What a lot and a tick of each market are worth in atoms, learned from LIST_MARKET."""

import numpy as np
from sqlalchemy import Connection, select

from excraft.messages.events import EventKind
from excraft.store.batch import Batch
from excraft.store.schema import markets

COLUMNS = ("base", "quote", "base_atoms_per_lot", "quote_atoms_per_tick_lot")


class Terms:
    """Arrays by market number: `base` and `quote` assets, atoms per lot and per tick x lot."""

    def __init__(self) -> None:
        self._table = np.zeros((4, 0), np.int64)

    @property
    def base(self) -> np.ndarray:
        return self._table[0]

    @property
    def quote(self) -> np.ndarray:
        return self._table[1]

    @property
    def base_atoms_per_lot(self) -> np.ndarray:
        return self._table[2]

    @property
    def quote_atoms_per_tick_lot(self) -> np.ndarray:
        return self._table[3]

    def load(self, connection: Connection) -> None:
        """What an earlier run stored."""
        rows = connection.execute(select(markets)).all()
        if rows:
            found = np.array(rows, np.int64).T
            self._put(found[0], found[1:])

    def learn(self, batch: Batch) -> dict[str, np.ndarray]:
        """Take in the markets that the batch lists; returns their rows. Twice does no harm."""
        listed = np.flatnonzero(batch.events["kind"] == EventKind.MARKET_LISTED)
        causing = batch.commands[batch.command[listed]]
        market = batch.events["market"][listed]
        told = [causing[name] for name in ("order_id", "stop_price", "quantity", "price")]
        if len(listed):
            self._put(market, np.array(told, np.int64))
        return {"market": market, **dict(zip(COLUMNS, told, strict=True))}

    def _put(self, market: np.ndarray, columns: np.ndarray) -> None:
        missing = int(market.max()) + 1 - self._table.shape[1]
        if missing > 0:
            self._table = np.pad(self._table, ((0, 0), (0, missing)))
        self._table[:, market] = columns
