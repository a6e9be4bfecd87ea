"""Makes a file of order-flow messages as `excraft flow` reads them: seeded, of any length.

excraft bench make_flow [FILE] [--messages 2000000] [--seed 1] [--json]

One market. 50 % new orders, of which 15 % immediate-or-cancel; 41 % cancels and 9 % modifies (one
tick and one unit more), half of them of the order placed last, half of any that was placed and not
cancelled, some of which were filled meanwhile. The middle price walks by one tick; orders stand
uniformly up to 350 ticks on their side of it and 30 on the other. Quantities 1 to 100. Without
FILE the messages are only counted.
"""

import argparse
import json
import sys
from pathlib import Path

import numba
import numpy as np

from excraft.kernel.flow import HEADER_BYTES, MAGIC, MESSAGE, VERSION

NEW, CANCEL, MODIFY = 0, 1, 2
NEW_PER_MILLE, CANCEL_PER_MILLE, IOC_PER_MILLE = 500, 410, 150
MIDDLE, BEHIND, ACROSS, QUANTITY_MAX = 33_850, 350, 30, 100


@numba.njit(cache=False)
def fill(rows, dice, live):
    """Write `rows`; `live` has room for the row numbers of the orders that may be in the book."""
    middle, known = MIDDLE, 0
    for i in range(len(rows)):
        row, r = rows[i], dice[i]
        row.sequence = i
        if i % 8 == 0:
            middle += 1 if r[0] & 1 else -1
        kind = r[1] % 1000
        if kind < NEW_PER_MILLE or known == 0:
            row.kind = NEW
            row.order_id = i + 1
            row.side = (r[0] >> 1) & 1
            row.ioc = r[2] % 1000 < IOC_PER_MILLE
            row.quantity = 1 + r[3] % QUANTITY_MAX
            away = r[4] % (BEHIND + ACROSS) - ACROSS
            row.price = middle + (-away if row.side == 0 else away)
            if not row.ioc:
                live[known] = i
                known += 1
            continue
        at = known - 1 if r[2] & 1 else r[3] % known
        order = rows[live[at]]
        row.side = order.side
        row.order_id = order.order_id
        row.quantity = order.quantity
        row.price = order.price
        if kind < NEW_PER_MILLE + CANCEL_PER_MILLE:
            row.kind = CANCEL
            known -= 1
            live[at] = live[known]
        else:
            row.kind = MODIFY
            row.price += 1
            row.quantity += 1
            live[at] = i


def made(messages: int, seed: int) -> np.ndarray:
    """The messages."""
    rows = np.zeros(messages, MESSAGE)
    dice = np.random.default_rng(seed).integers(0, 1 << 40, (messages, 5), np.int64)
    fill(rows.view(np.recarray), dice, np.zeros(messages, np.int64))
    return rows


def write(file: Path, rows: np.ndarray) -> None:
    """A plain file with its header."""
    head = np.array([(MAGIC, VERSION, len(rows))], "<u8,<u4,<u4").tobytes()
    assert len(head) == HEADER_BYTES
    file.write_bytes(head + rows.tobytes())


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="excraft bench make_flow", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", help="where to write it, plain")
    parser.add_argument("--messages", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    rows = made(options.messages, options.seed)
    if options.file is not None:
        write(options.file, rows)
    counts = np.bincount(rows["kind"], minlength=3).tolist()
    result = {
        "benchmark": "make_flow", "messages": len(rows), "new": counts[NEW],
        "of_them_ioc": int(rows["ioc"].sum()), "cancels": counts[CANCEL],
        "modifies": counts[MODIFY], "file": str(options.file or ""),
    }  # fmt: skip
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:>12}  {value:,}" if isinstance(value, int) else f"{name:>12}  {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
