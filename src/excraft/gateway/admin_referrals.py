"""Operations about referrals: who referred whom, codes, what was paid."""

import asyncio

from excraft.accounts import referral_codes
from excraft.accounts.errors import AccountsError
from excraft.gateway.admin import Refused, asset_of, execute, member_of, operation
from excraft.gateway.exchange import Exchange
from excraft.messages.commands import PayReferral


@operation
async def member_referral(
    exchange: Exchange, member: str, referrer: str = "", share_ppm: int = 0
) -> dict:
    """Who referred a member, and the share of the member's fees that is owed to them; who was it
    before is paid first."""
    found = member_of(exchange, member)
    account = member_of(exchange, referrer).account if referrer else None
    return {"position": await exchange.referrals.set(found.account, account, share_ppm)}


@operation
async def referral_pay(exchange: Exchange, member: str, asset: str) -> dict:
    """Pay the referrer what this member's fees in the asset owe so far; a clock does it daily."""
    found, listed = member_of(exchange, member), asset_of(exchange, asset)
    referrer = exchange.referrals.referrer_of(found.account)
    if referrer is not None and exchange.referrals.same_owner(found.account, referrer):
        raise Refused(f"{member} and the referrer have the same owner: nothing is paid")
    position, event = await execute(
        exchange, PayReferral(account=found.account, asset=listed.number)
    )
    return {"position": position, "paid": listed.text(event.amount), "account": event.account}


@operation
async def referral_show(exchange: Exchange, member: str) -> dict:
    """A member's codes, by which one they came, and what they earned."""
    found = member_of(exchange, member)
    referrals, engine = exchange.referrals, exchange.engine
    assets = engine.listings.assets
    earned = referrals.earnings.of(found.account, len(assets))

    def look() -> dict:
        person = exchange.desk.people.of_member(found.id) if exchange.desk else None
        if person is None:
            return {"codes": [], "came_by": "", "outcome": ""}
        code, outcome = referrals.referrals.by(person) or ("", "")
        return {
            "codes": [
                c._asdict() | {"code": referral_codes.shown(c.code)}
                for c in referrals.referrals.of(person)
            ],
            "came_by": code and referral_codes.shown(code),
            "outcome": outcome,
        }

    return await asyncio.to_thread(look) | {
        "earned": [
            {"asset": assets[number].symbol, "amount": assets[number].text(atoms)}
            for number, atoms in earned.items()
        ]
    }


@operation
async def referral_close(exchange: Exchange, member: str, code: str, reason: str) -> None:
    """Nobody signs up with this code of the member any more."""
    if not reason.strip():
        raise Refused("say why; the reason stands in the audit log")
    found = member_of(exchange, member)
    try:
        wanted = referral_codes.read(code)
    except AccountsError as refused:
        raise Refused(str(refused)) from refused

    def close() -> bool:
        person = exchange.desk.people.of_member(found.id) if exchange.desk else None
        return person is not None and exchange.referrals.referrals.close(person, wanted)

    if not await asyncio.to_thread(close):
        raise Refused(f"{member} has no code {code!r}", f"excraft referral show {member}")


@operation
async def referral_payouts(exchange: Exchange) -> dict:
    """The last payouts, and what is owed now."""
    owed = await asyncio.to_thread(exchange.engine.owed)
    by_asset: dict[int, int] = {}
    for _, asset, atoms in owed:
        by_asset[asset] = by_asset.get(asset, 0) + atoms
    assets = exchange.engine.listings.assets
    payouts = await asyncio.to_thread(exchange.referrals.referrals.payouts)
    return {
        "next_ns": exchange.referrals.next_ns(),
        "owed": [
            {"asset": assets[number].symbol, "amount": assets[number].text(atoms)}
            for number, atoms in sorted(by_asset.items())
        ],
        "payouts": [payout._asdict() for payout in payouts],
    }
