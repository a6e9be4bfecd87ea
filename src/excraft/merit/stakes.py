"""What members stake: on the exchange, as money set aside, and in the vault on chain.

Of what is set aside on the exchange the part that somebody has asked back counts nothing from that
moment on, and is released after the delay.
"""

from bisect import bisect_left, bisect_right, insort

import msgspec

SOURCES = ("exchange", "vault")


class Asked(msgspec.Struct):
    """Atoms that somebody asked back; free again from second `due` on."""

    account: int
    atoms: int
    due: int


def _due(one: Asked) -> int:
    return one.due


class Interval(msgspec.Struct, frozen=True):
    """`units` of 10^-18 EXT from second `begin` on, before second `end`."""

    account: int
    source: str
    units: int
    begin: int
    end: int


class DayStakes(msgspec.Struct):
    """A day's stakes as they were put aside at its end, which takes a moment only however many
    stake; `intervals` cuts them to the day."""

    begin: int
    end: int
    ended: list[Interval]
    counted: dict[str, dict[int, tuple[int, int]]]

    def intervals(self) -> list[Interval]:
        """All intervals of the day, cut to it."""
        begin, end = self.begin, self.end
        found = [_cut(one, begin, end) for one in self.ended]
        for source, counted in self.counted.items():
            for account, (units, since) in counted.items():
                if since < end:
                    found.append(_cut(Interval(account, source, units, since, end), begin, end))
        return [one for one in found if one.begin < one.end and one.units]


class Stakes(msgspec.Struct, dict=True):
    """`counted`: (units, since) by source and account; `reserved`: atoms set aside on the exchange;
    `asked`: what is to be released, the first due first."""

    counted: dict[str, dict[int, tuple[int, int]]] = msgspec.field(
        default_factory=lambda: {source: {} for source in SOURCES}
    )
    reserved: dict[int, int] = msgspec.field(default_factory=dict)
    asked: list[Asked] = msgspec.field(default_factory=list)
    ended: list[Interval] = msgspec.field(default_factory=list)  # of the day that runs

    def __post_init__(self) -> None:
        self._asked_by = self._by_account()  # what is looked up; follows from `asked`

    def _by_account(self) -> dict[int, list[Asked]]:
        found: dict[int, list[Asked]] = {}
        for one in self.asked:
            found.setdefault(one.account, []).append(one)
        return found

    def asked_by(self, account: int) -> list[Asked]:
        """What one account asked back, the first due first."""
        return self._asked_by.get(account, [])

    def set_aside(self, account: int, atoms: int, second: int, unit: int) -> None:
        """RESERVED for stake; `unit`: units of one atom."""
        self.reserved[account] = self.reserved.get(account, 0) + atoms
        self._count(account, "exchange", self._units(account, unit), second)

    def given_back(self, account: int, atoms: int, second: int, unit: int) -> None:
        """RELEASED of stake: of what was asked back the first due, and only then what counts."""
        self.reserved[account] = self.reserved.get(account, 0) - atoms
        if not self.reserved[account]:
            del self.reserved[account]
        left, asked = atoms, self.asked_by(account)
        while left and asked:
            taken = min(left, asked[0].atoms)
            asked[0].atoms -= taken
            left -= taken
            if not asked[0].atoms:
                self._drop(asked.pop(0))
        if not asked:
            self._asked_by.pop(account, None)
        self._count(account, "exchange", self._units(account, unit), second)

    def _drop(self, one: Asked) -> None:
        at = bisect_left(self.asked, one.due, key=_due)
        while self.asked[at] is not one:
            at += 1
        del self.asked[at]

    def may_ask(self, account: int) -> int:
        """Atoms that are staked and not asked back yet."""
        waiting = sum(one.atoms for one in self.asked_by(account))
        return self.reserved.get(account, 0) - waiting

    def ask(self, account: int, atoms: int, second: int, delay_s: int, unit: int) -> None:
        """Raises ValueError when so much is not staked."""
        if not 1 <= atoms <= self.may_ask(account):
            raise ValueError(
                f"{self.may_ask(account)} atoms are staked, so not {atoms} can be asked"
            )
        one = Asked(account, atoms, second + delay_s)
        insort(self.asked, one, key=_due)
        insort(self._asked_by.setdefault(account, []), one, key=_due)
        self._count(account, "exchange", self._units(account, unit), second)

    def vault(self, account: int, units: int, second: int) -> None:
        """So much is in the vault from now on. Raises ValueError for less than nothing."""
        if units < 0:
            raise ValueError(f"a vault holds 0 units or more, not {units}")
        self._count(account, "vault", units, second)

    def due(self, second: int) -> list[Asked]:
        """What may be released."""
        return self.asked[: bisect_right(self.asked, second, key=_due)]

    def end_of_day(self, begin: int, end: int) -> "DayStakes":
        """What the day's intervals are made of; what goes on goes on."""
        ended = [one for one in self.ended if one.begin < end]
        self.ended = [one for one in self.ended if one.end > end]
        counted = {source: dict(of) for source, of in self.counted.items()}
        return DayStakes(begin, end, ended, counted)

    def units_of(self, account: int) -> int:
        """What counts at this moment."""
        return sum(c.get(account, (0, 0))[0] for c in self.counted.values())

    def _units(self, account: int, unit: int) -> int:
        return self.may_ask(account) * unit

    def _count(self, account: int, source: str, units: int, second: int) -> None:
        counted = self.counted[source]
        before, since = counted.pop(account, (0, second))
        if before == units:
            counted[account] = (before, since)
        else:
            if before and since < second:
                self.ended.append(Interval(account, source, before, since, second))
            if units:
                counted[account] = (units, second)
        if not units:
            counted.pop(account, None)

    def invariant(self) -> None:
        """Raises AssertionError for what cannot be."""
        assert all(atoms > 0 for atoms in self.reserved.values())
        assert all(one.atoms > 0 for one in self.asked)
        assert self.asked == sorted(self.asked, key=_due)
        assert self._asked_by == self._by_account()
        accounts = {one.account for one in self.asked}
        assert all(self.may_ask(account) >= 0 for account in accounts)


def _cut(one: Interval, begin: int, end: int) -> Interval:
    return Interval(one.account, one.source, one.units, max(one.begin, begin), min(one.end, end))
