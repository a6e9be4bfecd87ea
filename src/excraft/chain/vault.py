"""Stake in the StakeVault as intervals of time, from what the vault said."""

from typing import NamedTuple

from excraft.chain.contract import Event
from excraft.chain.errors import BadAnswer


class Held(NamedTuple):
    """`units` (10^-18 EXT) staked by an address, in small letters, from second `begin` on, before
    second `end`."""

    address: str
    units: int
    begin: int
    end: int


class VaultStakes:
    """Fed with the vault's events in their order, as `ContractLogs.read` gives them. What was asked
    back counts no more, though it is still in the vault."""

    def __init__(self) -> None:
        self._past: list[Held] = []
        self._now: dict[str, tuple[int, int]] = {}  # (units, since which second)
        self._leaving: dict[str, int] = {}

    def add(self, event: Event) -> None:
        """Raises BadAnswer when what the vault says does not add up: an event is missing."""
        address, units = event.fields["account"], event.fields["units"]
        staked, since = self._now.get(address, (0, 0))
        leaving = self._leaving.get(address, 0)
        if event.name == "Withdrawn":
            if units != leaving:
                raise BadAnswer(f"{address} withdrew {units} units, but {leaving} were leaving")
            self._leaving.pop(address, None)
            return
        after = staked + units if event.name == "Staked" else staked - units
        if after < 0 or after != event.fields["staked"]:
            raise BadAnswer(f"after {event} {address} has {after} units staked")
        if event.name == "UnstakeRequested":
            self._leaving[address] = leaving + units
        if staked and since < event.seconds:  # what begins and ends in one second counts nothing
            self._past.append(Held(address, staked, since, event.seconds))
        self._now[address] = (after, event.seconds)

    def staked(self, address: str) -> int:
        """Units that the address has staked now."""
        return self._now.get(address, (0, 0))[0]

    def all_staked(self) -> dict[str, int]:
        """Units by address, of those that have some staked now."""
        return {address: units for address, (units, _) in self._now.items() if units}

    @property
    def in_the_vault(self) -> int:
        """Units of all, staked or waiting to be withdrawn."""
        return sum(units for units, _ in self._now.values()) + sum(self._leaving.values())

    def intervals(self, begin: int, end: int) -> list[Held]:
        """Of all addresses, cut to [begin, end); by address and beginning. The caller has read all
        blocks before second `end`."""
        open_ones = [Held(a, units, since, end) for a, (units, since) in self._now.items() if units]
        cut = [
            Held(each.address, each.units, max(each.begin, begin), min(each.end, end))
            for each in (*self._past, *open_ones)
        ]
        return sorted((e for e in cut if e.begin < e.end), key=lambda e: (e.address, e.begin))

    def invariant(self) -> None:
        """Raises AssertionError for a stake or a waiting sum below nothing."""
        for address, (units, _) in self._now.items():
            assert units >= 0 and self._leaving.get(address, 0) >= 0, f"{address} owes the vault"
