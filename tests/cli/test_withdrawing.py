"""A withdrawal through the real exchange, the real signer as a process, and a real chain."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from eth_utils import to_checksum_address

from excraft.chain import transfers
from excraft.chain.anvil import Anvil
from excraft.chain.node import Node
from excraft.cli.folder import Folder
from excraft.cli.wiring import opened
from excraft.custody.errors import WithdrawalRefused
from excraft.custody.signer import keys as key_files
from excraft.custody.withdrawal import State
from excraft.custody.withdrawals import Wish
from excraft.gateway import admin_custody, admin_withdrawals  # noqa: F401  (operations)
from excraft.gateway.admin import Refused, perform
from excraft.messages.commands import Cause, SetParameter
from excraft.parameters import Parameter

BOB, COLD = (to_checksum_address("0x" + digits * 20) for digits in ("b0", "c0"))
ETHER = 10**18


class Signer:
    """`excraft signer` as a process."""

    def __init__(self, data: Path, keys: Path) -> None:
        self._command = [sys.executable, "-m", "excraft", "signer", "--data", str(data),
                         "--keys", str(keys)]  # fmt: skip
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        self.banner = self.process.stdout.readline()
        assert "signer is up" in self.banner, self.process.communicate()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=20)
        return self.process.returncode


@pytest.fixture(scope="module")
def anvil():
    anvil = Anvil()
    yield anvil
    anvil.stop()


@pytest.fixture
def place(tmp_path, anvil):
    """(data folder, keys folder) with chains.json and signer.json of one chain."""
    keys = key_files.made(tmp_path / "keys")
    folder = Folder.make(tmp_path / "data")
    chain = {"chain": anvil.chain_id, "hot": keys.hot.address, "cold": COLD}
    asset = {"symbol": "ETH", "chain_decimals": 18}
    fees = {"withdraw_fee": "0.001", "withdraw_minimum": "0.01"}
    found = chain | {"network": "ETH", "url": anvil.url, "confirmations": 1}
    found["assets"] = [asset | fees]
    folder.chains.write_text(json.dumps({"xpub": keys.xpub, "chains": [found]}))
    caps = asset | {"asset": 0, "decimals": 8, "per_withdrawal": "2", "per_day": "3"}
    rules = {"gas_max": 200_000, "gas_price_max_wei": 10**12, "gas_day_wei": ETHER,
             "top_up_max_wei": 10**16, "assets": [caps]}  # fmt: skip
    (tmp_path / "keys" / "signer.json").write_text(json.dumps({"chains": [chain | rules]}))
    return folder, tmp_path / "keys", keys.hot.address


async def fill(exchange) -> None:
    await perform(exchange, "asset_add", {"symbol": "ETH", "decimals": 8, "name": "Ether"})
    await perform(exchange, "member_add", {"name": "alice"})
    given = {"member": "alice", "asset": "ETH", "amount": "10", "reason": "DEPOSIT"}
    await perform(exchange, "money_credit", given | {"reference": "wire 7"})
    level = SetParameter(parameter=Parameter.KYC_LEVEL, value=2, subject=0)
    assert (await exchange.engine.execute(level)).events[0].reason == 0
    limit = {"name": "NEW_ADDRESS_DELAY_S", "value": "0"}
    await perform(exchange, "withdrawal_limit_set", limit)


async def until(exchange, id: int, state: State) -> None:
    deadline = time.monotonic() + 20
    while exchange.withdrawals.book.get(id).state != state:
        await exchange.withdrawals.poll()
        found = exchange.withdrawals.book.get(id)
        assert time.monotonic() < deadline, (found.state, found.row.note)
        await asyncio.sleep(0.02)


def wish(atoms: int = 10**8) -> Wish:
    return Wish(0, 1, 0, "ETH", BOB, atoms, "session")


def test_a_withdrawal_goes_through_exchange_signer_and_chain(place, anvil, excraft):
    folder, keys, hot = place

    async def story() -> None:
        node = Node(anvil.url, anvil.chain_id)
        await node.batch([("anvil_setBalance", [hot, hex(5 * ETHER)])])
        async with opened(folder) as exchange:
            await fill(exchange)
            found = await exchange.withdrawals.request(wish())
            id = found.row.id
            assert found.state == State.WAITING and found.row.note == "0 of 1 approvals"
            assert exchange.engine.balance(0, 0)[0] == 9 * 10**8
            assert exchange.engine.reserved(0) == {(0, Cause.WITHDRAWAL): 10**8}
            with pytest.raises(Refused, match="has the hash"):
                await perform(exchange, "withdrawal_approve", {"id": id, "seen": "0" * 64})
            seen = (await perform(exchange, "withdrawal_show", {"id": id}))["hash"]
            approved = await perform(exchange, "withdrawal_approve", {"id": id, "seen": seen})
            assert approved["state"] == "APPROVED" and "the signer" in approved["note"]
            assert "does not answer" in (await perform(exchange, "wallet_status", {}))["signer"]
            signer = await asyncio.to_thread(Signer, folder.root, keys)
            await until(exchange, id, State.DONE)
            assert exchange.engine.balance(0, 0)[0] == 9 * 10**8
            assert not exchange.engine.reserved(0)
            assert await transfers.balances(node, [(BOB, None)]) == [999 * 10**15]
            second = (await exchange.withdrawals.request(wish(15 * 10**7))).row.id
            await asyncio.to_thread(signer.kill)
            seen = (await perform(exchange, "withdrawal_show", {"id": second}))["hash"]
            await perform(exchange, "withdrawal_approve", {"id": second, "seen": seen})
        # The exchange is down, and the signer was killed: both start again and finish it.
        await asyncio.to_thread(signer.start)
        assert "1 lines in its journal" in signer.banner
        async with opened(folder) as exchange:
            await until(exchange, second, State.DONE)
            third = (await exchange.withdrawals.request(wish(10**8))).row.id
            seen = (await perform(exchange, "withdrawal_show", {"id": third}))["hash"]
            await perform(exchange, "withdrawal_approve", {"id": third, "seen": seen})
            shown = await perform(exchange, "withdrawal_show", {"id": third})
            assert "are more than the cap of 3 ETH" in shown["note"]
            gone = {"id": third, "reason": "above our cap"}
            refused = await perform(exchange, "withdrawal_refuse", gone)
            assert refused["state"] == "REFUSED"
            with pytest.raises(WithdrawalRefused, match="free balance is less"):
                await exchange.withdrawals.request(wish(10**9))
            assert exchange.engine.balance(0, 0)[0] == 75 * 10**7
            assert not exchange.engine.reserved(0)
            rows = await perform(exchange, "wallet_transactions", {})
            assert [(r["kind"], r["status"]) for r in rows] == [("withdrawal", "CONFIRMED")] * 2
            [paid] = await transfers.balances(node, [(BOB, None)])
            assert paid == (999 + 1499) * 10**15
        assert await asyncio.to_thread(signer.stop) == 0
        await node.close()

    asyncio.run(story())
    check_records(folder, keys, excraft)


async def compared(exchange, node: Node, times: int = 1) -> None:
    """Every alarm is resolved, and none comes with the next comparison."""
    watched = next(iter(exchange.custody.chains.values()))
    for _ in range(times):
        deadline = time.monotonic() + 20
        for alarm in (await perform(exchange, "custody_status", {}))["alarms"]:
            given = {"alarm": alarm["id"], "resolution": "looked at after the restore"}
            await perform(exchange, "custody_resolve", given)
        await node.batch([("anvil_mine", [hex(1)])])
        head = (await node.head()).number
        while not (rows := watched.reconcile and watched.reconcile.report()) or (
            rows[0]["block"] < head
        ):
            assert time.monotonic() < deadline, watched.failure
            await asyncio.sleep(0.05)
        await exchange.custody.look_at_alarms()
    assert (await perform(exchange, "custody_status", {}))["alarms"] == []
    assert rows[0]["explained"] == rows[0]["read"] and exchange.custody.withdrawals_frozen == ""


def test_a_database_from_before_the_withdrawals_is_made_whole_by_log_and_signer(place, anvil):
    """Paid, approved and only reserved since the copy; then all of it compares to the last unit."""
    folder, keys, hot = place
    database = Path(folder.database.removeprefix("sqlite:///"))

    async def story() -> None:
        node = Node(anvil.url, anvil.chain_id)
        await node.batch([("anvil_setBalance", [hot, hex(5 * ETHER)])])
        async with opened(folder) as exchange:
            await fill(exchange)
            await compared(exchange, node)
        copy = database.read_bytes()
        [before] = await transfers.balances(node, [(BOB, None)])
        signer = await asyncio.to_thread(Signer, folder.root, keys)
        async with opened(folder) as exchange:
            paid, approved, waiting = [
                (await exchange.withdrawals.request(wish(atoms))).row.id
                for atoms in (10**8, 5 * 10**7, 3 * 10**7)
            ]
            await approve(exchange, paid)
            await until(exchange, paid, State.DONE)
            await asyncio.to_thread(signer.kill)
            await approve(exchange, approved)
        database.write_bytes(copy)
        await asyncio.to_thread(signer.start)
        async with opened(folder) as exchange:
            await exchange.withdrawals.poll()
            await exchange.custody.look_at_alarms()
            alarms = (await perform(exchange, "custody_status", {}))["alarms"]
            reasons = [alarm["reason"] for alarm in alarms]
            assert any(f"withdrawal {waiting} of account 0" in r for r in reasons), reasons
            await compared(exchange, node, times=2)  # the first may tell of what came before
            await until(exchange, approved, State.DONE)
            await compared(exchange, node)
            assert exchange.withdrawals.book.get(paid).state == State.DONE
            assert exchange.withdrawals.book.get(waiting) is None
            assert not exchange.engine.reserved(0)
            assert exchange.engine.balance(0, 0)[0] == 85 * 10**7
        [after] = await transfers.balances(node, [(BOB, None)])
        assert after - before == (999 + 499) * 10**15
        assert await asyncio.to_thread(signer.stop) == 0
        await node.close()

    asyncio.run(story())


async def approve(exchange, id: int) -> None:
    seen = (await perform(exchange, "withdrawal_show", {"id": id}))["hash"]
    await perform(exchange, "withdrawal_approve", {"id": id, "seen": seen})


def check_records(folder, keys, excraft) -> None:
    """What the signer, the log and the audit log say afterwards."""
    journal = json.loads(excraft("signer", "--keys", str(keys), "journal", "--json").stdout)
    assert [(e["kind"], e["id"]) for e in journal] == [
        ("withdrawal", 1), ("withdrawal", 2), ("void", 3)
    ]  # fmt: skip
    assert excraft("verify", str(folder.root)).returncode == 0
    audit = json.loads(excraft("audit", "list", "--data", str(folder.root), "--json").stdout)
    acts = [(row["act"], row["object"], row["outcome"]) for row in audit]
    assert ("APPROVE_WITHDRAWAL", "withdrawal:2", "done") in acts
    assert ("APPROVE_WITHDRAWAL", "withdrawal:1", "denied") in acts
    assert ("REFUSE_WITHDRAWAL", "withdrawal:3", "done") in acts
    assert ("SET_LIMITS", "limits", "done") in acts
