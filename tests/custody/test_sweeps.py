"""Deposits are brought to the hot wallet, and what is too much there to the cold address."""

import pytest

from excraft.custody.limits import Setting
from tests.custody.sweeping import came, rounds
from tests.custody.withdrawal_desk import COIN, COLD, ETHER, USDT

pytestmark = pytest.mark.anyio


async def test_coin_is_swept_to_the_hot_wallet_less_its_gas(payer, sweeper):
    address = came(payer, 4)
    assert address == payer.keys.deposit(0).address  # the signer derives the same
    await payer.chain.ask("anvil_setBalance", address, hex(3 * ETHER))
    hot = await payer.balance(payer.hot)
    await rounds(payer, sweeper, 3)
    [row] = payer.sent.all()
    assert (row.kind, row.source, row.destination) == ("sweep", address, payer.hot)
    left = await payer.balance(address)
    assert await payer.balance(payer.hot) - hot == int(row.units)
    assert left + int(row.units) + int(row.gas_paid) == 3 * ETHER
    await rounds(payer, sweeper, 2)
    again = [r.units for r in payer.sent.all()]
    assert len(again) <= 2  # what was left of the gas is swept once more at most


async def test_what_the_chain_below_may_charge_is_left(payer, sweeper):
    """As on an OP-stack chain, which takes it beside the gas."""
    sweeper._l1_fee_max = 10**13
    address = came(payer, 4)
    await payer.chain.ask("anvil_setBalance", address, hex(ETHER))
    await rounds(payer, sweeper, 3)
    [row] = payer.sent.all()
    left = ETHER - int(row.units) - int(row.gas_paid)
    assert 10**13 <= left == await payer.balance(address)
    payer.set(Setting.SWEEP_ABOVE, 1 << 61, asset=COIN)
    other = came(payer, 5, payer.token)
    await payer.chain.ask("anvil_setBalance", other, "0x0")
    await payer.token_contract.send(other, 7_000_000)
    await payer.chain.mine()
    await rounds(payer, sweeper, 6)
    assert await payer.token_balance(payer.hot) == 7_000_000
    assert await payer.balance(other) >= 10**13


async def test_less_than_the_threshold_stays(payer, sweeper):
    address = came(payer, 4)
    await payer.chain.ask("anvil_setBalance", address, hex(ETHER))
    payer.set(Setting.SWEEP_ABOVE, 10**8, asset=COIN)
    await rounds(payer, sweeper, 2)
    assert payer.sent.all() == []
    payer.set(Setting.SWEEP_ABOVE, 10**8 - 1, asset=COIN)
    await rounds(payer, sweeper, 1)
    assert [r.kind for r in payer.sent.all()] == ["sweep"]


async def test_a_token_gets_coin_for_its_gas_first(payer, sweeper):
    payer.set(Setting.SWEEP_ABOVE, 1 << 61, asset=COIN)
    address = came(payer, 5, payer.token)
    await payer.chain.ask("anvil_setBalance", address, "0x0")
    await payer.token_contract.send(address, 7_000_000)
    await payer.chain.mine()
    await rounds(payer, sweeper, 6)
    assert [(r.kind, r.status) for r in payer.sent.all()] == [
        ("sweep", "CONFIRMED"), ("gas", "CONFIRMED"),
    ]  # fmt: skip
    assert await payer.token_balance(payer.hot) == 7_000_000
    assert await payer.token_balance(address) == 0


async def test_dust_of_a_token_is_not_worth_its_sweep(payer, sweeper):
    """Anybody may send it: less than can be withdrawn costs us no gas."""
    payer.set(Setting.SWEEP_ABOVE, 1 << 61, asset=COIN)
    address = came(payer, 5, payer.token)
    await payer.chain.ask("anvil_setBalance", address, "0x0")
    await payer.token_contract.send(address, 999_999)
    await payer.chain.mine()
    await rounds(payer, sweeper, 2)
    assert payer.sent.all() == []
    await payer.token_contract.send(address, 1)
    await payer.chain.mine()
    await rounds(payer, sweeper, 6)
    assert await payer.token_balance(payer.hot) == 1_000_000


async def test_what_was_kept_back_is_not_swept(payer, sweeper):
    address = came(payer, 5, payer.token, status=6)
    await payer.token_contract.send(address, 7_000_000)
    await payer.chain.ask("anvil_setBalance", address, hex(ETHER))
    await payer.chain.mine()
    await rounds(payer, sweeper, 2)
    assert payer.sent.all() == []


async def test_coin_for_the_gas_of_a_token_is_not_swept_back(payer, sweeper):
    """With no threshold at all: one top-up, one sweep, and then nothing more moves."""
    address = came(payer, 6, payer.token)
    came(payer, 6)
    await payer.chain.ask("anvil_setBalance", address, "0x0")
    await payer.token_contract.send(address, 7_000_000)
    await payer.chain.mine()
    await rounds(payer, sweeper, 10)
    assert [r.kind for r in payer.sent.all()] == ["sweep", "gas"]
    assert await payer.token_balance(address) == 0


async def test_what_is_above_the_cap_of_the_hot_wallet_goes_to_cold(payer, sweeper):
    payer.set(Setting.HOT_MAX, 4 * 10**8, asset=COIN)
    payer.set(Setting.HOT_KEEP, 3 * 10**8, asset=COIN)
    payer.set(Setting.HOT_MAX, 0, asset=USDT)
    await payer.give_token(500)
    cold = await payer.balance(COLD)
    await rounds(payer, sweeper, 6)
    kinds = {(r.kind, r.token, r.status) for r in payer.sent.all()}
    assert kinds == {("cold", None, "CONFIRMED"), ("cold", payer.token, "CONFIRMED")}
    assert await payer.token_balance(COLD) == 500
    left, gone = await payer.balance(payer.hot), await payer.balance(COLD) - cold
    assert 299 * ETHER // 100 < left < 301 * ETHER // 100 and gone > 6 * ETHER


async def test_what_cannot_be_swept_is_shown(payer, sweeper):
    payer.set(Setting.SWEEP_ABOVE, 1 << 61, asset=COIN)
    address = came(payer, 5, payer.token)
    await payer.chain.ask("anvil_setBalance", address, "0x0")
    await payer.token_contract.send(address, 7_000_000)
    await payer.chain.mine()
    await payer.fill(0)
    await rounds(payer, sweeper, 1)
    assert "0 units of the native coin" in sweeper.notes[address]
    assert payer.sent.all() == []


async def test_an_address_that_the_signer_does_not_derive_is_refused(payer, sweeper):
    address = came(payer, 4)
    await payer.chain.ask("anvil_setBalance", address, hex(ETHER))
    with payer.database.write() as connection:
        connection.exec_driver_sql("UPDATE custody_addresses SET number = 9")
    await rounds(payer, sweeper, 1)
    assert [r.source for r in payer.sent.all()] == []
    assert "of our keys is" in sweeper.notes[address]
