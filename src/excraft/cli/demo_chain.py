"""The demo's chain: anvil beside the exchange, with coin in the hot wallet, a token, and EXT.

Its state is in DIR/chain and goes on where it was. An operator names real chains in chains.json.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from excraft.chain.anvil import TOKEN, Anvil
from excraft.chain.node import Node
from excraft.cli.demo_contracts import EXT, EXT_DECIMALS, demo_contracts
from excraft.cli.demo_signer import demo_wallets
from excraft.cli.folder import Folder
from excraft.custody.chains import ChainAsset, ChainEntry, ChainsFile
from excraft.units import parse_decimal

NETWORK, CHAIN = "LOCAL", 31337
HOT_WEI = 100 * 10**18
TOKEN_SYMBOL, TOKEN_DECIMALS = "USDT", 6
TOKEN_SUPPLY = 10**9 * 10**TOKEN_DECIMALS
RICH = 0  # which of anvil's own accounts gives things away


@asynccontextmanager
async def demo_chain(folder: Folder) -> AsyncIterator[str]:
    """The chain while the exchange runs, named in chains.json; yields why there is none, or what
    else the operator should know, or "".

    A chains.json that names another chain is the operator's: nothing is started then.
    """
    found = _known(folder)
    if found is not None and not _is_ours(found):
        yield ""
        return
    try:
        anvil = _started(folder)  # in this thread: the chain ends when its starter's thread does
    except (FileNotFoundError, RuntimeError) as why:
        folder.chains.unlink(missing_ok=True)  # it names a chain that is not there
        yield f"without a chain, no deposits and withdrawals: {why}"
        return
    try:
        yield await _name(folder, anvil, found)
    finally:
        await asyncio.to_thread(anvil.stop)


def _known(folder: Folder) -> ChainsFile | None:
    with contextlib.suppress(FileNotFoundError):
        return msgspec.json.decode(folder.chains.read_bytes(), type=ChainsFile)
    return None


def _is_ours(found: ChainsFile) -> bool:
    return [entry.network for entry in found.chains] == [NETWORK]


def _started(folder: Folder) -> Anvil:
    place = folder.root / "chain"
    place.mkdir(mode=0o700, exist_ok=True)
    return Anvil(place / "state.json")


async def _name(folder: Folder, anvil: Anvil, found: ChainsFile | None) -> str:
    """Write chains.json anew: the address of the node is another one at each start. What to say."""
    wallets = await asyncio.to_thread(demo_wallets, folder)
    node = Node(anvil.url, CHAIN)
    try:
        rich = (await node.web3.eth.accounts)[RICH]
        contracts, said = await demo_contracts(folder, node, rich, wallets.hot)
        token = await _kept_token(node, found) or await _fill(node, rich, wallets.hot)
    finally:
        await node.close()
    fees = {"withdraw_fee": "0.001", "withdraw_minimum": "0.01"}
    assets = [
        ChainAsset("ETH", 18, **fees),
        ChainAsset(TOKEN_SYMBOL, TOKEN_DECIMALS, "1", "10", token=token),
        ChainAsset(EXT, EXT_DECIMALS, "1", "10", token=contracts.token.address),
    ]
    entry = ChainEntry(
        CHAIN, NETWORK, anvil.url, wallets.hot, wallets.cold, assets, 1, 0, 10, still_s=0
    )
    text = msgspec.json.format(msgspec.json.encode(ChainsFile(wallets.xpub, [entry])), indent=1)
    partial = folder.chains.with_suffix(".partial")
    partial.write_bytes(text)
    partial.chmod(0o600)
    partial.rename(folder.chains)
    return said


async def _kept_token(node: Node, found: ChainsFile | None) -> str | None:
    """The contract of the demo's token, where it still is."""
    assets = found.chains[0].assets if found else []
    token = next((each.token for each in assets if each.symbol == TOKEN_SYMBOL), None)
    there = token and await node.web3.eth.get_code(node.web3.to_checksum_address(token))
    return token if there else None


async def _fill(node: Node, rich: str, hot: str) -> str:
    """Coin and token for the hot wallet, from anvil's own account; the token's contract."""
    eth = node.web3.eth
    artifact = json.loads(TOKEN.read_text())
    contract = eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
    made = await contract.constructor(0, TOKEN_SUPPLY).transact({"from": rich})
    token = (await eth.wait_for_transaction_receipt(made))["contractAddress"]
    await eth.send_transaction({"from": rich, "to": hot, "value": HOT_WEI})
    give = eth.contract(token, abi=artifact["abi"]).functions.transfer(hot, TOKEN_SUPPLY // 100)
    await eth.wait_for_transaction_receipt(await give.transact({"from": rich}))
    return token.lower()


async def give(folder: Folder, address: str, symbol: str, amount: str) -> str:
    """The hash of a payment from anvil's own account, as from somebody outside; raises ValueError
    and ChainError."""
    found = _known(folder)
    if found is None or not _is_ours(found):
        raise ValueError("there is no demo chain in this folder: `excraft up --demo` starts one")
    [entry] = found.chains
    asset = next((a for a in entry.assets if a.symbol == symbol), None)
    if asset is None:
        names = ", ".join(a.symbol for a in entry.assets)
        raise ValueError(f"the demo chain has no {symbol!r}; it has {names}")
    units = parse_decimal(amount, asset.chain_decimals)
    node = Node(entry.url, CHAIN)
    try:
        eth = node.web3.eth
        rich = (await eth.accounts)[RICH]
        if asset.token is None:
            sent = await eth.send_transaction({"from": rich, "to": address, "value": units})
        else:
            token = node.web3.to_checksum_address(asset.token)
            contract = eth.contract(token, abi=json.loads(TOKEN.read_text())["abi"])
            sent = await contract.functions.transfer(address, units).transact({"from": rich})
        await eth.wait_for_transaction_receipt(sent)
    finally:
        await node.close()
    return "0x" + bytes(sent).hex()
