"""Ethereum wallets at /account: what the honest do, and what the others try."""

import asyncio
import re

import pyotp
import pytest

from tests.gateway.account.browser import SECOND
from tests.gateway.account.ethereum import Wallet, link, message, other_form

pytestmark = pytest.mark.anyio
WRONG = (401, "wrong_wallet")
HERS, EVIL = Wallet(1), Wallet(2)


@pytest.fixture
async def ann(shop):
    ann = shop.browser()
    await ann.join()
    return ann


async def test_a_linked_wallet_logs_in(shop, ann):
    assert (await link(ann, HERS))["address"] == HERS.address
    assert shop.mails()[-1][1] == "A wallet was linked" and HERS.address in shop.mails()[-1][2]
    phone = shop.browser()
    text = await message(phone, HERS, chain_id=31337)
    assert re.fullmatch(
        f"localhost wants you to sign in with your Ethereum account:\n{HERS.address}\n\n"
        r"Log in to this exchange\.\n\nURI: http://localhost\nVersion: 1\nChain ID: 31337\n"
        r"Nonce: \w{24}\nIssued At: 2023-11-14T22:13:20Z\nExpiration Time: 2023-11-14T22:18:20Z",
        text,
    )
    found = await phone.ok("POST", "login/wallet", signature=HERS.sign(text))
    assert found["account"] == (await ann.ok("GET", "me"))["account"]
    (shown,) = (await ann.ok("GET", "wallets"))["wallets"]
    assert (shown["address"], shown["used_ns"]) == (HERS.address, shop.now.ns)


async def test_addresses_are_not_readable_in_the_database(shop, ann, tmp_path):
    await link(ann, HERS)
    raw = b"".join(f.read_bytes() for f in tmp_path.glob("excraft.db*")).lower()
    assert HERS.address.lower().encode() not in raw
    assert bytes.fromhex(HERS.address[2:]) not in raw


async def test_a_signature_counts_once_for_one_browser_and_not_for_long(shop, ann):
    await link(ann, HERS)
    phone, thief = shop.browser(), shop.browser()
    signature = HERS.sign(await message(phone, HERS))
    overheard = await thief.refused("POST", "login/wallet", signature=signature)
    assert overheard == (400, "no_challenge")
    replies = await asyncio.gather(
        *(phone.send("POST", "login/wallet", signature=signature) for _ in "ab")
    )
    assert sorted(reply.status_code for reply in replies) == [200, 400]
    await message(phone, HERS)  # another nonce
    assert await phone.refused("POST", "login/wallet", signature=signature) == WRONG
    signature = HERS.sign(await message(phone, HERS))
    shop.now.ns += 301 * SECOND
    late = await phone.refused("POST", "login/wallet", signature=signature)
    assert late == (400, "no_challenge")


@pytest.mark.parametrize(
    "change",
    [lambda text: text.replace("localhost wants", "evil.example wants"),
     lambda text: text.replace("URI: http://localhost", "URI: http://evil.example"),
     lambda text: re.sub(r"Nonce: \w+", "Nonce: aaaaaaaaaaaaaaaaaaaaaaaa", text),
     lambda text: text.replace("Chain ID: 1", "Chain ID: 5"),
     lambda text: text.replace("22:18:20Z", "23:18:20Z"),
     lambda text: text.replace(HERS.address, EVIL.address),
     lambda text: text.replace("Log in to", "Link this wallet to my account on"),
     lambda text: text + "\n"],
)  # fmt: skip
async def test_only_the_very_text_that_was_asked_for_counts(shop, ann, change):
    await link(ann, HERS)
    phone = shop.browser()
    text = await message(phone, HERS)
    assert change(text) != text
    signature = HERS.sign(change(text))
    assert await phone.refused("POST", "login/wallet", signature=signature) == WRONG


async def test_another_wallet_and_other_forms_of_a_signature_are_refused(shop, ann):
    await link(ann, HERS)
    phone = shop.browser()

    async def tried(made):
        text = await message(phone, HERS)
        return await phone.refused("POST", "login/wallet", signature=made(text))

    assert await tried(EVIL.sign) == WRONG
    assert await tried(lambda text: other_form(HERS.sign(text))) == WRONG
    for bad in (
        lambda text: "", lambda text: "0x", lambda text: "0x" + "00" * 65,
        lambda text: "0x" + "ff" * 64 + "1b", lambda text: HERS.sign(text)[:-2] + "00",
        lambda text: HERS.sign(text)[:-2] + "1d", lambda text: HERS.sign(text) + "00",
        lambda text: HERS.sign(text)[2:], lambda text: "0x" + "00" * 32 + "11" * 32 + "1b",
    ):  # fmt: skip
        assert await tried(bad) == WRONG
    await phone.ok("POST", "login/wallet", signature=HERS.sign(await message(phone, HERS)))


async def test_a_signature_for_one_purpose_serves_no_other(shop, ann):
    asked = await ann.ok("POST", "wallets/message", address=HERS.address)
    refused = await ann.refused("POST", "login/wallet", signature=HERS.sign(asked["message"]))
    assert refused == (400, "no_challenge")
    refused = await ann.refused("POST", "wallets", signature=HERS.sign(await message(ann, HERS)))
    assert refused == WRONG


async def test_a_wallet_of_nobody_and_one_of_somebody_else(shop, ann):
    await link(ann, HERS)
    bob = shop.browser()
    await bob.join("bob@example.org")
    asked = await bob.ok("POST", "wallets/message", address=HERS.address)
    refused = await bob.refused("POST", "wallets", signature=HERS.sign(asked["message"]))
    assert refused == (409, "already_on")
    (shown,) = (await ann.ok("GET", "wallets"))["wallets"]
    assert await bob.refused("DELETE", f"wallets/{shown['id']}") == (404, "not_found")
    text = await message(bob, EVIL)
    refused = await bob.refused("POST", "login/wallet", signature=EVIL.sign(text))
    assert refused == (401, "unknown_wallet")
    # Without the signature nobody learns whether a wallet is linked.
    replies = []
    for wallet in (HERS, Wallet(3)):
        stranger = shop.browser()
        await message(stranger, wallet)
        reply = await stranger.send("POST", "login/wallet", signature=EVIL.sign("guess"))
        replies.append((reply.status_code, reply.content, sorted(reply.headers)))
    assert replies[0] == replies[1]
    await ann.ok("DELETE", f"wallets/{shown['id']}")
    assert shop.mails()[-1][1] == "A wallet was unlinked"
    text = await message(bob, HERS)
    refused = await bob.refused("POST", "login/wallet", signature=HERS.sign(text))
    assert refused == (401, "unknown_wallet")


async def test_addresses_that_are_none(shop):
    stranger = shop.browser()
    flipped = next(
        HERS.address[:i] + c.swapcase() + HERS.address[i + 1 :]
        for i, c in enumerate(HERS.address) if i > 2 and c.isalpha()
    )  # fmt: skip
    for bad in ("", "0x", "0x" + "g" * 40, HERS.address[2:], flipped, HERS.address + "0"):
        refused = await stranger.refused("POST", "login/wallet/message", address=bad)
        assert refused == (400, "bad_address"), bad
    for same in (HERS.address.lower(), HERS.address):
        asked = await stranger.ok("POST", "login/wallet/message", address=same)
        assert HERS.address in asked["message"]
    for chain_id in (0, -1, 1 << 60, "1"):
        refused = await stranger.refused(
            "POST", "login/wallet/message", address=HERS.address, chain_id=chain_id
        )
        assert refused == (400, "bad_request")


async def test_linking_needs_a_recent_proof_which_a_wallet_can_give(shop, ann):
    await link(ann, HERS)
    shop.now.ns += 601 * SECOND
    for method, path, body in (
        ("POST", "wallets/message", {"address": EVIL.address}),
        ("POST", "wallets", {"signature": "0x"}), ("DELETE", "wallets/1", {}),
    ):  # fmt: skip
        assert await ann.refused(method, path, **body) == (403, "step_up_needed")
    asked = await ann.ok("POST", "step-up/wallet/message", address=EVIL.address)
    refused = await ann.refused("POST", "step-up/wallet", signature=EVIL.sign(asked["message"]))
    assert refused == WRONG
    asked = await ann.ok("POST", "step-up/wallet/message", address=HERS.address)
    await ann.ok("POST", "step-up/wallet", signature=HERS.sign(asked["message"]))
    await link(ann, EVIL)


async def test_a_wallet_is_one_factor_only(shop, ann):
    await link(ann, HERS)
    app = pyotp.TOTP((await ann.ok("POST", "totp/enrol"))["secret"])
    await ann.ok("POST", "totp/confirm", code=app.at(shop.now.ns // SECOND))
    phone = shop.browser()

    async def tried(**more):
        signature = HERS.sign(await message(phone, HERS))
        return await phone.send("POST", "login/wallet", signature=signature, **more)

    assert (await tried()).json()["error"] == "second_factor_needed"
    assert (await tried(code="000000")).json()["error"] == "wrong_code"
    shop.now.ns += 30 * SECOND
    assert (await tried(code=app.at(shop.now.ns // SECOND))).status_code == 200


class Contracts:
    """What a node would say; tests/accounts/test_contract_wallets.py asks a real one."""

    chains = (31337,)

    def __init__(self):
        self.asked, self.signs = [], True

    async def signed(self, *asked):
        self.asked.append(asked)
        return self.signs


async def linked_contract(shop, ann, address):
    """A contract of chain 31337, linked to her; the codes of her app."""
    shop.desk.contracts = Contracts()
    text = {"address": address, "chain_id": 31337}
    asked = await ann.ok("POST", "wallets/message", **text)
    assert asked["message"].count("Chain ID: 31337") == 1
    alone = await ann.refused("POST", "wallets", signature=CONTRACT_SIGNED)
    assert alone == (401, "second_factor_needed")
    app = pyotp.TOTP((await ann.ok("POST", "totp/enrol"))["secret"])
    await ann.ok("POST", "totp/confirm", code=app.at(shop.now.ns // SECOND))
    await ann.ok("POST", "wallets/message", **text)
    await ann.ok("POST", "wallets", signature=CONTRACT_SIGNED)
    shop.now.ns += 30 * SECOND
    return app


CONTRACT_SIGNED = "0x" + "ab" * 2000


async def test_a_contract_logs_in_on_its_chain_and_never_alone(shop, ann):
    app = await linked_contract(shop, ann, HERS.address)
    (shown,) = (await ann.ok("GET", "wallets"))["wallets"]
    assert (shown["address"], shown["chain_id"]) == (HERS.address, 31337)
    phone = shop.browser()

    async def tried(chain_id=31337, signature=CONTRACT_SIGNED, **more):
        await message(phone, HERS, chain_id=chain_id)
        return await phone.send("POST", "login/wallet", signature=signature, **more)

    assert (await tried()).json()["error"] == "second_factor_needed"
    code = app.at(shop.now.ns // SECOND)
    for wrong in ({"chain_id": 1}, {"signature": "0x"}, {"signature": "ab" * 65}):
        assert (await tried(code=code, **wrong)).json()["error"] == "wrong_wallet"
    shop.desk.contracts.signs = False
    assert (await tried(code=code)).json()["error"] == "wrong_wallet"
    shop.desk.contracts.signs = True
    assert (await tried(code=code)).status_code == 200
    too_long = await tried(signature="0x" + "ab" * 3001, code=code)
    assert too_long.status_code == 400


async def test_the_key_of_the_same_address_is_another_wallet(shop, ann):
    """On another chain, or with a key, an address is somebody else's."""
    await linked_contract(shop, ann, HERS.address)
    phone = shop.browser()
    signature = HERS.sign(await message(phone, HERS, chain_id=31337))
    refused = await phone.refused("POST", "login/wallet", signature=signature)
    assert refused[1] == "unknown_wallet"
    asked = len(shop.desk.contracts.asked)
    await message(phone, HERS)
    signature = HERS.sign(await message(phone, HERS))
    await phone.refused("POST", "login/wallet", signature=signature)
    assert len(shop.desk.contracts.asked) == asked, "no node is asked about a key"


async def test_nobody_signs_up_with_a_contract(shop):
    shop.desk.contracts = Contracts()
    bob = shop.browser()
    await bob.ok("POST", "sign-up/wallet", email="bob@example.org")
    token = shop.token("bob@example.org")
    await message(bob, HERS, chain_id=31337)
    refused = await bob.refused("POST", "confirm/wallet", token=token, signature=CONTRACT_SIGNED)
    assert refused[1] == "second_factor_needed"


async def test_sign_up_with_a_wallet_confirms_an_e_mail_first(shop):
    bob, mallory = shop.browser(), shop.browser()
    await bob.ok("POST", "sign-up/wallet", email="bob@example.org")
    token = shop.token("bob@example.org")
    refused = await mallory.refused("POST", "confirm/wallet", token=token, signature="0x")
    assert refused == (400, "no_challenge")
    text = await message(bob, HERS)
    signature = HERS.sign(text)
    refused = await bob.refused("POST", "confirm/wallet", token="a guess", signature=signature)
    assert refused == (400, "wrong_token")
    refused = await bob.refused("POST", "confirm", token=token, password="correct horse 7")
    assert refused == (400, "wrong_token")  # made for the wallet's door
    signature = HERS.sign(await message(bob, HERS))
    await bob.ok("POST", "confirm/wallet", token=token, signature=signature)
    signature = HERS.sign(await message(bob, HERS))
    refused = await bob.refused("POST", "confirm/wallet", token=token, signature=signature)
    assert refused == (400, "wrong_token")
    found = await bob.ok("POST", "login/wallet", signature=HERS.sign(await message(bob, HERS)))
    bob.http.headers["x-csrf-token"] = found["csrf"]
    assert (await bob.ok("GET", "me"))["email"] == "bob@example.org"
    refused = await mallory.refused("POST", "login", email="bob@example.org", password="a guess")
    assert refused == (401, "wrong_login") and shop.hashing.calls[-1] == "verify"


async def test_sign_up_with_a_wallet_does_not_say_whether_an_e_mail_is_known(shop, ann):
    seen = []
    for who in ("ann@example.org", "nobody@example.org"):
        stranger = shop.browser()
        del shop.hashing.calls[:]
        reply = await stranger.send("POST", "sign-up/wallet", email=who)
        seen.append(
            (reply.status_code, reply.content, sorted(reply.headers), shop.hashing.calls[:])
        )
    assert seen[0] == seen[1]
    told = {(to, subject) for to, subject, _ in shop.mails()}
    assert ("ann@example.org", "You have an account already") in told
    assert ("nobody@example.org", "Confirm your e-mail") in told


async def test_a_wallet_linked_already_opens_no_second_account(shop, ann):
    await link(ann, HERS)
    bob = shop.browser()
    await bob.ok("POST", "sign-up/wallet", email="bob@example.org")
    token = shop.token("bob@example.org")
    signature = HERS.sign(await message(bob, HERS))
    refused = await bob.refused("POST", "confirm/wallet", token=token, signature=signature)
    assert refused == (409, "already_on") and shop.desk.people.by_email("bob@example.org") is None


async def test_a_login_from_a_network_that_is_new_is_told_once(shop, ann):
    assert [s for _, s, _ in shop.mails()][-1] == "Login from a new device"
    moved = shop.browser("198.51.100.7", "https://localhost", "https://localhost")
    await moved.login()
    told = [s for _, s, _ in shop.mails()]
    assert told[-1] == "Login from a new device"
    near = shop.browser("198.51.100.8", "https://localhost", "https://localhost")
    near.http.cookies = moved.http.cookies
    await near.login()
    assert [s for _, s, _ in shop.mails()] == told  # its device, and the same network
    far = shop.browser("203.0.113.8", "https://localhost", "https://localhost")
    far.http.cookies = moved.http.cookies
    await far.login()
    await far.login()
    assert [s for _, s, _ in shop.mails()] == [*told, "Login from a new network"]
    assert "203.0.113.8" in shop.mails()[-1][2]
