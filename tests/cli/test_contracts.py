"""The demo deploys its contracts by itself, once; `excraft contracts` shows and works them."""

import asyncio
import json

import pytest
from eth_utils import to_checksum_address

from excraft.chain.contract import Contract
from excraft.chain.deployment import contracts_of, read
from excraft.chain.ethereum import Account
from excraft.chain.key_file import kept_key, read_key
from excraft.chain.node import Node
from excraft.chain.posting import DayPost, post_day
from excraft.chain.wallet import Wallet
from excraft.cli import demo_contracts as demo
from excraft.cli.demo_chain import demo_chain, give
from excraft.cli.folder import Folder
from tests.rewards.published import publish_day

pytestmark = pytest.mark.anyio
ROOT, HASH = b"\5" * 32, b"\6" * 32


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def folder(tmp_path) -> Folder:
    folder = Folder.make(tmp_path / "data")
    folder.log.mkdir()  # as a folder that was started once
    return folder


def node_of(folder: Folder) -> Node:
    [chain] = json.loads(folder.chains.read_text())["chains"]
    return Node(chain["url"], chain["chain"])


def token_of(folder: Folder, symbol: str = "EXT") -> str:
    [chain] = json.loads(folder.chains.read_text())["chains"]
    return next(a["token"] for a in chain["assets"] if a["symbol"] == symbol)


async def balances(folder: Folder) -> dict[str, int]:
    """Units of EXT by who has them."""
    node, found = node_of(folder), read(folder.contracts)
    [chain] = json.loads(folder.chains.read_text())["chains"]
    token, _, _, rewards = contracts_of(node, found)
    owners = {"rewards": rewards.address, "hot": chain["hot"], "operator": found.terms.operator}
    try:
        return {name: await token.ask("balanceOf", owner) for name, owner in owners.items()}
    finally:
        await node.close()


SHARED_OUT = {"rewards": demo.FOR_REWARDS, "hot": demo.FOR_HOT, "operator": 0}


async def test_the_contracts_are_deployed_once_and_ext_is_shared_out(folder):
    async with demo_chain(folder) as said:
        first, token = folder.contracts.read_bytes(), token_of(folder)
        assert said == "" and read(folder.contracts).contracts["ExtToken"].address == token
        assert await balances(folder) == SHARED_OUT
    async with demo_chain(folder) as said:
        assert said == "" and folder.contracts.read_bytes() == first and token_of(folder) == token
        assert await balances(folder) == SHARED_OUT


async def test_a_wiped_chain_is_said_and_deployed_on_anew(folder):
    async with demo_chain(folder):
        token = token_of(folder)
    (folder.root / "chain" / "state.json").unlink()
    async with demo_chain(folder) as said:
        assert "deployed anew, and all that was on them is gone: ExtToken is not at" in said
        assert await balances(folder) == SHARED_OUT
        node = node_of(folder)
        usdt = node.web3.to_checksum_address(token_of(folder, "USDT"))
        assert len(await node.web3.eth.get_code(usdt)) > 0
        await node.close()
        assert token_of(folder) == token  # the operator's first transactions are the same again


async def test_what_was_interrupted_is_shared_out_the_rest_of_the_way(folder, monkeypatch):
    class Interrupted(Exception):
        pass

    async def stop(*_):
        raise Interrupted

    with monkeypatch.context() as patched:
        patched.setattr(demo, "_share_out", stop)
        with pytest.raises(Interrupted):
            async with demo_chain(folder):
                raise AssertionError("it is not reached")
    assert read(folder.contracts).whole and not folder.chains.exists()
    async with demo_chain(folder) as said:
        assert said == "" and await balances(folder) == SHARED_OUT


async def test_ext_is_given_away_as_other_assets_of_the_demo_are(folder):
    someone = to_checksum_address("0x" + "ab" * 20)
    async with demo_chain(folder):
        await give(folder, someone, "EXT", "2.5")
        node = node_of(folder)
        token = Contract(node, "ExtToken", token_of(folder))
        assert await token.ask("balanceOf", someone) == 25 * 10**17
        await node.close()


async def test_contracts_are_shown_and_a_day_is_withdrawn(folder, excraft, monkeypatch):
    data = str(folder.root)
    monkeypatch.setattr(demo, "REWARD_WINDOW_S", 600)  # however busy this machine is
    async with demo_chain(folder):
        node = node_of(folder)
        rewards = contracts_of(node, read(folder.contracts)).rewards
        wallet = Wallet(node, read_key(folder.operator_key))
        await post_day(wallet, rewards, DayPost(3, ROOT, 10**18, 10**18, HASH))
        await post_day(wallet, rewards, DayPost(4, ROOT, 3 * 10**18, 2 * 10**18, HASH))
        shown = await asyncio.to_thread(excraft, "contracts", "show", "--data", data)
        assert "day 3 to 4 stand; 3 EXT granted, 0 claimed, 500000000 held" in shown.stdout
        assert "no round stands" in shown.stdout and "1000000000 EXT in all" in shown.stdout
        guardian = str(folder.root / "chain" / "guardian.key")
        done = await asyncio.to_thread(
            excraft, "contracts", "withdraw", "rewards", "4", "--reason", "a wrong price",
            "--key", guardian, "--data", data,
        )  # fmt: skip
        assert done.stdout == "withdrawn\n", done.stderr
        assert await rewards.ask("next") == 4
        shown = await asyncio.to_thread(excraft, "contracts", "show", "--json", "--data", data)
        told = json.loads(shown.stdout)
        assert told["units"]["granted"] == str(10**18) and told["next_day"] == 4
        await node.close()


async def test_what_was_withdrawn_is_posted_by_hand(folder, excraft):
    publish_day(folder.dataset, 0)
    publish_day(folder.dataset, 1)
    async with demo_chain(folder):
        node = node_of(folder)
        contracts = contracts_of(node, read(folder.contracts))
        for day in (0, 1):
            command = ["contracts", "post", "rewards", str(day), "--data", str(folder.root)]
            done = await asyncio.to_thread(excraft, *command)
            assert done.stdout == "posted\n", done.stderr
        assert await contracts.rewards.ask("next") == 2
        done = await asyncio.to_thread(excraft, *command[:-3], "2", *command[-2:])
        assert "day-00002 was not published" in done.stderr
        done = await asyncio.to_thread(excraft, *command[:2], "rounds", "0", *command[-2:])
        assert "round-0000 was not published" in done.stderr
        await node.close()


async def test_an_operator_deploys_by_hand_and_goes_on(folder, excraft, tmp_path):
    async with demo_chain(folder):
        node, key = node_of(folder), kept_key(tmp_path / "deployer.key")
        rich = (await node.web3.eth.accounts)[0]
        coin = {"from": rich, "to": key.address, "value": 10**18}
        await node.web3.eth.wait_for_transaction_receipt(await node.web3.eth.send_transaction(coin))
        await node.close()
        folder.contracts.unlink()
        who = {name: Account.create().address for name in ("holder", "admin", "operator")}
        options = [word for name, each in who.items() for word in (f"--{name}", each)]
        options += [
            "--guardian",
            who["admin"],
            "--supply",
            "7",
            "--key",
            str(tmp_path / "deployer.key"),
        ]
        command = ["contracts", "deploy", *options, "--data", str(folder.root)]
        done = await asyncio.to_thread(excraft, *command, "--network", "LOCAL")
        assert done.returncode == 0, done.stderr
        assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [
            "ExtToken", "StakeVault", "Rounds", "RewardDistributor",
        ]  # fmt: skip
        again = await asyncio.to_thread(excraft, *command, "--network", "LOCAL")
        assert again.stdout == done.stdout
        other = await asyncio.to_thread(excraft, *command, "--network", "OTHER")
        assert "names no network 'OTHER'" in other.stderr and other.returncode == 2
        changed = await asyncio.to_thread(
            excraft, *command, "--network", "LOCAL", "--unstake-delay", "5"
        )
        assert "what is deployed cannot be changed" in changed.stderr
    shown = await asyncio.to_thread(excraft, "contracts", "show", "--data", str(folder.root))
    assert "is not reached" in shown.stderr and shown.returncode == 1


def test_without_contracts_it_is_said_how_to_get_them(folder, excraft):
    shown = excraft("contracts", "show", "--data", str(folder.root))
    assert "contracts.json is not there: `excraft up --demo`" in shown.stderr
