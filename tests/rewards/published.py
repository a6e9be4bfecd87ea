"""Days and rounds as they lie published, one after the other."""

from pathlib import Path

from excraft.dataset.days import open_day, write_round
from excraft.rewards.close import close, compute
from tests.dataset.made import facts, publish

MEMBERS = [(bytes([n]) * 16, "0x" + f"{n:02x}" * 20) for n in (1, 2, 3)]
ROOTS = {"congress": "aa" * 32, "senate": "bb" * 32}


def publish_day(root: Path, day: int, results: bool = True) -> None:
    """Three members stake, each a little longer than the one before; all claim on chain."""
    before, total = [0] * len(MEMBERS), 0
    if (root / f"day-{day - 1:05}").exists():
        outcome = compute(open_day(root, day - 1))
        before, total = outcome.cumulative, outcome.results.total
    those = facts(day, total_before=total)
    tables = {
        "members": [
            (one, b"", 1, 0, 0, 0, address, "chain", had)
            for (one, address), had in zip(MEMBERS, before, strict=True)
        ],
        "stakes": [
            (one, "vault", 10**18, those.begin, those.begin + 10 * (n + 1))
            for n, (one, _) in enumerate(MEMBERS)
        ],
    }
    made = publish(root, tables, those)
    if results:
        close(made)


def publish_round(root: Path, number: int, results: dict | None) -> None:
    with write_round(root, number) as writer:
        writer.publish({"round": number}, results)
