"""Proof of existence (PoE) of fills: the fee that is left to the exchange, in quote atoms.

A fill counts its fee less the most that can come back of it: a referrer's share, and of a taker's
what a maker's rebate is paid out of. Times the market's weight. (The specification takes off the
referrer's share of takers only; here it is paid of makers' fees too, so a pair that refers itself
would gain.) Arrays of exact int64: a product is taken apart before it could overflow.
"""

from typing import NamedTuple

import numpy as np

WEIGHT_WHOLE = 10_000
PPM = 1_000_000


class FillRows(NamedTuple):
    """One row per side of a trade, as int64 arrays of one length.

    account, owner      whose fill it is; the beneficial owner (0: known by the account alone)
    other, other_owner  the other side of the trade
    maker               1 when this side was resting
    fee, notional       quote atoms, not negative (a fee in base at the price of the trade)
    weight              of the market, 0..10,000
    """

    account: np.ndarray
    owner: np.ndarray
    other: np.ndarray
    other_owner: np.ndarray
    maker: np.ndarray
    fee: np.ndarray
    notional: np.ndarray
    weight: np.ndarray


class PoeRules(NamedTuple):
    """The most of a fill that can come back, and who is left out.

    max_rebate_ppm    of the notional: the largest rebate of any market
    max_referral_ppm  of the fee: the largest referral share of any account
    houses            accounts of the exchange itself, ascending
    flagged           pairs (lower account, higher account) that trade with each other for show
    """

    max_rebate_ppm: int
    max_referral_ppm: int
    houses: np.ndarray
    flagged: frozenset[tuple[int, int]] = frozenset()


def share(amounts: np.ndarray, rate: int, whole: int) -> np.ndarray:
    """``amounts x rate // whole`` for 0 <= rate <= whole < 2^31, exact for any int64 >= 0."""
    above, below = np.divmod(amounts, whole)
    return above * rate + below * rate // whole


def fee_in_quote(fee: np.ndarray, notional: np.ndarray, gross: np.ndarray) -> np.ndarray:
    """A fee taken in base, valued at the price of its trade: ``fee x notional // gross`` quote
    atoms, with the base that was received before the fee (`gross` >= 1). Exact for any int64."""
    small = (fee < 1 << 31) & (notional < 1 << 31)
    result = np.where(small, fee, 0) * np.where(small, notional, 0) // gross
    for at in np.flatnonzero(~small):  # rare: too large for one word
        result[at] = int(fee[at]) * int(notional[at]) // int(gross[at])
    return result


def excluded(rows: FillRows, rules: PoeRules) -> np.ndarray:
    """Which rows count nothing whatever their fee: both sides are one owner's, one is a house of
    the exchange, or the pair is flagged. (Markets of pools alone have weight 0.)"""
    same = (rows.account == rows.other) | ((rows.owner == rows.other_owner) & (rows.owner != 0))
    house = np.isin(rows.account, rules.houses) | np.isin(rows.other, rules.houses)
    if not rules.flagged:
        return same | house
    low, high = np.minimum(rows.account, rows.other), np.maximum(rows.account, rows.other)
    pairs = np.array(sorted((a << 32) | b for a, b in rules.flagged), np.int64)
    return same | house | np.isin((low << 32) | high, pairs)


def poe_of_fills(rows: FillRows, rules: PoeRules) -> np.ndarray:
    """PoE of each row in quote atoms; every division floors."""
    rebate = share(rows.notional, rules.max_rebate_ppm, PPM)
    referral = share(rows.fee, rules.max_referral_ppm, PPM)
    rebate = np.where(rows.maker == 1, 0, rebate)
    counted = np.maximum(rows.fee - rebate - referral, 0)
    above, below = np.divmod(counted, WEIGHT_WHOLE)
    weighted = above * rows.weight + below * rows.weight // WEIGHT_WHOLE
    return np.where(excluded(rows, rules), 0, weighted)


def sums_by(keys: np.ndarray, amounts: np.ndarray) -> dict[int, int]:
    """Exact sums of int64 amounts >= 0 by key, without zeros: halves are summed apart, so that
    2^31 rows cannot overflow."""
    if len(keys) == 0:
        return {}
    names, place = np.unique(keys, return_inverse=True)
    low, high = np.zeros(len(names), np.int64), np.zeros(len(names), np.int64)
    np.add.at(low, place, amounts & 0xFFFFFFFF)
    np.add.at(high, place, amounts >> 32)
    return {
        name: (above << 32) + below
        for name, above, below in zip(names.tolist(), high.tolist(), low.tolist(), strict=True)
        if above or below
    }


def as_volume(poe: int, base_fee_ppm: int) -> int:
    """PoE as people read it: the notional for which the ordinary fee is that much; floors."""
    return poe * PPM // base_fee_ppm
