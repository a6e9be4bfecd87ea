"""What arrives in the very block in which our own transactions move the same token."""

import pytest
from eth_utils import to_checksum_address
from sqlalchemy import insert

from excraft.chain.blocks import TokenTransfer
from excraft.custody.deposit import Asset
from excraft.store.schema_withdrawals import custody_sent
from tests.chain.local import HONEST, Token
from tests.custody.conftest import ETHER, Desk

pytestmark = pytest.mark.anyio
USDT = Asset(number=5, decimals=6, chain_decimals=6)
HOT = to_checksum_address("0x" + "a0" * 20)
BOB = to_checksum_address("0x" + "b0" * 20)
# keccak("Transfer(address,address,uint256)")
TRANSFER = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


async def watching(desk: Desk, token: str) -> str:
    """Watches the token and our wallet; the deposit address of account 1."""
    desk.watch(tokens={token: USDT}, own=frozenset({HOT.lower()}))
    return desk.addresses.of(1)


async def moves(desk: Desk, token: Token, source: str, to: str, units: int) -> None:
    """A transaction from an address of ours, with its row in our own book."""
    await desk.chain.ask("anvil_setBalance", source, hex(ETHER))
    await desk.chain.ask("anvil_impersonateAccount", source)
    call = token.contract.functions.transfer(to, units)
    sent = await call.transact({"from": source, "gas": 200_000})
    row = {
        "chain_id": 31337, "kind": "sweep", "source": source, "destination": to,
        "token": token.address, "units": str(units), "nonce": 0, "attempt": 1, "gas": 1,
        "fee_max": 1, "tip": 1, "status": "SIGNED", "hash": "0x" + bytes(sent).hex(),
        "planned_ns": 1,
    }  # fmt: skip
    with desk.database.write_durable() as connection:
        connection.execute(insert(custody_sent).values(row))


def credited(desk: Desk) -> list[int]:
    return [atoms for _, asset, atoms, _ in desk.ledger.credits if asset == USDT.number]


async def test_a_deposit_in_the_block_of_the_sweep_of_the_first_one(desk):
    token = await desk.chain.deploy(HONEST, 10**12)
    address = await watching(desk, token.address)
    await token.send(address, 1_000_000)
    await desk.chain.mine(3)
    await desk.poll()
    await moves(desk, token, address, HOT, 1_000_000)
    await token.send(address, 400_000)
    await desk.chain.mine(3)
    await desk.poll()
    assert credited(desk) == [1_000_000, 400_000]
    assert {row.note for row in desk.book.deposits()} == {None}


async def test_somebody_pays_the_wallet_in_the_block_of_a_payment_out_of_it(desk):
    """Else anybody could make the wallet hold one unit more than our rows say, and freeze all."""
    token = await desk.chain.deploy(HONEST, 10**12)
    await watching(desk, token.address)
    await token.send(HOT, 5_000_000)
    await desk.chain.mine()
    await desk.poll()
    await moves(desk, token, HOT, BOB, 3_000_000)
    await token.send(HOT, 1)
    await desk.chain.mine()
    await desk.poll()
    units = [int(row.units) for row in desk.book.deposits() if row.address.lower() == HOT.lower()]
    assert sorted(units) == [1, 5_000_000]


async def test_what_came_by_a_sweep_covers_no_lie(desk):
    """A token that says a transfer to the wallet which did not happen, beside a real sweep."""
    token = await lying(desk)
    address = await watching(desk, token.address)
    await token.send(address, 1_000_000)
    await desk.chain.mine()
    await desk.poll()
    await moves(desk, token, address, HOT, 1_000_000)
    await says(desk, token, await desk.chain.rich(8), HOT, 900_000)
    await desk.chain.mine()
    await desk.poll()
    assert [
        r for r in desk.book.deposits() if r.address.lower() == HOT.lower() and int(r.units)
    ] == []


async def test_what_a_token_says_of_others_transactions_explains_no_rise(desk):
    """A token that says it left an address, in a transaction that is not ours, and came again."""
    token = await lying(desk)
    address = await watching(desk, token.address)
    await says(desk, token, address, HOT, 800_000)
    await says(desk, token, await desk.chain.rich(8), address, 800_000)
    await desk.chain.mine(3)
    await desk.poll()
    assert credited(desk) == []
    [row] = [r for r in desk.book.deposits() if r.account == 1]
    assert "says 800000 units, the balance of the address rose by 0" in row.note


async def test_no_more_left_than_we_sent_whatever_the_token_says_of_it(desk):
    """In our own transaction, too: another number, another way, another address of ours."""
    token = await lying(desk)
    address = await watching(desk, token.address)
    await desk.chain.mine()
    await desk.poll()
    other, ours, block = desk.addresses.of(2).lower(), "0x" + "5" * 64, "0x" + "6" * 64
    row = {
        "chain_id": 31337, "kind": "sweep", "source": address, "destination": HOT,
        "token": token.address, "units": "100", "nonce": 0, "attempt": 1, "gas": 1, "fee_max": 1,
        "tip": 1, "status": "SIGNED", "hash": ours, "planned_ns": 1,
    }  # fmt: skip
    with desk.database.write_durable() as connection:
        connection.execute(insert(custody_sent).values(row))
    told = [(address.lower(), HOT.lower(), 10**9), (other, HOT.lower(), 100), (other, BOB, 7)]
    logs = [
        TokenTransfer(1, block, ours, place, token.address, source, to, units)
        for place, (source, to, units) in enumerate(told)
    ]
    moved = +await desk.deposits._moved(logs)
    assert moved == {(token.address, address.lower(), block): 100}


async def lying(desk: Desk) -> Token:
    """An honest token that also emits whatever Transfer it is told to."""
    token, honest = [await desk.chain.deploy(HONEST, 10**12) for _ in range(2)]
    await desk.chain.ask("anvil_setCode", token.address, "0x" + liar(honest.address))
    return token


async def says(desk: Desk, token: Token, source: str, to: str, units: int) -> None:
    """A Transfer event without any transfer."""
    words = "".join(word.removeprefix("0x").rjust(64, "0") for word in (source, to, hex(units)))
    asked = {"from": await desk.chain.rich(), "to": token.address, "data": f"0x{words}"}
    await desk.chain.ask("eth_sendTransaction", asked | {"gas": hex(99_999)})


def liar(honest: str) -> str:
    """Code that runs the code of `honest`, unless it is called with three words: then it emits
    Transfer(word 0, word 1, word 2)."""
    ask, size = "36606014", "3d"  # CALLDATASIZE == 96; RETURNDATASIZE
    delegate = "366000600037" + "6000600036600073" + honest.removeprefix("0x") + "5af4"
    delegate += size + "600060003e"
    give_back, refuse = "5b" + size + "6000f3", size + "6000fd"
    lie = "5b" + "604035600052" + "602035" + "600035" + "7f" + TRANSFER + "60206000a300"
    ok = (len(ask + "60xx57" + delegate + "60xx57" + refuse)) // 2
    told = ok + len(give_back) // 2
    return f"{ask}60{told:02x}57{delegate}60{ok:02x}57{refuse}{give_back}{lie}"
