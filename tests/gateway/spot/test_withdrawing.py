"""/sapi/v1/capital/withdraw: who may, what is refused with which code, and what history shows."""

import time

import pytest

from excraft.accounts.api_keys import Bounds
from excraft.custody.withdrawal import State
from excraft.custody.withdrawal_choices import Choices
from excraft.gateway.spot.withdrawing import STATUS
from excraft.parameters import AccountState, Parameter
from excraft.store.database import Database
from tests.gateway.clients import Client, set_parameter
from tests.gateway.withdrawing import BOB, FEE, HOT, held, serve_withdrawals, set_limit

pytestmark = pytest.mark.anyio
APPLY, HISTORY = "/sapi/v1/capital/withdraw/apply", "/sapi/v1/capital/withdraw/history"
GOOD = {"coin": "EXT", "address": BOB, "amount": "1.5", "network": "ETH"}


@pytest.fixture
async def wallet(venue, tmp_path):
    """The venue with withdrawals; alice has a key that may withdraw to BOB, who is listed."""
    database = Database(f"sqlite:///{tmp_path / 'excraft.db'}")
    await serve_withdrawals(venue, database, time.time_ns)
    set_limit(database, "NEW_ADDRESS_DELAY_S", 0)
    venue.database = database
    venue.payer = key(venue, "alice", ips=["192.0.2.1"])
    Choices(database).add(venue.alice.account, BOB, "mine")
    yield venue
    database.close()


def key(venue, name: str, permissions=("READ", "WITHDRAW"), ips=()) -> Client:
    member, bounds = getattr(venue, name).member, Bounds(tuple(ips))
    made = venue.exchange.api_keys.create(
        member, "HMAC", permissions=list(permissions), bounds=bounds
    )
    return Client(venue.http, made.key, made.secret)


async def test_apply_holds_the_money_and_history_shows_it(wallet):
    made = await wallet.payer.ok("POST", APPLY, **GOOD, withdrawOrderId="mine-1", walletType=0)
    assert made == {"id": "1"}
    assert held(wallet, wallet.alice.account) == 150_000_000
    [row] = await wallet.payer.ok("GET", HISTORY)
    assert (row["id"], row["coin"], row["network"], row["address"]) == ("1", "EXT", "ETH", BOB)
    assert (row["amount"], row["transactionFee"]) == ("1.49900000", "0.00100000")
    assert (row["status"], row["withdrawOrderId"], row["txId"]) == (2, "mine-1", "")
    assert time.strptime(row["applyTime"], "%Y-%m-%d %H:%M:%S") and "completeTime" not in row
    assert row["info"] == "0 of 1 approvals"
    assert await key(wallet, "bob").ok("GET", HISTORY) == []


async def test_a_request_sent_again_byte_for_byte_is_the_same_withdrawal(wallet):
    """By whoever saw it, or by a client that heard no answer; wherever its signature stands."""
    query = wallet.payer.signed(GOOD)
    head = {"X-MBX-APIKEY": wallet.payer.key}
    unsigned, _, signature = query.rpartition("&signature=")
    again = [query, query, f"signature={signature}&{unsigned}"]
    replies = [await wallet.http.post(f"{APPLY}?{each}", headers=head) for each in again]
    replies.append(await wallet.http.post(APPLY, content=query, headers=head))
    assert [(r.status_code, r.json()) for r in replies] == [(200, {"id": "1"})] * 4
    assert held(wallet, wallet.alice.account) == 150_000_000
    [row] = await wallet.payer.ok("GET", HISTORY)
    assert row["withdrawOrderId"] == ""
    await wallet.payer.ok("POST", APPLY, **GOOD, timestamp=int(time.time() * 1000) - 7)
    assert held(wallet, wallet.alice.account) == 300_000_000  # signed anew, so another one


async def test_what_was_refused_is_refused_again(wallet):
    query = wallet.payer.signed(GOOD | {"amount": "10000.00000001"})
    head = {"X-MBX-APIKEY": wallet.payer.key}
    for _ in range(2):
        reply = await wallet.http.post(f"{APPLY}?{query}", headers=head)
        assert (reply.status_code, reply.json()["code"]) == (400, -4026)
    assert held(wallet, wallet.alice.account) == 0


async def test_history_is_filtered(wallet):
    for n in range(3):
        await wallet.payer.ok("POST", APPLY, **GOOD, withdrawOrderId=f"w{n}")
    await wallet.exchange.withdrawals.cancel(wallet.alice.account, 2)
    ids = lambda rows: [r["id"] for r in rows]  # noqa: E731
    ask = wallet.payer.ok
    assert ids(await ask("GET", HISTORY)) == ["3", "2", "1"]
    assert ids(await ask("GET", HISTORY, status=1)) == ["2"]
    assert ids(await ask("GET", HISTORY, status=2, limit=1, offset=1)) == ["1"]
    assert ids(await ask("GET", HISTORY, withdrawOrderId="w0")) == ["1"]
    assert ids(await ask("GET", HISTORY, idList="1,3,99")) == ["3", "1"]
    assert ids(await ask("GET", HISTORY, coin="USD")) == []
    assert ids(await ask("GET", HISTORY, startTime=4 * 10**12)) == []
    assert (await wallet.payer.error("GET", HISTORY, status=7))[1] == -1130
    assert (await wallet.payer.error("GET", HISTORY, coin="NOPE"))[1] == -1130


async def test_only_a_key_with_the_permission_and_a_list_of_addresses_withdraws(wallet):
    for poor in (
        key(wallet, "alice", ["READ", "TRADE"], ips=["192.0.2.1"]),
        key(wallet, "alice"),  # from anywhere
        key(wallet, "alice", ips=["192.0.2.77"]),
    ):
        assert (await poor.error("POST", APPLY, **GOOD))[:2] == (401, -2015)
    assert held(wallet, wallet.alice.account) == 0
    found = await wallet.payer.ok("GET", "/sapi/v1/account/apiRestrictions")
    assert found["enableWithdrawals"] and found["ipRestrict"]
    found = await key(wallet, "alice").ok("GET", "/sapi/v1/account/apiRestrictions")
    assert not found["enableWithdrawals"]


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"address": "0x12"}, -4007, "is no address"),
        ({"address": HOT}, -4007, "a wallet of this exchange"),
        ({"address": "0x" + "d0" * 20}, -4035, "not on your list of addresses"),
        ({"addressTag": "7"}, -4007, "have no tag"),
        ({"amount": "0.00999999"}, -4022, "can leave"),
        ({"amount": "1.123456789"}, -4022, "more than 8 decimals"),
        ({"amount": "-1"}, -4022, "not a plain decimal"),
        ({"amount": "1e3"}, -4022, "not a plain decimal"),
        ({"amount": "9" * 30}, -4022, "an amount is from 1"),
        ({"amount": "10000.00000001"}, -4026, "free balance is less"),
        ({"coin": "NOPE"}, -4018, "don't have this asset"),
        ({"coin": "USD"}, -4019, "there are none"),
        ({"network": "BSC"}, -4019, "there are ETH"),
    ],
    ids=str,
)  # fmt: skip
async def test_what_is_refused_has_a_code_and_moves_nothing(wallet, change, code, said):
    before = wallet.engine.balances(wallet.alice.account)
    status, got, text = await wallet.payer.error("POST", APPLY, **GOOD | change)
    assert (status, got) == (400, code) and said in text
    assert wallet.engine.balances(wallet.alice.account) == before
    assert held(wallet, wallet.alice.account) == 0


async def test_who_is_frozen_not_verified_or_over_a_limit_is_refused(wallet):
    account = wallet.alice.account
    await set_parameter(wallet.engine, Parameter.ACCOUNT_STATE, AccountState.FROZEN, account)
    assert (await wallet.payer.error("POST", APPLY, **GOOD))[1] == -4015
    await set_parameter(wallet.engine, Parameter.ACCOUNT_STATE, AccountState.ACTIVE, account)
    await set_parameter(wallet.engine, Parameter.KYC_LEVEL, 0, account)
    assert (await wallet.payer.error("POST", APPLY, **GOOD))[1] == -4023
    set_limit(wallet.database, "DAY_LIMIT", 10**12, asset=0, level=0)
    code, text = (await wallet.payer.error("POST", APPLY, **GOOD))[1:]
    assert code == -4015 and "pass KYC first" in text  # the kernel says so too
    await set_parameter(wallet.engine, Parameter.KYC_LEVEL, 1, account)
    set_limit(wallet.database, "DAY_LIMIT", 200_000_000, asset=0, level=1)
    await wallet.payer.ok("POST", APPLY, **GOOD, withdrawOrderId="a")
    assert (await wallet.payer.error("POST", APPLY, **GOOD))[1] == -4023
    assert (await wallet.payer.error("POST", APPLY, **GOOD, withdrawOrderId="a"))[1] == -4104
    assert held(wallet, account) == 150_000_000


async def test_what_a_busy_exchange_cannot_hold_yet_is_held_later(wallet):
    wallet.log.room = False
    await wallet.payer.ok("POST", APPLY, **GOOD)
    [row] = await wallet.payer.ok("GET", HISTORY)
    assert row["status"] == 0 and "does not take it now" in row["info"]
    assert held(wallet, wallet.alice.account) == 0
    wallet.log.room = True
    await wallet.exchange.withdrawals.poll()
    [row] = await wallet.payer.ok("GET", HISTORY)
    assert row["status"] == 2 and held(wallet, wallet.alice.account) == 150_000_000


async def test_every_state_has_a_status():
    assert set(STATUS) == set(State) and FEE == 100_000


async def test_without_a_chain_nothing_can_be_withdrawn(venue):
    payer = key(venue, "alice", ips=["192.0.2.1"])
    assert (await payer.error("POST", APPLY, **GOOD))[1] == -4019
    assert await payer.ok("GET", HISTORY) == []
