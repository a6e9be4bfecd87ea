"""What a planned transaction asks of the signer."""

from sqlalchemy import Row

from excraft.custody.sent import Kind
from excraft.custody.signer.requests import Cold, Pay, Sweep, TopUp, Transaction


def request_of(row: Row) -> Transaction:
    """For a row of `SentBook.open`."""
    gas = {"nonce": row.nonce, "gas": row.gas, "fee_max": row.fee_max, "tip": row.tip}
    match Kind(row.kind):
        case Kind.WITHDRAWAL:
            return Pay(id=row.withdrawal_id, position=row.approved_position or 0, **gas)
        case Kind.SWEEP:
            return Sweep(
                chain=row.chain_id, number=row.number, address=row.source, token=row.token,
                units=row.units, **gas,
            )  # fmt: skip
        case Kind.COLD:
            return Cold(chain=row.chain_id, token=row.token, units=row.units, **gas)
        case Kind.GAS:
            return TopUp(
                chain=row.chain_id, number=row.number, address=row.destination, units=row.units,
                **gas,
            )  # fmt: skip
