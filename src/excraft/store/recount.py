"""Every balance counted again from the entries alone: what an auditor does with the books."""

from collections import defaultdict

from sqlalchemy import Connection, func, select

from excraft.store.schema import Bucket, entries

Balances = dict[tuple[int, Bucket, int], int]

# SQLite adds in 64 bits and stops where a sum does not fit, though the balance itself would.
_HALF = 1 << 32


def recount(connection: Connection) -> Balances:
    """Atoms by (account, bucket, asset), without zeros. FEES and OUTSIDE stand at account -1;
    OUTSIDE is below zero by all that was ever brought in."""
    counted: Balances = defaultdict(int)
    columns = entries.c
    for sign, account, bucket in (
        (-1, columns.from_account, columns.from_bucket),
        (1, columns.to_account, columns.to_bucket),
    ):
        whose = (account, bucket, columns.asset)
        high = func.sum(columns.amount // _HALF)
        low = func.sum(columns.amount % _HALF)
        for number, where, asset, above, below in connection.execute(
            select(*whose, high, low).group_by(*whose)
        ):
            amount = int(above) * _HALF + int(below)
            counted[number, Bucket(where), asset] += sign * amount
    return {key: amount for key, amount in counted.items() if amount}
