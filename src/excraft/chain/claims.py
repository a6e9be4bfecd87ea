"""What was claimed of the RewardDistributor, by whom, from what it said."""

from excraft.chain.contract import Event
from excraft.chain.errors import BadAnswer


class Claims:
    """Fed with the distributor's events in their order, as `ContractLogs.read` gives them."""

    def __init__(self) -> None:
        self._cumulative: dict[str, int] = {}
        self.total = 0  # units of all

    def add(self, event: Event) -> None:
        """Raises BadAnswer when what it says does not add up: an event is missing."""
        address, units = event.fields["account"], event.fields["units"]
        after = self.of(address) + units
        if units <= 0 or after != event.fields["cumulative"]:
            raise BadAnswer(f"after {event} {address} has claimed {after} units")
        self._cumulative[address] = after
        self.total += units

    def of(self, address: str) -> int:
        """Units that the address, in small letters, has claimed in all."""
        return self._cumulative.get(address, 0)

    def invariant(self) -> None:
        """Raises AssertionError unless the total is the sum of all."""
        assert self.total == sum(self._cumulative.values()), "claims do not add up to their total"
