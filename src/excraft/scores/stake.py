"""Stake over time: token-seconds of a round or day from the intervals in which tokens were held."""

from collections.abc import Iterable
from typing import NamedTuple


class Interval(NamedTuple):
    """`units` staked by a member from second `begin` on, before second `end`."""

    member: int
    units: int
    begin: int
    end: int


def token_seconds(intervals: Iterable[Interval], begin: int, end: int) -> dict[int, int]:
    """Token-seconds by member of what lies in [begin, end), without zeros. Raises ValueError for
    an interval that ends before it begins, or a negative stake."""
    sums: dict[int, int] = {}
    for one in intervals:
        if one.units < 0 or one.end < one.begin:
            raise ValueError(f"{one} is no interval of stake")
        seconds = min(one.end, end) - max(one.begin, begin)
        if seconds > 0 and one.units:
            sums[one.member] = sums.get(one.member, 0) + one.units * seconds
    return sums
