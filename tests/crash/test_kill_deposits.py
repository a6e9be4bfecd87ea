"""kill -9 of the exchange, as a real process, while coin and a token arrive on a real chain.

Whatever was sent is credited once, to the member whose address it went to, and chain and ledger
agree to the last unit, so nothing is frozen.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest
from web3 import HTTPProvider, Web3

from excraft.chain.anvil import TOKEN, Anvil
from excraft.cli.control import ask
from excraft.cli.folder import Folder
from excraft.custody.addresses import Addresses
from excraft.custody.signer import keys as key_files
from excraft.store.database import Database
from excraft.testing.running import RunningExchange

SEED = int(os.environ.get("EXCRAFT_SEED", random.SystemRandom().randrange(1 << 32)))
KILLS = int(os.environ.get("EXCRAFT_KILLS", 5))
LIFE_S = (0.0, 3.0)  # a look at the chain is due every 2 s
EACH = 6  # deposits during a life
MEMBERS = ("ada", "bob", "eve")
COLD = "0x" + "c0" * 20
CHAIN_DECIMALS = {"ETH": 18, "TKN": 6}
LEDGER_DECIMALS = {"ETH": 8, "TKN": 6}


@pytest.fixture
def anvil():
    anvil = Anvil()
    yield anvil
    anvil.stop()


class Payers:
    """Somebody outside, with coin and token, who pays members; notes what was sent."""

    def __init__(self, anvil: Anvil) -> None:
        self.web3 = Web3(HTTPProvider(anvil.url))
        self.rich = self.web3.eth.accounts[0]
        artifact = json.loads(TOKEN.read_text())
        made = self.web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        sent = made.constructor(0, 10**15).transact({"from": self.rich})
        place = self.web3.eth.wait_for_transaction_receipt(sent)["contractAddress"]
        self.token = self.web3.eth.contract(place, abi=artifact["abi"])
        self.sent: dict[tuple[str, str], int] = defaultdict(int)  # chain units

    def pay(self, member: str, address: str, asset: str, units: int) -> None:
        if asset == "ETH":
            paid = self.web3.eth.send_transaction(
                {"from": self.rich, "to": address, "value": units}
            )
        else:
            paid = self.token.functions.transfer(address, units).transact({"from": self.rich})
        assert self.web3.eth.wait_for_transaction_receipt(paid)["status"] == 1
        self.sent[member, asset] += units


def prepared(root: Path, anvil: Anvil, payers: Payers) -> tuple[Path, dict[str, str]]:
    """A data folder that serves the chain, with members; their addresses."""
    data, keys = root / "data", key_files.made(root / "keys")
    folder = Folder.make(data)
    rules = {"withdraw_fee": "0.001", "withdraw_minimum": "0.01"}
    assets = [{"symbol": "ETH", "chain_decimals": 18} | rules]
    assets += [
        {"symbol": "TKN", "chain_decimals": 6, "token": payers.token.address.lower()} | rules
    ]
    chain = {
        "chain": anvil.chain_id, "network": "ETH", "url": anvil.url,
        "confirmations": 1, "first_block": 0,
        "hot": keys.hot.address, "cold": Web3.to_checksum_address(COLD), "assets": assets,
    }  # fmt: skip
    folder.chains.write_text(json.dumps({"xpub": keys.xpub, "chains": [chain]}))
    with RunningExchange(data, forked=True):
        for symbol, decimals in LEDGER_DECIMALS.items():
            ask(data, "asset_add", symbol=symbol, decimals=decimals, name=symbol)
        for name in MEMBERS:
            ask(data, "member_add", name=name)
    database = Database(folder.database)
    addresses = Addresses(database, keys.xpub)
    found = {name: addresses.of(account) for account, name in enumerate(MEMBERS)}
    database.close()
    return data, found


def test_deposits_survive_kills(tmp_path, anvil):
    print(f"EXCRAFT_SEED={SEED}")
    chance, payers = random.Random(SEED), Payers(anvil)
    data, addresses = prepared(tmp_path, anvil, payers)
    for _ in range(KILLS):
        exchange = RunningExchange(data, forked=True)
        for _ in range(EACH):
            member, asset = chance.choice(MEMBERS), chance.choice(("ETH", "TKN"))
            units = chance.randrange(1, 10**6) * 10 ** (CHAIN_DECIMALS[asset] - 6)
            payers.pay(member, addresses[member], asset, units)
        time.sleep(chance.uniform(*LIFE_S))
        exchange.kill()
    with RunningExchange(data, forked=True) as exchange:
        rows = credited(data, KILLS * EACH)
        status = settled(data)
        assert exchange.stop() == 0
    assert {row["state"] for row in rows} == {"CREDITED"} and len(rows) == KILLS * EACH
    assert (status["frozen"], status["alarms"]) == ("", [])
    check(data, payers)


def credited(data: Path, count: int) -> list[dict]:
    """All deposits, once every one that was sent is credited."""
    deadline = time.monotonic() + 60
    while True:
        rows = ask(data, "custody_deposits", limit=1000)
        if len(rows) >= count and {row["state"] for row in rows} == {"CREDITED"}:
            return rows
        assert time.monotonic() < deadline, rows
        time.sleep(0.2)


def settled(data: Path) -> dict:
    """The status after another comparison of chain and ledger."""
    time.sleep(3)
    return ask(data, "custody_status")


def check(data: Path, payers: Payers) -> None:
    """Balances are what was sent, to the last unit; so says a replay of the log."""
    for member in MEMBERS:
        free = {row["asset"]: row["free"] for row in ask(data, "money_balances", member=member)}
        for asset, decimals in LEDGER_DECIMALS.items():
            units = payers.sent[member, asset]
            atoms = units // 10 ** (CHAIN_DECIMALS[asset] - decimals)
            shown = free.get(asset, "0").replace(",", "")
            assert round(float(shown) * 10**decimals) == atoms, (member, asset)
    verified = subprocess.run(
        [sys.executable, "-m", "excraft", "verify", str(data)], capture_output=True, text=True
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
