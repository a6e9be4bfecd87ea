"""`excraft contracts`: EXT, its vault, rounds and rewards on a chain."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.cli.options import DEFAULT_DATA, Data, Json, show_json, show_table

app = typer.Typer(help="EXT, StakeVault, Rounds, RewardDistributor.", no_args_is_help=True)

COLUMNS = ["contract", "address", "block", "state"]
SHORTEST_ROUND_WINDOW_S, SHORTEST_REWARD_WINDOW_S = 48 * 3600, 6 * 3600
T = TypeVar("T")
Key = Annotated[Path, typer.Option(help="File with the private key that pays for the gas.")]
Address = Annotated[str, typer.Option(show_default=False)]


class Sequence(StrEnum):
    """What is posted one after the other."""

    ROUNDS = "rounds"
    REWARDS = "rewards"


@app.command()
def show(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Addresses, roles, and how far each contract has come."""
    from excraft.chain.contract import View, ask_all
    from excraft.chain.deployment import check, contracts_of

    folder = Folder.existing(data)
    deployment = _deployment(folder)

    async def look(node) -> list[Any]:
        await check(node, deployment)
        token, vault, rounds, rewards = contracts_of(node, deployment)
        return await ask_all(
            node,
            [View(token, "totalSupply"), View(token, "balanceOf", (vault.address,)),
             View(rounds, "first"), View(rounds, "next"), View(rewards, "first"),
             View(rewards, "next"), View(rewards, "totalPosted"), View(rewards, "claimedInAll"),
             View(token, "balanceOf", (rewards.address,))],
        )  # fmt: skip

    supply, staked, first_round, next_round, first_day, next_day, total, claimed, held = _asked(
        folder, deployment.chain, look
    )
    states = {
        "ExtToken": f"{_ext(supply)} EXT in all",
        "StakeVault": f"{_ext(staked)} EXT staked or leaving",
        "Rounds": _stand("round", first_round, next_round),
        "RewardDistributor": f"{_stand('day', first_day, next_day)}; {_ext(total)} EXT granted, "
                             f"{_ext(claimed)} claimed, {_ext(held)} held",
    }  # fmt: skip
    terms = deployment.terms
    if as_json:
        units = {"supply": supply, "in_the_vault": staked, "granted": total, "claimed": claimed,
                 "held_for_rewards": held}  # fmt: skip
        show_json({
            "chain": deployment.chain,
            "contracts": {n: each.address for n, each in deployment.contracts.items()},
            "admin": terms.admin, "operator": terms.operator, "guardian": terms.guardian,
            "next_round": next_round, "next_day": next_day,
            "units": {name: str(value) for name, value in units.items()},
        })  # fmt: skip
        return
    print(f"chain {deployment.chain}; unstaking takes {terms.unstake_delay_s} s, a round is final "
          f"after {terms.round_window_s} s, a day after {terms.reward_window_s} s")  # fmt: skip
    print(
        f"admin {terms.admin}, operator {terms.operator}, guardian {terms.guardian} at deployment"
    )
    rows = [
        {"contract": name, "address": each.address, "block": each.block, "state": states[name]}
        for name, each in deployment.contracts.items()
    ]
    show_table(rows, COLUMNS)


@app.command()
def deploy(
    network: Annotated[str, typer.Option(help="As in chains.json.", show_default=False)],
    key: Key,
    supply: Annotated[int, typer.Option(help="Whole EXT, all there will ever be.", min=1)],
    holder: Address,
    admin: Address,
    operator: Address,
    guardian: Address,
    data: Data = DEFAULT_DATA,
    unstake_delay: Annotated[int, typer.Option(help="Seconds, at most 30 days.")] = 7 * 86_400,
    round_window: Annotated[int, typer.Option(help="Seconds.")] = SHORTEST_ROUND_WINDOW_S,
    reward_window: Annotated[int, typer.Option(help="Seconds.")] = SHORTEST_REWARD_WINDOW_S,
) -> None:
    """Deploy all four, or those that are missing; what is deployed cannot be changed."""
    from excraft.chain.deployment import Terms
    from excraft.chain.deployment import deploy as deploy_missing
    from excraft.chain.key_file import read_key
    from excraft.chain.wallet import Wallet
    from excraft.cli.withdrawing import read_chains

    folder = Folder.make(data)
    found = read_chains(folder)
    chain = next((c for c in found.chains if c.network == network), None) if found else None
    if chain is None:
        raise Failure(f"chains.json names no network {network!r}", Exit.USAGE)
    terms = Terms(
        holder, admin, operator, guardian, supply * 10**18, unstake_delay, round_window,
        reward_window,
    )  # fmt: skip

    async def go(node) -> None:
        wallet = Wallet(node, read_key(key))
        made = await deploy_missing(wallet, terms, folder.contracts)
        for name, each in made.contracts.items():
            print(f"{name}\t{each.address}\tblock {each.block}")

    _asked(folder, chain.chain, go)


@app.command()
def post(
    what: Annotated[Sequence, typer.Argument(show_default=False)],
    number: Annotated[int, typer.Argument(help="Of the round or day.", show_default=False)],
    data: Data = DEFAULT_DATA,
) -> None:
    """Post a round or day that was withdrawn once more as it is; the rest is posted by itself."""
    from excraft.chain import posting
    from excraft.chain.contract import View, ask_all
    from excraft.chain.deployment import contracts_of
    from excraft.chain.key_file import read_key
    from excraft.chain.wallet import Wallet
    from excraft.dataset.errors import DatasetError
    from excraft.rewards.posting import day_post, round_post

    folder = Folder.existing(data)
    deployment = _deployment(folder)

    async def go(node) -> None:
        contracts = contracts_of(node, deployment)
        wallet = Wallet(node, read_key(folder.operator_key))
        if what == Sequence.ROUNDS:
            found = round_post(folder.dataset, number)
            await posting.post_round(wallet, contracts.rounds, found)
        else:
            rewards = contracts.rewards
            first, following = await ask_all(node, [View(rewards, "first"), View(rewards, "next")])
            found = day_post(folder.dataset, number, first == following)
            await posting.post_day(wallet, rewards, found)

    try:
        _asked(folder, deployment.chain, go)
    except (DatasetError, posting.Differs) as wrong:
        raise Failure(str(wrong)) from wrong
    print("posted")


@app.command()
def withdraw(
    what: Annotated[Sequence, typer.Argument(show_default=False)],
    number: Annotated[int, typer.Argument(help="Of the round or day.", show_default=False)],
    reason: Annotated[str, typer.Option(help="It stands on chain.", show_default=False)],
    key: Key,
    data: Data = DEFAULT_DATA,
) -> None:
    """As operator or guardian: take back what was posted for it and all after it, in its window."""
    from excraft.chain import posting
    from excraft.chain.deployment import contracts_of
    from excraft.chain.key_file import read_key
    from excraft.chain.wallet import Wallet

    folder = Folder.existing(data)
    deployment = _deployment(folder)

    async def go(node) -> None:
        contract = getattr(contracts_of(node, deployment), what.value)
        await posting.withdraw(Wallet(node, read_key(key)), contract, number, reason)

    _asked(folder, deployment.chain, go)
    print("withdrawn")


def _deployment(folder: Folder):
    from excraft.chain.deployment import read

    try:
        found = read(folder.contracts)
    except ValueError as wrong:
        raise Failure(str(wrong)) from wrong
    if found is None:
        raise Failure(
            f"{folder.contracts} is not there: `excraft up --demo` or `excraft contracts deploy` "
            f"deploys the contracts"
        )
    return found


def _asked(folder: Folder, chain: int, doing: Callable[[Any], Awaitable[T]]) -> T:
    """What comes of it at the node of that chain; what goes wrong is one sentence."""
    from excraft.chain.errors import ChainError
    from excraft.chain.node import Node
    from excraft.cli.withdrawing import read_chains

    found = read_chains(folder)
    entry = next((c for c in found.chains if c.chain == chain), None) if found else None
    if entry is None:
        raise Failure(f"chains.json names no node of chain {chain}, where the contracts are")

    async def run() -> T:
        node = Node(entry.url, chain)
        try:
            return await doing(node)
        finally:
            await node.close()

    try:
        return asyncio.run(run())
    except (ChainError, ValueError, OSError) as wrong:
        raise Failure(str(wrong)) from wrong


def _ext(units: int) -> str:
    from excraft.units import format_decimal

    text = format_decimal(units, 18, 18)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _stand(what: str, first: int, following: int) -> str:
    if first == following:
        return f"no {what} stands"
    return f"{what} {first} to {following - 1} stand" if following - first > 1 else (
        f"{what} {first} stands"
    )  # fmt: skip
