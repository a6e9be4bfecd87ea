"""What each of our addresses must hold on a chain, from the rows alone; every unit explained."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, Row, select

from excraft.chain.transfers import Mined
from excraft.custody.deposit import HOUSE, Status
from excraft.custody.sent import Status as Sent
from excraft.store.schema_custody import custody_deposits, custody_openings
from excraft.store.schema_withdrawals import custody_sent, withdrawals

_D, _O, _T, _W = custody_deposits.c, custody_openings.c, custody_sent.c, withdrawals.c
_ON_CHAIN = (Status.SEEN, Status.CONFIRMED, Status.CREDITED, Status.KEPT_BACK, Status.HOUSE)
_SETTLED = (Sent.CONFIRMED.value, Sent.REVERTED.value, Sent.EMPTY.value)
Place = tuple[str, str | None]  # address in small letters, token


class Expected(NamedTuple):
    """In units of the chain; `units` by place, the others by token. `credited` in atoms by asset,
    of all chains; `waiting` are deposits that the log has not credited."""

    units: Counter[Place]
    opened: frozenset[Place]  # places whose opening is known
    deposits: Counter[str | None]
    waiting: Counter[str | None]
    house: Counter[str | None]
    gas: int
    paid: Counter[str | None]  # to members
    credited: Counter[int]
    spent: Counter[int]  # atoms by asset, of withdrawals that are closed as paid
    leaving: Counter[int]  # the same of those that are approved and not closed


def expected(
    connection: Connection, chain_id: int, block: int, mined: Mapping[str, Mined]
) -> Expected:
    """As of `block`. `mined`: what became of the transactions of ours that are not settled."""
    found = Expected(
        units=Counter(), opened=frozenset(), deposits=Counter(), waiting=Counter(),
        house=Counter(), gas=0, paid=Counter(), credited=Counter(), spent=Counter(),
        leaving=Counter(),
    )  # fmt: skip
    _count_deposits(connection, chain_id, block, found)
    _count_withdrawals(connection, found)
    gas = _count_sent(connection, chain_id, block, mined, found)
    opened = set()
    asked = select(_O.address, _O.token, _O.units).where(_O.chain_id == chain_id)
    for address, token, units in connection.execute(asked):
        found.units[address, token] += int(units)
        found.house[token] += int(units)
        opened.add((address, token))
    return found._replace(opened=frozenset(opened), gas=gas)


def _count_deposits(connection: Connection, chain_id: int, block: int, found: Expected) -> None:
    columns = (_D.chain_id, _D.address, _D.account, _D.asset, _D.token, _D.units, _D.atoms)
    asked = select(*columns, _D.status, _D.block)
    for row in connection.execute(asked):
        if row.status in (Status.CREDITED, Status.REMOVED):
            found.credited[row.asset] += row.atoms
        if row.chain_id != chain_id or row.block > block or row.status not in _ON_CHAIN:
            continue
        units = int(row.units)
        found.units[row.address.lower(), row.token] += units
        if row.account == HOUSE:
            found.house[row.token] += units
        else:
            found.deposits[row.token] += units
            if row.status != Status.CREDITED:
                found.waiting[row.token] += units


def _count_withdrawals(connection: Connection, found: Expected) -> None:
    paid = select(_T.withdrawal_id).where(_T.status == Sent.CONFIRMED.value)
    approved = select(_W.asset, _W.atoms, _W.fee).where(_W.approved_position.is_not(None))
    closed = approved.where(_W.closed_position.is_not(None), _W.id.in_(paid))
    for asset, atoms, fee in connection.execute(closed):
        found.spent[asset] += atoms - fee
    for asset, atoms, fee in connection.execute(approved.where(_W.closed_position.is_(None))):
        found.leaving[asset] += atoms - fee


def _count_sent(
    connection: Connection, chain_id: int, block: int, mined: Mapping[str, Mined], found: Expected
) -> int:
    """What our transactions moved up to the block; returns the gas they cost."""
    gas = 0
    for row in connection.execute(select(custody_sent).where(_T.chain_id == chain_id)):
        if row.status in _SETTLED:
            if row.block > block:
                continue
            paid, moved = int(row.gas_paid), row.status == Sent.CONFIRMED
        elif (got := mined.get(row.hash)) and got.block <= block:
            paid, moved = got.gas_paid, got.succeeded
        else:
            continue
        gas += paid
        source, to, units = row.source.lower(), row.destination.lower(), int(row.units)
        found.units[source, None] -= paid
        if moved:
            found.units[source, row.token] -= units
            if row.withdrawal_id is None:
                found.units[to, row.token] += units
            else:
                found.paid[row.token] += units
    return gas


def open_hashes(connection: Connection, chain_id: int) -> list[str]:
    """Transactions of ours that may be in a block without our knowing it yet."""
    asked = select(_T.hash).where(
        _T.chain_id == chain_id, _T.settled_ns.is_(None), _T.hash.is_not(None)
    )
    return list(connection.execute(asked).scalars())


def settled_since(connection: Connection, chain_id: int, block: int) -> list[Row]:
    """Transactions of ours that were mined in that block or later and are settled."""
    asked = select(custody_sent).where(
        _T.chain_id == chain_id, _T.status.in_(_SETTLED), _T.block >= block
    )
    return list(connection.execute(asked))
