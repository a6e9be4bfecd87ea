"""The operator's door: named operations, over a Unix socket that only its owner may open.

Each operation is a function whose keyword arguments are the JSON body of POST /admin/<operation>.
`perform` is the same without HTTP, for a command that opens the data folder itself.
"""

import asyncio
import inspect
import json
import struct
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from excraft.accounts.actors import Actor
from excraft.accounts.api_keys import Bounds
from excraft.accounts.members import check_name
from excraft.accounts.staff_errors import NeedsApproval, StaffError
from excraft.custody.credited import REFERENCE
from excraft.engine.errors import EngineError
from excraft.gateway.admin_rights import as_actor, failed, let
from excraft.gateway.exchange import Exchange
from excraft.log import LogError
from excraft.messages.commands import Cause, Command, Credit, Debit, OpenAccount, SetParameter
from excraft.messages.events import EventKind
from excraft.messages.reasons import Reason
from excraft.parameters import RULES, MarketState, Parameter, Scope
from excraft.units import AMOUNT_MAX, NotExact

Operation = Callable[..., Awaitable[Any]]
OPERATIONS: dict[str, tuple[Operation, type]] = {}


class Refused(Exception):
    """One sentence for the operator: what was wrong, with the value, and what would be right; `see`
    is the command that shows that, for who has a shell."""

    def __init__(self, said: str, see: str = "") -> None:
        super().__init__(said)
        self.at_a_shell = f"{said}; `{see}` shows all" if see else said


def operation(function: Operation) -> Operation:
    """Make a function callable by its name; its annotations say what arguments it takes."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    fields = [
        (p.name, p.annotation) if p.default is p.empty else (p.name, p.annotation, p.default)
        for p in parameters
    ]
    arguments = msgspec.defstruct(
        function.__name__, fields, kw_only=True, forbid_unknown_fields=True
    )
    OPERATIONS[function.__name__] = (function, arguments)
    return function


async def perform(exchange: Exchange, name: str, arguments: dict[str, Any]) -> Any:
    """The answer of one operation, which is let and noted first; raises Refused, and NeedsApproval
    when who acts is a member who may not do it alone."""
    if name not in OPERATIONS:
        raise Refused(f"there is no operation {name!r}; there are {', '.join(sorted(OPERATIONS))}")
    _, shape = OPERATIONS[name]
    try:
        given = msgspec.convert(arguments, shape)
    except msgspec.ValidationError as wrong:
        raise Refused(f"{name}: {wrong}") from wrong
    arguments = msgspec.structs.asdict(given)
    try:
        await let(exchange, name, arguments)
    except NeedsApproval:
        raise
    except StaffError as refused:
        raise Refused(str(refused)) from refused
    try:
        return await _carried_out(exchange, name, arguments)
    except Exception as wrong:
        await failed(exchange, name, arguments, str(wrong) or type(wrong).__name__)
        raise


async def carry_out_approved(
    exchange: Exchange, name: str, arguments: dict[str, Any], reference: str
) -> Any:
    """An operation that others have approved; `reference` names what they approved, and stands in
    the log where the command has room for it."""
    if name not in OPERATIONS:
        raise Refused(f"there is no operation {name!r} any more")
    given = msgspec.convert(arguments, OPERATIONS[name][1])
    arguments = msgspec.structs.asdict(given)
    if "reference" in arguments:
        arguments["reference"] = f"{reference} {arguments['reference']}"
    with as_actor(Actor(f"shell:{reference}", None)):  # others have approved what it may do
        try:
            return await _carried_out(exchange, name, arguments)
        except Exception as wrong:
            why = f"{reference}: {str(wrong) or type(wrong).__name__}"
            await failed(exchange, name, arguments, why)
            raise


async def _carried_out(exchange: Exchange, name: str, arguments: dict[str, Any]) -> Any:
    try:
        return await OPERATIONS[name][0](exchange, **arguments)
    except NeedsApproval:
        raise  # the door makes a proposal of it
    except (NotExact, EngineError, LogError, ValueError) as wrong:
        raise Refused(str(wrong)) from wrong
    except struct.error as wrong:
        raise Refused(f"{name}: a number is larger than any the exchange can hold") from wrong


def application(exchange: Exchange) -> Starlette:
    """The app behind the control socket."""

    async def serve(request: Request) -> Response:
        try:
            arguments = json.loads(await request.body() or b"{}")
            if not isinstance(arguments, dict):
                raise Refused("the body must be a JSON object of arguments")
            result = await perform(exchange, request.path_params["name"], arguments)
        except json.JSONDecodeError as wrong:
            return JSONResponse({"error": f"the body is not JSON: {wrong}"}, 400)
        except Refused as refused:
            return JSONResponse({"error": refused.at_a_shell}, 400)
        return JSONResponse({"result": result})

    return Starlette(routes=[Route("/admin/{name}", serve, methods=["POST"])])


async def execute(exchange: Exchange, command: Command) -> tuple[int, Any]:
    """(position, first event) of a command that must not be refused."""
    outcome = await exchange.engine.execute(command)
    return outcome.position, _accepted(outcome, type(command).__name__)


def _accepted(outcome: Any, command: str) -> Any:
    first = outcome.events[0]
    if first.kind == EventKind.REFUSED:
        raise Refused(f"the exchange refused {command}: {Reason(first.reason).name}")
    return first


def asset_of(exchange: Exchange, symbol: str):
    found = exchange.engine.listings.asset(symbol)
    if found is None:
        raise Refused(f"there is no asset {symbol!r}", "excraft asset list")
    return found


def market_of(exchange: Exchange, symbol: str):
    found = exchange.engine.listings.market(symbol)
    if found is None:
        raise Refused(f"there is no market {symbol!r}", "excraft market list")
    return found


def member_of(exchange: Exchange, name: str):
    found = exchange.members.by_name(name)
    if found is None:
        raise Refused(f"there is no member {name!r}", "excraft member list")
    return found


@operation
async def status(exchange: Exchange) -> dict:
    """Where the exchange is."""
    return {
        "position": exchange.engine.position,
        "history": exchange.history.mark,
        "history_backlog": exchange.history.backlog,
        "assets": len(exchange.engine.listings.assets),
        "markets": len(exchange.engine.listings.markets),
        "accounts": exchange.engine.listings.accounts,
    }


@operation
async def member_add(exchange: Exchange, name: str) -> dict:
    """Open an account and give it a name."""
    check_name(name)  # an account without a member would stay behind
    if exchange.members.by_name(name) is not None:
        raise Refused(f"there is a member {name!r} already; take another name")
    _, opened = await execute(exchange, OpenAccount(reference=name))
    member = await asyncio.to_thread(exchange.members.add, name, opened.account)
    return {"id": member.id, "name": member.name, "account": member.account}


@operation
async def member_list(exchange: Exchange) -> list:
    """All members."""
    return [{"id": m.id, "name": m.name, "account": m.account} for m in exchange.members.all()]


@operation
async def api_key_create(
    exchange: Exchange, member: str, kind: str, permissions: list[str], ips: list[str],
    public_key: str = "", label: str = "", expires_ns: int | None = None,
) -> dict:  # fmt: skip
    """A new key; for HMAC with its secret, which is not kept in the clear."""
    made = await asyncio.to_thread(
        exchange.api_keys.create, member_of(exchange, member), kind, permissions=permissions,
        label=label, public_key=public_key or None, bounds=Bounds(tuple(ips), expires_ns),
    )  # fmt: skip
    return {"api_key": made.key, "secret": made.secret or "", "member": member, "kind": kind}


@operation
async def api_key_list(exchange: Exchange) -> list:
    """All keys without secrets."""
    names = {m.id: m.name for m in exchange.members.all()}
    return [
        {
            "api_key": k.key,
            "member": names[k.member_id],
            "kind": k.kind,
            "permissions": " ".join(sorted(k.permissions)),
            "label": k.label,
            "ips": " ".join(k.ips),
            "expires": _when(k.expires_ns),
            "used": _when(k.used_ns),
            "used_from": k.used_from,
            "revoked": k.revoked_ns is not None,
        }
        for k in exchange.api_keys.list()
    ]


def _when(time_ns: int | None) -> str:
    return "" if time_ns is None else f"{datetime.fromtimestamp(time_ns // 10**9, UTC):%F %T}"


@operation
async def api_key_revoke(exchange: Exchange, api_key: str) -> None:
    """End a key."""
    await asyncio.to_thread(exchange.api_keys.revoke, api_key)


@operation
async def asset_list(exchange: Exchange) -> list:
    """All assets."""
    return [
        {"symbol": a.symbol, "name": a.name, "decimals": a.decimals}
        for a in exchange.engine.listings.assets
    ]


@operation
async def asset_add(exchange: Exchange, symbol: str, decimals: int, name: str) -> dict:
    """List an asset."""
    outcome = await exchange.engine.list_asset(symbol, name, decimals)
    return {"position": outcome.position, "number": _accepted(outcome, "ListAsset").market}


@operation
async def market_list(exchange: Exchange) -> list:
    """All markets."""
    return [
        {
            "symbol": m.symbol,
            "state": MarketState(m.parameters[Parameter.MARKET_STATE]).name,
            "tick": m.price_text(1),
            "lot": m.quantity_text(1),
            "maker_fee_ppm": m.fee_ppm(0)[0],
            "taker_fee_ppm": m.fee_ppm(0)[1],
        }
        for m in exchange.engine.listings.markets
    ]


@operation
async def market_add(
    exchange: Exchange, symbol: str, base: str, quote: str, tick: str, lot: str
) -> dict:
    """List a market."""
    outcome = await exchange.engine.list_market(symbol, (base, quote), tick, lot)
    return {"position": outcome.position, "number": _accepted(outcome, "ListMarket").market}


@operation
async def market_state(exchange: Exchange, symbol: str, state: str) -> dict:
    """Halt or resume."""
    if state not in MarketState.__members__:
        raise Refused(f"{state!r} is no state; there are {', '.join(MarketState.__members__)}")
    command = SetParameter(
        parameter=Parameter.MARKET_STATE,
        value=MarketState[state],
        subject=market_of(exchange, symbol).number,
    )
    position, _ = await execute(exchange, command)
    return {"position": position}


@operation
async def money_credit(
    exchange: Exchange, member: str, asset: str, amount: str, reason: str, reference: str
) -> dict:
    """Bring money in."""
    return await _move(exchange, Credit, member, asset, amount, reason, reference)


@operation
async def money_debit(
    exchange: Exchange, member: str, asset: str, amount: str, reason: str, reference: str
) -> dict:
    """Take free money out."""
    return await _move(exchange, Debit, member, asset, amount, reason, reference)


# Which causes an operator may name; the demo's own is only for `excraft up --demo`.
_CAUSES = {
    Credit: (Cause.DEPOSIT, Cause.CORRECTION),
    Debit: (Cause.WITHDRAWAL, Cause.CORRECTION),
}


async def _move(exchange, kind, member, asset, amount, reason, reference) -> dict:
    allowed = [cause.name for cause in _CAUSES[kind]]
    if reason not in allowed:
        raise Refused(f"{reason!r} is no reason here; there are {', '.join(allowed)}")
    if not reference.strip():
        raise Refused("a reference must say what proves the movement: a transaction, a ticket")
    if REFERENCE.fullmatch(reference.strip()):
        raise Refused(
            f"{reference} is how deposits of a chain are named: one that is credited by hand would "
            "never reach its member; write it in other words"
        )
    account, listed = member_of(exchange, member).account, asset_of(exchange, asset)
    atoms = listed.atoms(amount)
    if atoms > AMOUNT_MAX:
        most = listed.text(AMOUNT_MAX)
        raise Refused(f"{amount} {asset} is more than the exchange can hold; at most {most}")
    command = kind(
        account=account, asset=listed.number, amount=atoms, cause=Cause[reason],
        reference=reference,
    )  # fmt: skip
    position, _ = await execute(exchange, command)
    free, held = exchange.engine.balance(account, listed.number)
    return {"position": position, "free": listed.text(free), "held": listed.text(held)}


@operation
async def money_balances(exchange: Exchange, member: str) -> list:
    """What a member owns."""
    assets = exchange.engine.listings.assets
    owned = exchange.engine.balances(member_of(exchange, member).account)
    return [
        {"asset": a.symbol, "free": a.text(owned[a.number][0]), "held": a.text(owned[a.number][1])}
        for a in assets
        if a.number in owned
    ]


@operation
async def parameter_list(exchange: Exchange, market: str = "") -> list:
    """Parameters of the exchange, or of one market."""
    listings = exchange.engine.listings
    if market:
        found = market_of(exchange, market)
        values = dict(found.parameters)
        values[Parameter.MAKER_FEE_PPM], values[Parameter.TAKER_FEE_PPM] = found.fee_ppm(0)
    else:
        values = listings.parameters
    return [
        {
            "name": p.name, "value": value, "low": RULES[p].low, "high": RULES[p].high,
            "meaning": RULES[p].meaning,
        }
        for p, value in sorted(values.items())
    ]  # fmt: skip


@operation
async def parameter_set(
    exchange: Exchange, name: str, value: int, market: str = "", member: str = "", tier: int = 0
) -> dict:
    """Change one number."""
    if name not in Parameter.__members__:
        raise Refused(f"there is no parameter {name!r}", "excraft parameter list")
    parameter = Parameter[name]
    rule = RULES[parameter]
    if not rule.low <= value <= rule.high:
        raise Refused(f"{name} must be from {rule.low} to {rule.high}, not {value}")
    subject = -1
    if rule.scope in (Scope.MARKET, Scope.MARKET_TIER, Scope.MERIT_MARKET):
        if not market:
            raise Refused(f"{name} belongs to a market: name one with --market")
        subject = market_of(exchange, market).number
    elif rule.scope is Scope.ACCOUNT:
        if not member:
            raise Refused(f"{name} belongs to an account: name a member with --member")
        subject = member_of(exchange, member).account
    command = SetParameter(parameter=parameter, value=value, subject=subject, tier=tier)
    position, _ = await execute(exchange, command)
    return {"position": position}
