"""What the signer signs, and everything that it does not."""

import msgspec
import pytest
import rlp
from eth_account import Account

from excraft.custody.errors import SignerBroken
from excraft.custody.signer.journal import DAY_NS
from excraft.custody.signer.requests import Cold, Hello, Signed, Sweep, TopUp, Void
from excraft.custody.signer.rules import Signer
from excraft.custody.signer.settings import SignerSettings
from excraft.messages.commands import ApproveWithdrawal, Cause, Reserve, Spend
from tests.custody.signer.conftest import (
    BOB,
    CHAIN,
    COLD,
    GWEI,
    TOKEN,
    TOKEN_ASSET,
    coins,
    pay,
)

OTHER = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
GAS = {"gas": 100_000, "fee_max": 30 * GWEI, "tip": GWEI}


def sweep(bench, number: int = 3, **more) -> Sweep:
    """Five units of coin from one of our deposit addresses."""
    address = bench.keys.deposit(number).address
    return Sweep(chain=CHAIN, number=number, address=address, token=None, units="5", **more)


def fields(raw: str) -> list:
    """chain, nonce, tip, fee_max, gas, to, value, data of a signed EIP-1559 transaction."""
    data = bytes.fromhex(raw[2:])
    assert data[0] == 2
    read = rlp.decode(data[1:])
    numbers = [int.from_bytes(x, "big") for x in read[:5]]
    return [*numbers, "0x" + read[5].hex(), int.from_bytes(read[6], "big"), read[7].hex()]


def test_what_the_log_approves_is_signed_as_it_stands_there(bench):
    payment = coins()
    answer = bench.signed(pay(1, bench.approved(payment), nonce=7))
    assert fields(answer.raw) == [
        CHAIN, 7, GWEI, 30 * GWEI, 21_000, BOB.lower(), 149_999_000 * 10**10, ""
    ]  # fmt: skip
    assert Account.recover_transaction(answer.raw) == bench.keys.hot.address
    [entry] = bench.journal.entries
    assert (entry.id, entry.nonce, entry.atoms, entry.to) == (1, 7, 150_000_000, BOB)
    assert (entry.log_position, entry.log_hash) == (2, bench.log.last_hash(0).hex())


def test_a_token_is_paid_by_calling_its_contract(bench):
    payment = coins(asset=TOKEN_ASSET, atoms=900_000_000, fee=1_000_000, token=TOKEN,
                    units=899_000_000)  # fmt: skip
    answer = bench.signed(pay(1, bench.approved(payment), gas=60_000))
    data = f"a9059cbb{BOB[2:].lower():0>64}{899_000_000:064x}"
    assert fields(answer.raw)[5:] == [TOKEN, 0, data]


def test_the_same_question_gets_the_same_answer_and_one_line(bench):
    position = bench.approved(coins())
    first = bench.signed(pay(1, position))
    assert bench.signed(pay(1, position)) == first
    bench.restart()
    assert bench.signed(pay(1, position)) == first
    assert len(bench.journal.entries) == 1


def test_a_replacement_has_the_same_nonce_and_a_higher_fee(bench):
    position = bench.approved(coins())
    bench.signed(pay(1, position))
    assert "offers more, not 29000000000" in bench.refused(pay(1, position, fee_max=29 * GWEI))
    again = bench.signed(pay(1, position, fee_max=40 * GWEI, tip=2 * GWEI))
    assert fields(again.raw)[1:4] == [0, 2 * GWEI, 40 * GWEI]
    assert "never with 1: it would be paid twice" in bench.refused(pay(1, position, nonce=1))
    bench.restart()
    assert "it would be paid twice" in bench.refused(pay(1, position, nonce=1))


def test_what_was_signed_can_be_had_again_and_nothing_else(bench):
    """An exchange whose database lost it, or that never heard the answer, asks."""
    position = bench.approved(coins())
    assert bench.signer.answer(Signed(id=1)).made == []
    first = bench.signed(pay(1, position))
    second = bench.signed(pay(1, position, fee_max=40 * GWEI))
    place = Signed(chain=CHAIN, source=bench.keys.hot.address, nonce=0)
    bench.release(coins())  # closed in the log, and still what it was
    bench.restart()
    for asked in (Signed(id=1), place, msgspec.structs.replace(place, nonce=-1)):
        made = bench.signer.answer(asked).made
        assert [(m.raw, m.hash) for m in made] == [
            (first.raw, first.hash), (second.raw, second.hash)
        ]  # fmt: skip
        assert {(m.kind, m.id, m.nonce, m.to, m.token) for m in made} == {
            ("withdrawal", 1, 0, BOB, None)
        }
    assert bench.signer.answer(Signed(id=2)).made == []
    later = bench.signed(pay(2, bench.approved(coins(2)), nonce=5))
    for nonce in (1, 5):  # the next one that was signed
        made = bench.signer.answer(msgspec.structs.replace(place, nonce=nonce)).made
        assert [(m.raw, m.nonce) for m in made] == [(later.raw, 5)]
    assert bench.signer.answer(msgspec.structs.replace(place, nonce=6)).made == []
    swept = bench.signed(sweep(bench, 7, nonce=0, **GAS))
    deposit = bench.keys.deposit(7).address
    again = Signed(chain=CHAIN, source=deposit, nonce=0, number=7)
    assert [m.raw for m in bench.signer.answer(again).made] == [swept.raw]
    assert "name its number" in bench.refused(msgspec.structs.replace(again, number=None))
    assert "of our keys is" in bench.refused(msgspec.structs.replace(again, number=8))
    bench.signer.answer(Void(id=5))
    assert bench.signer.answer(Signed(id=5)).made == []


def test_a_nonce_pays_one_thing(bench):
    bench.signed(pay(1, bench.approved(coins())))
    said = bench.refused(pay(2, bench.approved(coins(2, 10**7, units=(10**7 - 1000) * 10**10))))
    assert "nonce 0 of" in said and "withdrawal 1" in said


def two_chains(bench) -> int:
    """The signer serves another chain too; its number."""
    settings, other = bench.settings(), CHAIN + 1
    rules = [*settings.chains, msgspec.structs.replace(settings.chains[0], chain=other)]
    bench.settings = lambda: SignerSettings(rules)
    bench.restart()
    return other


@pytest.mark.parametrize("nonce", [0, 1])
def test_one_number_approved_for_two_chains_is_paid_on_the_first_only(bench, nonce):
    """The exchange is taken over: a small payment must not open the way past the caps."""
    other = two_chains(bench)
    small, huge = coins(1, 2000, units=1000 * 10**10), 5 * 10**12
    bench.signed(pay(1, bench.approved(small)))
    position = bench.approved(coins(1, huge, units=(huge - 1000) * 10**10, chain=other))
    assert "1 was signed for 10000000000000 units" in bench.refused(pay(1, position, nonce))
    bench.restart()
    assert "1 was signed for 10000000000000 units" in bench.refused(pay(1, position, nonce))


@pytest.mark.parametrize(
    "change",
    [
        {"atoms": 5 * 10**12, "units": (5 * 10**12 - 1000) * 10**10}, {"destination": OTHER},
        {"atoms": 150_000_001, "fee": 1001, "units": 149_999_000 * 10**10},
        {"asset": TOKEN_ASSET, "token": TOKEN, "units": 149_999_000},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
@pytest.mark.parametrize("nonce", [0, 1])
def test_one_number_approved_twice_pays_what_was_signed_first_only(bench, change, nonce):
    bench.signed(pay(1, bench.approved(coins())))
    position = bench.approved(coins(**change))
    said = bench.refused(pay(1, position, nonce, gas=60_000, fee_max=40 * GWEI))
    assert "withdrawal 1 was signed for" in said
    assert len(bench.journal.entries) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"destination": COLD}, {"destination": "0x" + "11" * 20}, {"token": TOKEN},
        {"units": 149_999_001 * 10**10}, {"atoms": 150_000_001}, {"fee": 999},
        {"account": 5}, {"asset": 0}, {"chain": 1}, {"id": 9},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_what_was_altered_after_its_money_was_reserved_is_not_signed(bench, change):
    payment = coins()
    reserved = bench.reserve(payment)
    altered = payment._replace(**change)
    position = bench.approve(altered, reserved)
    assert "it was altered" in bench.refused(pay(altered.id, position))
    assert bench.journal.entries == []


def test_an_approval_without_its_reserve_or_before_it_is_not_signed(bench):
    payment = coins()
    assert "it was altered" in bench.refused(pay(1, bench.approve(payment, 1)))
    position = bench.approve(payment, 3)
    bench.reserve(payment)
    assert "it was altered" in bench.refused(pay(1, position))
    assert "approves no withdrawal 2" in bench.refused(pay(2, position))
    assert "approves no withdrawal 1" in bench.refused(pay(1, 999))
    assert bench.journal.entries == []


def test_what_was_released_or_spent_is_not_signed_even_when_approved_again(bench):
    payment = coins()
    reserved = bench.reserve(payment)
    bench.release(payment)
    assert "is closed" in bench.refused(pay(1, bench.approve(payment, reserved)))
    other = coins(2)
    position = bench.approved(other)
    bench.append(Spend(account=4, asset=3, amount=1, fee=1, cause=Cause.WITHDRAWAL,
                       reference=other.reference))  # fmt: skip
    assert "is closed" in bench.refused(pay(2, position))


def test_a_reserve_for_another_cause_or_with_another_reference_is_none(bench):
    bench.append(Reserve(account=4, asset=3, amount=150_000_000, cause=Cause.WITHDRAWAL,
                         reference="withdrawal:1:abc"))  # fmt: skip
    assert "it was altered" in bench.refused(pay(1, bench.approve(coins(), 1)))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"id":1}', "x" * 1000])
def test_an_approval_that_cannot_be_read_is_not_signed(bench, text):
    position = bench.append(ApproveWithdrawal(account=4, asset=3, amount=5, text=text))
    assert "approves no withdrawal 1" in bench.refused(pay(1, position))


def test_the_cap_of_one_withdrawal_holds_whatever_the_exchange_approved(bench):
    most = 200_000_000
    bench.signed(pay(1, bench.approved(coins(1, most, units=(most - 1000) * 10**10))))
    over = most + 1
    position = bench.approved(coins(2, over, units=(over - 1000) * 10**10))
    assert "2.00000001 ETH is more than the cap of 2 ETH" in bench.refused(pay(2, position, 1))


def test_what_a_thief_gets_in_a_day_is_the_cap_of_the_day(bench):
    paid = 0
    for id in range(1, 12):
        position = bench.approved(coins(id))
        answer = bench.signer.answer(pay(id, position, nonce=id - 1 if id < 4 else 3))
        paid += 0 if answer.refused else 150_000_000
    assert paid == 450_000_000 <= 500_000_000
    bench.restart()
    bench.clock.now -= 10 * DAY_NS  # who sets the clock back wins nothing
    assert "last 24 hours" in bench.refused(pay(4, bench.approved(coins(4)), nonce=3))
    bench.clock.now += 11 * DAY_NS
    bench.signed(pay(4, bench.approved(coins(4)), nonce=3))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gas": 20_999}, "gas is from"), ({"gas": 200_001}, "gas here, not 200001"),
        ({"fee_max": 501 * GWEI}, "at most 500000000000"), ({"tip": 31 * GWEI}, "at most"),
        ({"tip": -1}, "at most"), ({"nonce": -1}, "a nonce is"), ({"nonce": 1 << 60}, "a nonce is"),
    ],
)  # fmt: skip
def test_gas_and_nonce_stay_within_the_caps(bench, change, said):
    position = bench.approved(coins())
    assert said in bench.refused(pay(1, position, **change))


def test_a_nonce_far_away_is_never_signed(bench):
    """A node that lies once would bind the withdrawal to a nonce that the chain never reaches."""
    bench.nonce_gap = 0
    bench.restart()
    position, second = bench.approved(coins()), bench.approved(coins(2))
    assert "nonce 1 of" in bench.refused(pay(1, position, nonce=1))
    assert "0 is the next" in bench.refused(pay(1, position, nonce=1 << 50))
    bench.signed(pay(1, position, nonce=0))
    assert "nonce 2 of" in bench.refused(pay(2, second, nonce=2))
    bench.restart()
    assert "1 is the next, and signer.json lets 0" in bench.refused(pay(2, second, nonce=2))
    bench.signed(sweep(bench, 7, nonce=0, **GAS))  # each address counts for itself
    assert "0 is the next" in bench.refused(sweep(bench, 8, nonce=1, **GAS))
    bench.nonce_gap = 1  # used before, or the journal is an old one: the operator says so
    bench.restart()
    bench.signed(pay(2, second, nonce=2))


def test_no_transaction_takes_more_gas_than_the_settings_say(bench):
    over = {"gas": 200_001, "fee_max": 30 * GWEI, "tip": GWEI}
    assert "gas is from 21000 to 200000" in bench.refused(sweep(bench, nonce=0, **over))


def test_the_gas_of_a_day_is_capped_and_sweeps_leave_half_of_it_to_withdrawals(bench):
    """Who sends us a thousand deposits must not keep others from being paid."""
    costs = {"gas": 200_000, "fee_max": 500 * GWEI, "tip": GWEI}
    for nonce in range(5):
        bench.signed(sweep(bench, nonce=nonce, **costs))
    last = sweep(bench, nonce=5, **costs)
    assert "are more than the cap of 500000000000000000 for sweeps" in bench.refused(last)
    top_up = TopUp(chain=CHAIN, number=3, address=sweep(bench, nonce=0, **GAS).address,
                   units="1", nonce=0, **costs)  # fmt: skip
    assert "for sweeps" in bench.refused(top_up)
    for nonce in range(5):
        bench.signed(Cold(chain=CHAIN, token=None, units="1", nonce=nonce, **costs))
    position = bench.approved(coins())
    assert "are more than the cap of 1000000000000000000" in bench.refused(pay(1, position, 5))
    bench.clock.now += DAY_NS
    bench.signed(last)
    bench.signed(pay(1, position, 5))


def test_coin_is_not_paid_with_the_gas_of_a_contract_that_burns_it(bench):
    position = bench.approved(coins())
    assert "takes at most 100000 gas here, not 100001" in bench.refused(
        pay(1, position, gas=100_001)
    )
    bench.signed(pay(1, position, gas=100_000))


def test_a_withdrawal_that_was_given_up_is_never_signed_and_the_other_way_round(bench):
    position = bench.approved(coins())
    assert bench.signer.answer(Void(id=1)).refused == ""
    assert bench.signer.answer(Void(id=1)).refused == ""
    bench.restart()
    assert "given up" in bench.refused(pay(1, position))
    assert [e.kind for e in bench.journal.entries] == ["void"]
    bench.signed(pay(2, bench.approved(coins(2))))
    assert "it may be paid" in bench.refused(Void(id=2))


def test_sweeps_lead_to_our_own_wallets_only(bench):
    deposit = bench.keys.deposit(7).address
    swept = bench.signed(sweep(bench, 7, nonce=0, **GAS))
    assert Account.recover_transaction(swept.raw) == deposit
    assert fields(swept.raw)[5:] == [bench.keys.hot.address.lower(), 5, ""]
    cold = bench.signed(Cold(chain=CHAIN, token=TOKEN, units="9", nonce=0, **GAS))
    assert fields(cold.raw)[5:] == [TOKEN, 0, f"a9059cbb{COLD[2:].lower():0>64}{9:064x}"]
    gas = bench.signed(
        TopUp(chain=CHAIN, number=7, address=deposit, units=str(10**16), nonce=1, **GAS)
    )
    assert fields(gas.raw)[5:] == [deposit.lower(), 10**16, ""]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (
            TopUp(chain=CHAIN, number=7, address=BOB, units=str(10**16 + 1), nonce=0, **GAS),
            "of one top-up",
        ),
        (
            Sweep(chain=1, number=7, address=BOB, token=None, units="1", nonce=0, **GAS),
            "chain 1 is not in",
        ),
        (
            Sweep(chain=CHAIN, number=1 << 31, address=BOB, token=None, units="1", nonce=0, **GAS),
            "numbers from",
        ),
        (
            Sweep(chain=CHAIN, number=0, address=BOB, token="0x00", units="1", nonce=0, **GAS),
            "is not in signer",
        ),
        (Cold(chain=CHAIN, token=None, units="0", nonce=0, **GAS), "cannot be sent"),
        (Cold(chain=CHAIN, token=None, units=str(1 << 256), nonce=0, **GAS), "cannot be sent"),
        (
            Sweep(chain=CHAIN, number=7, address=BOB, token=None, units="1", nonce=0, **GAS),
            "not 0x",
        ),
        (TopUp(chain=CHAIN, number=7, address=BOB, units="1", nonce=0, **GAS), "not 0x"),
        (Void(id=0), "number of no withdrawal"),
    ],
)
def test_what_cannot_be_is_refused(bench, request_, said):
    assert said in bench.refused(request_)
    assert bench.journal.entries == []


def test_hello_tells_wallets_and_xpub_and_no_more(bench):
    answer = bench.signer.answer(Hello())
    assert [(w.chain, w.hot, w.cold) for w in answer.wallets] == [
        (CHAIN, bench.keys.hot.address, COLD)
    ]
    assert answer.xpub == bench.keys.xpub and not answer.raw


def test_keys_that_are_not_those_of_the_settings_are_refused_at_the_start(bench):
    settings = bench.settings()
    other = type(settings)([type(settings.chains[0])(
        CHAIN, BOB, COLD, 200_000, 500 * GWEI, 10**18, 0, []
    )])  # fmt: skip
    with pytest.raises(SignerBroken, match="the keys give the hot wallet"):
        Signer(other, bench.keys, bench.journal, bench.view)
