"""/account: a member's deposit address, and what came to it."""

from starlette.responses import Response

from excraft.accounts.refusals import Refused
from excraft.custody.deposit import Status
from excraft.gateway.account_acts import Act, Asked, Body
from excraft.gateway.account_opening import ensure_member
from excraft.gateway.account_requests import answer

SHOWN = 200  # of a member's deposits


async def _address(asked: Asked) -> Response:
    """The same address on every chain and for every asset of it."""
    custody = asked.exchange.custody
    if custody is None:
        raise Refused("bad_request", "This exchange serves no chain, so nothing can be deposited.")
    member = await ensure_member(asked.exchange, asked.session.person_id)
    ways = [
        {
            "asset": asset.symbol, "network": entry.network, "token": token,
            "confirmations": settings.confirmations,
            "minimum": asset.text(settings.asset(token).minimum),
        }
        for asset in asked.exchange.engine.listings.assets
        for entry, settings, token in custody.networks(asset.number)
    ]  # fmt: skip
    return answer(200, {"address": await custody.address(member.account), "accepted": ways})


async def _list(asked: Asked) -> Response:
    exchange = asked.exchange
    member = await ensure_member(exchange, asked.session.person_id)
    rows = [] if exchange.custody is None else await exchange.custody.deposits(member.account)
    assets = exchange.engine.listings.assets
    shown = [
        {
            "asset": assets[row.asset].symbol, "amount": assets[row.asset].text(row.atoms),
            "network": exchange.custody.network(row.chain_id), "transaction": row.transaction,
            "state": Status(row.status).name, "seen_ns": row.seen_ns,
            "credited_ns": row.credited_ns, "note": row.note or "",
        }
        for row in rows[:SHOWN]
    ]  # fmt: skip
    return answer(200, {"deposits": shown})


ACTS = {
    ("POST", "deposit-address"): Act(_address, Body),
    ("GET", "deposits"): Act(_list),
}
