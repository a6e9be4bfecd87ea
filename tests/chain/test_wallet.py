"""A key of ours sends one transaction at a time; one that hangs is replaced, never doubled."""

import asyncio

import pytest

from excraft.chain.contract import Contract
from excraft.chain.errors import ContractRefused, NodeRefused, NotMined
from excraft.chain.wallet import Wallet
from tests.chain.deployed import ALICE, BOB, HOLDER

pytestmark = pytest.mark.anyio


async def test_what_hangs_is_replaced_by_the_next_attempt(town):
    token, wallet = town.contracts.token, Wallet(town.node, HOLDER, wait_s=0.2, poll_s=0.002)
    await town.ask("evm_setAutomine", False)
    try:
        for _ in range(3):
            with pytest.raises(NotMined, match="ExtToken.transfer: 0x.* is in no block after"):
                await wallet.call(token, "transfer", ALICE.address, 5)
        await town.ask("evm_mine")
    finally:
        await town.ask("evm_setAutomine", True)
    assert await token.ask("balanceOf", ALICE.address) == 5


async def test_nothing_is_sent_that_would_be_refused(town):
    wallet, before = await town.wallet(BOB), await town.node.head()
    with pytest.raises(ContractRefused, match="ERC20InsufficientBalance.*needed 1") as refused:
        await wallet.call(town.contracts.token, "transfer", ALICE.address, 1)
    assert refused.value.error == "ERC20InsufficientBalance"
    with pytest.raises(ContractRefused, match="ERC20InsufficientAllowance"):  # a call in a call
        await wallet.call(town.contracts.vault, "stake", 1)
    assert await town.node.head() == before


async def test_a_refusal_without_words_is_a_refusal(town):
    vault = Contract(town.node, "StakeVault", town.contracts.token.address)  # it has no such calls
    with pytest.raises(ContractRefused, match="StakeVault.delay was refused: .*revert"):
        await vault.ask("delay")
    nowhere = Contract(town.node, "StakeVault", "0x" + "12" * 20)
    with pytest.raises(ContractRefused, match="StakeVault is not at 0x1212.* in block latest"):
        await nowhere.ask("delay")


async def test_a_wallet_without_coin_says_so(town):
    poor = Wallet(town.node, ALICE)
    await town.ask("anvil_setBalance", ALICE.address, "0x0")
    town.wallets.pop(ALICE.address, None)
    with pytest.raises(NodeRefused, match="(?i)insufficient funds"):
        await poor.call(town.contracts.token, "approve", BOB.address, 1)


async def test_gas_is_enough_though_the_block_comes_a_second_later(town, monkeypatch):
    """In the second of its last checkpoint a contract writes over it; a second later it adds one,
    which costs four times as much."""
    await town.give(ALICE.address, 50)
    await town.call(ALICE, "token", "approve", town.contracts.vault.address, 50)
    await town.call(ALICE, "vault", "stake", 1)
    asked, batch = [], town.node.batch

    async def slow(calls):
        found = await batch(calls)
        if calls[0][0] == "eth_estimateGas":
            asked.append(calls)
            await asyncio.sleep(1.1)
        return found

    monkeypatch.setattr(town.node, "batch", slow)
    for _ in range(3):  # of which one at least is asked in the second of the one before
        await town.call(ALICE, "vault", "stake", 1)
    assert len(asked) == 3
