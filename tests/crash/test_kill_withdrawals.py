"""kill -9 of exchange and signer, as real processes, while members withdraw on a real chain.

Whatever was taken is paid once or given back, and chain, log and database agree to the last unit.
"""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from eth_utils import to_checksum_address

from excraft.chain.anvil import Anvil
from excraft.cli.control import ask
from excraft.cli.folder import Folder
from excraft.custody.signer import keys as key_files
from excraft.custody.signer.journal import read
from excraft.custody.withdrawal_choices import Choices
from excraft.store.database import Database
from excraft.testing.running import RunningExchange
from tests.gateway.clients import Client

SEED = int(os.environ.get("EXCRAFT_SEED", random.SystemRandom().randrange(1 << 32)))
ROUNDS, EACH = 2, 6
BOB, COLD = (to_checksum_address("0x" + digits * 20) for digits in ("b0", "c0"))
ETHER, FEE, WEI_OF_ATOM = 10**18, 100_000, 10**10


@pytest.fixture
def anvil():
    anvil = Anvil()
    yield anvil
    anvil.stop()


class Place:
    """Folders, keys, and the two processes."""

    def __init__(self, root: Path, anvil: Anvil) -> None:
        self.data, self.keys, self.url = root / "data", root / "keys", anvil.url
        keys = key_files.made(self.keys)
        self.hot, folder = keys.hot.address, Folder.make(self.data)
        asset = {"symbol": "ETH", "chain_decimals": 18}
        chain = {"chain": anvil.chain_id, "hot": self.hot, "cold": COLD}
        fees = {"withdraw_fee": "0.001", "withdraw_minimum": "0.01"}
        ways = chain | {"network": "ETH", "url": anvil.url, "confirmations": 1}
        ways["assets"] = [asset | fees]
        folder.chains.write_text(json.dumps({"xpub": keys.xpub, "chains": [ways]}))
        caps = asset | {"asset": 0, "decimals": 8, "per_withdrawal": "2", "per_day": "100"}
        rules = {"gas_max": 200_000, "gas_price_max_wei": 10**12, "gas_day_wei": 10 * ETHER,
                 "top_up_max_wei": 0, "assets": [caps]}  # fmt: skip
        (self.keys / "signer.json").write_text(json.dumps({"chains": [chain | rules]}))

    def signer(self) -> subprocess.Popen:
        command = [sys.executable, "-m", "excraft", "signer", "--data", str(self.data)]
        started = subprocess.Popen(
            [*command, "--keys", str(self.keys)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return started

    def chain(self, method: str, *params) -> str:
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": [*params]}
        return httpx.post(self.url, json=asked).json()["result"]

    def balance(self, address: str) -> int:
        return int(self.chain("eth_getBalance", address, "latest"), 16)

    def fill(self) -> dict:
        """A member with 1,000 ETH who may withdraw to BOB; the key."""
        ask(self.data, "asset_add", symbol="ETH", decimals=8, name="Ether")
        ask(self.data, "member_add", name="alice")
        given = {"member": "alice", "asset": "ETH", "amount": "1000", "reason": "DEPOSIT"}
        ask(self.data, "money_credit", **given, reference="wire 7")
        ask(self.data, "parameter_set", name="KYC_LEVEL", value=2, member="alice")
        for name, value, more in (
            ("NEW_ADDRESS_DELAY_S", "0", {}), ("COUNT_PER_HOUR", "10000", {}),
            ("APPROVE_ABOVE", "1000", {"asset": "ETH"}),
        ):  # fmt: skip
            ask(self.data, "withdrawal_limit_set", name=name, value=value, **more)
        database = Database(Folder(self.data).database)
        Choices(database).add(0, BOB, "")
        database.close()
        return ask(self.data, "api_key_create", member="alice", kind="HMAC", ips=["127.0.0.1"],
                   permissions=["READ", "WITHDRAW"])  # fmt: skip


def withdraw(url: str, key: dict, name: str, amount: str) -> None:
    """Ask once; the answer may be lost with the exchange."""
    values = {"coin": "ETH", "address": BOB, "amount": amount, "withdrawOrderId": name}
    client = Client(None, key["api_key"], key["secret"])
    path = f"{url}/sapi/v1/capital/withdraw/apply?{client.signed(values)}"
    httpx.post(path, headers={"X-MBX-APIKEY": client.key}, timeout=5)


def test_withdrawals_survive_kills_of_exchange_and_signer(tmp_path, anvil, capfd):
    print(f"EXCRAFT_SEED={SEED}")
    chance, place = random.Random(SEED), Place(tmp_path, anvil)
    place.chain("anvil_setBalance", place.hot, hex(1000 * ETHER))
    exchange = RunningExchange(place.data, forked=True)
    key, signer, amounts = place.fill(), place.signer(), {}
    for round_ in range(ROUNDS):
        for n in range(EACH):
            name = f"w{round_}-{n}"
            amounts[name] = 10**7 + chance.randrange(10**7)
            withdraw(exchange.url, key, name, f"{amounts[name] / 10**8:.8f}")
            if n == EACH // 2 and chance.random() < 0.7:
                signer.kill()
                signer.wait()
                signer = place.signer()
        time.sleep(chance.random() * 0.4)
        for process in chance.sample([exchange, signer], 2):
            process.kill()
        signer.wait()
        signer = place.signer()
        exchange = RunningExchange(place.data, forked=True)
    try:
        rows = settled(place)
        assert exchange.stop() == 0
    finally:
        signer.kill()
        signer.wait()
    check(place, rows, amounts)


def settled(place: Place) -> list[dict]:
    """Every withdrawal, once all are closed."""
    deadline = time.monotonic() + 40
    while waiting := ask(place.data, "withdrawal_list"):
        assert time.monotonic() < deadline, waiting
        time.sleep(0.2)
    return ask(place.data, "withdrawal_list", all=True)


def check(place: Place, rows: list[dict], amounts: dict[str, int]) -> None:
    assert {row["state"] for row in rows} == {"DONE"} and len(rows) <= len(amounts)
    taken = [round(float(row["amount"]) * 10**8) for row in rows]
    assert set(taken) <= set(amounts.values()) and len(set(taken)) == len(taken)
    paid = sum(taken) - FEE * len(rows)
    assert place.balance(BOB) == paid * WEI_OF_ATOM
    journal = read(place.keys)
    assert sorted({e.id for e in journal}) == sorted(row["id"] for row in rows)
    assert len({e.nonce for e in journal}) == len(rows)
    [free] = ask(place.data, "money_balances", member="alice")
    assert round(float(free["free"]) * 10**8) == 1000 * 10**8 - sum(taken)
    verified = subprocess.run(
        [sys.executable, "-m", "excraft", "verify", str(place.data)], capture_output=True, text=True
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
