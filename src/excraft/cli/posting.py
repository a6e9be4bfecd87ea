"""Puts together what the exchange's own contracts need: the watcher of stakes and claims, and, with
the operator's key, the poster of rounds and days."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from excraft.beside import beside
from excraft.chain.deployment import Contracts, Deployment, contracts_of, read
from excraft.chain.node import Node
from excraft.chain.wallet import Wallet
from excraft.chain.watcher import Watcher
from excraft.cli.depositing import alerting
from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.cli.withdrawing import read_chains
from excraft.gateway.exchange import Exchange
from excraft.rewards.posting import RootPoster


class OnChain:
    """The contracts of a running exchange. `poster` is None without the operator's key."""

    def __init__(self, contracts: Contracts, watcher: Watcher, poster: RootPoster | None) -> None:
        self.contracts, self.watcher, self.poster = contracts, watcher, poster


def deployed(folder: Folder) -> Deployment | None:
    """What `contracts.json` says once all is deployed; None without it."""
    try:
        found = read(folder.contracts)
    except ValueError as wrong:
        raise Failure(str(wrong), Exit.USAGE) from wrong
    return found if found is not None and found.whole else None


@asynccontextmanager
async def posting(exchange: Exchange, folder: Folder) -> AsyncIterator[None]:
    """The contracts of a started exchange, watched and posted to until the end; nothing where none
    are deployed on a chain that is served."""
    deployment, found = deployed(folder), read_chains(folder)
    chains = found.chains if found and deployment else []
    entry = next((each for each in chains if each.chain == deployment.chain), None)
    if entry is None:
        yield
        return
    node = Node(entry.url, entry.chain)
    contracts = contracts_of(node, deployment)
    clock = (lambda: int(time.time())) if entry.still_s == 0 else None
    watcher = Watcher(node, deployment, entry.confirmations, clock)
    poster = _poster(exchange, folder, node, deployment)
    exchange.on_chain = OnChain(contracts, watcher, poster)
    try:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(beside(watcher.run(), "contracts"))
            if poster is not None:
                await stack.enter_async_context(beside(poster.run(), "posting"))
            yield
    finally:
        await node.close()


def _poster(
    exchange: Exchange, folder: Folder, node: Node, deployment: Deployment
) -> RootPoster | None:
    if not folder.operator_key.exists():
        return None
    from excraft.chain.key_file import read_key  # what signs takes long to import

    try:
        wallet = Wallet(node, read_key(folder.operator_key))
    except ValueError as wrong:
        raise Failure(str(wrong), Exit.USAGE) from wrong
    return RootPoster(
        folder.dataset, wallet, contracts_of(node, deployment), deployment.first_block,
        alerting(exchange),
    )  # fmt: skip
