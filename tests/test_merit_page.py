"""The worked example of docs/merit.md, computed again: a page that is no longer true fails here."""

import re
from pathlib import Path

import numpy as np

from excraft.rewards.day import DayInput, PoolTerms, rewards
from excraft.rewards.emission import Caps
from excraft.scores.poe import FillRows, PoeRules, as_volume, poe_of_fills, sums_by
from excraft.scores.stake import Interval, token_seconds
from excraft.units import Rational

PAGE = (Path(__file__).parents[1] / "docs" / "merit.md").read_text()
UNIT, DAY = 10**18, 86_400
ANN, BOB, CID = NAMES = ("Ann", "Bob", "Cid")
NUMBER = {name: at for at, name in enumerate(NAMES, 1)}


def table(first):
    """Rows of cells of the page's table whose head begins with that cell."""
    lines = PAGE.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith(f"| {first} |"))
    rows = []
    for line in lines[at + 2 :]:
        if not line.startswith("|"):
            return rows
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def ext(text):
    """Units of a decimal of the page."""
    whole, _, part = text.partition(".")
    return int(whole) * UNIT + int((part or "0").ljust(18, "0"))


def poe_of_the_trades():
    rows = []
    for _, maker, taker, worth, fee in table("trade"):
        one, two = NUMBER[maker], NUMBER[taker]
        rows += [(two, 0, one, 0, 0, int(fee), int(worth), 10_000),
                 (one, 0, two, 0, 1, int(fee), int(worth), 10_000)]  # fmt: skip
    columns = FillRows(*np.array(rows, np.int64).T)
    rules = PoeRules(0, 500_000, np.empty(0, np.int64))
    return sums_by(columns.account, poe_of_fills(columns, rules))


def the_day():
    all_day = Interval(NUMBER[ANN], 1_000 * UNIT, 0, DAY)
    from_noon = Interval(NUMBER[CID], 500 * UNIT, DAY // 2, DAY)
    stake = token_seconds([all_day, from_noon], 0, DAY)
    aurora = PoolTerms(1, NUMBER[ANN], True, 1_000, True, (NUMBER[ANN], NUMBER[BOB]))
    return stake, rewards(
        DayInput(
            100_000 * UNIT, 5_000, 2_000, Rational(5, 2 * UNIT), Caps(5_000, 3_000, 0),
            poe_of_the_trades(), stake, (aurora,),
        )
    )  # fmt: skip


def test_what_each_member_gets():
    poe, (stake, day) = poe_of_the_trades(), the_day()
    day.invariant()
    rows = table("member")
    assert [row[0] for row in rows] == [*NAMES]
    for name, own, volume, seconds, for_poe, for_stake, of_pool, together in rows:
        one = NUMBER[name]
        assert (int(own), int(volume)) == (poe[one], as_volume(poe[one], 1_000)), name
        assert int(seconds) * UNIT == stake.get(one, 0), name
        assert ext(for_poe) == day.poe.get(one, 0) and ext(for_stake) == day.stake.get(one, 0)
        assert ext(of_pool) == day.shares.get(one, 0) and ext(together) == day.of(one), name


def test_what_the_parts_are():
    _, day = the_day()
    rows = {row[0]: row[1:] for row in table("part")}
    for name, part in zip(("PoE", "stake", "pools"), day.parts, strict=True):
        assert ext(rows[name][2]) == part, name
    assert ext(rows["carry"][2]) == day.carried
    assert [ext(rows[n][0]) for n in ("PoE", "stake", "pools")] == [
        50_000 * UNIT, 20_000 * UNIT, 30_000 * UNIT,
    ]  # fmt: skip


def test_the_sums_in_the_text_are_those_of_the_tables():
    for left, right in (("150 × 0.5 / 2.5", "30"), ("125 × 0.3 / 2.5", "15"),
                        ("30 × 75 / 150", "15"), ("13.5 × 75 / 125", "8.1")):  # fmt: skip
        assert re.search(rf"{re.escape(left)} = {re.escape(right)}\b", PAGE), left
        factors = [float(n) for n in re.findall(r"[\d.]+", left)]
        assert abs(factors[0] * factors[1] / factors[2] - float(right)) < 1e-9
