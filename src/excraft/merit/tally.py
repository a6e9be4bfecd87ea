"""What the day and the round that run count so far: for pages, and for the day's prices.

What is paid is computed from the published dataset, not from this.
"""

from collections import Counter
from typing import Any

import numpy as np

from excraft.messages.events import EventKind
from excraft.scores.poe import sums_by


class Tally:
    """Atoms by market (quote, base) of the day; fees by account and quote asset of the round."""

    def __init__(self) -> None:
        self.quote: Counter[int] = Counter()
        self.lots: Counter[int] = Counter()
        self.fees: dict[int, Counter[int]] = {}  # of the round, by account and asset
        self._waiting: list[np.ndarray] = []
        self._trades: list[np.ndarray] = []

    def add(self, rows: np.ndarray, events: np.ndarray) -> None:
        """Rows of fills.ROW and the events they are of; counted when somebody asks."""
        self._waiting.append(rows)
        trades = events[events["kind"] == EventKind.ORDER_FILLED]
        self._trades.append(trades[["market", "quantity"]].copy())
        if len(self._waiting) >= 4_096:
            self._count()

    def _count(self) -> None:
        if not self._waiting:
            return
        rows, trades = np.concatenate(self._waiting), np.concatenate(self._trades)
        self._waiting, self._trades = [], []
        taker = rows["maker"] == 0
        market = trades["market"][taker].astype(np.int64)
        self.quote.update(sums_by(market, rows["notional"][taker]))
        self.lots.update(sums_by(market, trades["quantity"][taker]))
        key = (rows["account"].astype(np.int64) << 32) | rows["asset"]
        fees = rows["fee"] // 10_000 * rows["weight"] + rows["fee"] % 10_000 * rows[
            "weight"
        ] // np.int64(10_000)
        for both, amount in sums_by(key, fees).items():
            self.fees.setdefault(both >> 32, Counter())[both & 0xFFFFFFFF] += amount

    def traded_atoms(self) -> dict[int, tuple[int, int]]:
        """(quote atoms, lots) by market, of the day."""
        self._count()
        return {market: (self.quote[market], self.lots[market]) for market in sorted(self.quote)}

    def fees_of(self, account: int) -> dict[int, int]:
        """Weighted fees so far in the round, by quote asset."""
        self._count()
        return dict(self.fees.get(account, {}))

    def new_day(self) -> None:
        self._count()
        self.quote.clear()
        self.lots.clear()

    def new_round(self) -> None:
        self._count()
        self.fees.clear()

    def dump(self) -> dict[str, Any]:
        self._count()
        return {
            "quote": sorted(self.quote.items()), "lots": sorted(self.lots.items()),
            "fees": [
                (account, asset, atoms)
                for account, fees in self.fees.items()
                for asset, atoms in fees.items()
            ],
        }  # fmt: skip

    @classmethod
    def load(cls, raw: dict[str, Any]) -> "Tally":
        """Become what was dumped."""
        tally = cls()
        tally.quote.update(dict(raw["quote"]))
        tally.lots.update(dict(raw["lots"]))
        for account, asset, atoms in raw["fees"]:
            tally.fees.setdefault(account, Counter())[asset] = atoms
        return tally
