"""Operations about rounds, pools and rewards."""

import asyncio

from excraft.gateway import merit_desk
from excraft.gateway.admin import Refused, member_of, operation
from excraft.gateway.exchange import Exchange
from excraft.gateway.merit_desk import NotDone
from excraft.messages.commands import MeritAct
from excraft.messages.merit import Verb


def _merit(exchange: Exchange):
    if exchange.merit is None:
        raise Refused("this exchange keeps no merit")
    return exchange.merit


@operation
async def round_status(exchange: Exchange) -> dict:
    """The day and round that run, what waits to be published, and what waits to be paid."""
    merit = _merit(exchange)
    found = merit_desk.running(exchange)
    found["unpublished_days"] = [closed.day for closed in merit.closed]
    found["refused_acts"] = len(merit.refusals)
    found["not_a_price"] = [
        row["symbol"]
        for row in merit_desk.markets(exchange)
        if row["weight"] and not row["price_source"]
    ]
    found["said"] = exchange.rounds.said if exchange.rounds is not None else ""
    days = await asyncio.to_thread(merit_desk.days_shown, exchange.dataset)
    return found | {"published": days[:10]}


@operation
async def round_close(exchange: Exchange) -> dict:
    """Do now what the round service does by itself: close what is over, publish, pay."""
    _merit(exchange)
    try:
        await exchange.rounds.step()
    except (RuntimeError, OSError) as wrong:
        raise Refused(str(wrong)) from wrong
    return await round_status(exchange)


@operation
async def pool_list(exchange: Exchange) -> list:
    """All pools, as everybody sees them."""
    every = sorted(_merit(exchange).pools.pools.values(), key=lambda pool: pool.number)
    return [merit_desk.pool_shown(exchange, p) | {"master": p.master} for p in every]


@operation
async def pair_flag(
    exchange: Exchange, member: str, other: str, reason: str, flagged: bool = True
) -> dict:
    """What these two trade with each other counts nothing from now on, or counts again; the day
    that runs is counted whole in the one way or the other."""
    if not reason.strip():
        raise Refused("say why; the reason stands in the audit log")
    one, two = member_of(exchange, member), member_of(exchange, other)
    if one.account == two.account:
        raise Refused("a pair is two members")
    verb = Verb.FLAG_PAIR if flagged else Verb.UNFLAG_PAIR
    _merit(exchange)
    try:
        act = MeritAct(verb=verb, other=one.account, value=two.account)
        return {"position": await merit_desk.carried_out(exchange, act)}
    except NotDone as why:
        raise Refused(str(why)) from why
