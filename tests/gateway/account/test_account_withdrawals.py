"""/account/withdrawals: with a code, only one's own, and everything that somebody else tries."""

import asyncio

import pyotp
import pytest

from excraft.accounts.api_keys import Bounds
from excraft.messages.commands import Cause, Credit
from excraft.parameters import AccountState, Parameter
from tests.gateway.account.authenticator import add_passkey, begin
from tests.gateway.account.browser import GOOD, SECOND
from tests.gateway.clients import Client, set_parameter
from tests.gateway.withdrawing import BOB, held, serve_withdrawals, set_limit

pytestmark = pytest.mark.anyio
WISH = {"asset": "EXT", "address": BOB, "amount": "2.5"}
DAY = 86_400


class Person:
    """A browser, its authenticator app and its account with 10 EXT."""

    def __init__(self, shop, browser) -> None:
        self.shop, self.browser = shop, browser

    async def enrol(self) -> "Person":
        secret = (await self.browser.ok("POST", "totp/enrol"))["secret"]
        self.app = pyotp.TOTP(secret)
        await self.browser.ok("POST", "totp/confirm", code=self.code())
        return self

    def code(self) -> str:
        """A new one each time."""
        self.shop.now.ns += 30 * SECOND
        return self.app.at(self.shop.now.ns // SECOND)


async def person(shop, who="ann@example.org") -> Person:
    browser = shop.browser()
    account = (await browser.join(who))["account"]
    found = Person(shop, browser)
    found.account = account
    await shop.venue.engine.execute(
        Credit(account=account, asset=0, amount=10**9, cause=Cause.DEPOSIT)
    )
    await set_parameter(shop.venue.engine, Parameter.KYC_LEVEL, 1, account)
    return found


@pytest.fixture
async def counter(shop):
    """The shop with withdrawals, and no delays."""
    await serve_withdrawals(shop.venue, shop.database, lambda: shop.now.ns, verified=())
    for name in ("NEW_ADDRESS_DELAY_S", "FACTOR_DELAY_S"):
        set_limit(shop.database, name, 0)
    return shop


async def test_a_member_withdraws_with_a_code_lists_and_cancels(counter):
    ann = await (await person(counter)).enrol()
    made = await ann.browser.ok("POST", "withdrawals", **WISH, code=ann.code())
    assert (made["state"], made["amount"], made["fee"], made["address"]) == (
        "WAITING", "2.50000000", "0.00100000", BOB,
    )  # fmt: skip
    assert held(counter.venue, ann.account) == 250_000_000
    [text] = [t for _, subject, t in counter.mails() if subject == "A withdrawal was asked for"]
    assert "2.50000000 EXT" in text and BOB in text and "cancel it" in text
    assert (await ann.browser.ok("GET", "withdrawals"))["withdrawals"] == [made]
    gone = await ann.browser.ok("POST", "withdrawals/cancel", id=made["id"])
    assert gone["state"] == "CANCELLED" and held(counter.venue, ann.account) == 0
    refused = await ann.browser.refused("POST", "withdrawals/cancel", id=made["id"])
    assert refused == (400, "refused")


async def test_what_is_mistyped_uses_up_no_code(counter):
    ann = await (await person(counter)).enrol()
    code, wrong = ann.code(), (400, "refused")
    for mistake in ({"address": "0x12"}, {"network": "NOWHERE"}, {"amount": "0.00000001"}):
        wish = WISH | mistake
        assert await ann.browser.refused("POST", "withdrawals", **wish, code=code) == wrong
    await ann.browser.ok("POST", "withdrawals", **WISH, code=code)
    code = ann.code()
    for mistake in ({"address": "0x12"}, {"address": BOB, "label": "\x7f"}):
        refused = await ann.browser.refused("POST", "withdrawals/addresses", **mistake, code=code)
        assert refused == wrong
    await ann.browser.ok("POST", "withdrawals/addresses", address=BOB, code=code)


async def test_a_member_sees_all_that_a_withdrawal_waits_for(counter):
    ann = await (await person(counter)).enrol()
    set_limit(counter.database, "NEW_ADDRESS_DELAY_S", DAY)
    set_limit(counter.database, "APPROVALS", 2, asset=0)
    made = await ann.browser.ok("POST", "withdrawals", **WISH, code=ann.code())
    assert made["waits_for"] == {
        "approvals": 0, "approvals_needed": 2, "frozen": False, "account_frozen": False,
        "address_until_ns": made["waits_until_ns"],
    }  # fmt: skip
    assert made["waits_until_ns"] == made["requested_ns"] + DAY * SECOND
    withdrawals = counter.venue.exchange.withdrawals
    parts = withdrawals._parts._replace(frozen=lambda: "chain 1 is short of what Eve has")
    withdrawals._steps._parts = parts
    await set_parameter(
        counter.venue.engine, Parameter.ACCOUNT_STATE, AccountState.FROZEN, ann.account
    )
    counter.now.ns += DAY * SECOND
    await ann.browser.login(code=ann.code())
    await withdrawals.move(made["id"])
    [shown] = (await ann.browser.ok("GET", "withdrawals"))["withdrawals"]
    assert shown["waits_for"] == {
        "approvals": 0, "approvals_needed": 2, "frozen": True, "account_frozen": True,
        "address_until_ns": None,
    }  # fmt: skip
    await set_parameter(
        counter.venue.engine, Parameter.ACCOUNT_STATE, AccountState.ACTIVE, ann.account
    )
    await withdrawals.move(made["id"])
    text = (await ann.browser.send("GET", "withdrawals")).text
    assert "withdrawals are frozen" in text and "Eve" not in text  # why is for staff
    gone = await ann.browser.ok("POST", "withdrawals/cancel", id=made["id"])
    assert gone["waits_for"] is None


async def test_without_a_second_factor_or_its_code_nothing_leaves(counter):
    ann = await person(counter)
    needed = (401, "second_factor_needed")
    assert await ann.browser.refused("POST", "withdrawals", **WISH) == needed
    code = "123456"
    assert await ann.browser.refused("POST", "withdrawals", **WISH, code=code) == needed
    await ann.enrol()
    counter.now.ns += 300 * SECOND  # longer than a step-up lasts
    step_up = (403, "step_up_needed")
    assert await ann.browser.refused("POST", "withdrawals", **WISH) == step_up
    assert await ann.browser.refused("POST", "withdrawals", **WISH, code=code) == (
        401, "wrong_code",
    )  # fmt: skip
    used = ann.code()
    await ann.browser.ok("POST", "withdrawals", **WISH, code=used)
    replayed = await ann.browser.refused("POST", "withdrawals", **WISH, code=used)
    assert replayed[0] in (401, 429)
    assert held(counter.venue, ann.account) == 250_000_000
    await ann.browser.ok("POST", "step-up", password=GOOD, code=ann.code())
    await ann.browser.ok("POST", "withdrawals", **WISH)


async def test_codes_are_not_guessed(counter):
    ann = await (await person(counter)).enrol()
    counter.now.ns += 300 * SECOND
    answers = [
        await ann.browser.refused("POST", "withdrawals", **WISH, code=f"{n:06d}") for n in range(12)
    ]
    assert (429, "too_many_tries") in answers and held(counter.venue, ann.account) == 0


async def test_another_members_withdrawal_is_not_there(counter):
    ann = await (await person(counter)).enrol()
    eve = await (await person(counter, "eve@example.org")).enrol()
    made = await ann.browser.ok("POST", "withdrawals", **WISH, code=ann.code())
    for id in (made["id"], 99, 0, -1, 1 << 62):
        refused = await eve.browser.refused("POST", "withdrawals/cancel", id=id)
        assert refused == (404, "not_found")
    assert (await eve.browser.ok("GET", "withdrawals"))["withdrawals"] == []
    assert held(counter.venue, ann.account) == 250_000_000


@pytest.mark.parametrize(
    ("change", "code"),
    [({"asset": "NOPE"}, "bad_request"), ({"amount": "x"}, "bad_request"),
     ({"amount": "11"}, "refused"), ({"address": "0x1"}, "refused"),
     ({"network": "BSC"}, "refused")],
)  # fmt: skip
async def test_what_cannot_be_is_refused(counter, change, code):
    ann = await (await person(counter)).enrol()
    wish = WISH | change
    assert await ann.browser.refused("POST", "withdrawals", **wish, code=ann.code()) == (400, code)
    assert held(counter.venue, ann.account) == 0


async def test_the_list_of_addresses_and_its_mode(counter):
    ann = await (await person(counter)).enrol()
    set_limit(counter.database, "NEW_ADDRESS_DELAY_S", DAY)
    browser, choices = ann.browser, counter.venue.exchange.withdrawals.choices
    choices._clock = lambda: counter.now.ns
    counter.now.ns += 300 * SECOND
    add = {"address": BOB.lower(), "label": "my own"}
    assert (await browser.refused("POST", "withdrawals/addresses", **add))[1] == "step_up_needed"
    kept = await browser.ok("POST", "withdrawals/addresses", **add, code=ann.code())
    assert kept == {"address": BOB}
    again = await browser.refused("POST", "withdrawals/addresses", **add, code=ann.code())
    assert again == (400, "refused")
    shown = await browser.ok("GET", "withdrawals/addresses")
    [row] = shown["addresses"]
    assert (row["address"], row["label"], shown["list_only"]) == (BOB, "my own", False)
    assert row["open_ns"] - row["added_ns"] == DAY * SECOND
    await browser.ok("POST", "withdrawals/list-mode", list_only=True)
    stranger = WISH | {"address": "0x" + "d0" * 20}
    refused = await browser.send("POST", "withdrawals", **stranger, code=ann.code())
    assert "your list mode is on" in refused.text
    await browser.ok("POST", "withdrawals", **WISH, code=ann.code())
    counter.now.ns += 300 * SECOND
    off = {"list_only": False}
    assert (await browser.refused("POST", "withdrawals/list-mode", **off))[0] == 403
    leaving = await browser.ok("POST", "withdrawals/list-mode", **off, code=ann.code())
    assert leaving["list_only"] and leaving["list_ends_ns"] > counter.now.ns
    refused = await browser.refused("POST", "withdrawals", **stranger, code=ann.code())
    assert refused == (400, "refused")  # it takes a day
    counter.now.ns = leaving["list_ends_ns"]
    await browser.login(code=ann.code())
    await browser.ok("POST", "withdrawals", **stranger, code=ann.code())
    await browser.ok("POST", "withdrawals/addresses/remove", address=BOB)
    told = [t for _, subject, t in counter.mails() if subject.startswith("Where your withdrawals")]
    assert len(told) == 2 and BOB in told[0]
    gone = await browser.refused("POST", "withdrawals/addresses/remove", address=BOB)
    assert gone == (404, "not_found")


async def test_a_second_factor_that_was_just_changed_keeps_the_money_here(counter):
    set_limit(counter.database, "FACTOR_DELAY_S", DAY)
    ann = await (await person(counter)).enrol()
    reply = await ann.browser.send("POST", "withdrawals", **WISH, code=ann.code())
    assert "ow you log in was changed lately" in reply.text
    counter.now.ns += DAY * SECOND
    await ann.browser.login(code=ann.code())
    await ann.browser.ok("POST", "withdrawals", **WISH, code=ann.code())


async def test_a_request_of_another_page_withdraws_nothing(counter):
    ann = await (await person(counter)).enrol()
    ann.browser.http.headers["x-csrf-token"] = "0" * 64
    for path, body in (
        ("withdrawals", WISH | {"code": ann.code()}),
        ("withdrawals/cancel", {"id": 1}),
        ("withdrawals/addresses", {"address": BOB}),
        ("withdrawals/addresses/remove", {"address": BOB}),
        ("withdrawals/list-mode", {"list_only": False}),
    ):
        assert await ann.browser.refused("POST", path, **body) == (403, "csrf")


async def test_a_key_that_withdraws_is_told_to_its_owner(counter):
    ann = await person(counter)
    exchange = counter.venue.exchange
    exchange.withdrawals.choices.add(ann.account, BOB, "")
    member = exchange.members.by_account(ann.account)
    made = exchange.api_keys.create(
        member, "HMAC", permissions=["WITHDRAW"], bounds=Bounds(("192.0.2.1",))
    )
    key = Client(counter.venue.http, made.key, made.secret)
    wish = {"coin": "EXT", "address": BOB, "amount": "1"}
    await key.ok("POST", "/sapi/v1/capital/withdraw/apply", **wish)
    assert "A withdrawal was asked for" in [subject for _, subject, _ in counter.mails()]


async def test_an_exchange_without_a_chain_says_so(shop):
    ann = await (await person(shop)).enrol()
    refused = await ann.browser.send("POST", "withdrawals", **WISH, code=ann.code())
    assert "serves no chain" in refused.text
    assert (await ann.browser.ok("GET", "withdrawals")) == {"withdrawals": []}


async def test_a_passkey_opens_withdrawals_and_a_new_one_delays_them(counter):
    ann = await person(counter)
    key = await add_passkey(ann.browser)
    made = await ann.browser.ok("POST", "withdrawals", **WISH)  # its login was a moment ago
    assert made["state"] == "WAITING"
    set_limit(counter.database, "FACTOR_DELAY_S", DAY)
    await touch(ann.browser, key)
    assert await ann.browser.refused("POST", "withdrawals", **WISH) == (400, "refused")
    counter.now.ns += (DAY + 1) * SECOND
    phone = counter.browser()
    found = await phone.ok("POST", "login/passkey", credential=key.get(await begin(phone)))
    phone.http.headers["x-csrf-token"] = found["csrf"]
    await phone.ok("POST", "withdrawals", **WISH)


async def touch(browser, key) -> None:
    """A step-up with a passkey."""
    options = (await browser.ok("POST", "step-up/passkey/options"))["options"]
    await browser.ok("POST", "step-up/passkey", credential=key.get(options))


async def test_each_withdrawal_needs_a_code_or_a_passkey_of_its_own(counter):
    """A thief at an open page, a moment after a login or a step-up."""
    ann = await person(counter)
    key = await add_passkey(ann.browser)
    again = (403, "step_up_needed")
    await ann.browser.ok("POST", "withdrawals", **WISH)
    assert await ann.browser.refused("POST", "withdrawals", **WISH) == again
    assert await ann.browser.refused("POST", "withdrawals/addresses", address=BOB) == again
    await touch(ann.browser, key)
    asked = (ann.browser.send("POST", "withdrawals", **WISH) for _ in range(3))
    replies = await asyncio.gather(*asked)
    assert sorted(r.status_code for r in replies) == [201, 403, 403]
    assert held(counter.venue, ann.account) == 2 * 250_000_000
