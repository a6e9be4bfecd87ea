"""Reward days and rounds, by the time of records alone.

Day 0 begins at the last whole multiple of its length before the first record: UTC midnight. A day
is over with the first record at or after its end; what changes lengths holds from the next on.
"""

import msgspec

SECOND = 1_000_000_000


class Calendar(msgspec.Struct):
    """The day that runs. `begin` and `end` in seconds since 1970; `begin` -1 before any record.
    `day_in_round` counts from 0 to `round_days` - 1."""

    day: int = 0
    round: int = 0
    begin: int = -1
    end: int = -1
    day_in_round: int = 0
    round_days: int = 7

    def start(self, time_ns: int, day_s: int, round_days: int) -> None:
        """The first record."""
        seconds = time_ns // SECOND
        self.begin = seconds - seconds % day_s
        self.end, self.round_days = self.begin + day_s, round_days

    def over(self, time_ns: int) -> bool:
        """Whether a record of this time is no longer of the day that runs."""
        return time_ns >= self.end * SECOND

    @property
    def ends_round(self) -> bool:
        return self.day_in_round == self.round_days - 1

    def next(self, day_s: int, round_days: int) -> None:
        """The next day runs."""
        if self.ends_round:
            self.round, self.day_in_round, self.round_days = self.round + 1, 0, round_days
        else:
            self.day_in_round += 1
        self.day += 1
        self.begin, self.end = self.end, self.end + day_s

    def invariant(self) -> None:
        """Raises AssertionError for what cannot be."""
        assert self.begin < self.end or self.begin == -1
        assert 0 <= self.day_in_round < self.round_days
