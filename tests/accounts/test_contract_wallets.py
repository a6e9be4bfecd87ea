"""Contracts that sign (EIP-1271) on a local chain, and nodes that stall, lie and stand still."""

import asyncio
import json
from pathlib import Path

import pytest
from eth_utils import keccak

from excraft.accounts.contract_wallets import (
    AT_ONCE,
    SIGNATURE_BYTES_MAX,
    YES,
    Chain,
    ContractWallets,
)
from excraft.accounts.refusals import Refused
from excraft.chain.anvil import Anvil
from excraft.chain.node import Limits, Node
from tests.chain import local
from tests.gateway.account.ethereum import Wallet

pytestmark = pytest.mark.anyio
TEST_WALLET = json.loads((Path(__file__).parent / "wallet" / "TestWallet.json").read_text())
HONEST, ALWAYS_YES, REVERTS, BURNS, SAYS_ONE, SHORT, LONG = range(7)
OWNER, THIEF = Wallet(11), Wallet(12)
DIGEST = keccak(b"log in")


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
def anvil():
    anvil = Anvil(mining=False)
    yield anvil
    anvil.stop()


@pytest.fixture
async def chain(anvil, anyio_backend):
    chain = local.Chain(anvil)
    yield chain
    await chain.node.close()


async def deployed(chain, fault=HONEST, owner=OWNER):
    """The contract, as web3 has it."""
    contract = chain.web3.eth.contract(abi=TEST_WALLET["abi"], bytecode=TEST_WALLET["bytecode"])
    made = contract.constructor(fault, owner.address)
    sent = await made.transact({"from": await chain.rich(), "gas": 2_000_000})
    await chain.mine(3)
    receipt = await chain.web3.eth.get_transaction_receipt(sent)
    return chain.web3.eth.contract(receipt["contractAddress"], abi=TEST_WALLET["abi"])


def sign(wallet=OWNER, digest=DIGEST, more=b""):
    raw = wallet.key.sign_recoverable(digest, hasher=None)
    return raw[:64] + bytes([raw[64] + 27]) + more


def wallets_of(url, chain_id, seconds=5.0, still_s=0, clock=lambda: 0, **limits):
    node = Node(url, chain_id, Limits(seconds=seconds, attempts=1, **limits))
    return ContractWallets({chain_id: Chain(node, 2, still_s)}, clock)


@pytest.fixture
async def wallets(anvil, anyio_backend):
    found = wallets_of(anvil.url, anvil.chain_id, answer_bytes=64 << 10)
    yield found
    await found.close()


async def test_a_contract_signs_for_its_owner_and_for_nobody_else(chain, anvil, wallets):
    contract = await deployed(chain)

    async def signed(signature, digest=DIGEST, chain_id=anvil.chain_id, to=contract.address):
        return await wallets.signed(chain_id, to, digest, signature)

    assert await signed(sign())
    assert await signed(sign(more=bytes(SIGNATURE_BYTES_MAX - 65)))
    assert not await signed(sign(more=bytes(SIGNATURE_BYTES_MAX - 64)))
    assert not await signed(sign(THIEF))
    assert not await signed(sign(), digest=keccak(b"another message"))
    assert not await signed(b"")
    assert not await signed(sign(), chain_id=1)  # a chain that is not served
    assert not await signed(sign(), to=OWNER.address)  # no contract is there


@pytest.mark.parametrize("fault", [ALWAYS_YES, REVERTS, BURNS, SAYS_ONE, SHORT])
async def test_a_contract_that_is_broken_is_nobodys(chain, anvil, wallets, fault):
    contract = await deployed(chain, fault)
    assert not await wallets.signed(anvil.chain_id, contract.address, DIGEST, sign())


async def test_an_answer_without_end_is_not_read(chain, anvil, wallets):
    contract = await deployed(chain, LONG)
    with pytest.raises(Refused, match="cannot be asked"):
        await wallets.signed(anvil.chain_id, contract.address, DIGEST, sign())


async def test_an_owner_counts_neither_before_it_is_confirmed_nor_once_it_is_removed(
    chain, anvil, wallets
):
    contract = await deployed(chain)
    change = contract.functions.setOwner(THIEF.address)
    await change.transact({"from": await chain.rich(), "gas": 100_000})
    await chain.mine()
    for who in (OWNER, THIEF):
        assert not await wallets.signed(anvil.chain_id, contract.address, DIGEST, sign(who))
    await chain.mine(2)
    assert await wallets.signed(anvil.chain_id, contract.address, DIGEST, sign(THIEF))


async def test_a_node_that_stalls_holds_up_nothing_and_not_for_long(anvil):
    async with local.Proxy(anvil.url) as proxy:
        proxy.stall = True
        wallets = wallets_of(proxy.url, anvil.chain_id, seconds=0.5)
        waiting = [
            asyncio.create_task(wallets.signed(anvil.chain_id, OWNER.address, DIGEST, sign()))
            for _ in range(AT_ONCE)
        ]
        await asyncio.sleep(0)  # they have begun
        with pytest.raises(Refused, match="cannot be asked"):  # at once: the places are taken
            await wallets.signed(anvil.chain_id, OWNER.address, DIGEST, sign())
        assert not any(task.done() for task in waiting)
        for ended in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(ended, Refused) and ended.code == "busy"
        proxy.stall = False
        assert not await wallets.signed(anvil.chain_id, OWNER.address, DIGEST, sign())
        await wallets.close()


def say_yes(answers):
    """What a node makes up that says yes to each question."""
    for answer in answers:
        if answer.get("result") == "0x" or len(answer.get("result") or "") == 66:
            answer["result"] = "0x" + YES.hex()


async def test_a_node_that_says_yes_to_everything_is_not_believed(anvil):
    async with local.Proxy(anvil.url) as proxy:
        proxy.twist = local.twisted(say_yes)
        wallets = wallets_of(proxy.url, anvil.chain_id)
        assert not await wallets.signed(anvil.chain_id, OWNER.address, DIGEST, sign())
        for raw in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", b"\x00" * 99):
            proxy.raw = raw
            if raw:
                with pytest.raises(Refused, match="cannot be asked"):
                    await wallets.signed(anvil.chain_id, OWNER.address, DIGEST, sign())
        await wallets.close()


async def test_a_node_of_another_chain_or_an_old_day_is_not_asked(chain, anvil):
    contract = await deployed(chain)
    head = await chain.node.head()
    now = (head.seconds + 61) * 10**9
    for chain_id, still_s, clock in ((7, 0, lambda: 0), (anvil.chain_id, 60, lambda: now)):
        wallets = wallets_of(anvil.url, chain_id, still_s=still_s, clock=clock)
        with pytest.raises(Refused, match="cannot be asked"):
            await wallets.signed(chain_id, contract.address, DIGEST, sign())
        await wallets.close()
