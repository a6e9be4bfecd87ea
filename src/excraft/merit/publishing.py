"""The dataset of a closed day, from what merit put aside and its spooled fills."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from excraft.dataset.days import Day, open_day, write_day
from excraft.dataset.ids import ascending, ids_of, member_id, member_ids
from excraft.dataset.manifest import DayFacts, Terms
from excraft.merit.fills import read_spool
from excraft.merit.known import Known, counts
from excraft.merit.stakes import Interval
from excraft.merit.state import ClosedDay
from excraft.parameters import RULES, Parameter
from excraft.scores.rosters import SEATS
from excraft.units import Rational

WHOLE_EXT = 10**18  # units
OWNERS = 1 << 40  # beyond all accounts: what stands for an owner in place of one


class Before(NamedTuple):
    """What the day before left: units by account that may be claimed, and sums."""

    cumulative: Mapping[int, int]
    carry: int
    total: int
    price: Rational | None


class _Ids(NamedTuple):
    """Accounts, ascending, and their ids as halves."""

    accounts: np.ndarray
    halves: np.ndarray

    def of(self, accounts: np.ndarray) -> np.ndarray:
        return self.halves[np.searchsorted(self.accounts, accounts)]


def publish_day(
    root: Path, spool: Path, closed: ClosedDay, salt: bytes, record_hash: str, before: Before
) -> Day:
    """Write the facts of the day below `root`; the same once more changes nothing. Raises
    DatasetError."""
    stakes = closed.stakes.intervals()
    ids = _ids(spool, closed, salt, {*before.cumulative, *(one.account for one in stakes)})
    with write_day(root, closed.day) as writer:
        order = ascending(ids.halves)
        writer["members"].rows(_members(closed, ids, order, salt, before))
        for batch in _fills(spool, closed, ids):
            writer["fills"].columns(batch)
        writer["stakes"].rows(_stakes(stakes, salt))
        writer["pools"].rows(_pools(closed, salt))
        writer["flagged"].rows(_flagged(closed, ids, salt))
        writer["rates"].rows(_rates(closed))
        writer.publish(_facts(closed, record_hash, before).plain())
    return open_day(root, closed.day)


def _ids(spool: Path, closed: ClosedDay, salt: bytes, others: set[int]) -> _Ids:
    """Everybody whom a table names."""
    accounts = {*closed.pool_of, *others}
    accounts |= {pool.master for pool in closed.pools}
    for rows in _read(spool, closed):
        accounts.update(np.unique(rows["account"]).tolist())
    known = np.array(sorted(accounts), np.int64)
    return _Ids(known, member_ids(salt, known.tolist()))


def _read(spool: Path, closed: ClosedDay) -> Iterator[np.ndarray]:
    if closed.fills:
        yield from read_spool(spool, closed.day, closed.fills)


def _members(
    closed: ClosedDay, ids: _Ids, order: np.ndarray, salt: bytes, before: Before
) -> Iterator[tuple]:
    known = closed.known
    names = ids_of(ids.halves[order])
    for name, account in zip(names, ids.accounts[order].tolist(), strict=True):
        group = known.groups.get(account, 0)
        address = known.addresses.get(account, "")
        yield (
            name, member_id(salt, OWNERS + group) if group else b"",
            int(known.verified(account)), int(account in known.frozen),
            int(account in known.houses), closed.pool_of.get(account, 0), address,
            "chain" if address and account in known.on_chain else "credit",
            before.cumulative.get(account, 0),
        )  # fmt: skip


def _fills(spool: Path, closed: ClosedDay, ids: _Ids) -> Iterator[dict[str, np.ndarray]]:
    first = 0
    for rows in _read(spool, closed):
        number = np.arange(first, first + len(rows), dtype=np.int64)
        first += len(rows)
        yield {
            "trade": number // 2, "id": ids.of(rows["account"]), "other": ids.of(rows["other"]),
            "maker": rows["maker"].astype(np.int64), "asset": rows["asset"].astype(np.int64),
            "fee": rows["fee"], "notional": rows["notional"],
            "weight": rows["weight"].astype(np.int64),
        }  # fmt: skip


def _stakes(stakes: list[Interval], salt: bytes) -> list[tuple]:
    rows = [
        (member_id(salt, one.account), one.source, one.units, one.begin, one.end) for one in stakes
    ]
    return sorted(rows, key=lambda row: (row[0], row[1], row[3], row[4]))


def _pools(closed: ClosedDay, salt: bytes) -> Iterator[tuple]:
    for pool in sorted(closed.pools, key=lambda pool: pool.number):
        yield (
            pool.number, member_id(salt, pool.master), int(pool.redistribute),
            pool.commission_bp, int(pool.active), pool.verified,
        )  # fmt: skip


def _flagged(closed: ClosedDay, ids: _Ids, salt: bytes) -> list[tuple]:
    there = set(ids.accounts.tolist())
    pairs = [
        tuple(sorted((member_id(salt, one), member_id(salt, other))))
        for one, other in closed.known.flagged
        if one in there and other in there
    ]
    return sorted(pairs)


def _rates(closed: ClosedDay) -> list[tuple[int, int, int]]:
    """What an atom of each quote asset is worth in atoms of the reference asset: by the direct
    price source with it that traded most."""
    reference = _number(closed, Parameter.REFERENCE_ASSET) - 1
    if reference < 0:
        return []
    found = {reference: (1, 1)}
    for asset in {row["quote"] for row in closed.known.markets} - {reference}:
        if price := price_of(closed.known, closed.traded, asset, reference):
            found[asset] = price
    return [(asset, *found[asset]) for asset in sorted(found)]


def price_of(
    known: Known, traded: Mapping[int, tuple[int, int]], asset: int, reference: int
) -> tuple[int, int] | None:
    """(atoms of reference, atoms of asset) that went against each other in a price source on the
    day; None: none."""
    best = None
    for market, (quote, lots) in traded.items():
        row = known.markets[market]
        if not counts(row)[1]:
            continue
        base = lots * row["base_atoms"]
        pair = (row["base"], row["quote"])
        if pair == (asset, reference):
            sums = (quote, base)
        elif pair == (reference, asset):
            sums = (base, quote)
        else:
            continue
        if min(sums) > 0 and (best is None or sums[0] > best[0]):
            best = sums
    return best


def _number(closed: ClosedDay, parameter: Parameter) -> int:
    return closed.numbers.get(int(parameter), RULES[parameter].default)


def _facts(closed: ClosedDay, record_hash: str, before: Before) -> DayFacts:
    def n(parameter: Parameter) -> int:
        return _number(closed, parameter)

    terms = Terms(
        poe_bp=n(Parameter.POE_BP), stake_bp=n(Parameter.STAKE_BP),
        cap_poe_bp=n(Parameter.CAP_POE_BP), cap_pools_bp=n(Parameter.CAP_POOLS_BP),
        cap_revenue_bp=n(Parameter.CAP_REVENUE_BP),
        first=n(Parameter.EMISSION_FIRST) * WHOLE_EXT, halving=n(Parameter.EMISSION_HALVING),
        supply=n(Parameter.EMISSION_SUPPLY) * WHOLE_EXT,
        max_rebate_ppm=n(Parameter.MAX_REBATE_PPM), max_referral_ppm=closed.known.referral_ppm(),
        base_fee_ppm=n(Parameter.BASE_FEE_PPM), price_move_bp=n(Parameter.PRICE_MOVE_BP),
        seats=SEATS, verified_min=n(Parameter.POOL_VERIFIED_MIN),
    )  # fmt: skip
    first_price = Rational(n(Parameter.FIRST_PRICE), WHOLE_EXT)
    return DayFacts(
        day=closed.day, round=closed.round, begin=closed.begin, end=closed.end,
        position=closed.position, record_hash=record_hash, terms=terms, traded=_traded(closed),
        price_before=before.price or first_price, carry_before=before.carry,
        total_before=before.total,
    )  # fmt: skip


def _traded(closed: ClosedDay) -> Rational | None:
    """Atoms of the reference asset for a unit of EXT."""
    ext, reference = closed.known.ext(), _number(closed, Parameter.REFERENCE_ASSET) - 1
    if ext is None or reference < 0:
        return None
    sums = price_of(closed.known, closed.traded, ext, reference)
    return None if sums is None else Rational(sums[0], sums[1] * closed.known.unit())


def accounts_by_id(salt: bytes, accounts: np.ndarray) -> dict[bytes, int]:
    """Account of each id, of those who may be named in a day."""
    halves = member_ids(salt, accounts.tolist())
    return dict(zip(ids_of(halves), accounts.tolist(), strict=True))
