"""/account/merit: a member's pool, stake, where rewards go, and what each day brought."""

import asyncio
from itertools import islice
from typing import Any

from starlette.responses import Response

from excraft.accounts import mail_queue
from excraft.accounts.members import Member
from excraft.accounts.refusals import Refused
from excraft.accounts.sessions import require_recent
from excraft.accounts.sign_in import SENSITIVE_S
from excraft.dataset.days import open_day
from excraft.dataset.errors import DatasetError
from excraft.dataset.tables import Result
from excraft.engine.errors import EngineError
from excraft.gateway import merit_days, merit_desk
from excraft.gateway.account_acts import Act, Asked, Body, Text
from excraft.gateway.account_opening import ensure_member
from excraft.gateway.account_requests import answer
from excraft.gateway.merit_desk import NotDone
from excraft.log import LogError
from excraft.messages.commands import Cause, Command, MeritAct, Reserve
from excraft.messages.merit import Verb
from excraft.units import NotExact

OF_POOLS = {verb.name: verb for verb in Verb if verb <= Verb.VOTE_MASTER}
ACT_WEIGHT = 50  # each is a record of the log
INT_MAX = 2**31 - 1
WHOLE_BP = 10_000
SHOWN = 1_000  # members, applicants and banned ones, to their master


class _Pool(Body):
    """`verb`: a name of messages.merit.Verb, of those about pools."""

    verb: Text
    pool: int = -1
    account: int = -1
    value: int = 0
    text: str = ""


class _Amount(Body):
    amount: Text


class _Choice(Body):
    on_chain: bool
    address: Text = ""


async def _member(asked: Asked) -> Member:
    if asked.exchange.merit is None:
        raise Refused("not_found", "This exchange keeps no merit.")
    return await ensure_member(asked.exchange, asked.session.person_id)


async def _do(asked: Asked, command: Command) -> Response:
    try:
        position = await merit_desk.carried_out(asked.exchange, command)
    except NotDone as why:
        said = str(why)
        raise Refused("not_done", f"{said[0].upper()}{said[1:]}.") from why
    except (EngineError, LogError) as busy:
        raise Refused("busy", "The exchange cannot take it at this moment.", 5) from busy
    return answer(200, {"position": position})


async def _state(asked: Asked) -> Response:
    member = await _member(asked)
    exchange, account = asked.exchange, member.account
    merit, assets = exchange.merit, exchange.engine.listings.assets
    ext = merit.known.ext()
    pools = merit.pools
    mine = pools.pools.get(pools.pool_of.get(account, 0))
    next_pool = pools.will_be(account)
    master_of = pools.mastered_by(account)
    stake: dict[str, Any] = {}
    if ext is not None:
        atoms, text = merit.stakes, assets[ext].text
        vault, _ = atoms.counted["vault"].get(account, (0, 0))
        stake = {
            "asset": assets[ext].symbol, "staked": text(atoms.may_ask(account)),
            "asked_back": [
                {"amount": text(one.atoms), "due": one.due}
                for one in atoms.asked_by(account)
            ],
            "in_the_vault": text(vault // merit.known.unit()),
            "paid": text(merit.rewarded.get(account, 0)),
        }  # fmt: skip
    fees = merit.tally.fees_of(account)
    return answer(200, merit_desk.running(exchange) | {
        "pool": mine and merit_desk.pool_shown(exchange, mine), "next_pool": next_pool,
        "master_of": master_of and _mastered(exchange, master_of),
        "stake": stake, "address": merit.known.addresses.get(account, ""),
        "on_chain": account in merit.known.on_chain,
        "fees": [{"asset": assets[a].symbol, "amount": assets[a].text(f)} for a, f in fees.items()],
    })  # fmt: skip


def _mastered(exchange: Any, pool: Any) -> dict[str, Any]:
    """What a master sees besides."""
    inside = exchange.merit.pools.inside(pool.number)
    return merit_desk.pool_shown(exchange, pool) | {
        "account": pool.master, "next_master": pool.next_master,
        "applications": sorted(pool.applications)[:SHOWN], "banned": sorted(pool.banned)[:SHOWN],
        "accounts": inside[:SHOWN],
    }  # fmt: skip


async def _act(asked: Asked) -> Response:
    member, body = await _member(asked), asked.body
    if body.verb not in OF_POOLS:
        raise Refused("bad_request", f"verb must be one of {', '.join(OF_POOLS)}.")
    if not all(-1 <= n <= INT_MAX for n in (body.pool, body.account)) or abs(body.value) > INT_MAX:
        raise Refused("bad_request", "pool, account and value must be small whole numbers.")
    if len(body.text.encode()) > 1_000:
        raise Refused("bad_request", "The text has more than 1,000 bytes.")
    done = await _do(asked, MeritAct(
        verb=OF_POOLS[body.verb], account=member.account, pool=body.pool, other=body.account,
        value=body.value, text=body.text,
    ))  # fmt: skip
    if body.verb in (Verb.SET_COMMISSION.name, Verb.SET_REDISTRIBUTE.name):
        await _tell_what_is_taken(asked, body.pool)
    return done


async def _tell_what_is_taken(asked: Asked, number: int) -> None:
    """When the master takes more from the next round on, everybody who is in the pool or will be
    gets a mail; for the most of a round only, so that nobody floods mailboxes by going up and
    down."""
    pools, rounds = asked.exchange.merit.pools, asked.exchange.rounds
    pool = pools.pools[number]
    now_bp = _taken_bp(pool.redistribute, pool.commission_bp)
    next_bp = _taken_bp(pool.next_redistribute, pool.next_commission_bp)
    told = (number, asked.exchange.merit.calendar.round)
    if next_bp <= rounds.taken_told.get(told, now_bp):
        return
    rounds.taken_told[told] = next_bp
    inside = [*pools.inside(number), *pools.next_of]  # a copy, for the thread
    before, after = ("all" if bp == WHOLE_BP else f"{bp / 100:g} %" for bp in (now_bp, next_bp))
    details = {"pool": pool.name, "before": before, "after": after}
    members, now = asked.exchange.members, asked.desk.clock()

    def tell() -> None:
        accounts = sorted({account for account in inside if pools.will_be(account) == number})
        found = [members.by_account(account) for account in accounts]
        with asked.desk.database.write_durable() as connection:
            for each in found:
                if each is not None:
                    mail_queue.add_for_member(connection, each.id, "commission", details, now)

    await asyncio.to_thread(tell)


def _taken_bp(redistribute: bool, commission_bp: int) -> int:
    """Of a pool's rewards by its master."""
    return commission_bp if redistribute else WHOLE_BP


async def _stake(asked: Asked) -> Response:
    member = await _member(asked)
    asset, atoms = _atoms(asked)
    command = Reserve(account=member.account, asset=asset, amount=atoms, cause=Cause.STAKE)
    return await _do(asked, command)


async def _unstake(asked: Asked) -> Response:
    member = await _member(asked)
    _, atoms = _atoms(asked)
    return await _do(asked, MeritAct(verb=Verb.UNSTAKE, account=member.account, value=atoms))


def _atoms(asked: Asked) -> tuple[int, int]:
    """(asset, atoms) of the amount; raises Refused."""
    ext = asked.exchange.merit.known.ext()
    if ext is None:
        raise Refused("not_done", "There is nothing to stake on this exchange yet.")
    try:
        atoms = asked.exchange.engine.listings.assets[ext].atoms(asked.body.amount)
    except NotExact as wrong:
        raise Refused("bad_request", f"amount: {wrong}.") from wrong
    if not 0 < atoms < 2**62:
        raise Refused("bad_request", "amount: it must be more than 0, and no more than there is.")
    return ext, atoms


async def _choose(asked: Asked) -> Response:
    """Needs a step-up: who changes the address takes the rewards of all days to come."""
    member, body = await _member(asked), asked.body
    require_recent(asked.session, SENSITIVE_S, asked.desk.clock())
    return await _do(asked, MeritAct(
        verb=Verb.CHOOSE, account=member.account, value=int(body.on_chain), text=body.address,
    ))  # fmt: skip


async def _day(asked: Asked) -> Response:
    """What a day brought, the own id in its dataset, and the proof to claim with."""
    member, day = await _member(asked), asked.values["day"]
    if not (day.isascii() and day.isdigit() and len(day) < 7):
        raise Refused("not_found", f"There is no day {day[:20]!r}.")
    return answer(200, await asyncio.to_thread(_of_day, asked.exchange, member, int(day)))


def _of_day(exchange: Any, member: Member, number: int) -> dict[str, Any]:
    try:
        day = open_day(exchange.dataset, number)
        _ = day.results
    except DatasetError as none:
        raise Refused("not_found", f"Day {number} is not published.") from none
    own = exchange.rounds.id_of(day.facts.round, member.account)
    row = merit_days.row_of(exchange.dataset, number, own)
    found = merit_desk.day_shown(day) | {"id": own.hex(), "mine": None, "claim": None}
    if row is None:
        return found
    found["mine"] = _row_shown(exchange, row)
    found["claim"] = merit_days.claim_of(exchange.dataset, number, own)
    return found


def _row_shown(exchange: Any, row: Result) -> dict[str, str]:
    plain = {name: str(value) for name, value in row._asdict().items() if name != "id"}
    return plain | {"volume": str(merit_desk.volume(exchange, row.poe))}


async def _days(asked: Asked) -> Response:
    """What the last days brought, the newest first; null for a day on which nothing was done."""
    member, exchange = await _member(asked), asked.exchange

    def look() -> list[dict[str, Any]]:
        found = []
        for day in islice(merit_days.newest(exchange.dataset), merit_days.SHOWN):
            facts = day.facts
            own = exchange.rounds.id_of(facts.round, member.account)
            row = merit_days.row_of(exchange.dataset, facts.day, own)
            found.append({
                "day": facts.day, "round": facts.round, "begin": facts.begin, "end": facts.end,
                "mine": row and _row_shown(exchange, row),
            })  # fmt: skip
        return found

    return answer(200, {"days": await asyncio.to_thread(look)})


ACTS = {
    ("GET", "merit"): Act(_state),
    ("POST", "merit/pool"): Act(_act, _Pool, weight=ACT_WEIGHT),
    ("POST", "merit/stake"): Act(_stake, _Amount, weight=ACT_WEIGHT),
    ("POST", "merit/unstake"): Act(_unstake, _Amount, weight=ACT_WEIGHT),
    ("POST", "merit/choice"): Act(_choose, _Choice, weight=ACT_WEIGHT),
    ("GET", "merit/days"): Act(_days, weight=ACT_WEIGHT),
    ("GET", "merit/days/{day}"): Act(_day, weight=ACT_WEIGHT),
}
