"""Events are read up to finality, none is left out, and a chain that changed is noticed."""

import pytest

from excraft.chain.contract import Contract
from excraft.chain.contract_logs import ContractLogs
from excraft.chain.errors import BadAnswer, Reorganised
from excraft.chain.node import Limits, Node
from excraft.chain.vault import Held, VaultStakes
from tests.chain.deployed import ALICE, BOB, DELAY, Town
from tests.chain.local import Proxy, twisted

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stakers(town):
    for account in (ALICE, BOB):
        await town.give(account.address, 1000)
        vault = town.node.web3.to_checksum_address(town.contracts.vault.address)
        await town.call(account, "token", "approve", vault, 1000)
    return town


def reader(town: Town, confirmations: int, node: Node | None = None, **more) -> ContractLogs:
    node = node or town.node
    contracts = [Contract(node, c.name, c.address) for c in town.contracts[1:]]
    return ContractLogs(node, contracts, town.deployment.first_block, confirmations, **more)


@pytest.mark.parametrize("range_blocks", [1, 3, 500])
async def test_stake_is_read_as_intervals_of_time(stakers, range_blocks):
    town, stakes = stakers, VaultStakes()
    logs = reader(town, 1, range_blocks=range_blocks)
    times = []
    for account, function, units in (
        (ALICE, "stake", 100), (BOB, "stake", 7), (ALICE, "stake", 50), (ALICE, "unstake", 120),
        (BOB, "unstake", 7), (ALICE, "unstake", 10),
    ):  # fmt: skip
        await town.wait(10)
        await town.call(account, "vault", function, units)
        times.append(await town.now())
    await town.wait(DELAY)
    await town.call(ALICE, "vault", "withdraw")
    for event in await logs.read():
        if event.contract == "StakeVault":
            stakes.add(event)
    stakes.invariant()
    end = await town.now()
    alice, bob = ALICE.address.lower(), BOB.address.lower()
    a0, b0, a1, a2, b1, a3 = times
    expected = [
        Held(alice, 100, a0, a1), Held(alice, 150, a1, a2), Held(alice, 30, a2, a3),
        Held(alice, 20, a3, end), Held(bob, 7, b0, b1),
    ]  # fmt: skip
    assert stakes.intervals(0, end) == sorted(expected, key=lambda e: (e.address, e.begin))
    for held in expected:  # the contract says the same of each second that is over
        for second in (held.begin, held.end - 1):
            address = town.node.web3.to_checksum_address(held.address)
            assert await town.contracts.vault.ask("stakedAt", address, second) == held.units
    assert [e for e in stakes.intervals(a1 + 1, a2) if e.address == alice] == [
        Held(alice, 150, a1 + 1, a2)
    ]
    token = town.contracts.token
    vault = town.node.web3.to_checksum_address(town.contracts.vault.address)
    assert stakes.in_the_vault == await token.ask("balanceOf", vault) == 27
    assert (stakes.staked(alice), stakes.staked(bob)) == (20, 0)
    assert await logs.read() == []


async def test_only_what_is_deep_enough_is_read(stakers):
    logs = reader(stakers, 3)
    await stakers.call(ALICE, "vault", "stake", 5)
    names = [e.name for e in await logs.read()]
    assert "Staked" not in names
    await stakers.wait(1)
    assert await logs.read() == []
    await stakers.wait(1)
    [event] = await logs.read()
    assert (event.name, event.fields["units"]) == ("Staked", 5)
    assert event.fields["account"] == ALICE.address.lower()


async def test_a_block_that_changed_below_finality_is_said(stakers):
    logs = reader(stakers, 2)
    await stakers.call(ALICE, "vault", "stake", 5)
    await stakers.wait(1)
    await logs.read()
    await stakers.ask("anvil_reorg", 3, [])
    for _ in range(2):
        with pytest.raises(Reorganised, match="deeper than 2 confirmations"):
            await logs.read()
    anew = [e for e in await reader(stakers, 1).read() if e.name == "Staked"]
    assert anew == []


async def test_a_reorganisation_above_finality_changes_nothing(stakers):
    logs = reader(stakers, 4)
    await logs.read()
    await stakers.call(ALICE, "vault", "stake", 5)
    await stakers.ask("anvil_reorg", 1, [])
    await stakers.call(BOB, "vault", "stake", 6)
    for _ in range(4):
        await stakers.wait(1)
    [event] = await logs.read()
    assert event.fields["account"] == BOB.address.lower()


async def test_a_node_that_leaves_logs_out_is_asked_again(stakers):
    await stakers.call(ALICE, "vault", "stake", 5)

    def nothing(answers):
        first, last = answers[1]["result"], answers[-1]
        if isinstance(first, dict) and isinstance(last["result"], list):  # a range of blocks
            last["result"] = []

    async with Proxy(stakers.node._url) as proxy:
        node = Node(proxy.url, stakers.node.chain_id)
        try:
            proxy.twist = twisted(nothing)
            found = await reader(stakers, 1, node).read()
        finally:
            await node.close()
    assert found == await reader(stakers, 1).read()
    assert [e.name for e in found].count("Staked") == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda a: a[-1]["result"][-1].update(address="0x" + "12" * 20), "not asked for"),
        (lambda a: a[-1]["result"][-1].update(blockHash="0x" + "12" * 32), "not asked for"),
        (lambda a: a[-1]["result"][-1].update(removed=True), "no longer there"),
        (lambda a: a[-1]["result"][-1].update(topics=["0x" + "12" * 32]), "none of"),
        (lambda a: a[-1]["result"][-1].update(topics=a[-1]["result"][-1]["topics"][:1]), "too few"),
        (lambda a: a[-1]["result"][-1].update(data="0x12"), "which is not"),
        (lambda a: a[1]["result"].update(number="0x1"), "sent block 1, not"),
        (lambda a: a[1]["result"].update(hash="0x" + "12" * 32), "changed its chain"),
    ],
)
async def test_answers_that_do_not_fit_are_refused(stakers, change, why):
    await stakers.call(ALICE, "vault", "stake", 5)

    def first(answers):
        if len(answers) > 2:
            change(answers)

    async with Proxy(stakers.node._url) as proxy:
        node = Node(proxy.url, stakers.node.chain_id)
        try:
            proxy.twist = twisted(first)
            with pytest.raises(BadAnswer, match=why):
                await reader(stakers, 1, node).read()
        finally:
            await node.close()


async def test_what_is_too_large_is_read_in_parts(stakers):
    for _ in range(20):
        await stakers.call(ALICE, "vault", "stake", 1)
    node = Node(stakers.node._url, stakers.node.chain_id, Limits(answer_bytes=20_000))
    try:
        small = reader(stakers, 1, node)
        found = await small.read()
    finally:
        await node.close()
    assert found == await reader(stakers, 1).read()
    assert [e.name for e in found].count("Staked") == 20


async def test_there_is_at_least_one_confirmation(stakers):
    with pytest.raises(ValueError, match="at least 1, not 0"):
        reader(stakers, 0)
