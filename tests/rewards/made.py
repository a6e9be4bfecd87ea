"""Small days with everything in them, made by Hypothesis; and the verifier, which is another
implementation of all rules."""

import runpy
from pathlib import Path

from hypothesis import strategies as st

from excraft.dataset.days import Day
from excraft.dataset.manifest import DayFacts
from excraft.units import Rational
from tests.dataset.made import TERMS, facts, publish

TOOL = Path(__file__).parents[2] / "tools" / "verify_rewards.py"
VERIFIER = runpy.run_path(str(TOOL))
IDS = [bytes([16 * n + 1]) * 16 for n in range(12)]
OWNERS = [b"", b"\xaa" * 16, b"\xbb" * 16]
ADDRESSES = ["0x" + f"{n:02x}" * 20 for n in range(1, 5)]
AMOUNTS = st.one_of(st.integers(0, 9), st.integers(0, 10**6), st.integers(0, 2**63 - 1))
SMALL = TERMS._replace(seats=2, verified_min=2, max_rebate_ppm=200, max_referral_ppm=300_000)


@st.composite
def members(draw, pools: list[int]) -> list[tuple]:
    rows = []
    for one in IDS[: draw(st.integers(1, len(IDS)))]:
        address = draw(st.sampled_from(["", *ADDRESSES]))
        flags = [draw(st.integers(0, 1)), draw(st.integers(0, 1)), draw(st.integers(0, 9)) // 9]
        rows.append((
            one, draw(st.sampled_from(OWNERS)), *flags, draw(st.sampled_from([0, *pools])), address,
            draw(st.sampled_from(["credit", "chain"])) if address else "credit",
            draw(st.integers(0, 10**24)) if address else 0,
        ))  # fmt: skip
    return rows


@st.composite
def tables(draw, begin: int, end: int) -> dict[str, list]:
    """Rows of all tables of a day from second `begin` to `end`."""
    numbers = draw(st.lists(st.integers(1, 50), unique=True, max_size=4).map(sorted))
    rows = draw(members(numbers))
    ids = st.sampled_from([row[0] for row in rows])
    sides = st.tuples(
        st.integers(0, 40), ids, ids, st.integers(0, 1), st.integers(0, 2), AMOUNTS, AMOUNTS,
        st.integers(0, 10_000),
    )  # fmt: skip
    key = {"fills": lambda f: (f[0], f[3]), "stakes": lambda s: (s[0], s[1], s[3])}
    fills = draw(st.lists(sides, max_size=25, unique_by=key["fills"]))
    spans = st.tuples(st.integers(begin, end), st.integers(begin, end)).map(sorted)
    stakes = draw(
        st.lists(
            st.tuples(ids, st.sampled_from(["exchange", "vault"]), st.integers(0, 10**27), spans),
            max_size=8,
        )
    )
    pools = [
        (number, draw(ids), draw(st.integers(0, 1)), draw(st.integers(0, 2_000)),
         draw(st.integers(0, 3)) and 1, draw(st.integers(1, 4)))
        for number in numbers
    ]  # fmt: skip
    pairs = draw(st.sets(st.tuples(ids, ids).map(sorted).map(tuple), max_size=3))
    assets = draw(st.sets(st.integers(0, 2)))
    return {
        "members": rows,
        "fills": sorted(fills, key=key["fills"]),
        "stakes": sorted(
            ((one, source, units, *span) for one, source, units, span in stakes), key=key["stakes"]
        ),
        "pools": pools,
        "flagged": sorted(pair for pair in pairs if pair[0] != pair[1]),
        "rates": [
            (asset, draw(st.integers(0, 10**9)), draw(st.integers(1, 10**9)))
            for asset in sorted(assets)
        ],
    }  # fmt: skip


PRICES = st.builds(Rational, st.integers(1, 10**12), st.integers(1, 10**20))


@st.composite
def days(draw) -> tuple[dict[str, list], DayFacts]:
    """Tables and facts that fit together."""
    number = draw(st.integers(1, 3_000))  # before day 0 there is nothing
    plain = facts(number)
    rows = draw(tables(plain.begin, plain.end))
    given = facts(
        number, terms=SMALL, traded=draw(st.one_of(st.none(), PRICES)), price_before=draw(PRICES),
        carry_before=draw(st.integers(0, 10**25)),
        total_before=sum(row[8] for row in rows["members"]),
    )  # fmt: skip
    return rows, given


def made_day(root: Path, day: tuple[dict[str, list], DayFacts]) -> Day:
    return publish(root, *day)
