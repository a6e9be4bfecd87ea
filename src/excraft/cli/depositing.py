"""Puts together what deposits need: the chains, the ledger, who is told of an alarm."""

import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from excraft.accounts.contract_wallets import NODE_LIMITS, Chain, ContractWallets
from excraft.accounts.outbox import Mail, Outbox
from excraft.chain.node import Node
from excraft.cli.folder import Folder
from excraft.cli.withdrawing import listed, read_chains
from excraft.custody.chains import ChainsFile
from excraft.custody.credited import Credited
from excraft.custody.service import Custody, watching
from excraft.gateway.deposit_ledger import DepositLedger
from excraft.gateway.exchange import Exchange
from excraft.store.database import Database

ALERTS = "EXCRAFT_ALERTS"  # the address that alarms are mailed to
_LOGGER = logging.getLogger("excraft.custody")


@asynccontextmanager
async def depositing(
    exchange: Exchange, folder: Folder, database: Database, credited: Credited
) -> AsyncIterator[None]:
    """Deposits of a started exchange, watched until the end; none without chains."""
    found = read_chains(folder)
    if found is None:
        yield
        return

    exchange.custody = Custody(
        found, database, DepositLedger(exchange.engine, credited), credited,
        lambda: listed(exchange), alerting(exchange),
    )  # fmt: skip
    exchange.desk.contracts = _wallets(found)
    try:
        async with watching(exchange.custody):
            yield
    finally:
        await exchange.desk.contracts.close()


def _wallets(found: ChainsFile) -> ContractWallets:
    """Nodes of their own: a login that waits must not hold up deposits."""
    return ContractWallets({
        entry.chain: Chain(
            Node(entry.url, entry.chain, NODE_LIMITS), entry.confirmations, entry.still_s
        )
        for entry in found.chains
    })  # fmt: skip


def alerting(exchange: Exchange) -> Callable[[str], None]:
    """Tells the operator: in the log of the process, and by mail where an address is set."""
    address = os.environ.get(ALERTS, "")

    def tell(sentence: str) -> None:
        _LOGGER.critical(sentence)
        if address and exchange.desk is not None:
            outbox: Outbox = exchange.desk.outbox
            mail = Mail(address, "ExCraft: custody needs you", sentence + "\n")
            exchange.desk.background.take(lambda: outbox.send(mail))

    return tell
