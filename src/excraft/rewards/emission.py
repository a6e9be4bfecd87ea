"""How much EXT a day may give, and how it is cut into the three rewards."""

from math import gcd
from typing import NamedTuple

from excraft.units import Rational

TEN_THOUSAND = 10_000  # basis points of a whole


class Schedule(NamedTuple):
    """The public schedule of emission.

    first     units of the first day
    halving   days after which a day's emission is half of what it was; 0: never
    supply    units that all days together may give; nothing is emitted beyond it
    """

    first: int
    halving: int
    supply: int


def emission(schedule: Schedule, day: int) -> int:
    """Units of reward day `day`, from 0. Raises ValueError for a day before the first."""
    if day < 0:
        raise ValueError(f"day {day} lies before the first reward day, which is 0")
    return min(_plain(schedule, day), max(0, schedule.supply - emitted_before(schedule, day)))


def emitted_before(schedule: Schedule, day: int) -> int:
    """Units that all days before `day` may have given together."""
    if schedule.halving == 0:
        return min(schedule.first * day, schedule.supply)
    total, begin = 0, 0
    while begin < day and _plain(schedule, begin) > 0:
        days = min(schedule.halving, day - begin)
        total += days * _plain(schedule, begin)
        begin += schedule.halving
    return min(total, schedule.supply)


def _plain(schedule: Schedule, day: int) -> int:
    """Units of a day when no supply bounds them."""
    return schedule.first >> (day // schedule.halving) if schedule.halving else schedule.first


class Parts(NamedTuple):
    """The emission of a day cut in three, before or after the caps on value."""

    poe: int
    stake: int
    pools: int


def split(emitted: int, poe_bp: int, stake_bp: int) -> Parts:
    """Cut a day's emission; the pools get what the two shares leave. Floors both shares.
    Raises ValueError unless both shares are parts of a whole."""
    if poe_bp < 0 or stake_bp < 0 or poe_bp + stake_bp > TEN_THOUSAND:
        raise ValueError(
            f"shares of {poe_bp} and {stake_bp} basis points; together at most {TEN_THOUSAND}"
        )
    poe = emitted * poe_bp // TEN_THOUSAND
    stake = emitted * stake_bp // TEN_THOUSAND
    return Parts(poe, stake, emitted - poe - stake)


def worth(share_bp: int, poe: int, price: Rational) -> int:
    """Units of EXT that are worth `share_bp` of `poe` quote atoms at `price`; floors."""
    return share_bp * poe * price.denominator // (TEN_THOUSAND * price.numerator)


class Caps(NamedTuple):
    """Shares of PoE, in basis points, that the value of a reward may reach; with what other
    programs give of fees (`revenue_bp`) at most 9,000, so that trading with oneself costs more
    than it brings, also for a whole pool."""

    poe_bp: int
    pools_bp: int
    revenue_bp: int


CAPS_TOGETHER_BP = 9_000


def capped(parts: Parts, poe: int, poe_in_pools: int, price: Rational, caps: Caps) -> Parts:
    """Bound the rewards for PoE and pools by the value of the fees that earned them.

    `poe` is the PoE of all members and `poe_in_pools` that of members of eligible pools, both in
    quote atoms. Raises ValueError when the caps together exceed the bound.
    """
    if min(caps) < 0 or sum(caps) > CAPS_TOGETHER_BP:
        raise ValueError(f"caps {tuple(caps)} must add up to at most {CAPS_TOGETHER_BP} bp")
    return Parts(
        min(parts.poe, worth(caps.poe_bp, poe, price)),
        parts.stake,
        min(parts.pools, worth(caps.pools_bp, poe_in_pools, price)),
    )


MOVE_BP = 2_500  # the most that the price of a day may differ from the day before


def bounded_price(traded: Rational | None, before: Rational, move_bp: int = MOVE_BP) -> Rational:
    """The price of a day: volume-weighted, at most `move_bp` away from the day before's; that of
    the day before when nothing traded."""
    if traded is None:
        return before
    numerator, denominator = traded
    low = Rational(before.numerator * (TEN_THOUSAND - move_bp), before.denominator * TEN_THOUSAND)
    high = Rational(before.numerator * (TEN_THOUSAND + move_bp), before.denominator * TEN_THOUSAND)
    if numerator * low.denominator < low.numerator * denominator:
        return _lowest(low)
    if numerator * high.denominator > high.numerator * denominator:
        return _lowest(high)
    return _lowest(traded)


def _lowest(price: Rational) -> Rational:
    """The same fraction in lowest terms, so that numbers do not grow from day to day."""
    common = gcd(*price)
    return Rational(price.numerator // common, price.denominator // common)
