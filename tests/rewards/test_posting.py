"""What is published of days and rounds comes to stand on chain, once, whatever happens."""

import asyncio
from pathlib import Path

import pytest
from eth_utils import keccak, to_checksum_address

from excraft.beside import beside
from excraft.chain.anvil import Anvil
from excraft.chain.deployment import contracts_of
from excraft.chain.errors import ContractRefused
from excraft.chain.node import Limits, Node
from excraft.chain.posting import Differs, post_day, withdraw
from excraft.chain.wallet import Wallet
from excraft.dataset.days import open_day
from excraft.dataset.errors import Damaged
from excraft.rewards.close import close, compute
from excraft.rewards.posting import RootPoster, Withheld, day_post
from excraft.rewards.tree import leaf_of
from tests.chain.deployed import GUARDIAN, OPERATOR, REWARD_WINDOW, ROUND_WINDOW, Town
from tests.rewards.published import MEMBERS, ROOTS, publish_day, publish_round

pytestmark = pytest.mark.anyio
FUNDS = 10**26


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def town(tmp_path, anyio_backend):
    anvil = Anvil()
    town = Town(anvil)
    await town.deploy(tmp_path / "contracts.json")
    await town.give(town.contracts.rewards.address, FUNDS)
    yield town
    await town.node.close()
    anvil.stop()


async def poster_of(town: Town, root: Path) -> RootPoster:
    wallet = await town.wallet(OPERATOR)
    return RootPoster(root, wallet, town.contracts, town.deployment.first_block)


async def blocks(town: Town) -> int:
    return (await town.node.head()).number


async def test_days_are_posted_in_order_once_and_can_be_claimed(town, tmp_path):
    root, rewards = tmp_path / "merit", town.contracts.rewards
    poster = await poster_of(town, root)
    await poster.poll()  # nothing is there yet
    for day in (4, 5, 6):
        publish_day(root, day)
    publish_day(root, 7, results=False)
    await poster.poll()
    assert (await rewards.ask("first"), await rewards.ask("next")) == (4, 7)
    before = await blocks(town)
    await poster.poll()
    await (await poster_of(town, root)).poll()
    assert await blocks(town) == before
    await town.wait(REWARD_WINDOW)
    outcome = compute(open_day(root, 6))
    for (_, address), units in zip(MEMBERS, outcome.cumulative, strict=True):
        leaf = leaf_of(bytes.fromhex(address[2:]), units)
        proof = outcome.claims.tree.proof(leaf)
        await town.call(OPERATOR, "rewards", "claim", 6, address, units, proof)
        token = town.contracts.token
        assert await token.ask("balanceOf", to_checksum_address(address)) == units > 0
    assert await rewards.ask("claimedInAll") == await rewards.ask("totalPosted")
    close(open_day(root, 7))
    await poster.poll()
    assert await rewards.ask("next") == 8


async def test_a_contract_that_is_deployed_late_begins_with_what_is_there(town, tmp_path):
    for day in (0, 1, 2):
        publish_day(tmp_path / "all", day)
    root = tmp_path / "merit"
    root.mkdir()
    (tmp_path / "all" / "day-00002").rename(root / "day-00002")
    assert open_day(root, 2).facts.total_before > 0
    await (await poster_of(town, root)).poll()
    rewards = town.contracts.rewards
    assert (await rewards.ask("first"), await rewards.ask("next")) == (2, 3)
    assert await rewards.ask("totalPosted") == open_day(root, 2).results.total


async def test_what_went_away_with_the_chain_is_posted_again(town, tmp_path):
    root, rewards = tmp_path / "merit", town.contracts.rewards
    for day in (0, 1):
        publish_day(root, day)
    poster = await poster_of(town, root)
    await town.wait(1)
    await poster.poll()
    await town.wait(REWARD_WINDOW)
    await poster.poll()  # now both are known to be final
    await town.ask("anvil_reorg", 3, [])
    assert await rewards.ask("next") == 0
    await poster.poll()
    assert await rewards.ask("next") == 2


async def test_what_a_guardian_withdrew_waits_for_a_person(town, tmp_path):
    root, rewards = tmp_path / "merit", town.contracts.rewards
    for day in (0, 1, 2):
        publish_day(root, day)
    poster = await poster_of(town, root)
    await poster.poll()
    await withdraw(await town.wallet(GUARDIAN), rewards, 1, "one is missing")
    for _ in range(2):
        with pytest.raises(Withheld, match="1 is not posted again: 0x.* one is missing"):
            await poster.poll()
    assert await rewards.ask("next") == 1
    await post_day(await town.wallet(OPERATOR), rewards, day_post(root, 1, False))
    with pytest.raises(Withheld, match="RewardDistributor 2 is not"):  # it went with day 1
        await poster.poll()


async def test_a_person_is_told_once_and_of_a_silent_node_nobody(town, tmp_path):
    root, told = tmp_path / "merit", []
    publish_day(root, 0)
    ours = day_post(root, 0, True)
    await post_day(
        await town.wallet(OPERATOR), town.contracts.rewards, ours._replace(root=b"\1" * 32)
    )
    poster = RootPoster(
        root, await town.wallet(OPERATOR), town.contracts, town.deployment.first_block, told.append
    )
    async with beside(poster.run(0.01), "poster"):
        async with asyncio.timeout(20):
            while not poster.failure:
                await asyncio.sleep(0.01)
            for _ in range(10):
                await asyncio.sleep(0.01)
    [sentence] = told
    assert "other roots for 0 than were computed" in sentence
    nobody = Node("http://127.0.0.1:9", town.node.chain_id, Limits(attempts=1))
    away = RootPoster(
        root, Wallet(nobody, OPERATOR), contracts_of(nobody, town.deployment), 0, told.append
    )
    async with beside(away.run(0.01), "poster"), asyncio.timeout(20):
        while not away.failure:
            await asyncio.sleep(0.01)
    await nobody.close()
    assert "not reached" in away.failure and len(told) == 1


async def test_something_else_on_chain_is_said_and_nothing_is_posted_after_it(town, tmp_path):
    root, rewards = tmp_path / "merit", town.contracts.rewards
    for day in (0, 1):
        publish_day(root, day)
    ours = day_post(root, 0, True)
    await post_day(await town.wallet(OPERATOR), rewards, ours._replace(root=b"\1" * 32))
    with pytest.raises(Differs, match="other roots for 0 than were computed"):
        await (await poster_of(town, root)).poll()
    assert await rewards.ask("next") == 1


async def test_a_day_that_is_not_covered_waits_for_funds(town, tmp_path):
    root, rewards = tmp_path / "merit", town.contracts.rewards
    publish_day(root, 0)
    # the balances are the first mapping of the token
    slot = keccak(bytes(12) + bytes.fromhex(rewards.address[2:]) + bytes(32))
    await town.ask("anvil_setStorageAt", town.contracts.token.address, "0x" + slot.hex(),
                   f"0x{1:064x}")  # fmt: skip
    poster = await poster_of(town, root)
    with pytest.raises(ContractRefused, match="NotCovered.*covered 1"):
        await poster.poll()
    await town.give(rewards.address, FUNDS)
    await poster.poll()
    assert await rewards.ask("next") == 1


async def test_rounds_are_posted_when_they_have_roots(town, tmp_path):
    root, rounds = tmp_path / "merit", town.contracts.rounds
    publish_round(root, 6, {"roots": ROOTS})
    publish_round(root, 7, None)
    poster = await poster_of(town, root)
    await poster.poll()
    assert (await rounds.ask("first"), await rounds.ask("next")) == (6, 7)
    congress, senate, _ = await rounds.ask("posted", 6)
    assert (congress.hex(), senate.hex()) == (ROOTS["congress"], ROOTS["senate"])
    await town.wait(ROUND_WINDOW)
    await poster.poll()
    publish_round(root, 8, {"roots": ROOTS})
    await poster.poll()
    assert await rounds.ask("next") == 7


@pytest.mark.parametrize("results", [{}, {"roots": {}}, {"roots": ROOTS | {"senate": 7}}])
async def test_a_round_without_its_roots_is_damaged(town, tmp_path, results):
    publish_round(tmp_path / "merit", 6, results)
    with pytest.raises(Damaged, match="round-0006: its manifest is not whole"):
        await (await poster_of(town, tmp_path / "merit")).poll()
