"""Withdrawals behind a venue: the real engine, and no chain, so that all of them wait."""

from pathlib import Path

from eth_utils import to_checksum_address

from excraft.accounts.audit import Audit
from excraft.custody.limits import change
from excraft.custody.signer_client import SignerClient
from excraft.custody.withdrawal_book import Route, WithdrawalBook
from excraft.custody.withdrawal_facts import Facts
from excraft.custody.withdrawal_steps import Parts
from excraft.custody.withdrawals import Withdrawals
from excraft.gateway.custody_ledger import EngineLedger
from excraft.gateway.withdrawal_desk import WithdrawalDesk, still_may
from excraft.messages.commands import Cause
from excraft.parameters import Parameter
from tests.gateway.clients import set_parameter

BOB, HOT = (to_checksum_address("0x" + digits * 20) for digits in ("b0", "a0"))
EXT, FEE = 0, 100_000


async def serve_withdrawals(venue, database, clock, verified=(0, 1, 2)) -> Withdrawals:
    """Of EXT over a chain that is never reached."""
    facts = Facts()
    venue.engine.subscribe(lambda record, events, _: facts.apply(record, events), columns=True)
    route = Route(31337, "ETH", EXT, "EXT", 8, 18, None, FEE, 10 * FEE)
    parts = Parts(
        database, EngineLedger(venue.engine), facts, SignerClient(Path("/nowhere")), {},
        lambda: [route], lambda address: None, lambda: {HOT.lower()}, lambda: "",
        lambda: (),
        still_may=lambda approvers: still_may(database, approvers),
    )  # fmt: skip
    withdrawals = Withdrawals(parts, WithdrawalBook(database, clock))
    venue.exchange.withdrawals = withdrawals
    venue.exchange.withdrawal_desk = WithdrawalDesk(withdrawals, Audit(database, clock), clock)
    for account in verified:
        await set_parameter(venue.engine, Parameter.KYC_LEVEL, 1, account)
    return withdrawals


def set_limit(database, name: str, value: int, **where: int) -> None:
    with database.write() as connection:
        change(connection, {"name": name, "value": value, **where})


def held(venue, account: int) -> int:
    """Atoms of EXT that withdrawals hold."""
    return venue.engine.reserved(account).get((EXT, Cause.WITHDRAWAL), 0)
