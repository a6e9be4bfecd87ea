"""A whole exchange and its people: Vera owns one of everything, and nobody else may see it.

`secrets` are texts that belong to Vera: one of them in the answer to somebody else is a leak.
"""

import contextlib
import copy
import itertools
import json
import time
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pyotp
from sqlalchemy import insert, or_, select

from excraft.accounts import actors
from excraft.accounts.api_keys import Bounds
from excraft.accounts.invitation import Invitation
from excraft.accounts.staff import staff_of
from excraft.custody.book import Book
from excraft.custody.chains import ChainAsset, ChainEntry, ChainsFile, Listed
from excraft.custody.credited import Credited
from excraft.custody.deposit import FOUND, Status
from excraft.custody.liabilities_files import Days, State
from excraft.custody.service import Custody
from excraft.custody.signer.keys import made as make_keys
from excraft.gateway.app import application
from excraft.gateway.deposit_ledger import DepositLedger
from excraft.gateway.kyc_desk import KycDesk
from excraft.gateway.proofs import Proofs
from excraft.gateway.withdrawal_desk import EXECUTORS
from excraft.messages.commands import Cause, Credit
from excraft.parameters import RULES, Parameter
from excraft.store.schema_custody import custody_deposits
from excraft.store.tables import metadata
from tests.accounts.kyc_desk import png
from tests.gateway.account.authenticator import add_passkey
from tests.gateway.account.browser import SECOND, Browser
from tests.gateway.account.ethereum import Wallet, link
from tests.gateway.clients import Client, set_parameter
from tests.gateway.withdrawing import BOB, HOT, serve_withdrawals, set_limit

HERE, ELSEWHERE = "192.0.2.1", "203.0.113.7"
DAY, PROVIDER_SECRET = "2026-11-22", "s" * 32
# What using changes, and no act does.
VOLATILE = {"seen_ns", "used_ns", "used_from", "last_step"}
WIDE = (Parameter.REQUEST_WEIGHT_PER_MINUTE, Parameter.RAW_REQUESTS_PER_5_MINUTES,
        Parameter.ORDERS_PER_10_SECONDS, Parameter.ORDERS_PER_DAY)  # fmt: skip
PERSON = {
    "name": "Vera Veramark", "birth_date": "1990-12-31", "country": "FR",
    "document_kind": "PASSPORT", "document_number": "VERAMARK77",
    "address": "1 rue de Veramark, Paris",
}  # fmt: skip


class Inhabitant(Browser):
    """A member at /account and /admin, from an address of the loopback network of their own."""

    def __init__(self, town: Any, number: int) -> None:
        self.address = f"127.0.1.{number}"
        super().__init__(town, address=self.address)
        self.app: pyotp.TOTP | None = None

    async def enter(self, who: str) -> None:
        """Sign up, turn the second factor on, and own 100 EXT and 1000 USD."""
        self.email = f"{who}@example.org"
        await self.join(self.email)
        self.app = pyotp.TOTP((await self.ok("POST", "totp/enrol"))["secret"])
        await self.ok("POST", "totp/confirm", code=self.code())
        me = await self.ok("GET", "me")
        self.member = self.shop.venue.exchange.members.by_id(me["member"])
        self.account = self.member.account
        self.person = self.shop.desk.people.of_member(self.member.id)
        engine = self.shop.venue.engine
        for asset, amount in ((0, 10**10), (1, 10**9)):
            await engine.execute(
                Credit(account=self.account, asset=asset, amount=amount, cause=Cause.DEPOSIT)
            )
        await set_parameter(engine, Parameter.KYC_LEVEL, 1, self.account)

    def code(self) -> str:
        """Of the authenticator app; a new one each time."""
        self.shop.now.ns += 30 * SECOND
        return self.app.at(self.shop.now.ns // SECOND)

    def key(self, *permissions: str, ips=(), expires_ns=None) -> Client:
        """A client of the trading API with a new key."""
        exchange = self.shop.venue.exchange
        made = exchange.api_keys.create(
            self.member, "HMAC", permissions=permissions or ["READ", "TRADE", "WITHDRAW"],
            label="veramark key", bounds=Bounds(tuple(ips), expires_ns),
        )  # fmt: skip
        client = Client(self.shop.rest, made.key, made.secret)
        client.member, client.account = self.member, self.account
        return client

    async def op(self, name: str, /, **arguments: Any) -> httpx.Response:
        return await self.http.post(f"/admin/{name}", json=arguments)

    async def admin(self, method: str, path: str, **body: Any) -> httpx.Response:
        kwargs = {"json": body} if method == "POST" and body else {}
        return await self.http.request(method, f"/admin{path}", **kwargs)


@contextlib.asynccontextmanager
async def town_of(shop: Any, tmp_path: Any):
    """The shop, with every part that an exchange can have, and Vera, Mallory and `join`."""
    venue, exchange = shop.venue, shop.venue.exchange
    for parameter in WIDE:
        await set_parameter(venue.engine, parameter, RULES[parameter].high)
    exchange.staff = shop.staff = staff_of(shop.database, more=EXECUTORS)
    exchange.invitation = Invitation(
        tmp_path / "administrator.json", shop.database, exchange.staff.roles, lambda: shop.now.ns
    )
    providers = tmp_path / "kyc_providers.json"
    providers.touch(mode=0o600)
    providers.write_text(json.dumps({"acme": PROVIDER_SECRET}))
    exchange.kyc = shop.kyc = KycDesk(
        venue.engine, shop.database, tmp_path / "secret.key", tmp_path / "kyc"
    )
    await serve_withdrawals(venue, shop.database, lambda: shop.now.ns, verified=())
    for name in ("NEW_ADDRESS_DELAY_S", "FACTOR_DELAY_S"):
        set_limit(shop.database, name, 0)
    exchange.custody = _custody(shop, tmp_path)
    exchange.proofs = Proofs(Days(tmp_path / "liabilities"), b"q" * 32)
    shop.app = application(exchange)
    shop.numbers = itertools.count(1)
    transport = httpx.ASGITransport(app=shop.app, client=(HERE, 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://exchange") as rest:
        shop.rest, shop.public = rest, Client(rest)
        shop.join = lambda who, role="": _join(shop, who, role)
        shop.mallory = await shop.join("mallory")
        shop.vera = await shop.join("vera.veramark")
        await _settle_in(shop)
        try:
            yield shop
        finally:
            exchange.kyc.close()
            await exchange.custody.close()


async def _join(town: Any, who: str, role: str) -> Inhabitant:
    found = Inhabitant(town, next(town.numbers))
    await found.enter(who)
    if role:
        town.staff.roles.give(actors.shell(), found.member.id, role)
    return found


def _custody(town: Any, folder: Any) -> Custody:
    """One chain whose node is never asked; EXT is its coin."""
    engine = town.venue.engine
    asset = ChainAsset("EXT", 18, withdraw_fee="0.001", withdraw_minimum="0.01")
    entry = ChainEntry(31337, "ETH", "http://127.0.0.1:9", HOT, BOB, [asset], 1, 0, 10)
    totals = Credited()
    custody = Custody(
        ChainsFile(make_keys(folder / "keys").xpub, [entry]), town.database,
        DepositLedger(engine, totals), totals, lambda: {"EXT": Listed(0, 8)}, lambda _: None,
    )  # fmt: skip
    [watched] = custody.chains.values()
    [(_, settings, _)] = custody.networks(0)
    watched.settings, watched.book = settings, Book(town.database, settings)
    watched.reconcile = SimpleNamespace(surplus=lambda _: 1, report=lambda: [])
    return custody


async def _settle_in(town: Any) -> None:
    """Everything that Vera owns, with her mark on it wherever people can write one."""
    vera, exchange = town.vera, town.venue.exchange
    her = town.her = SimpleNamespace(code=vera.code)
    her.key = vera.key("READ", "TRADE", "WITHDRAW", ips=[f"{HERE}/32"])
    her.authenticator = await add_passkey(vera, "veramark laptop")
    her.passkey = her.authenticator.passkey
    her.wallet = Wallet(77)
    await link(vera, her.wallet)
    her.case = (await vera.ok("POST", "kyc", level="FULL"))["id"]
    await vera.ok("PUT", f"kyc/{her.case}/person", **PERSON)
    her.document = (await upload(vera, her.case)).json()["id"]
    await vera.ok("POST", "withdrawals/addresses", address=BOB, label="veramark", code=vera.code())
    her.sessions = [s["id"] for s in (await vera.ok("GET", "sessions"))["sessions"]]
    her.deposit_address = (await vera.ok("POST", "deposit-address"))["address"]
    her.transaction = "0x" + "5e" * 32
    with town.database.write() as connection:
        connection.execute(insert(custody_deposits).values(_deposit(town)))
    mallory = town.mallory
    await mallory.ok("POST", "withdrawals/addresses", address=BOB, label="", code=mallory.code())
    made = await vera.ok(
        "POST", "withdrawals", asset="EXT", address=BOB, amount="2.5", code=vera.code()
    )
    her.withdrawal = made["id"]
    await order(town)
    await her.key.limit("BUY", "0.5", "30", newClientOrderId="veramark-trade")
    await town.venue.bob.limit("SELL", "0.5", "30")
    listings, rows = town.venue.engine.listings, _balances(town)
    assets = [(a.symbol, a.decimals) for a in listings.assets]
    names = [(m.account, m.name) for m in exchange.members.all()]
    exchange.proofs.days.publish("ExCraft", DAY, State(1, b"l" * 32, "cd" * 32, assets, rows),
                                 names, b"q" * 32)  # fmt: skip
    await _close_day(town)
    town.secrets = [
        "veramark", "VERAMARK", "Veramark", her.passkey, *her.sessions, her.wallet.address,
        her.document, her.deposit_address, her.transaction, her.key.key, her.key.secret,
        vera.member.name,
    ]  # fmt: skip


async def _close_day(town: Any) -> None:
    """Day 0 is published, as the round service does it."""
    exchange = town.venue.exchange
    await set_parameter(town.venue.engine, Parameter.EXT_ASSET, 1)
    await set_parameter(town.venue.engine, Parameter.REFERENCE_ASSET, 2)
    exchange.merit._close_day()
    [closed] = exchange.merit.closed
    closed.position = 0  # the log of these tests is in memory
    exchange.rounds._publish(closed)
    exchange.merit.published(0)


def _balances(town: Any) -> Any:
    rows = [
        (account, asset, *owned)
        for account in range(town.venue.engine.listings.accounts)
        for asset, owned in town.venue.engine.balances(account).items()
    ]
    return np.array(rows, np.int64).reshape(-1, 4)


def _deposit(town: Any) -> dict[str, Any]:
    return {
        "chain_id": 31337, "transaction": town.her.transaction, "log": -1,
        "address": town.her.deposit_address, "account": town.vera.account, "asset": 0,
        "token": None, "units": str(10**18), "atoms": 10**8, "dust": "0", "block": 7,
        "block_hash": "0x" + "b1" * 32, "status": Status.CREDITED, "note": None,
        "seen_ns": time.time_ns(), "credited_ns": time.time_ns(), "position": 1,
    }  # fmt: skip


def keep_back(town: Any) -> int:
    """One more row of a deposit that a comparison found; its number."""
    found = {"log": FOUND, "transaction": f"0x{next(town.numbers):064x}", "credited_ns": None,
             "status": Status.KEPT_BACK, "position": None}  # fmt: skip
    with town.database.write() as connection:
        made = connection.execute(insert(custody_deposits).values(_deposit(town) | found))
        return made.inserted_primary_key[0]


async def order(town: Any) -> dict[str, Any]:
    """One more order of Vera's that rests, far from the market."""
    name = f"veramark-{next(town.numbers)}"
    return await town.her.key.limit("SELL", "1", "500", newClientOrderId=name)


async def upload(browser: Inhabitant, case: int, purpose: str = "FRONT", width: int = 1):
    return await browser.http.post(
        f"/account/kyc/{case}/documents?purpose={purpose}", content=png(width=width),
        headers={"content-type": "image/png"},
    )  # fmt: skip


async def state(town: Any, who: Inhabitant | None = None) -> dict[str, Any]:
    """Everything that an act could change: the kernel's hash, and the rows of every table; with
    `who` only the rows and money that are theirs."""
    town.desk.background.finish()
    await town.venue.exchange.history.wait(town.venue.engine.position)
    found: dict[str, Any] = {"kernel": _kernel(town, who)}
    owner = {} if who is None else {
        "person_id": who.person, "member_id": who.member.id, "account": who.account,
        "case_id": town.her.case,
    }  # fmt: skip
    found["merit"] = _merit(town, who)
    with town.database.read() as connection:
        for table in metadata.sorted_tables:
            if table.name == "marks":  # how far history has come
                continue
            columns = [c for c in table.c if c.name not in VOLATILE]
            query = select(*columns)
            if who is not None:
                mine = [c == owner[c.name] for c in table.c if c.name in owner]
                if not mine:
                    continue
                query = query.where(or_(*mine))
            found[table.name] = sorted(map(repr, connection.execute(query)))
    return found


def _kernel(town: Any, who: Inhabitant | None) -> str:
    engine = town.venue.engine
    if who is not None:
        orders = sorted(each.id for each in engine.orders.open(who.account))
        return repr((orders, engine.all_shown(who.account), engine.reserved(who.account)))
    plain = copy.copy(engine._kernel._state)
    plain.position = plain.sequence = plain.time_ns = 0  # a record that is refused counts on
    return plain.hash()


def _merit(town: Any, who: Inhabitant | None) -> str:
    merit = town.venue.exchange.merit
    if who is None:
        return repr((merit.pools, merit.stakes, merit.known))
    of = who.account
    return repr((merit.pools.will_be(of), merit.stakes.may_ask(of), merit.known.addresses.get(of)))


def changed(before: dict[str, Any], after: dict[str, Any], *apart: str) -> dict[str, list]:
    """What differs, by table; empty when nothing does."""
    return {
        name: [row for row in after[name] if row not in before[name]] or ["less"]
        for name in before
        if name not in apart and before[name] != after[name]
    }


def leaked(town: Any, text: str) -> list[str]:
    """Vera's secrets that stand in a text."""
    return [secret for secret in town.secrets if secret in text]
