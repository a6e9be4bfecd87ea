"""Deposits that are there to be swept, and looks of the sweeper."""

from sqlalchemy import insert

from excraft.store.schema_custody import custody_deposits
from tests.custody.withdrawal_desk import COIN


def came(payer, account: int, token: str | None = None, status: int = 3) -> str:
    """A deposit that was credited, as the watcher writes it."""
    address = payer.addresses.of(account)
    row = {
        "chain_id": payer.node.chain_id, "transaction": f"0x{account}{token}"[:66], "log": 0,
        "address": address, "account": account, "asset": COIN, "token": token, "units": "1",
        "atoms": 1, "dust": "0", "block": 1, "block_hash": "0x1", "status": status, "seen_ns": 1,
    }  # fmt: skip
    with payer.database.write() as connection:
        connection.execute(insert(custody_deposits).values(row))
    return address


async def rounds(payer, sweeper, number: int) -> None:
    for _ in range(number):
        await sweeper.look()
        await payer.chain.mine()
        await payer.withdrawals.poll()
