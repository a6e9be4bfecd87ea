"""Stakes and claims are known up to finality, also when the chain changes or a node lies."""

import pytest

from excraft.chain.anvil import Anvil
from excraft.chain.blocks import Log
from excraft.chain.claims import Claims
from excraft.chain.contract import Event
from excraft.chain.errors import BadAnswer, Lost, Unreachable
from excraft.chain.node import Limits, Node
from excraft.chain.posting import DayPost, post_day
from excraft.chain.watcher import Watcher
from excraft.rewards.tree import ClaimTree
from tests.chain.deployed import ALICE, BOB, OPERATOR, REWARD_WINDOW, Town
from tests.chain.local import Proxy

pytestmark = pytest.mark.anyio
HASH = b"\7" * 32


def bare(account) -> bytes:
    return bytes.fromhex(account.address[2:])


@pytest.fixture
async def staked(tmp_path, anyio_backend):
    """On a chain of the test's own, since it is broken in the test."""
    anvil = Anvil()
    town = Town(anvil)
    await town.deploy(tmp_path / "contracts.json")
    await stake_some(town)
    yield town
    await town.node.close()
    anvil.stop()


async def stake_some(town):
    vault = town.node.web3.to_checksum_address(town.contracts.vault.address)
    for account in (ALICE, BOB):
        await town.give(account.address, 1000)
        await town.call(account, "token", "approve", vault, 1000)
    await town.call(ALICE, "vault", "stake", 100)


async def test_stakes_and_claims_are_what_the_contracts_say(staked):
    watcher = Watcher(staked.node, staked.deployment, 1)
    tree = ClaimTree({bare(ALICE): 70, bare(BOB): 30})
    rewards = staked.contracts.rewards
    await staked.give(rewards.address, tree.total)
    await post_day(await staked.wallet(OPERATOR), rewards, DayPost(0, tree.root, 100, 100, HASH))
    await staked.wait(REWARD_WINDOW)
    await watcher.poll()
    assert watcher.claims.total == 0 and watcher.known_until == await staked.now()
    await staked.call(BOB, "rewards", "claim", 0, ALICE.address, 70, tree.proof(bare(ALICE)))
    await staked.call(ALICE, "vault", "unstake", 40)
    await watcher.poll()
    assert watcher.claims.of(ALICE.address.lower()) == watcher.claims.total == 70
    assert watcher.claims.of(BOB.address.lower()) == 0
    assert watcher.stakes.staked(ALICE.address.lower()) == 60
    assert watcher.stakes.in_the_vault == 100
    watcher.claims.invariant()


async def test_what_changed_below_finality_is_read_anew(staked):
    await staked.wait(1)
    watcher = Watcher(staked.node, staked.deployment, 1)
    await staked.call(BOB, "vault", "stake", 7)
    await watcher.poll()
    assert watcher.stakes.in_the_vault == 107
    await staked.ask("anvil_reorg", 1, [])
    await watcher.poll()
    assert watcher.stakes.in_the_vault == 100 and watcher.anew == 1
    await staked.call(BOB, "vault", "stake", 8)
    await watcher.poll()
    assert watcher.stakes.staked(BOB.address.lower()) == 8 and watcher.anew == 1


async def test_a_node_that_goes_away_meanwhile_costs_nothing_that_was_known(staked):
    async with Proxy(staked.node._url) as proxy:
        node = Node(proxy.url, staked.node.chain_id, Limits(attempts=1))
        try:
            watcher = Watcher(node, staked.deployment, 1)
            await watcher.poll()
            await staked.call(BOB, "vault", "stake", 7)
            await staked.ask("anvil_reorg", 2, [])
            calls, passed = [], (lambda body: body)

            def dies(body):
                calls.append(body)
                proxy.raw = (
                    b"HTTP/1.1 500 no\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                    if len(calls) > 6
                    else b""
                )
                return body

            proxy.twist = dies
            with pytest.raises(Unreachable):
                await watcher.poll()
            assert watcher.stakes.in_the_vault == 100 and watcher.anew == 1
            proxy.twist, proxy.raw = passed, b""
            await watcher.poll()
            assert watcher.anew == 2
        finally:
            await node.close()
    fresh = Watcher(staked.node, staked.deployment, 1)
    await fresh.poll()
    assert fresh.stakes.in_the_vault == watcher.stakes.in_the_vault


async def test_contracts_that_are_gone_are_said(staked):
    watcher = Watcher(staked.node, staked.deployment, 1)
    await watcher.poll()
    await staked.ask("anvil_reorg", 3, [])
    await staked.ask("anvil_setCode", staked.contracts.vault.address, "0x")
    with pytest.raises(Lost, match="StakeVault is not at"):
        await watcher.poll()


async def test_a_chain_without_a_beat_is_known_until_now(staked):
    now = await staked.now() + 1000
    watcher = Watcher(staked.node, staked.deployment, 1, clock=lambda: now)
    await watcher.poll()
    assert watcher.known_until == now
    begin = watcher.stakes.intervals(0, now)[0].begin
    assert [h.end - h.begin for h in watcher.stakes.intervals(0, now)] == [now - begin]


@pytest.mark.parametrize(("units", "cumulative"), [(5, 6), (0, 0), (5, 4)])
def test_a_missing_claim_is_noticed(units, cumulative):
    log = Log(1, "", "", 0, "", [], "0x")
    fields = {"account": "0x" + "ab" * 20, "units": units, "cumulative": cumulative}
    with pytest.raises(BadAnswer, match="has claimed"):
        Claims().add(Event("RewardDistributor", "Claimed", fields, log, 1))
