"""Price levels of one market, and what changed in them since each reader last looked."""

from bisect import bisect_left, insort
from typing import NamedTuple

Level = tuple[int, int]  # (ticks, lots)


class Depth(NamedTuple):
    """A snapshot: every change up to and with `last_update_id` is in it; best levels first."""

    last_update_id: int
    bids: list[Level]
    asks: list[Level]


class DepthDiff(NamedTuple):
    """Changes `first` (U) to `last` (u): the levels they touched as they are now, 0 lots when gone.

    `first` is always the `last` of the same reader's diff before it plus one.
    """

    first: int
    last: int
    bids: list[Level]
    asks: list[Level]


class Best(NamedTuple):
    """Best bid and ask; price and lots are 0 on an empty side."""

    update_id: int
    bid: int
    bid_lots: int
    ask: int
    ask_lots: int


class BrokenBook(RuntimeError):
    """The events do not fit the book they are said to change: a bug, not an input."""


class Book:
    """Levels under signed prices: a bid at its price, an ask at minus its price.

    So both sides are sorted with the best level last, where almost all changes happen, and one
    code serves both. `update_id` grows by one with each event that changes a level.
    """

    __slots__ = ("keys", "levels", "pending", "update_id")

    def __init__(self) -> None:
        self.levels: dict[int, int] = {}
        self.keys: tuple[list[int], list[int]] = ([], [])  # bids, asks
        self.update_id = 0
        self.pending: dict[str, list] = {}  # reader -> [last update id delivered, touched keys]

    def change(self, side: int, price: int, lots: int) -> None:
        """Add `lots` (negative: take away) to one level."""
        self.update_id += 1
        levels, key = self.levels, -price if side else price
        left = levels.get(key, 0) + lots
        if left > 0:
            if key not in levels:
                insort(self.keys[side], key)
            levels[key] = left
        elif left == 0 and lots:
            del levels[key]
            keys = self.keys[side]
            if keys[-1] == key:
                keys.pop()
            else:
                del keys[bisect_left(keys, key)]
        else:
            raise BrokenBook(f"{lots} lots for side {side} at {price} leave {left}")
        for reader in self.pending.values():
            reader[1].add(key)

    def change_many(self, changes: int, net: list[tuple[int, int]]) -> None:
        """What `changes` calls of `change` do, given the sum of lots per signed price."""
        self.update_id += changes
        levels = self.levels
        new: tuple[list[int], list[int]] = ([], [])
        gone: tuple[list[int], list[int]] = ([], [])
        for key, lots in net:
            before = levels.get(key, 0)
            left = before + lots
            if left > 0:
                if not before:
                    new[key < 0].append(key)
                levels[key] = left
            elif left == 0:
                if before:
                    gone[key < 0].append(key)
                    del levels[key]
            else:
                raise BrokenBook(f"{lots} lots at {key} leave {left}")
        for side in (0, 1):
            if new[side] or gone[side]:
                self._resort(self.keys[side], new[side], gone[side])
        for reader in self.pending.values():
            reader[1].update(key for key, _ in net)

    def _resort(self, keys: list[int], new: list[int], gone: list[int]) -> None:
        if len(gone) > 16:
            keys[:] = [key for key in keys if key in self.levels]
        else:
            for key in gone:
                del keys[bisect_left(keys, key)]
        if len(new) > 16:
            keys.extend(new)
            keys.sort()
        else:
            for key in new:
                insort(keys, key)

    def depth(self, limit: int) -> Depth:
        """The best `limit` levels of each side."""
        bids, asks = (keys[: -limit - 1 : -1] for keys in self.keys)
        levels = self.levels
        return Depth(
            self.update_id, [(k, levels[k]) for k in bids], [(-k, levels[k]) for k in asks]
        )

    def best(self) -> Best:
        """The touch."""
        bids, asks = self.keys
        bid, ask = bids[-1] if bids else 0, asks[-1] if asks else 0
        levels = self.levels
        return Best(self.update_id, bid, levels.get(bid, 0), -ask, levels.get(ask, 0))

    def diff(self, reader: str) -> DepthDiff | None:
        """What changed since the reader's last call; None: nothing, or this is its first call."""
        mine = self.pending.get(reader)
        if mine is None:
            self.pending[reader] = [self.update_id, set()]
            return None
        last, touched = mine
        if last == self.update_id:
            return None
        self.pending[reader] = [self.update_id, set()]
        levels = self.levels
        found = sorted(touched, reverse=True)  # bids from the best, then asks from the best
        bids = [(k, levels.get(k, 0)) for k in found if k > 0]
        asks = [(-k, levels.get(k, 0)) for k in found if k < 0]
        return DepthDiff(last + 1, self.update_id, bids, asks)

    def invariant(self) -> list[str]:
        """What is wrong with this book, as sentences; empty when all is well."""
        wrong = []
        bids, asks = self.keys
        for name, keys in (("bids", bids), ("asks", asks)):
            if any(a >= b for a, b in zip(keys, keys[1:], strict=False)):
                wrong.append(f"{name} are not strictly sorted")
        if set(bids) | set(asks) != self.levels.keys():
            wrong.append("sorted prices and levels differ")
        wrong += [f"level {k} has {lots} lots" for k, lots in self.levels.items() if lots <= 0]
        if bids and asks and bids[-1] >= -asks[-1]:
            wrong.append(f"best bid {bids[-1]} is not below best ask {-asks[-1]}")
        return wrong
