"""manifest.json: what a folder of the dataset contains, from what it was made, and its hash.

    {"format": 1, "kind": "day", "facts": {..., "files": {...}}, "dataset_hash": ...,
     "results": null or {..., "files": {...}, "roots": {...}}}

`dataset_hash` is the SHA-256 of the canonical JSON of `facts`: what is known before anything is
computed. Numbers that may not fit in 53 bits are digits in quotes.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from excraft.dataset.errors import Damaged, NotPublished
from excraft.dataset.writing import File
from excraft.units import Rational

FORMAT = 1
NAME = "manifest.json"


class Terms(NamedTuple):
    """The numbers that the arithmetic of a day reads; a bill may change them.

    poe_bp, stake_bp           parts of the emission; the pools get what is left
    cap_poe_bp, cap_pools_bp, cap_revenue_bp  caps on value, in basis points of PoE
    first, halving, supply     schedule: units of day 0, days to the half, units in all
    max_rebate_ppm, max_referral_ppm  the most of a taker's fee that can come back
    base_fee_ppm               the ordinary fee, to show PoE as volume
    price_move_bp              the most that the price moves in a day
    seats, verified_min        how many pools get a reward, and with how many verified members
    """

    poe_bp: int
    stake_bp: int
    cap_poe_bp: int
    cap_pools_bp: int
    cap_revenue_bp: int
    first: int
    halving: int
    supply: int
    max_rebate_ppm: int
    max_referral_ppm: int
    base_fee_ppm: int
    price_move_bp: int
    seats: int
    verified_min: int


@dataclass(frozen=True)
class DayFacts:
    """What merit knows at the close of a day, beside the tables.

    begin, end      seconds since 1970, UTC: the day is [begin, end)
    position, record_hash  of the log at the close; the hash as 64 hex digits
    traded          price of EXT on the day, quote atoms for a unit (10^-18 EXT); None: no trade
    price_before    the bounded price of the day before, or what governance set for day 0
    carry_before, total_before  units: carry, and what may have been claimed on chain, before
    """

    day: int
    round: int
    begin: int
    end: int
    position: int
    record_hash: str
    terms: Terms
    traded: Rational | None
    price_before: Rational
    carry_before: int
    total_before: int

    def plain(self) -> dict[str, Any]:
        """As it stands in the manifest."""
        plain = asdict(self)
        plain["terms"] = {
            name: str(number) if name in ("first", "supply") else number
            for name, number in self.terms._asdict().items()
        }
        plain["traded"] = None if self.traded is None else list(map(str, self.traded))
        plain["price_before"] = list(map(str, self.price_before))
        for name in ("carry_before", "total_before"):
            plain[name] = str(plain[name])
        return plain

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> "DayFacts":
        """Raises KeyError, TypeError or ValueError for anything else than `plain` makes."""
        given = {name: plain[name] for name in cls.__dataclass_fields__}
        given["terms"] = Terms(**{name: int(n) for name, n in plain["terms"].items()})
        traded = plain["traded"]
        given["traded"] = None if traded is None else Rational(*map(int, traded))
        given["price_before"] = Rational(*map(int, plain["price_before"]))
        for name in ("carry_before", "total_before"):
            given[name] = int(plain[name])
        return cls(**given)


@dataclass(frozen=True)
class DayResults:
    """What the rewards of a day are, beside the tables; all in units except the price.

    emitted, price      of the day, by schedule and bounds
    poe, stake, pools   the three parts after the caps
    paid                to members in all; carry = carry_before + emitted - paid
    total               what may have been claimed on chain in all: sum of `cumulative`
    claims_root         of the claims tree, 64 hex digits
    """

    emitted: int
    price: Rational
    poe: int
    stake: int
    pools: int
    paid: int
    carry: int
    total: int
    claims_root: str

    def plain(self) -> dict[str, Any]:
        """As it stands in the manifest."""
        plain = {name: str(number) for name, number in asdict(self).items()}
        plain["price"] = list(map(str, self.price))
        del plain["claims_root"]
        return plain | {"roots": {"claims": self.claims_root}}

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> "DayResults":
        """Raises KeyError, TypeError or ValueError for anything else than `plain` makes."""
        names = [name for name in cls.__dataclass_fields__ if name not in ("price", "claims_root")]
        return cls(
            **{name: int(plain[name]) for name in names},
            price=Rational(*map(int, plain["price"])),
            claims_root=plain["roots"]["claims"],
        )


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def dataset_hash(facts: Mapping[str, Any]) -> str:
    """SHA-256 of the facts' canonical JSON, as 64 hex digits."""
    return sha256(canonical(facts)).hexdigest()


def files_plain(files: Mapping[str, File]) -> dict[str, Any]:
    return {name: file._asdict() for name, file in files.items()}


def load(folder: Path) -> dict[str, Any]:
    """The manifest of a folder. Raises NotPublished when there is none, Damaged when it is not
    readable or its facts do not have the hash that it states."""
    try:
        text = (folder / NAME).read_bytes()
    except FileNotFoundError:
        raise NotPublished(f"{folder.name} was not published: it has no {NAME}") from None
    try:
        found = json.loads(text)
        stated, own = found["dataset_hash"], dataset_hash(found["facts"])
    except (ValueError, KeyError, TypeError) as trouble:
        raise Damaged(f"{folder.name}/{NAME} is not a manifest: {trouble!r}") from None
    if found.get("format") != FORMAT:
        raise Damaged(f"{folder.name}/{NAME} has format {found.get('format')!r}, not {FORMAT}")
    if stated != own:
        raise Damaged(f"{folder.name}/{NAME} states dataset_hash {stated}; its facts have {own}")
    return found
