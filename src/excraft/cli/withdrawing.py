"""Puts together what withdrawals need: the chains, the signer's client, the wallets' senders."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from excraft.accounts.audit import Audit
from excraft.chain.node import Node
from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.custody import chains
from excraft.custody.chains import ChainsFile, Listed
from excraft.custody.errors import CustodyError
from excraft.custody.extended_key import parse
from excraft.custody.sender import Sender, SendingSettings
from excraft.custody.sent import SentBook
from excraft.custody.signer_client import SignerClient
from excraft.custody.sweeps import Sweeper
from excraft.custody.withdrawal_book import Route, WithdrawalBook, owner_of
from excraft.custody.withdrawal_facts import Facts
from excraft.custody.withdrawal_steps import Parts
from excraft.custody.withdrawals import Withdrawals
from excraft.gateway.custody_ledger import EngineLedger
from excraft.gateway.exchange import Exchange
from excraft.gateway.withdrawal_desk import WithdrawalDesk, still_may
from excraft.log.file import open_for_reading
from excraft.store.database import Database


def read_chains(folder: Folder) -> ChainsFile | None:
    """The chains of the folder; None when it names none."""
    try:
        return chains.read(folder.chains)
    except CustodyError as wrong:
        raise Failure(str(wrong), Exit.USAGE) from wrong


def listed(exchange: Exchange) -> dict[str, Listed]:
    """What the exchange knows of assets at this moment, by symbol."""
    return {a.symbol: Listed(a.number, a.decimals) for a in exchange.engine.listings.assets}


@asynccontextmanager
async def withdrawing(
    exchange: Exchange, folder: Folder, database: Database, facts: Facts
) -> AsyncIterator[None]:
    """Withdrawals of a started exchange, moved along until the end; none without chains."""
    found = read_chains(folder)
    if found is None:
        yield
        return
    nodes = {chain.chain: Node(chain.url, chain.chain) for chain in found.chains}
    client = SignerClient(folder.signer)
    senders = {
        chain.chain: Sender(
            nodes[chain.chain], SentBook(database, chain.chain), client,
            SendingSettings(chain.confirmations, chain.replace_s),
        )
        for chain in found.chains
    }  # fmt: skip

    def routes() -> list[Route]:
        known = listed(exchange)
        return [route for chain in found.chains for route in chains.routes(chain, known)]

    key_id = parse(found.xpub).id
    sweepers = [
        Sweeper(database, senders[chain.chain], key_id, routes, chain.l1_fee_max)
        for chain in found.chains
    ]
    own = {address.lower() for chain in found.chains for address in (chain.hot, chain.cold)}
    parts = Parts(
        database, EngineLedger(exchange.engine), facts, client, senders, routes,
        lambda address: owner_of(database, address), lambda: own,
        lambda: _frozen(exchange), lambda: open_for_reading(folder.log).read(0),
        sweepers,
        lambda approvers: still_may(database, approvers),
    )  # fmt: skip
    exchange.withdrawals = Withdrawals(parts, WithdrawalBook(database))
    exchange.withdrawal_desk = WithdrawalDesk(exchange.withdrawals, Audit(database))
    moving = asyncio.create_task(exchange.withdrawals.run(), name="withdrawals")
    try:
        yield
    finally:
        moving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await moving
        await exchange.withdrawals.stop()
        for node in nodes.values():
            await node.close()


def _frozen(exchange: Exchange) -> str:
    """Why withdrawals are frozen, by whoever compares chain and ledger."""
    custody = getattr(exchange, "custody", None)
    return custody.withdrawals_frozen if custody is not None else ""
