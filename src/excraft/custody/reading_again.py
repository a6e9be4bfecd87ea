"""Blocks read a second time, when a node had denied what was in them.

What it now tells is a deposit only as far as the comparison cannot explain what the address holds:
then nobody has it yet, neither a member nor the exchange, and nothing is credited twice.
"""

import asyncio
from collections import defaultdict
from typing import NamedTuple

from excraft.custody.deposit import Arrival
from excraft.custody.service import Watched

BLOCKS_MAX = 1_000  # of one reading; a node is asked for all of them again


class Missed(NamedTuple):
    """`new`: becomes deposits; `explained`: has no row, and its address holds nothing too much."""

    new: list[Arrival]
    explained: list[Arrival]


async def missed(watched: Watched, first: int, last: int) -> Missed:
    """What has no row of blocks `first` to `last`. Nobody else may read the chain meanwhile: hold
    Custody.turn. Raises ValueError for a range that was not read, ChainError."""
    tip = await asyncio.to_thread(watched.book.tip)
    newest = -1 if tip is None else tip.number
    if not 0 <= first <= last <= newest or last - first >= BLOCKS_MAX:
        raise ValueError(
            f"blocks {first} to {last}: read so far are those up to {newest}, and at most "
            f"{BLOCKS_MAX} at once are read again"
        )
    arrivals = await watched.deposits.read_again(first, last)
    found = Missed([], [])
    taken: defaultdict[tuple, int] = defaultdict(int)
    for arrival in await asyncio.to_thread(watched.book.unknown, arrivals):
        place = (arrival.address.lower(), arrival.token)
        fits = taken[place] + arrival.units <= watched.reconcile.surplus(place)
        taken[place] += arrival.units if fits else 0
        (found.new if fits else found.explained).append(arrival)
    return found
