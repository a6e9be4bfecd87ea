"""What a deposit is: its states, and how units of a chain become atoms of the exchange."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from excraft.units import AMOUNT_MAX

HOUSE = -1  # in the place of an account: what reaches our own wallets is nobody's deposit
COIN = -1  # in the place of a log's number: the native coin, moved by the transaction itself
FOUND = -2  # and below: found by the comparison; the block's hash is in the transaction's place


class Status(IntEnum):
    """Numbered once, for ever."""

    SEEN = 1  # in a block
    CONFIRMED = 2  # deep enough; its credit may be on its way
    CREDITED = 3
    ORPHANED = 4  # its block is no longer in the chain; nothing was credited
    REMOVED = 5  # credited, and then its block left the chain: an alarm
    KEPT_BACK = 6  # confirmed, shown and not credited; `note` says why
    HOUSE = 7  # confirmed, and came to the hot or the cold wallet: the exchange's own money


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset as a chain has it: 1 coin is 10**chain_decimals units and 10**decimals atoms."""

    number: int
    decimals: int
    chain_decimals: int
    minimum: int = 1  # atoms; less is shown and not credited

    def __post_init__(self) -> None:
        if not (0 <= self.chain_decimals <= 77 and 0 <= self.decimals <= 18 and self.minimum > 0):
            raise ValueError(f"{self} cannot be: decimals 0 to 18, on the chain 0 to 77, minimum 1")

    def split(self, units: int) -> tuple[int, int]:
        """(atoms, units that are less than one atom): rounds down, and nothing is lost."""
        finer = self.chain_decimals - self.decimals
        if finer <= 0:
            return units * 10**-finer, 0
        return divmod(units, 10**finer)

    def objection(self, atoms: int) -> str:
        """Why an amount is not credited; empty when it is."""
        if atoms < self.minimum:
            return f"{atoms} atoms are below the minimum of {self.minimum}"
        if atoms > AMOUNT_MAX:
            return f"more than the {AMOUNT_MAX} atoms that one credit holds"
        return ""


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """One chain. Addresses in small letters; `own`: the exchange's wallets, whose payments to
    deposit addresses (gas for a sweep) are no deposits."""

    chain_id: int
    coin: Asset
    tokens: Mapping[str, Asset] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    confirmations: int = 12  # 1: in the newest block
    first_block: int | None = None  # None: the newest one when the chain is first watched
    range_blocks: int = 32  # of one call
    kept_blocks: int = 4096  # how deep a re-organisation may go
    credits_at_once: int = 500

    def __post_init__(self) -> None:
        for name in ("confirmations", "range_blocks", "credits_at_once"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.kept_blocks < self.confirmations:
            raise ValueError(f"kept_blocks {self.kept_blocks} is less than confirmations")
        wrong = [a for a in (*self.tokens, *self.own) if a != a.lower() or len(a) != 42]
        if wrong:
            raise ValueError(f"{wrong[0]!r} must be an address in small letters")

    def asset(self, token: str | None) -> Asset:
        return self.coin if token is None else self.tokens[token]


class Arrival(NamedTuple):
    """Something that reached a deposit address."""

    transaction: str
    log: int  # within its transaction, or COIN
    address: str
    account: int
    token: str | None
    units: int  # to be credited
    block: int
    block_hash: str
    note: str = ""


def log_name(log: int) -> str:
    """Where in its transaction a deposit is; of what was found, which of its block."""
    if log <= FOUND:
        return f"found{FOUND - log}"
    return "coin" if log == COIN else str(log)


def reference(chain_id: int, transaction: str, log: int) -> str:
    """What the log names as the reason of the credit; there is one such credit at most."""
    return f"{chain_id}:{transaction}:{log_name(log)}"
