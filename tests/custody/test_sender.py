"""Sending on a chain that does what chains do: hostile tokens, lost and stuck transactions."""

import asyncio
import json

import pytest

from excraft.chain import transfers
from excraft.chain.node import Limits, Node
from excraft.custody.errors import Replaced, SignerAway, SignerRefused, WithdrawalRefused
from excraft.custody.sender import Sender
from excraft.custody.sent import SentBook, Status
from excraft.custody.signer.requests import Hello, Pay
from excraft.custody.withdrawal import State
from tests.chain.local import TAKES_FEE, Proxy
from tests.custody.withdrawal_desk import BOB, COIN, ETHER, FEE, GWEI, USDT

pytestmark = pytest.mark.anyio

# A contract that says it holds 10**12 for everybody, and answers everything else with `rest`.
_BALANCE = "60003560e01c6370a0823114601057{rest}5b64e8d4a5100060005260206000f3"
FALSE, REVERTS, SILENT = "60206000f3", "60006000fd", "600160005260206000f3"
HOSTILE = "0x" + "d1" * 20


def code(rest: str) -> str:
    """Its bytes: the jump goes to what stands behind `rest`."""
    target = 15 + len(rest) // 2
    return "0x" + _BALANCE.format(rest=rest).replace("601057", f"60{target:02x}57")


@pytest.fixture
async def hostile(payer):
    """A listed token whose contract a test sets."""
    payer.token = HOSTILE
    payer.start_signer()
    await be(payer, FALSE)
    return payer


async def be(payer, rest: str) -> None:
    await payer.chain.ask("anvil_setCode", HOSTILE, code(rest))


@pytest.mark.parametrize(("rest", "said"), [(FALSE, "is not true"), (REVERTS, "revert")])
async def test_a_transfer_that_would_fail_is_never_signed_and_the_money_comes_back(
    hostile, rest, said
):
    await be(hostile, rest)
    id = await hostile.ask_for(10**8, asset=USDT)
    found = hostile.book.get(id)
    assert found.state == State.FAILED and said in found.row.reason
    assert hostile.ledger.free[4, USDT] == 10**9 and hostile.ledger.held[4, USDT] == 0
    assert [e.kind for e in hostile.journal.entries] == ["void"]
    assert hostile.sent.all() == []


async def test_a_destination_that_burns_gas_when_it_is_paid_for_is_never_signed(payer):
    """GASPRICE is 0 in a trial for nothing: it loops only where gas has a price."""
    await payer.chain.ask("anvil_setCode", HOSTILE, "0x3a60065700005b600656")
    id = await payer.ask_for(destination=HOSTILE)
    found = payer.book.get(id)
    assert found.state == State.FAILED and "more than 100000 gas" in found.row.reason
    assert payer.sent.all() == [] and payer.ledger.free[4, COIN] == 5 * 10**8
    await payer.chain.ask("anvil_setCode", HOSTILE, "0x00")  # any other contract is paid
    other = await payer.ask_for(destination=HOSTILE)
    await payer.until(other, State.DONE)


@pytest.mark.parametrize(
    ("rest", "status"), [(REVERTS, Status.REVERTED), (FALSE, Status.EMPTY), (SILENT, Status.EMPTY)]
)
async def test_a_transfer_that_fails_only_when_it_is_mined_is_not_done(hostile, rest, status):
    await be(hostile, SILENT)  # which answers true, and so passes the trial
    id = await hostile.ask_for(10**8, asset=USDT)
    assert hostile.state(id) == State.SENT
    await be(hostile, rest)
    assert await hostile.until(id, State.DONE, State.FAILED) == State.FAILED
    [row] = hostile.sent.all()
    assert row.status == status and int(row.gas_paid) > 0
    assert hostile.ledger.free[4, USDT] == 10**9 and hostile.ledger.held[4, USDT] == 0
    assert hostile.ledger.out == {}


async def test_a_token_that_moves_something_is_never_given_back(payer, monkeypatch):
    """With a fee of its own, or without saying so: the destination got something."""
    payer.token_contract = await payer.chain.deploy(TAKES_FEE, 10**12)
    payer.token = payer.token_contract.address
    payer.start_signer()
    await payer.give_token()
    first = await payer.ask_for(10**8, asset=USDT)
    await payer.until(first, State.DONE)
    assert await payer.token_balance(BOB) == 99_500_000 - 99_500_000 // 100
    real = transfers.mined

    async def silent(node, hashes):
        return {h: m._replace(moved=[]) for h, m in (await real(node, hashes)).items()}

    monkeypatch.setattr(transfers, "mined", silent)
    second = await payer.ask_for(10**8, asset=USDT)
    await payer.until(second, State.DONE)


async def test_the_caps_of_a_signer_that_was_started_again_are_learned(payer):
    await payer.chain.ask("anvil_setNextBlockBaseFeePerGas", hex(600 * GWEI))
    await payer.chain.mine()
    id = await payer.ask_for()
    assert "it waits" in payer.note(id)
    payer.gas_price_max = 5000 * GWEI
    payer.start_signer()
    payer.clock.pass_(31)
    await payer.until(id, State.DONE)


async def test_a_hot_wallet_without_gas_or_money_waits_and_says_what_is_missing(payer):
    await payer.fill(0)
    id = await payer.ask_for()
    assert payer.state(id) == State.APPROVED
    assert f"{payer.hot} has 0 units of the native coin" in payer.note(id)
    await payer.fill((10**8 - FEE) * 10**10)  # the money, and no gas
    await payer.withdrawals.poll()
    assert "are needed" in payer.note(id) and payer.journal.entries == []
    await payer.fill()
    await payer.until(id, State.DONE)


async def test_money_that_is_under_way_is_not_promised_twice(payer):
    await payer.fill(2 * ETHER)
    first, second = await payer.ask_for(15 * 10**7), await payer.ask_for(10**8)
    assert (payer.state(first), payer.state(second)) == (State.SENT, State.APPROVED)
    assert "under way" in payer.note(second)
    await payer.until(first, State.DONE)
    await payer.fill()
    await payer.until(second, State.DONE)


async def test_a_stuck_transaction_is_replaced_at_its_nonce_with_a_higher_fee(payer):
    id = await payer.ask_for()
    [first] = payer.sent.all()
    for _ in range(2):
        payer.clock.pass_(61)
        await payer.withdrawals.poll()
    newest, second, oldest = payer.sent.all()
    assert (oldest.hash, {r.nonce for r in payer.sent.all()}) == (first.hash, {first.nonce})
    assert newest.fee_max > second.fee_max * 9 // 8 > first.fee_max and newest.tip > first.tip
    before = await payer.balance(BOB)
    await payer.until(id, State.DONE)
    assert await payer.balance(BOB) - before == (10**8 - FEE) * 10**10
    assert [r.status for r in payer.sent.all()] == ["CONFIRMED", "REPLACED", "REPLACED"]


async def test_the_older_of_two_attempts_may_be_the_one_that_is_mined(payer):
    id = await payer.ask_for()
    [first] = payer.sent.all()
    payer.clock.pass_(61)
    await payer.withdrawals.poll()
    [newer, _] = payer.sent.all()
    await payer.chain.ask("anvil_dropTransaction", newer.hash)
    await payer.chain.ask("eth_sendRawTransaction", first.raw)
    await payer.chain.mine(2)
    await payer.until(id, State.DONE)
    assert [r.status for r in payer.sent.all()] == ["REPLACED", "CONFIRMED"]


async def test_a_replacement_that_was_never_signed_is_forgotten(payer):
    id = await payer.ask_for()
    payer.clock.pass_(61)
    ask = payer.client._ask

    def hello_only(request):
        payer.away = not isinstance(request, Hello)
        return ask(request)

    payer.client._ask = hello_only
    await payer.withdrawals.poll()
    assert [r.status for r in payer.sent.all()] == [Status.PLANNED, Status.SIGNED]
    assert "does not answer" in payer.sender.notes[payer.sent.all()[1].id]
    await payer.until(id, State.DONE)
    assert [r.status for r in payer.sent.all()] == [Status.CONFIRMED]


async def test_gas_above_the_cap_of_the_signer_waits(payer):
    await payer.chain.ask("anvil_setNextBlockBaseFeePerGas", hex(600 * GWEI))
    await payer.chain.mine()
    id = await payer.ask_for()
    assert "the signer signs up to 500000000000: it waits" in payer.note(id)
    await payer.chain.ask("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    await payer.chain.mine()
    await payer.until(id, State.DONE)


async def test_a_failure_that_leaves_the_chain_is_left_to_people(hostile):
    await be(hostile, SILENT)
    id = await hostile.ask_for(10**8, asset=USDT)
    await be(hostile, REVERTS)
    await hostile.until(id, State.FAILED)
    await hostile.chain.reorganise(6)
    hostile.clock.pass_(31)
    await hostile.withdrawals.poll()
    assert "it failed there and may be mined again" in hostile.sender.failure
    assert [r.status for r in hostile.sent.all()] == [Status.REVERTED]


async def test_what_the_signer_refused_is_not_asked_for_all_the_time(payer):
    payer.caps = {"per_withdrawal": "0.5", "per_day": "1"}
    payer.start_signer()
    await payer.withdrawals.poll()  # which asks what the database may not know
    asked = []
    ask = payer.client._ask
    payer.client._ask = lambda request: (asked.append(request), ask(request))[1]
    id = await payer.ask_for(10**8)
    for _ in range(3):
        await payer.withdrawals.poll()
    assert "more than the cap" in payer.note(id)
    assert [type(r).__name__ for r in asked] == ["Signed", "Pay", "Signed"]
    payer.caps = {"per_withdrawal": "1", "per_day": "1"}
    payer.start_signer()
    payer.clock.pass_(31)
    await payer.until(id, State.DONE)


async def test_two_senders_of_one_database_pay_each_withdrawal_once(payer):
    ids = [await payer.ask_for(2 * 10**7) for _ in range(2)]
    other = Sender(
        payer.node, SentBook(payer.database, payer.node.chain_id, payer.clock), payer.client,
        payer.sending, payer.clock,
    )  # fmt: skip
    payer.set("APPROVE_ABOVE", 0, asset=COIN)
    third = await payer.ask_for(2 * 10**7)
    payer.approve(third, "member:7")
    await payer.fill(0)
    await payer.withdrawals.poll()  # approved in the log, not sent
    await payer.fill()
    plan = payer.plan_of(third)
    outcomes = await asyncio.gather(payer.sender.pay(plan), other.pay(plan), return_exceptions=True)
    assert [type(o) for o in outcomes if o is not None] in ([Replaced], [SignerAway])
    before = await payer.balance(BOB)
    for id in [*ids, third]:
        await payer.until(id, State.DONE)
    assert await payer.balance(BOB) - before == 3 * (2 * 10**7 - FEE) * 10**10
    assert len({(e.id, e.nonce) for e in payer.journal.entries}) == 3


async def test_a_nonce_that_somebody_else_used_stops_everything(payer):
    id = await payer.ask_for()
    [row] = payer.sent.all()
    await payer.chain.ask("anvil_dropTransaction", row.hash)
    await payer.chain.ask("anvil_impersonateAccount", payer.hot)
    stolen = {"from": payer.hot, "to": BOB, "value": "0x1", "nonce": hex(row.nonce)}
    await payer.chain.ask("eth_sendTransaction", stolen | {"gas": hex(21_000)})
    await payer.chain.mine(3)
    await payer.withdrawals.poll()
    assert "somebody else has its key" in payer.sender.failure
    assert payer.state(id) == State.SENT  # not given back: only people can know
    other = await payer.ask_for()
    assert "somebody else has its key" in payer.note(other)
    with pytest.raises(WithdrawalRefused):
        await payer.withdrawals.cancel(4, id)


async def test_a_planned_nonce_is_asked_for_again_so_there_is_no_gap(payer):
    asked = payer.client._ask

    def dies(request):
        answer = asked(request)
        if isinstance(request, Pay):
            raise ConnectionResetError("gone")
        return answer

    await payer.sender.wallet()
    payer.client._ask = dies  # it signs, and nobody hears of it
    first = await payer.ask_for()
    second = await payer.ask_for()
    assert [r.status for r in payer.sent.all()] == [Status.PLANNED]
    assert "waits for the signer" in payer.note(second)
    payer.client._ask = asked
    for id in (first, second):
        await payer.until(id, State.DONE)
    nonces = sorted(r.nonce for r in payer.sent.all())
    assert nonces == [nonces[0], nonces[0] + 1]
    assert [e.id for e in payer.journal.entries] == [first, second]


async def test_what_the_signer_refuses_leaves_its_nonce_free(payer):
    payer.caps = {"per_withdrawal": "0.5", "per_day": "1"}
    payer.start_signer()
    large = await payer.ask_for(10**8)
    assert "more than the cap of 0.5 ETH" in payer.note(large) and payer.sent.all() == []
    small = await payer.ask_for(3 * 10**7)
    await payer.until(small, State.DONE)
    found = await payer.withdrawals.give_up(large, "member:7", "too large for the hot wallet")
    assert found.state == State.REFUSED and payer.ledger.held[4, COIN] == 0


async def test_an_approval_replayed_with_another_nonce_is_never_paid_again(payer):
    id = await payer.ask_for()
    await payer.until(id, State.DONE)
    [entry] = payer.journal.entries
    row = payer.book.get(id).row
    with payer.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM custody_sent")
        connection.exec_driver_sql("UPDATE withdrawals SET closed_ns = NULL")
    before = await payer.balance(BOB)
    await payer.node.close()
    payer.restart()
    await payer.withdrawals.poll()
    await payer.chain.mine()
    assert payer.book.get(id).row.closed_ns and await payer.balance(BOB) == before
    with pytest.raises(SignerRefused, match="is closed"):
        await payer.client.ask(payer.pay(row, entry.nonce + 1))


async def test_a_node_that_stalls_or_lies_pays_nothing_twice(payer):
    async with Proxy(payer.chain.anvil.url) as proxy:
        node = Node(proxy.url, payer.node.chain_id, Limits(seconds=0.3, attempts=1))
        payer.sender.node, real = node, payer.sender.node
        proxy.stall = True
        id = await payer.ask_for()
        assert payer.state(id) == State.APPROVED and "slower than" in payer.note(id)
        proxy.stall = False

        def lies(body: bytes) -> bytes:
            answers = json.loads(body)
            for answer in answers:
                if (
                    isinstance(answer.get("result"), dict)
                    and "effectiveGasPrice" in answer["result"]
                ):
                    answer["result"]["blockHash"] = "0x" + "11" * 32
            return json.dumps(answers).encode()

        proxy.twist = lies
        for _ in range(4):
            await payer.withdrawals.poll()
            await payer.chain.mine()
        assert payer.state(id) == State.SENT  # a receipt of a block that is not in the chain
        payer.sender.node = real
        await node.close()
    await payer.until(id, State.DONE)
    assert len(payer.journal.entries) == 1
