"""Stake in the vault on chain, from a wallet that a member linked: it counts, brings a reward, and
that is claimed on chain with the proof from /account. All on a really running demo."""

import asyncio
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from excraft.chain.deployment import contracts_of, read
from excraft.chain.errors import ContractRefused
from excraft.chain.ethereum import Account
from excraft.chain.node import Node
from excraft.chain.wallet import Wallet
from excraft.cli.demo_contracts import REWARD_WINDOW_S
from excraft.cli.folder import Folder
from excraft.cli.withdrawing import read_chains
from excraft.custody.chains import ChainEntry
from excraft.dataset.days import open_day
from excraft.testing.running import RunningExchange
from tests.cli.test_member_story import Person, excraft, until
from tests.gateway.account.ethereum import Wallet as SigningWallet

SECRET, UNITS = 0xEC5, 1_000 * 10**18
VERIFY = Path(__file__).parents[2] / "tools" / "verify_rewards.py"


def on_chain(data: Path, work):
    """What `work(contracts, wallet)` gives, with a node of its own."""

    async def run():
        folder = Folder(data)
        deployment = read(folder.contracts)
        node = Node(chain_of(folder).url, deployment.chain)
        try:
            account = Account.from_key(SECRET.to_bytes(32, "big"))
            return await work(contracts_of(node, deployment), Wallet(node, account))
        finally:
            await node.close()

    return asyncio.run(run())


def chain_of(folder: Folder) -> ChainEntry:
    [entry] = read_chains(folder).chains
    return entry


def test_stake_in_the_vault_counts_and_its_reward_is_claimed_on_chain(tmp_path):
    data, wallet = tmp_path / "data", SigningWallet(SECRET)
    with RunningExchange(data, "--demo") as exchange, ExitStack() as clients:
        excraft(data, "parameter", "set", "REWARD_DAY_S", "15")  # a minute is long for a test
        ada = Person(exchange, data, "ada@example.org", clients)
        message = ada.post("/account/wallets/message", address=wallet.address)["message"]
        ada.post("/account/wallets", signature=wallet.sign(message))
        choice = {"on_chain": True, "address": wallet.address}
        assert ada.get("/account/merit")["stake"]["in_the_vault"] == "0.00000000"
        ada.post("/account/merit/choice", **choice)
        for amount, asset in (("1", "ETH"), ("2500", "EXT")):
            excraft(data, "custody", "give", wallet.address, amount, "--asset", asset)
        on_chain(data, stake)

        def counted() -> bool:
            return ada.get("/account/merit")["stake"]["in_the_vault"] == "1000.00000000"

        until(counted, "what is in the vault does not count")
        day, found = until(lambda: with_reward(ada), "no day gave a reward", 150, 2)
        rows = [
            row for row in open_day(data / "merit", day).rows("stakes") if row.source == "vault"
        ]
        assert [(row.id.hex(), row.units) for row in rows] == [(found["id"], UNITS)]
        assert int(found["mine"]["token_seconds"]) == UNITS * (rows[0].end - rows[0].begin)
        assert found["claim"]["cumulative"] == found["mine"]["reward_stake"] != "0"
        claim(data, found["claim"])
        checked = subprocess.run(
            [sys.executable, VERIFY, data / "merit" / f"day-{day:05}", "--root",
             found["claim"]["root"]], capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert exchange.stop() == 0
        assert "Traceback" not in exchange.said, exchange.said


async def stake(contracts, wallet):
    await wallet.call(contracts.token, "approve", contracts.vault.address, UNITS)
    await wallet.call(contracts.vault, "stake", UNITS)


def with_reward(ada: Person):
    """(day, what /account says of it) of the first published day that gave her something."""
    for shown in reversed(ada.get("/rewards")["days"]):
        found = ada.get(f"/account/merit/days/{shown['day']}")
        if found["claim"]:
            return shown["day"], found
    return None


def forward(url: str, seconds: int) -> None:
    """The chain's clock, as only a development chain lets anybody do."""
    asked = {"jsonrpc": "2.0", "id": 1, "method": "evm_increaseTime", "params": [seconds]}
    answer = httpx.post(url, json=asked).json()
    assert "error" not in answer, answer


def claim(data: Path, found: dict) -> None:
    """As soon as the day is posted and final; a second time there is nothing."""
    units, proof = int(found["cumulative"]), [bytes.fromhex(one[2:]) for one in found["proof"]]

    async def work(contracts, wallet):
        token, before = contracts.token, await contracts.token.ask("balanceOf", wallet.address)
        call = ("claim", found["day"], wallet.address, units, proof)
        try:
            await wallet.call(contracts.rewards, *call)
        except ContractRefused as refused:
            why = str(refused).split("(")[0]
            assert why.endswith(("NotPosted", "NotFinal")), refused
            if why.endswith("NotFinal"):
                forward(chain_of(Folder(data)).url, REWARD_WINDOW_S)
            return None
        got = await token.ask("balanceOf", wallet.address) - before
        with pytest.raises(ContractRefused, match="NothingToClaim"):
            await wallet.call(contracts.rewards, *call)
        return got

    assert until(lambda: on_chain(data, work), "it cannot be claimed", 90, 1) == units
