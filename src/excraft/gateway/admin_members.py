"""Operations about members: find, show, freeze, note, sessions, tiers."""

import asyncio
import json
from typing import Any

from sqlalchemy import Connection

from excraft.accounts import mails
from excraft.accounts.acts import Act
from excraft.accounts.audit import Filter
from excraft.accounts.sign_in import take_factor
from excraft.gateway.admin import Refused, execute, member_of, operation
from excraft.gateway.admin_rights import acting
from excraft.gateway.exchange import Exchange
from excraft.gateway.told import tell
from excraft.messages.commands import CancelAll, SetParameter
from excraft.messages.events import EventKind
from excraft.parameters import AccountState, Parameter

FOUND_MAX = 100
NOTES_SHOWN = 50
_SHOWN = (
    Parameter.KYC_LEVEL,
    Parameter.FEE_TIER,
    Parameter.TRADE_GROUP,
    Parameter.ACCOUNT_POOL,
    Parameter.REFERRER,
    Parameter.REFERRAL_SHARE_PPM,
)


@operation
async def member_find(exchange: Exchange, text: str) -> list:
    """By number, account, deposit address, e-mail or a part of the name."""
    wanted = text.strip()
    if not 1 <= len(wanted) <= 100:
        raise Refused("say what to look for in 1 to 100 characters")

    def look() -> list:
        found = {m.id: m for m in _by_number(exchange, wanted) if m is not None}
        found |= {m.id: m for m in exchange.members.all() if wanted in m.name}
        rows = [{"id": m.id, "name": m.name, "account": m.account} for m in found.values()]
        return rows[:FOUND_MAX]

    return await asyncio.to_thread(look)


def _by_number(exchange: Exchange, wanted: str) -> list:
    found: list[Any] = []
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 10:
        found += [m for m in exchange.members.all() if int(wanted) in (m.id, m.account)]
    if wanted.startswith("0x") and exchange.custody is not None:
        owned = {o.address.lower(): o.account for o in exchange.custody.addresses.all()}
        account = owned.get(wanted.lower())
        found += [m for m in exchange.members.all() if m.account == account]
    if "@" in wanted and exchange.desk is not None:
        person = exchange.desk.people.by_email(wanted)
        if person is not None and person.member_id is not None:
            found.append(exchange.members.by_id(person.member_id))
    return found


@operation
async def member_show(exchange: Exchange, member: str) -> dict:
    """Flags and notes; for who may see them also e-mail and keys, balances and orders."""
    found = member_of(exchange, member)
    listings = exchange.engine.listings
    state = listings.account_parameter(found.account, Parameter.ACCOUNT_STATE)

    def look() -> tuple:
        wanted = Filter(act="WRITE_NOTE")
        notes = exchange.staff.audit.newest(wanted, 10_000) if exchange.staff else []
        acts = exchange.staff.roles.acts_of(acting()) if exchange.staff else frozenset(Act)
        personal = _personal(exchange, found) if Act.SEE_PERSONAL_DETAILS in acts else {}
        return acts, personal, [n for n in notes if _is_about(n, found.name)]

    acts, more, notes = await asyncio.to_thread(look)
    if Act.SEE_MONEY in acts:
        more |= _money(exchange.engine, found.account)  # here: no other thread may read the engine
    return more | {
        "id": found.id, "name": found.name, "account": found.account,
        "state": AccountState(state).name,
        "parameters": {p.name: listings.account_parameter(found.account, p) for p in _SHOWN},
        "notes": [
            {"time_ns": n.time_ns, "who": n.who, "payload": n.payload}
            for n in notes[-NOTES_SHOWN:]
        ],
    }  # fmt: skip


def _personal(exchange: Exchange, found: Any) -> dict:
    """What somebody with SEE_PERSONAL_DETAILS also sees of a member. Blocks."""
    person = exchange.desk.people.of_member(found.id) if exchange.desk else None
    keys = [
        {"api_key": k.key, "label": k.label, "kind": k.kind, "revoked": k.revoked_ns is not None}
        for k in exchange.api_keys.list(found)
    ]
    email = "" if person is None else exchange.desk.people.email_of(person)
    return {"email": email, "api_keys": keys}


def _money(engine: Any, account: int) -> dict:
    """What somebody with SEE_MONEY also sees of an account."""
    owned = zip(engine.listings.assets, engine.all_shown(account), strict=True)
    return {
        "balances": [
            {"asset": a.symbol, "free": a.text(free), "locked": a.text(locked)}
            for a, (free, locked) in owned
            if free or locked
        ],
        "open_orders": len(engine.orders.open(account)),
    }


def _is_about(row: Any, name: str) -> bool:
    return json.loads(row.payload).get("member") == name


@operation
async def member_note(exchange: Exchange, member: str, text: str) -> None:
    """A note for other staff; it stands in the audit log and is never changed."""
    member_of(exchange, member)
    if not 1 <= len(text.strip()) <= 1000:
        raise Refused("a note has 1 to 1000 characters")


@operation
async def member_freeze(
    exchange: Exchange, member: str, reason: str, cancel_orders: bool = False
) -> dict:
    """Place nothing, withdraw nothing; cancels pass. Open orders stay unless told otherwise."""
    found = member_of(exchange, member)
    _reason(reason)
    position = await _set(exchange, found, Parameter.ACCOUNT_STATE, AccountState.FROZEN)
    canceled = 0
    if cancel_orders:
        markets = {order.market for order in exchange.engine.orders.open(found.account)}
        for market in sorted(markets):
            outcome = await exchange.engine.execute(CancelAll(account=found.account, market=market))
            canceled += sum(e.kind == EventKind.ORDER_CANCELED for e in outcome.events)
    return {"position": position, "canceled": canceled}


@operation
async def member_unfreeze(exchange: Exchange, member: str, reason: str) -> dict:
    """Trade and withdraw again."""
    _reason(reason)
    found = member_of(exchange, member)
    position = await _set(exchange, found, Parameter.ACCOUNT_STATE, AccountState.ACTIVE)
    return {"position": position}


@operation
async def member_end_sessions(exchange: Exchange, member: str) -> None:
    """Log the person out everywhere."""
    person = await asyncio.to_thread(_person, exchange, member)
    await asyncio.to_thread(exchange.desk.sessions.end_all, person)


@operation
async def member_reset_second_factor(exchange: Exchange, member: str, reason: str) -> None:
    """Take app and passkeys off a person who lost them, and end their sessions; it is mailed."""
    _reason(reason)
    person = await asyncio.to_thread(_person, exchange, member)
    desk = exchange.desk

    def take(connection: Connection) -> None:
        desk.second_factors.disable(connection, person)
        desk.passkeys.remove_all(connection, person)
        desk.sessions.revoke_all(connection, person)

    _, narrowed = await asyncio.to_thread(take_factor, desk, exchange.api_keys, person, take)
    tell(desk, person, mails.changed, "The second factor", mails.narrowed(narrowed))


@operation
async def member_fee_tier(exchange: Exchange, member: str, tier: int) -> dict:
    """Column of every market's fee table."""
    found = member_of(exchange, member)
    return {"position": await _set(exchange, found, Parameter.FEE_TIER, tier)}


async def _set(exchange: Exchange, found: Any, parameter: Parameter, value: int) -> int:
    command = SetParameter(parameter=parameter, value=value, subject=found.account)
    position, _ = await execute(exchange, command)
    return position


def _person(exchange: Exchange, name: str) -> int:
    found = member_of(exchange, name)
    person = exchange.desk.people.of_member(found.id) if exchange.desk else None
    if person is None:
        raise Refused(f"{name} has no login: an operator added this member")
    return person


def _reason(reason: str) -> None:
    if not reason.strip():
        raise Refused("say why; the reason stands in the audit log")
