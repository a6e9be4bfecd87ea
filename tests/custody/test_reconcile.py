"""Chain and ledger are compared to the unit; what nobody explains freezes withdrawals."""

from collections import Counter

import pytest
from sqlalchemy import insert, update

from excraft.chain.blocks import Header
from excraft.chain.errors import BadAnswer
from excraft.custody import reconcile
from excraft.custody.addresses import Addresses
from excraft.custody.alarms import Alarms
from excraft.custody.deposit import Asset
from excraft.custody.reconcile import Reconcile
from excraft.custody.signer.keys import made
from excraft.store.schema_custody import custody_deposits
from excraft.store.schema_withdrawals import custody_sent
from tests.chain.local import HONEST
from tests.custody.conftest import COIN, ETHER

pytestmark = pytest.mark.anyio
HOT, COLD = "0x" + "a0" * 20, "0x" + "c0" * 20


class Totals:
    """What the log says; here the ledger of the tests is the log."""

    def __init__(self, ledger) -> None:
        self._ledger, self.spent, self.by_hand = ledger, Counter(), Counter()

    @property
    def credited(self) -> Counter:
        found = Counter()
        for _, asset, atoms, _ in self._ledger.credits:
            found[asset] += atoms
        return found


class Compared:
    def __init__(self, desk, xpub: str) -> None:
        self.desk = desk
        desk.addresses = Addresses(desk.database, xpub)  # anvil gives nothing to these
        self.totals = Totals(desk.ledger)
        self.alarms = Alarms(desk.database)
        self.watch()

    def watch(self, **settings) -> None:
        desk = self.desk
        desk.watch(own=frozenset({HOT, COLD}), confirmations=1, **settings)
        self.reconcile = Reconcile(
            desk.chain.node, desk.book, desk.settings, desk.database,
            desk.addresses.all, self.totals,
        )  # fmt: skip

    async def poll(self) -> list[str]:
        await self.desk.chain.mine()
        await self.desk.poll()
        await self.reconcile.poll()
        return [row.reason for row in self.alarms.open()]

    async def set_coin(self, address: str, units: int) -> None:
        await self.desk.chain.ask("anvil_setBalance", address, hex(units))


@pytest.fixture
def compared(desk, monkeypatch, tmp_path):
    monkeypatch.setattr(reconcile, "PAUSE_S", 0.0)
    return Compared(desk, made(tmp_path / "keys").xpub)


async def test_deposits_dust_and_the_houses_own_money_are_explained(compared):
    desk = compared.desk
    await compared.set_coin(HOT, 5 * ETHER)
    assert await compared.poll() == []
    await desk.deposit(7, 3 * ETHER + 1)  # a wei is less than an atom: dust
    await desk.deposit(8, 999 * 10**10)  # below the minimum: kept back
    await desk.chain.send(HOT, 17)
    assert await compared.poll() == []
    [line] = compared.reconcile.report()
    assert line["read"] == line["explained"] == 8 * ETHER + 999 * 10**10 + 18
    assert (line["deposits"], line["waiting"]) == (3 * ETHER + 1 + 999 * 10**10, 999 * 10**10)
    assert line["house"] == 5 * ETHER + 17 and line["by_hand_atoms"] == 0
    compared.totals.by_hand[COIN.number] = 30
    await compared.poll()
    assert compared.reconcile.report()[0]["by_hand_atoms"] == 30
    assert desk.states() == ["CREDITED", "KEPT_BACK", "HOUSE"]


async def test_one_unit_less_is_an_alarm(compared):
    await compared.desk.deposit(7, ETHER)
    assert await compared.poll() == []
    await compared.set_coin(compared.desk.addresses.of(7), ETHER - 1)
    [reason] = await compared.poll()
    assert "holds 1 fewer units of the coin than" in reason
    assert await compared.poll() == [reason], "one cause, one alarm, however many blocks pass"


@pytest.mark.parametrize("off", [-1, 1])
async def test_one_unit_of_a_token_off_is_an_alarm(compared, off):
    token = await compared.desk.chain.deploy(HONEST, 10**12)
    compared.watch(tokens={token.address: Asset(number=5, decimals=6, chain_decimals=6)})
    address = compared.desk.addresses.of(7)
    await token.send(address, 100)
    assert await compared.poll() == []
    await token.set_balance(address, 100 + off)
    [reason] = await compared.poll()
    assert f"holds 1 {'more' if off > 0 else 'fewer'} units of {token.address} than" in reason


async def test_an_address_that_must_be_empty_is_looked_at_too(compared):
    address = compared.desk.addresses.of(7)
    await compared.set_coin(address, 1)
    assert await compared.poll() == []
    [row] = compared.desk.book.deposits()
    assert (row.address, row.units) == (address, "1")


async def test_a_wallet_that_lost_a_unit_is_an_alarm(compared):
    await compared.set_coin(HOT, ETHER)
    assert await compared.poll() == []
    await compared.set_coin(HOT, ETHER - 1)
    [reason] = await compared.poll()
    assert HOT in reason


async def test_a_credit_that_no_deposit_explains_is_an_alarm(compared):
    await compared.desk.deposit(7, ETHER)
    assert await compared.poll() == []
    compared.desk.ledger.credits.append((7, COIN.number, 1, "31337:0xnone:coin"))
    [reason] = await compared.poll()
    assert "the log credited 1 more atoms of asset 3" in reason


async def test_a_row_altered_in_the_database_is_an_alarm(compared):
    await compared.desk.deposit(7, ETHER)
    assert await compared.poll() == []
    with compared.desk.database.write_durable() as connection:
        connection.execute(update(custody_deposits).values(atoms=10**8 + 1))
    [reason] = await compared.poll()
    assert "the log credited 1 fewer atoms of asset 3" in reason


async def test_money_spent_without_a_withdrawal_is_an_alarm(compared):
    assert await compared.poll() == []
    compared.totals.spent[COIN.number] += 1
    [reason] = await compared.poll()
    assert "the log spent 1 more atoms" in reason


async def test_our_own_transactions_and_their_gas_are_explained(compared):
    """A transaction of the hot wallet, as the sender's rows have it before it is settled."""
    desk, chain = compared.desk, compared.desk.chain
    await compared.set_coin(HOT, ETHER)
    assert await compared.poll() == []
    await chain.ask("anvil_impersonateAccount", HOT)
    asked = {"from": HOT, "to": COLD, "value": hex(1000), "gas": hex(21_000)}
    sent = await chain.ask("eth_sendTransaction", asked)
    row = {
        "chain_id": chain.node.chain_id, "kind": "cold", "source": HOT, "destination": COLD,
        "units": "1000", "nonce": 0, "attempt": 1, "gas": 21_000, "fee_max": 1, "tip": 1,
        "status": "SIGNED", "hash": sent, "planned_ns": 1,
    }  # fmt: skip
    with desk.database.write_durable() as connection:
        connection.execute(insert(custody_sent).values(row))
    assert await compared.poll() == []
    [line] = compared.reconcile.report()
    assert line["gas"] > 0 and line["read"] == ETHER - line["gas"]


async def test_a_payment_that_no_row_explains_is_an_alarm(compared):
    chain = compared.desk.chain
    await compared.set_coin(HOT, ETHER)
    assert await compared.poll() == []
    await chain.ask("anvil_impersonateAccount", HOT)
    asked = {"from": HOT, "to": "0x" + "ee" * 20, "value": hex(1), "gas": hex(21_000)}
    await chain.ask("eth_sendTransaction", asked)
    [reason] = await compared.poll()
    assert HOT in reason


async def test_what_differs_in_a_block_that_left_the_chain_is_no_alarm(compared, monkeypatch):
    assert await compared.poll() == []
    node = compared.desk.chain.node

    async def others(numbers):
        return [Header(number, "0x" + "9" * 64, "0x" + "8" * 64) for number in numbers]

    compared.totals.spent[COIN.number] += 1
    await compared.desk.chain.mine()
    await compared.desk.poll()
    with monkeypatch.context() as patched:
        patched.setattr(node, "headers", others)
        with pytest.raises(BadAnswer, match="left the chain while it was compared"):
            await compared.reconcile.poll()
    assert compared.alarms.open() == []
    await compared.reconcile.poll()
    assert len(compared.alarms.open()) == 1, "the same block, still there"


async def test_somebody_pays_the_wallet_while_a_token_leaves_it(compared):
    """One unit to the wallet in the block of a withdrawal froze everybody."""
    desk, web3 = compared.desk, compared.desk.chain.web3
    token = await desk.chain.deploy(HONEST, 10**12)
    compared.watch(tokens={token.address: Asset(number=5, decimals=6, chain_decimals=6)})
    await compared.set_coin(HOT, ETHER)
    await token.send(web3.to_checksum_address(HOT), 1000)
    assert await compared.poll() == []
    await desk.chain.ask("anvil_impersonateAccount", HOT)
    call = token.contract.functions.transfer(web3.to_checksum_address("0x" + "ee" * 20), 400)
    sent = await call.transact({"from": web3.to_checksum_address(HOT), "gas": 100_000})
    row = {
        "chain_id": desk.chain.node.chain_id, "kind": "withdrawal", "withdrawal_id": 1,
        "source": HOT, "destination": "0x" + "ee" * 20, "token": token.address, "units": "400",
        "nonce": 0, "attempt": 1, "gas": 100_000, "fee_max": 1, "tip": 1, "status": "SIGNED",
        "hash": "0x" + bytes(sent).hex(), "planned_ns": 1,
    }  # fmt: skip
    with desk.database.write_durable() as connection:
        connection.execute(insert(custody_sent).values(row))
    await token.send(web3.to_checksum_address(HOT), 1)
    assert await compared.poll() == []
    assert compared.reconcile.report()[1]["read"] == 601


async def test_a_block_is_compared_once(compared):
    await compared.poll()
    calls = compared.desk.chain.node.calls
    await compared.reconcile.poll()
    assert compared.desk.chain.node.calls == calls


async def test_ten_thousand_addresses_take_a_dozen_calls(compared):
    desk = compared.desk
    for account in range(40):
        desk.addresses.of(account)
    owned = [each._replace(address="0x" + f"{n:040x}") for n in range(1, 10_001)
             for each in desk.addresses.all()[:1]]  # fmt: skip
    compared.reconcile._owned = lambda: owned
    await desk.chain.mine()
    await desk.poll()
    before = desk.chain.node.calls
    await compared.reconcile.poll()
    assert desk.chain.node.calls - before <= 12
    assert Alarms(desk.database).open() == []
