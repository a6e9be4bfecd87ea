"""Rounds and days are posted once, whatever happens in between, and their progress is told."""

import asyncio

import pytest

from excraft.chain.deployment import contracts_of, deploy
from excraft.chain.errors import ContractRefused
from excraft.chain.posting import (
    DayPost,
    Differs,
    Progress,
    RoundPost,
    post_day,
    post_round,
    progress,
    withdraw,
)
from excraft.chain.wallet import Wallet
from excraft.rewards.tree import ClaimTree
from excraft.scores.tree import Chamber, Tree, score_leaves
from tests.chain.deployed import (
    ALICE,
    BOB,
    GUARDIAN,
    HOLDER,
    OPERATOR,
    REWARD_WINDOW,
    ROUND_WINDOW,
    TERMS,
)

pytestmark = pytest.mark.anyio
A, B, C, D = (bytes([n]) * 32 for n in range(1, 5))


def bare(account) -> bytes:
    return bytes.fromhex(account.address[2:])


async def test_a_round_is_posted_once_and_becomes_final(town):
    rounds, wallet = town.contracts.rounds, await town.wallet(OPERATOR)
    assert await progress(rounds, 6, 1) == Progress.ABSENT
    await post_round(wallet, rounds, RoundPost(6, A, B, C))
    before = await town.node.head()
    await post_round(wallet, rounds, RoundPost(6, A, B, C))
    assert await town.node.head() == before
    assert await progress(rounds, 6, 2) == Progress.SEEN
    await town.wait(1)
    assert await progress(rounds, 6, 2) == Progress.CONFIRMED
    await town.wait(ROUND_WINDOW)
    assert await progress(rounds, 6, 1) == Progress.FINAL
    assert await rounds.ask("posted", 6) == (A, B, C)


@pytest.mark.parametrize("count", [1, 2, 5])
async def test_a_place_is_proved_by_the_trees_of_scores(town, count):
    rounds = town.contracts.rounds
    scores = [(bytes([n + 1]) * 20, 10**30 - n, 7, n) for n in range(count)]
    trees = {c: Tree(score_leaves(c, 6, scores)) for c in Chamber}
    roots = [trees[chamber].root for chamber in (Chamber.CONGRESS, Chamber.SENATE)]
    await post_round(await town.wallet(OPERATOR), rounds, RoundPost(6, *roots, C))
    await town.wait(ROUND_WINDOW)
    for chamber, tree in trees.items():
        for score in scores:
            [leaf] = score_leaves(chamber, 6, [score])
            proof = tree.proof(leaf.tobytes())
            assert await rounds.ask("qualifies", chamber, 6, *score, proof) is True
            more = (score[0], score[1] + 1, *score[2:])
            assert await rounds.ask("qualifies", chamber, 6, *more, proof) is False


async def test_other_roots_for_a_posted_round_are_said_and_not_sent(town):
    rounds, wallet = town.contracts.rounds, await town.wallet(OPERATOR)
    await post_round(wallet, rounds, RoundPost(6, A, B, C))
    with pytest.raises(Differs, match=f"Rounds has other roots for 6 .*0x{D.hex()}"):
        await post_round(wallet, rounds, RoundPost(6, A, D, C))
    with pytest.raises(ContractRefused, match="OutOfOrder.expected 7, given 8"):
        await post_round(wallet, rounds, RoundPost(8, A, B, C))


async def test_what_was_withdrawn_is_posted_anew(town):
    rewards, wallet = town.contracts.rewards, await town.wallet(OPERATOR)
    await town.give(rewards.address, 1000)
    await post_day(wallet, rewards, DayPost(3, A, 100, 100, B))
    await post_day(wallet, rewards, DayPost(4, C, 150, 50, B))
    await withdraw(await town.wallet(GUARDIAN), rewards, 4, "a price was wrong")
    assert await progress(rewards, 4, 1) == Progress.ABSENT
    await post_day(wallet, rewards, DayPost(4, D, 140, 40, B))
    assert await rewards.ask("posted", 4) == (D, B, 140)
    await town.wait(REWARD_WINDOW)
    with pytest.raises(ContractRefused, match="AlreadyFinal") as refused:
        await withdraw(wallet, rewards, 4, "too late")
    assert refused.value.error == "AlreadyFinal"


async def test_a_day_is_claimed_by_the_proofs_of_our_tree(town):
    rewards, token = town.contracts.rewards, town.contracts.token
    claims = {bare(ALICE): 70, bare(BOB): 30, **{bytes([n]) * 20: n for n in range(1, 6)}}
    tree = ClaimTree(claims)
    await town.give(rewards.address, tree.total)
    post = DayPost(0, tree.root, tree.total, tree.total, B)
    await post_day(await town.wallet(OPERATOR), rewards, post)
    await town.wait(REWARD_WINDOW)
    for address, units in claims.items():
        await town.call(BOB, "rewards", "claim", 0, address, units, tree.proof(address))
        assert await token.ask("balanceOf", town.node.web3.to_checksum_address(address)) == units
    with pytest.raises(ContractRefused, match="NothingToClaim.*cumulative 70, claimed 70"):
        proof = tree.proof(bare(ALICE))
        await town.call(ALICE, "rewards", "claim", 0, ALICE.address, 70, proof)


async def test_more_than_is_there_is_not_promised(town):
    wallet = await town.wallet(OPERATOR)
    with pytest.raises(ContractRefused, match="NotCovered.total 1, covered 0"):
        await post_day(wallet, town.contracts.rewards, DayPost(0, A, 1, 1, B))
    with pytest.raises(ContractRefused, match="TotalMismatch.before 0, paid 2, total 3"):
        await post_day(wallet, town.contracts.rewards, DayPost(0, A, 3, 2, B))


async def test_only_the_operator_posts(town):
    with pytest.raises(
        ContractRefused, match=f"AccessControlUnauthorizedAccount.*{ALICE.address.lower()}"
    ):
        await post_round(await town.wallet(ALICE), town.contracts.rounds, RoundPost(0, A, B, C))


async def test_what_a_reorganisation_took_away_is_posted_again(chain, tmp_path):
    """Blocks come when the test says so; the first post is in a block that goes away."""

    wallets = {}
    for account in (HOLDER, OPERATOR):
        await chain.ask("anvil_setBalance", account.address, hex(10**20))
        wallets[account] = Wallet(chain.node, account, wait_s=20.0, poll_s=0.002)

    async def with_blocks(doing):
        task = asyncio.ensure_future(doing)
        while not task.done():
            await asyncio.sleep(0.02)
            await chain.mine()
        return await task

    made = await with_blocks(deploy(wallets[HOLDER], TERMS, tmp_path / "contracts.json"))
    rounds = contracts_of(chain.node, made).rounds
    await chain.mine(5)
    post = RoundPost(2, A, B, C)
    await with_blocks(post_round(wallets[OPERATOR], rounds, post))
    assert await progress(rounds, 2, 20) == Progress.SEEN
    depth = (await chain.node.head()).number - made.contracts["RewardDistributor"].block - 3
    await chain.reorganise(depth)
    assert await progress(rounds, 2, 1) == Progress.ABSENT
    await with_blocks(post_round(wallets[OPERATOR], rounds, post))
    assert await progress(rounds, 2, 1) >= Progress.CONFIRMED
    assert await rounds.ask("next") == 3
