"""What the doors say of merit, and how a member's act gets into the log."""

import asyncio
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from excraft.dataset.days import Day, Round, days_there, open_day, open_round
from excraft.dataset.errors import DatasetError, NotPublished
from excraft.gateway.exchange import Exchange
from excraft.merit.known import counts
from excraft.merit.pools import Pool
from excraft.messages.commands import Command
from excraft.messages.events import EventKind
from excraft.messages.reasons import Reason
from excraft.parameters import RULES, Parameter, Scope
from excraft.scores.poe import as_volume
from excraft.scores.rosters import GRAND, SEATS

SHOWN = 400  # days, pools


class NotDone(Exception):
    """One sentence: why an act changed nothing."""


async def carried_out(exchange: Exchange, command: Command) -> int:
    """The position of an act that changed something; raises NotDone, EngineError."""
    outcome = await exchange.engine.execute(command)
    first = outcome.events[0]
    if first.kind == EventKind.REFUSED:
        raise NotDone(_SENTENCES.get(Reason(first.reason), Reason(first.reason).name))
    if why := exchange.merit.refused(outcome.position, first.command):
        raise NotDone(why)
    return outcome.position


_SENTENCES = {
    Reason.INSUFFICIENT_FUNDS: "you have less than that free",
    Reason.AMOUNT_OUT_OF_RANGE: "the amount must be more than 0",
}


def running(exchange: Exchange) -> dict[str, Any]:
    """The day and the round that run, and the numbers that hold."""
    calendar, known = exchange.merit.calendar, exchange.merit.known
    numbers = {p.name: known.number(p) for p, rule in RULES.items() if rule.scope is Scope.MERIT}
    return {
        "day": calendar.day, "round": calendar.round, "begin": calendar.begin,
        "end": calendar.end, "day_in_round": calendar.day_in_round,
        "round_days": calendar.round_days, "pools": len(exchange.merit.pools.pools),
        "reference": _reference(exchange), "parameters": numbers,
    }  # fmt: skip


def markets(exchange: Exchange) -> list[dict[str, Any]]:
    """What a fill counts in each market, and whether its price counts: where it does not, the fee
    of a buyer counts nothing."""
    found = []
    rows = zip(exchange.engine.listings.markets, exchange.merit.known.markets, strict=True)
    for market, row in rows:
        weight, source = counts(row)
        found.append({"symbol": market.symbol, "weight": weight, "price_source": source})
    return found


def _reference(exchange: Exchange) -> dict[str, Any]:
    """What PoE is counted in: its symbol, and the decimals of its atoms."""
    number = exchange.merit.known.number(Parameter.REFERENCE_ASSET) - 1
    if number < 0:
        return {"asset": "", "decimals": 0}
    asset = exchange.engine.listings.assets[number]
    return {"asset": asset.symbol, "decimals": asset.decimals}


def pool_shown(exchange: Exchange, pool: Pool) -> dict[str, Any]:
    """What everybody sees of a pool."""
    return {
        "pool": pool.number, "name": pool.name, "text": pool.text, "open_door": pool.open_door,
        "members": pool.members, "verified": pool.verified, "active": pool.active,
        "closed": pool.closed, "commission_bp": pool.commission_bp,
        "next_commission_bp": pool.next_commission_bp, "redistribute": pool.redistribute,
        "next_redistribute": pool.next_redistribute,
    }  # fmt: skip


def volume(exchange: Exchange, poe: int) -> int:
    """PoE as people read it, in atoms of the reference asset."""
    return as_volume(poe, exchange.merit.known.number(Parameter.BASE_FEE_PPM))


def day_shown(day: Day) -> dict[str, Any]:
    """A published day: its sums, hashes and files."""
    facts, done = day.facts, day.results
    return {
        "day": facts.day, "round": facts.round, "begin": facts.begin, "end": facts.end,
        "position": facts.position, "dataset_hash": day.dataset_hash,
        "emitted": str(done.emitted), "poe": str(done.poe), "stake": str(done.stake),
        "pools": str(done.pools), "paid": str(done.paid), "carry": str(done.carry),
        "total": str(done.total), "claims_root": done.claims_root,
        "price": [str(part) for part in done.price],
    }  # fmt: skip


def days_shown(root: Path) -> list[dict[str, Any]]:
    """The newest first; a day whose results are not there yet is left out."""
    found = []
    for number in reversed(days_there(root)[-SHOWN:]):
        with suppress(NotPublished):
            found.append(_published(root, number))
    return found


@lru_cache(maxsize=2 * SHOWN)
def _published(root: Path, number: int) -> dict[str, Any]:
    """What never changes, once it is whole; raises NotPublished until then."""
    return day_shown(open_day(root, number))


def newest_round(exchange: Exchange) -> Round | None:
    """The last one that is published."""
    for number in range(exchange.merit.calendar.round - 1, -1, -1):
        try:
            return open_round(exchange.dataset, number)
        except DatasetError:
            continue
    return None


async def seats(exchange: Exchange) -> dict[str, Any]:
    """Congress, Senate and Grand Pool Masters of the last round, as computed off chain."""

    return await asyncio.to_thread(_seats, exchange)


def _seats(exchange: Exchange) -> dict[str, Any]:
    found = newest_round(exchange)
    if found is None:
        return {"round": None, "congress": [], "senate": [], "grand": []}
    return _seats_of(exchange.dataset, found.manifest["facts"]["round"])


@lru_cache(maxsize=4)
def _seats_of(root: Path, number: int) -> dict[str, Any]:
    """The first of each chamber; the tables go on with all who qualify."""
    found = open_round(root, number)
    congress, senate = (
        [
            row._asdict() | {"first": str(row.first), "second": str(row.second)}
            for row in islice(found.rows(name), SEATS)
        ]
        for name in ("congress", "senate")
    )
    return {
        "round": number, "congress": congress, "senate": senate, "grand": senate[:GRAND],
        "roots": found.manifest["results"]["roots"],
    }  # fmt: skip
