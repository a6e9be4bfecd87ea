"""The demo's contracts: EXT and what belongs to it, deployed on the demo's chain by themselves.

The windows are short, which the contracts allow on a development chain only.
"""

from eth_utils import to_checksum_address

from excraft.chain.contract import View, ask_all
from excraft.chain.deployment import Contracts, Terms, contracts_of, deploy
from excraft.chain.errors import Lost
from excraft.chain.key_file import kept_key
from excraft.chain.node import Node
from excraft.chain.wallet import Wallet
from excraft.cli.folder import Folder

EXT, EXT_DECIMALS = "EXT", 18
UNIT = 10**EXT_DECIMALS
SUPPLY = 10**9 * UNIT
FOR_REWARDS, FOR_HOT = SUPPLY // 2, SUPPLY // 100  # what is left is there to be given away
UNSTAKE_DELAY_S, ROUND_WINDOW_S, REWARD_WINDOW_S = 60, 60, 20
COIN_MIN, COIN = 10**18, 100 * 10**18  # wei of operator and guardian


async def demo_contracts(folder: Folder, node: Node, rich: str, hot: str) -> tuple[Contracts, str]:
    """All contracts, and what to say when they had to be deployed anew. `rich` is an account that
    the node itself signs for; raises ChainError, and ValueError for a file that is not ours."""
    operator = kept_key(folder.operator_key)
    guardian = kept_key(folder.root / "chain" / "guardian.key").address
    wallet = Wallet(node, operator)
    eth = node.web3.eth
    for address in (operator.address, guardian):
        if await eth.get_balance(address) < COIN_MIN:
            paid = await eth.send_transaction({"from": rich, "to": address, "value": COIN})
            await eth.wait_for_transaction_receipt(paid)
    terms = Terms(
        operator.address, guardian, operator.address, guardian, SUPPLY, UNSTAKE_DELAY_S,
        ROUND_WINDOW_S, REWARD_WINDOW_S,
    )  # fmt: skip
    said = ""
    try:
        deployment = await deploy(wallet, terms, folder.contracts)
    except Lost as lost:
        said = f"the contracts are deployed anew, and all that was on them is gone: {lost}"
        folder.contracts.unlink()
        deployment = await deploy(wallet, terms, folder.contracts)
    contracts = contracts_of(node, deployment)
    await _share_out(wallet, contracts, hot, rich)
    return contracts, said


async def _share_out(wallet: Wallet, contracts: Contracts, hot: str, rich: str) -> None:
    """Give all of the operator's EXT away, each part once, also after a stop in between."""
    token, rewards = contracts.token, to_checksum_address(contracts.rewards.address)
    owners = (wallet.address, rewards, hot)
    left, *have = await ask_all(wallet.node, [View(token, "balanceOf", (o,)) for o in owners])
    if not left:
        return
    for owner, had, units in zip((rewards, hot), have, (FOR_REWARDS, FOR_HOT), strict=True):
        if not had:
            await wallet.call(token, "transfer", owner, units)
            left -= units
    await wallet.call(token, "transfer", rich, left)
