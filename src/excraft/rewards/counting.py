"""PoE and token-seconds of a day's members, streaming over the tables, exact."""

import numpy as np

from excraft.dataset.days import Day
from excraft.dataset.errors import Malformed
from excraft.dataset.tables import Columns
from excraft.kernel.compiled import entry
from excraft.rewards.people import People
from excraft.scores.poe import WEIGHT_WHOLE, FillRows, PoeRules, poe_of_fills

LOW = 32  # bits of the lower part of a sum, so that 2^31 rows cannot overflow


@entry
def add_rows(sums, slot, member, amount):
    """Add each amount >= 0 to ``sums[slot, member]``, a pair of lower and upper part."""
    for at in range(member.shape[0]):
        sums[slot[at], member[at], 0] += amount[at] & 0xFFFFFFFF
        sums[slot[at], member[at], 1] += amount[at] >> 32


class SumsByAsset:
    """Exact sums by member and asset; 16 bytes for each member and asset that was traded in."""

    def __init__(self, members: int) -> None:
        self._assets = np.empty(0, np.int64)  # ascending
        self._slots = np.empty(0, np.int64)
        self._sums = np.zeros((1, members, 2), np.int64)

    def add(self, asset: np.ndarray, member: np.ndarray, amount: np.ndarray) -> None:
        at = np.searchsorted(self._assets, asset)
        known = at < len(self._assets)
        known[known] = self._assets[at[known]] == asset[known]
        if not known.all():
            self._learn(np.unique(asset[~known]))
            at = np.searchsorted(self._assets, asset)
        add_rows(self._sums, self._slots[at], member, amount)

    def _learn(self, assets: np.ndarray) -> None:
        slots = np.arange(len(self._slots), len(self._slots) + len(assets))
        joined = np.concatenate([self._assets, assets])
        order = np.argsort(joined)
        self._assets = joined[order]
        self._slots = np.concatenate([self._slots, slots])[order]
        if len(joined) > len(self._sums):
            grown = np.zeros(
                (max(2 * len(self._sums), len(joined)), *self._sums.shape[1:]), np.int64
            )
            grown[: len(self._sums)] = self._sums
            self._sums = grown

    def of(self, asset: int) -> tuple[list[int], list[int]]:
        """Members, ascending, and their sums above 0."""
        at = int(np.searchsorted(self._assets, asset))
        if at == len(self._assets) or self._assets[at] != asset:
            return [], []
        pairs = self._sums[self._slots[at]]
        members = np.flatnonzero(pairs.any(1))
        low, high = pairs[members].T.tolist()
        return members.tolist(), [(b << LOW) + a for a, b in zip(low, high, strict=True)]


def poe_of(day: Day, people: People) -> list[int]:
    """PoE of each member in atoms of the reference asset: summed by asset, then converted,
    flooring once for each member and asset."""
    sums, terms = SumsByAsset(len(people)), day.facts.terms
    rules = PoeRules(
        terms.max_rebate_ppm, terms.max_referral_ppm, np.flatnonzero(people.house),
        _flagged(day, people),
    )  # fmt: skip
    line = 2
    for batch in day.batches("fills"):
        rows = _rows(batch, people, line)
        sums.add(batch["asset"], rows.account, poe_of_fills(rows, rules))
        line += len(rows.account)
    poe = [0] * len(people)
    for at, rate in enumerate(day.rows("rates"), 2):
        if rate.denominator < 1:
            raise Malformed("rates", at, "denominator: 0 divides nothing; it must be 1 or more")
        for member, amount in zip(*sums.of(rate.asset), strict=True):
            poe[member] += amount * rate.numerator // rate.denominator
    return poe


def _rows(batch: Columns, people: People, line: int) -> FillRows:
    if batch["weight"].max() > WEIGHT_WHOLE:
        at = int(np.argmax(batch["weight"]))
        raise Malformed(
            "fills", line + at, f"weight: {batch['weight'][at]} is not from 0 to {WEIGHT_WHOLE}"
        )
    account = people.place(batch["id"], "fills", line, "id")
    other = people.place(batch["other"], "fills", line, "other")
    return FillRows(
        account, people.owner[account], other, people.owner[other],
        batch["maker"], batch["fee"], batch["notional"], batch["weight"],
    )  # fmt: skip


def _flagged(day: Day, people: People) -> frozenset[tuple[int, int]]:
    pairs, line = [], 2
    for batch in day.batches("flagged"):
        low = people.place(batch["low"], "flagged", line, "low").tolist()
        high = people.place(batch["high"], "flagged", line, "high").tolist()
        for at, (one, other) in enumerate(zip(low, high, strict=True)):
            if one >= other:
                raise Malformed("flagged", line + at, "low must be the lower id of the two")
        pairs += zip(low, high, strict=True)
        line += len(low)
    return frozenset(pairs)


def token_seconds_of(day: Day, people: People) -> list[int]:
    """Token-seconds of each member; of the house none, whose stake would take from its members.
    Raises Malformed for an interval that is not in the day."""
    begin_of_day, end_of_day = day.facts.begin, day.facts.end
    sums, line = [0] * len(people), 2
    for batch in day.batches("stakes"):
        begin, end = batch["begin"], batch["end"]
        wrong = (begin < begin_of_day) | (end > end_of_day) | (end < begin)
        if wrong.any():
            at = int(np.argmax(wrong))
            raise Malformed(
                "stakes", line + at,
                f"begin, end: {begin[at]}, {end[at]} is not in the day from {begin_of_day} to "
                f"{end_of_day}",
            )  # fmt: skip
        places = people.place(batch["id"], "stakes", line, "id")
        members = places.tolist()
        seconds = np.where(people.house[places], 0, end - begin).tolist()
        for member, units, held in zip(members, batch["units"], seconds, strict=True):
            sums[member] += units * held
        line += len(members)
    return sums
