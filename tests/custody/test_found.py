"""Coin that came through a contract, and tokens that were there before they were listed: each gets
a row that explains it, freezes nothing, and is credited only when somebody says so."""

from types import SimpleNamespace

import msgspec
import pytest
from sqlalchemy import insert

from excraft.custody import reconcile
from excraft.custody.book import Book, forget, release
from excraft.custody.chains import ChainAsset, ChainEntry, ChainsFile, Listed
from excraft.custody.deposit import FOUND, HOUSE, Arrival, ChainSettings, Status
from excraft.custody.service import Custody
from excraft.custody.signer.keys import made
from excraft.gateway import admin_custody
from excraft.gateway.admin import Refused
from excraft.store.schema_withdrawals import custody_sent
from tests.chain.local import HONEST
from tests.custody.conftest import COIN, ETHER
from tests.custody.test_service import COLD, HOT, Log, Running

pytestmark = pytest.mark.anyio
MEMBER = SimpleNamespace(id=70, account=7)


class Found(Running):
    """The same, with members, and deposits by a contract."""

    def __init__(self, *about) -> None:
        super().__init__(*about)
        self.exchange.members = SimpleNamespace(by_name={"ann": MEMBER}.get)

    async def by_contract(self, to: str, units: int) -> None:
        """Coin from a contract that is gone when its transaction is."""
        code = "0x73" + to[2:] + "ff"  # PUSH20 to, SELFDESTRUCT
        asked = {"from": await self.chain.rich(), "data": code, "value": hex(units)}
        await self.chain.ask("eth_sendTransaction", asked | {"gas": hex(200_000)})

    async def rows(self) -> list[tuple]:
        """(account, units, state), oldest first."""
        rows = await self.custody.deposits(None)
        return [(r.account, int(r.units), Status(r.status).name) for r in rows][::-1]

    async def release(self, deposit: int = 1, member: str = "ann", reason: str = "a wallet") -> str:
        return await admin_custody.custody_release(self.exchange, deposit, member, reason)


@pytest.fixture
async def found(chain, database, monkeypatch, tmp_path):
    monkeypatch.setattr(reconcile, "PAUSE_S", 0.0)
    found = Found(chain, database, made(tmp_path / "keys").xpub)
    yield found
    await found.custody.close()


async def test_a_wei_through_a_contract_freezes_nothing_and_alerts_nobody(found):
    assert await found.poll() == ""
    address = await found.custody.address(7)
    await found.by_contract(address, 1)
    await found.by_contract(HOT, 1)
    found.watched.reconcile._all_due = 0.0
    assert await found.poll() == "" and await found.poll() == ""
    assert sorted(await found.rows()) == [(-1, 1, "HOUSE"), (7, 1, "KEPT_BACK")]
    assert found.alerts == found.custody.alarms.open() == [] and found.log.credits == []
    [line] = found.watched.reconcile.report()
    assert line["read"] == line["explained"]
    with pytest.raises(Refused, match="0 atoms are below the minimum"):
        await found.release(next(r.id for r in await found.custody.deposits(7)))


async def test_a_deposit_by_a_contract_is_credited_once_when_somebody_says_so(found):
    assert await found.poll() == ""
    await found.by_contract(await found.custody.address(7), 2 * ETHER)
    found.watched.reconcile._all_due = 0.0
    assert await found.poll() == "" and await found.poll() == ""
    assert await found.rows() == [(7, 2 * ETHER, "KEPT_BACK")] and found.log.credits == []
    [alert] = found.alerts
    assert f"{2 * ETHER} units of the coin at {await found.custody.address(7)}, found" in alert
    [line] = found.watched.reconcile.report()
    assert line["waiting"] == 2 * ETHER
    for wrong in ({"member": "bob"}, {"reason": " "}, {"deposit": 2}):
        with pytest.raises(Refused):
            await found.release(**wrong)
    assert await found.release() == ""
    assert await found.poll() == "" and await found.poll() == ""
    [(account, asset, atoms, reference)] = found.log.credits
    assert (account, asset, atoms) == (7, 3, 2 * 10**8) and reference.endswith(":found0")
    with pytest.raises(Refused, match="nothing that was found and kept back"):
        await found.release()
    [row] = found.exchange.staff.audit.newest()
    assert (row.act, row.object) == ("CREDIT", "deposit:1")
    await found.chain.ask("anvil_setBalance", HOT, hex(5))
    assert await found.poll() == "", "the wallet's coin is the house's"


async def test_a_deposit_that_its_sender_signed_is_not_released_a_second_time(found):
    assert await found.poll() == ""
    await found.chain.send(await found.custody.address(7), 10)  # too little, so kept back
    assert await found.poll() == ""
    assert await found.rows() == [(7, 10, "KEPT_BACK")]
    with pytest.raises(Refused, match="nothing that was found"):
        await found.release()
    with pytest.raises(Refused, match="not found by a comparison"):
        await admin_custody.custody_forget(found.exchange, 1, "no")


async def test_what_left_the_chain_is_found_again_and_credited_once(found):
    assert await found.poll() == ""
    await found.by_contract(await found.custody.address(7), ETHER)
    found.watched.reconcile._all_due = 0.0
    assert await found.poll() == ""
    await found.chain.reorganise(1)
    await found.by_contract(await found.custody.address(7), ETHER)
    found.watched.reconcile._all_due = 0.0
    assert await found.poll() == ""
    assert await found.poll() == ""
    assert await found.rows() == [(7, ETHER, "ORPHANED"), (7, ETHER, "KEPT_BACK")]
    with pytest.raises(Refused):
        await found.release(1)
    await found.release(2)
    assert await found.poll() == "" and found.log.total == 10**8
    await found.chain.reorganise(4)
    assert "removed 1 deposits that were credited" in await found.poll()


async def test_what_a_node_lied_about_is_forgotten_and_found_when_it_is_there(found):
    assert await found.poll() == ""
    address = await found.custody.address(7)
    await found.chain.ask("anvil_setBalance", address, hex(ETHER))
    found.watched.reconcile._all_due = 0.0
    assert await found.poll() == ""
    await found.chain.ask("anvil_setBalance", address, "0x0")
    assert f"{address.lower()} holds {ETHER} fewer" in await found.poll()
    assert await admin_custody.custody_forget(found.exchange, 1, "the node lied")
    await admin_custody.custody_resolve(found.exchange, 1, "the node lied")
    assert await found.poll() == ""
    await found.chain.ask("anvil_setBalance", address, hex(ETHER))
    found.watched.reconcile._all_due = 0.0
    assert await found.poll() == "" and await found.poll() == ""
    assert [row[2] for row in await found.rows()] == ["ORPHANED", "KEPT_BACK"]


async def test_a_payment_of_ours_that_was_undone_is_no_found_money(found, database):
    await found.chain.ask("anvil_setBalance", HOT, hex(ETHER))
    assert await found.poll() == ""
    row = {
        "chain_id": 31337, "kind": "cold", "source": HOT, "destination": COLD, "units": "1000",
        "nonce": 0, "attempt": 1, "gas": 21_000, "fee_max": 1, "tip": 1, "status": "CONFIRMED",
        "hash": "0x" + "1" * 64, "block": 1, "block_hash": "0x" + "2" * 64, "gas_paid": "5",
        "planned_ns": 1, "settled_ns": 2,
    }  # fmt: skip
    with database.write_durable() as connection:
        connection.execute(insert(custody_sent).values(row))
    assert await found.poll()
    reasons = [alarm.reason for alarm in found.custody.alarms.open()]
    assert any(f"{HOT} holds 1005 more units of the coin" in reason for reason in reasons)
    assert await found.rows() == []


async def test_who_pays_a_wallet_of_old_freezes_nothing(found):
    token = await found.chain.deploy(HONEST, 10**12)
    found.list_token(token.address)
    await token.send(found.chain.web3.to_checksum_address(HOT), 50)
    await found.chain.ask("anvil_setBalance", HOT, hex(ETHER))
    assert await found.poll() == ""
    entry = found.watched.entry
    found.watched.entry = msgspec.structs.replace(entry, hot="0x" + "b1" * 20)
    assert await found.poll() == ""
    await token.send(found.chain.web3.to_checksum_address(HOT), 1)
    await found.chain.send(HOT, 1)
    assert await found.poll() == "" and await found.poll() == ""
    assert await found.rows() == [(-1, 50, "HOUSE"), (-1, 1, "HOUSE"), (-1, 1, "HOUSE")]
    assert found.alerts == []


async def test_many_at_once_are_one_alert(found):
    assert await found.poll() == ""
    for account in range(5):
        await found.by_contract(await found.custody.address(account), ETHER)
    found.watched.reconcile._all_due = 0.0
    assert await found.poll() == ""
    [alert] = found.alerts
    assert "and at 4 more addresses" in alert and len(await found.rows()) == 5


async def test_what_an_address_held_before_its_token_was_listed(chain, database, tmp_path):
    token = await chain.deploy(HONEST, 10**12)
    fees = {"withdraw_fee": "0", "withdraw_minimum": "0.01"}
    assets = [ChainAsset("ETH", 18, **fees), ChainAsset("NEW", 6, **fees, token=token.address)]
    entry = ChainEntry(31337, "LOCAL", chain.anvil.url, HOT, COLD, assets, 1, 0, 10)
    listed, log, alerts = {"ETH": Listed(3, 8)}, Log(), []
    custody = Custody(
        ChainsFile(made(tmp_path / "keys").xpub, [entry]), database, log, log, lambda: listed,
        alerts.append,
    )  # fmt: skip
    [watched] = custody.chains.values()

    async def poll() -> str:
        await chain.mine()
        await custody._poll(watched)
        await custody.look_at_alarms()
        return custody.withdrawals_frozen

    try:
        assert await poll() == ""
        await token.send(await custody.address(7), 5_000)
        await token.send(chain.web3.to_checksum_address(HOT), 3)
        assert await poll() == ""
        listed["NEW"] = Listed(4, 6)
        assert await poll() == ""
        await token.send(await custody.address(7), 40)
        assert await poll() == "" and await poll() == ""
        rows = {(r.log <= FOUND, int(r.units), r.status) for r in await custody.deposits(None)}
        assert rows == {(True, 5_000, Status.KEPT_BACK), (False, 40, Status.CREDITED)}
        assert [c[:3] for c in log.credits] == [(7, 4, 40)]
        assert len(alerts) == 1 and f"5000 units of {token.address}" in alerts[0]
        line = watched.reconcile.report()[1]
        assert line["read"] == line["explained"] == 5_043 and line["house"] == 3
    finally:
        await custody.close()


def test_its_rows_in_either_database(any_database):
    book = Book(any_database, ChainSettings(31337, COIN, confirmations=1), clock=lambda: 7)
    book.take_over()
    block = "0x" + "b" * 64
    one = Arrival(block, FOUND, "0x" + "1" * 40, 7, None, ETHER, 5, block, "found")
    book.found([one, one._replace(account=8)])
    book.found([one._replace(account=HOUSE)])
    assert [row.log for row in book.deposits()] == [FOUND - 2, FOUND - 1, FOUND]

    def tried(act, *about) -> bool:
        with any_database.write_durable() as connection:
            return act(connection, *about)

    assert not tried(release, 1, 7), "not deep enough"
    book.confirm(5)
    assert [row.status for row in book.deposits()] == [
        Status.HOUSE, Status.KEPT_BACK, Status.KEPT_BACK,
    ]  # fmt: skip
    assert not tried(release, 1, 8) and tried(release, 1, 7) and not tried(release, 1, 7)
    assert not tried(forget, 1), "its credit may be on its way"
    assert tried(forget, 2) and tried(forget, 3) and not tried(forget, 2)
    assert not tried(release, 2, 8)
