"""Small days made by Hypothesis or by hand."""

from pathlib import Path

from hypothesis import strategies as st

from excraft.dataset.days import Day, open_day, write_day
from excraft.dataset.manifest import DayFacts, Terms
from excraft.dataset.tables import FACTS
from excraft.units import Rational

DAY_SECONDS = 86_400
TERMS = Terms(
    poe_bp=5_000, stake_bp=2_000, cap_poe_bp=5_000, cap_pools_bp=3_000, cap_revenue_bp=1_000,
    first=10**22, halving=730, supply=10**26, max_rebate_ppm=0, max_referral_ppm=500_000,
    base_fee_ppm=1_000, price_move_bp=2_500, seats=101, verified_min=100,
)  # fmt: skip


def facts(day: int = 42, **changed) -> DayFacts:
    begin = 1_700_006_400 + day * DAY_SECONDS
    given = {
        "day": day, "round": day // 7, "begin": begin, "end": begin + DAY_SECONDS,
        "position": 10, "record_hash": "ab" * 32, "terms": TERMS,
        "traded": Rational(3, 10**12), "price_before": Rational(4, 10**12),
        "carry_before": 5, "total_before": 0,
    }  # fmt: skip
    return DayFacts(**given | changed)


def publish(root: Path, tables: dict[str, list], day_facts: DayFacts) -> Day:
    """Rows by table; what is not named is empty."""
    with write_day(root, day_facts.day) as writer:
        for table in FACTS:
            writer[table.name].rows(tables.get(table.name, []))
        writer.publish(day_facts.plain())
    return open_day(root, day_facts.day)


IDS = st.binary(min_size=16, max_size=16).filter(any)
COUNTS = st.one_of(st.integers(0, 20), st.integers(0, 2**63 - 1))
UNITS = st.one_of(st.integers(0, 20), st.integers(0, 10**38 - 1))
FLAGS = st.integers(0, 1)
ADDRESSES = st.one_of(
    st.just(""), st.binary(min_size=20, max_size=20).map(lambda b: "0x" + b.hex())
)


def sorted_rows(row: st.SearchStrategy, *keys: int) -> st.SearchStrategy[list[tuple]]:
    def key(one: tuple) -> tuple:
        return tuple(one[at] for at in keys)

    return st.lists(row, max_size=30, unique_by=key).map(lambda rows: sorted(rows, key=key))


ROWS = {
    "members": sorted_rows(
        st.tuples(
            IDS, st.one_of(st.just(b""), IDS), FLAGS, FLAGS, FLAGS, COUNTS, ADDRESSES,
            st.sampled_from(["credit", "chain"]), UNITS,
        ), 0,
    ),
    "fills": sorted_rows(
        st.tuples(COUNTS, IDS, IDS, FLAGS, COUNTS, COUNTS, COUNTS, COUNTS), 0, 3
    ),
    "stakes": sorted_rows(
        st.tuples(IDS, st.sampled_from(["exchange", "vault"]), UNITS, COUNTS, COUNTS), 0, 1, 3
    ),
    "pools": sorted_rows(st.tuples(COUNTS, IDS, FLAGS, COUNTS, FLAGS, COUNTS), 0),
    "flagged": sorted_rows(st.tuples(IDS, IDS), 0, 1),
    "rates": sorted_rows(st.tuples(COUNTS, UNITS, UNITS), 0),
}  # fmt: skip
