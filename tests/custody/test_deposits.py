"""Deposits on a real chain: seen, confirmed, credited to the last unit, each once."""

import asyncio

import pytest

from excraft.chain.errors import BadAnswer, NodeRefused, Unreachable, WrongChain
from excraft.chain.node import Limits, Node
from excraft.custody.addresses import Owned
from excraft.custody.book import Book
from excraft.custody.deposit import Asset, ChainSettings
from excraft.custody.deposits import Deposits
from excraft.custody.errors import Replaced
from tests.chain.local import HIDES_BALANCE, HONEST, MOVES_NOTHING, TAKES_FEE, Proxy, twisted
from tests.custody.conftest import COIN, ETHER, Ledger

pytestmark = pytest.mark.anyio
TOKEN = Asset(number=5, decimals=6, chain_decimals=6)


async def test_a_deposit_is_credited_when_it_is_deep_enough_to_the_last_unit(desk):
    sent = await desk.deposit(4, 2 * ETHER + 12_345_678_901)
    await desk.chain.mine()
    for state in ("SEEN", "SEEN", "CREDITED", "CREDITED"):
        await desk.poll()
        assert desk.states() == [state]
        await desk.chain.mine()
    assert desk.ledger.credits == [(4, 3, 200_000_001, f"31337:{sent}:coin")]
    [row] = desk.book.deposits(account=4)
    assert (row.units, row.atoms, row.dust) == ("2000000012345678901", 200_000_001, "2345678901")
    assert int(row.units) == row.atoms * 10**10 + int(row.dust)
    assert (row.position, row.credited_ns, row.seen_ns, row.block) == (1, 7, 7, 1)
    assert desk.book.deposits(account=5) == []


async def test_one_confirmation_is_the_newest_block(desk):
    desk.watch(confirmations=1)
    await desk.deposit(1, ETHER)
    await desk.chain.mine()
    await desk.poll()
    assert desk.ledger.total == 10**8


async def test_too_little_is_shown_with_the_reason_and_not_credited(desk):
    await desk.deposit(1, 999 * 10**10)
    await desk.deposit(2, 1000 * 10**10)
    await desk.deposit(3, 1)
    await desk.chain.mine(3)
    await desk.poll()
    assert desk.states() == ["KEPT_BACK", "CREDITED", "KEPT_BACK"]
    assert [c[:3] for c in desk.ledger.credits] == [(2, 3, 1000)]
    notes = [row.note for row in desk.book.deposits()]
    assert notes[2] == "999 atoms are below the minimum of 1000"
    assert (desk.book.deposits()[0].dust, notes[1]) == ("1", None)


async def test_what_the_ledger_refuses_is_kept_back_and_not_asked_again(desk):
    desk.ledger.refuses = "the account is closed"
    await desk.deposit(1, ETHER)
    await desk.chain.mine(3)
    await desk.poll()
    await desk.poll()
    assert desk.states() == ["KEPT_BACK"]
    assert "the account is closed" in desk.book.deposits()[0].note


async def test_what_the_exchange_sends_itself_is_no_deposit(desk):
    # Account 0 of the mnemonic is m/0/0 too, the first deposit address: it is swept to another.
    assert desk.addresses.of(1) == await desk.chain.rich(0)
    sweep = {"from": desk.addresses.of(1), "to": desk.addresses.of(2), "value": "0x1"}
    await desk.chain.ask("eth_sendTransaction", sweep | {"gas": hex(21_000)})
    desk.watch(own=frozenset({(await desk.chain.rich()).lower()}))
    await desk.deposit(2, ETHER)
    await desk.chain.mine(3)
    await desk.poll()
    assert desk.states() == [] and desk.book.tip().number == 3


async def test_a_transaction_that_failed_moved_nothing(desk):
    contract = Owned("0x" + "01".zfill(40), 1, 1)  # a built-in one that needs more gas than this
    desk.deposits._owned = lambda: [contract]
    await desk.chain.send(contract.address, ETHER)
    await desk.chain.mine(3)
    await desk.poll()
    assert desk.states() == [] and desk.book.tip().number == 3


async def test_ten_thousand_addresses_cost_one_call_per_range(desk):
    others = [Owned(f"0x{n:040x}", n, n) for n in range(1, 10_001)]
    desk.deposits._owned = lambda: others
    await desk.chain.send(others[9_999].address, ETHER)
    await desk.chain.mine(200)
    before = desk.chain.node.calls
    await desk.poll()
    # The head, the block before the first, four ranges of 50, the receipt of the one deposit.
    assert desk.chain.node.calls - before == 1 + 1 + 4 + 1
    assert [c[:3] for c in desk.ledger.credits] == [(10_000, 3, 10**8)]
    before = desk.chain.node.calls
    await desk.poll()
    assert desk.chain.node.calls - before == 1


async def test_a_thousand_deposits_of_one_block_are_credited(desk):
    owned = [Owned(f"0x{n + 10**6:040x}", n, n) for n in range(1, 1001)]
    desk.deposits._owned = lambda: owned
    source = await desk.chain.rich()
    for start in range(0, 1000, 250):
        sends = [
            ("eth_sendTransaction", [{"from": source, "to": o.address, "gas": hex(21_000),
                                      "nonce": hex(o.number - 1),
                                      "value": hex(ETHER + o.account * 10**10)}])
            for o in owned[start : start + 250]
        ]  # fmt: skip
        await desk.chain.node.batch(sends)
    await desk.chain.mine(3)
    await desk.poll()
    assert {row.block for row in desk.book.deposits()} == {1}
    assert sorted(c[:3] for c in desk.ledger.credits) == [(n, 3, 10**8 + n) for n in range(1, 1001)]


async def test_ranges_shrink_when_an_answer_is_too_large(desk):
    await desk.deposit(1, ETHER)
    await desk.chain.mine(60)
    desk.chain.node.limits = Limits(answer_bytes=20_000)
    await desk.poll()
    assert desk.ledger.total == 10**8 and desk.book.tip().number == 60


async def test_tokens_of_the_list_are_credited_and_those_with_the_same_name_are_not(desk):
    token, fake = [await desk.chain.deploy(HONEST, 10**12) for _ in range(2)]
    desk.watch(tokens={token.address: TOKEN})
    address = desk.addresses.of(1)
    await fake.send(address, 5_000_000)
    await token.send_twice(address, 1_000_001, 2)
    await token.send(address, 0)
    await desk.chain.mine(3)
    await desk.poll()
    assert [c[:3] for c in desk.ledger.credits] == [(1, 5, 1_000_001), (1, 5, 2)]
    assert [c[3].rpartition(":")[2] for c in desk.ledger.credits] == ["0", "1"]


@pytest.mark.parametrize(
    "fault, credited, said",
    [(TAKES_FEE, 990_000, "rose by 990000"), (MOVES_NOTHING, 0, "rose by 0"),
     (HIDES_BALANCE, 0, "rose by 0")],
)  # fmt: skip
async def test_a_token_that_lies_is_credited_with_what_arrived(desk, fault, credited, said):
    token = await desk.chain.deploy(fault, 10**12)
    desk.watch(tokens={token.address: TOKEN})
    await token.send(desk.addresses.of(1), 1_000_000)
    await desk.deposit(2, ETHER)  # others are not held up by it
    await desk.chain.mine(3)
    await desk.poll()
    assert [c[:3] for c in desk.ledger.credits if c[1] == 5] == [(1, 5, credited)][: bool(credited)]
    assert (2, 3, 10**8) in [c[:3] for c in desk.ledger.credits]
    assert said in next(r.note for r in desk.book.deposits() if r.asset == 5)


# what the node may do


async def through(desk, proxy: Proxy) -> Deposits:
    node = Node(proxy.url, 31337, Limits(seconds=0.3, attempts=1))
    return Deposits(node, desk.book, desk.settings, desk.ledger, desk.addresses.all)


async def test_a_node_that_lies_about_its_chain_or_stalls_credits_nothing(desk):
    await desk.deposit(1, ETHER)
    await desk.chain.mine(3)
    async with Proxy(desk.chain.anvil.url) as proxy:
        watcher = await through(desk, proxy)
        proxy.twist = twisted(lambda answers: answers[0].update(result="0x1"))
        with pytest.raises(WrongChain):
            await watcher.poll()
        proxy.stall = True
        with pytest.raises(Unreachable):
            await watcher.poll()
        assert desk.states() == [] and desk.ledger.credits == []
        proxy.stall, proxy.twist = False, lambda body: body
        await watcher.poll()
        assert desk.ledger.total == 10**8
        await watcher._node.close()


async def test_logs_that_a_node_left_out_of_a_range_are_asked_for_by_their_block(desk):
    token = await desk.chain.deploy(HONEST, 10**12)
    desk.watch(tokens={token.address: TOKEN})
    await token.send(desk.addresses.of(1), 1_000_000)
    await desk.chain.mine(3)
    async with Proxy(desk.chain.anvil.url) as proxy:
        watcher = await through(desk, proxy)

        def lags(answers):
            """The node that was asked has none of the blocks that another one told."""
            last, of_a_range = answers[-1], isinstance(answers[1].get("result"), dict)
            if isinstance(last["result"], list):
                last["result"] = []
                if not of_a_range:
                    answers[-1] = {"id": last["id"], "error": {"message": "unknown block"}}

        proxy.twist = twisted(lags)
        with pytest.raises(NodeRefused, match="unknown block"):
            await watcher.poll()
        assert desk.book.tip() is None, "it is read again"

        def lagged(answers):
            if isinstance(answers[1].get("result"), dict) and answers[2:]:
                assert answers[-1]["result"]
                answers[-1]["result"] = []

        proxy.twist = twisted(lagged)
        await watcher.poll()
        assert [c[:3] for c in desk.ledger.credits] == [(1, 5, 1_000_000)]
        await watcher._node.close()


async def test_a_range_without_logs_costs_one_call(desk):
    token = await desk.chain.deploy(HONEST, 10**12)
    await desk.chain.mine(3)
    desk.watch(tokens={token.address: TOKEN}, first_block=2)
    before = desk.chain.node.calls
    await desk.poll()
    assert desk.chain.node.calls - before == 3, "the head, the range, the block before it"


async def test_a_height_that_is_only_claimed_confirms_nothing(desk):
    await desk.deposit(1, ETHER)
    await desk.chain.mine()
    async with Proxy(desk.chain.anvil.url) as proxy:
        watcher = await through(desk, proxy)

        def higher(answers):
            block = answers[1]["result"]
            if block and len(answers) == 2 and block["transactions"][:1] != [{}]:
                block["number"] = "0xffff"

        proxy.twist = twisted(higher)
        with pytest.raises(BadAnswer):
            await watcher.poll()
        assert desk.ledger.credits == []
        await watcher._node.close()


async def test_run_goes_on_after_a_failure_and_says_what_it_was(desk):
    await desk.deposit(1, ETHER)
    await desk.chain.mine(3)
    async with Proxy(desk.chain.anvil.url) as proxy:
        watcher = await through(desk, proxy)
        proxy.twist = twisted(lambda answers: answers[0].update(result="0x1"))
        running = asyncio.create_task(watcher.run(0.01))
        async with asyncio.timeout(5):
            while not watcher.failure:
                await asyncio.sleep(0.01)
        assert "serves chain 1" in watcher.failure
        proxy.twist = lambda body: body
        async with asyncio.timeout(5):
            while not desk.ledger.credits:
                await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await watcher._node.close()


async def test_of_two_watchers_only_the_newer_one_writes(desk):
    old = desk.deposits
    await desk.chain.mine()
    await old.poll()
    await desk.watch().poll()
    await desk.deposit(1, ETHER)
    await desk.chain.mine(3)
    with pytest.raises(Replaced, match="another watcher has taken over chain 31337"):
        await old.poll()
    assert desk.ledger.credits == []
    await desk.poll()
    assert desk.ledger.total == 10**8


async def test_without_a_first_block_it_begins_with_the_newest(desk):
    await desk.deposit(1, ETHER)
    await desk.chain.mine(5)
    desk.watch(first_block=None, confirmations=1)
    await desk.poll()
    assert desk.states() == []
    await desk.deposit(1, ETHER)
    await desk.chain.mine()
    await desk.poll()
    assert desk.states() == ["CREDITED"]


# settings and amounts


def test_units_become_atoms_and_nothing_is_lost():
    assert COIN.split(10**10 - 1) == (0, 10**10 - 1)
    assert COIN.split(12345678901) == (1, 2345678901)
    assert Asset(1, decimals=8, chain_decimals=6).split(7) == (700, 0)
    assert Asset(1, decimals=8, chain_decimals=8).split(7) == (7, 0)
    assert "more than" in COIN.objection((1 << 62) + 1) and COIN.objection(1 << 62) == ""


@pytest.mark.parametrize(
    "wrong", [{"decimals": 19}, {"decimals": -1}, {"chain_decimals": 78}, {"minimum": 0}]
)
def test_assets_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="cannot be"):
        Asset(**{"number": 1, "decimals": 8, "chain_decimals": 18} | wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"confirmations": 0}, {"range_blocks": 0}, {"kept_blocks": 3}, {"own": frozenset({"0xAB"})},
     {"tokens": {"0x" + "AB" * 20: COIN}}],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="must be|less than"):
        ChainSettings(1, COIN, **wrong)


def test_a_node_of_another_chain_is_refused_at_once(database):
    settings = ChainSettings(1, COIN)
    node = Node("http://127.0.0.1:1", 2)
    with pytest.raises(ValueError, match="chain 2, not 1"):
        Deposits(node, Book(database, settings), settings, Ledger(), lambda: [])
