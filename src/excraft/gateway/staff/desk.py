"""What of /admin is no operation: proposals, roles, the audit log, documents of KYC cases."""

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from excraft.accounts import four_eyes
from excraft.accounts.acts import READING, Act
from excraft.accounts.approvals import Proposal
from excraft.accounts.audit import Filter
from excraft.accounts.executors import executor_of
from excraft.accounts.refusals import Refused
from excraft.accounts.staff import Staff
from excraft.accounts.staff_errors import BadPayload, WrongState
from excraft.gateway import admin, admin_kyc
from excraft.gateway.admin_rights import as_actor
from excraft.gateway.exchange import Exchange

SHOWN_MAX = 1000
CARRY_OUT_AS = "operation"  # of a payload: what is done once it is approved


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Approval(_Shape):
    """`hash`: of the proposal as it was shown."""

    hash: str


class Reason(_Shape):
    reason: str


class FourEyes(_Shape):
    act: str
    approvals: int


class AuditPage(BaseModel):
    """Rows with exactly these, and a number below `before`."""

    who: str | None = None
    act: str | None = None
    object: str | None = None
    outcome: str | None = None
    before: int | None = Field(None, ge=1, lt=1 << 63)
    limit: int = Field(100, ge=1, le=SHOWN_MAX)


class RoleChange(_Shape):
    """do: give, take or add; it is proposed, and another administrator approves."""

    do: str
    role: str
    member: int = 0
    acts: list[str] = []


def payload(exchange: Exchange, name: str, given: dict[str, Any]) -> dict[str, Any] | None:
    """What a proposal says where an executor of its own carries it out; None: the operation."""
    if name != "withdrawal_limit_set":
        return None
    from excraft.gateway.admin_withdrawals import limit_payload

    return limit_payload(exchange, **given)


def shown(made: Proposal) -> dict[str, Any]:
    """A proposal for people; `hash` is what an approver signs off."""
    return {
        "id": made.id, "act": made.act, "payload": json.loads(made.payload),
        "proposer": made.proposer, "needed": made.needed, "approvers": list(made.approvers),
        "state": made.state, "expires_ns": made.expires_ns, "hash": made.hash.hex(),
        "reason": made.reason,
    }  # fmt: skip


routes = APIRouter()
_walking = asyncio.Lock()


async def _looking(request: Request, act: Act) -> None:
    """Raises NotAllowed unless a role of who asks has the act."""
    actor, page = request.state.actor, request.scope["route"].name
    await asyncio.to_thread(_staff(request).audit.require, actor, act, f"page:{page}")


def _exchange(request: Request) -> Exchange:
    return request.app.state.exchange


def _staff(request: Request) -> Staff:
    return request.app.state.exchange.staff


@routes.get("/me", tags=["me"])
async def me(request: Request) -> dict:
    """Who asks, their roles, and what these let them do; nobody needs an act for it."""
    actor, known = request.state.actor, _staff(request).roles

    def look() -> dict:
        return {
            "member": actor.member_id, "who": actor.who,
            "name": _exchange(request).members.by_id(actor.member_id).name,
            "roles": known.roles_of(actor.member_id), "acts": sorted(known.acts_of(actor)),
        }  # fmt: skip

    return await asyncio.to_thread(look)


@routes.get("/proposals", tags=["proposals"])
async def proposals(
    request: Request, all: bool = False, limit: Annotated[int, Query(ge=1, le=SHOWN_MAX)] = 100
) -> dict:
    """Those that wait; with `all` also those that ended. Without SEE_ROLES only those of acts that
    one holds, who may approve them."""

    def look() -> list:
        mine = _staff(request).roles.acts_of(request.state.actor)
        acts = Act if Act.SEE_ROLES in mine else mine
        return _staff(request).approvals.newest(only_open=not all, limit=limit, acts=acts)

    return {"proposals": [shown(made) for made in await asyncio.to_thread(look)]}


@routes.post("/proposals/{number}/approve", tags=["proposals"])
async def approve(request: Request, number: int, body: Approval) -> dict:
    """The last approval carries it out."""
    try:
        seen = bytes.fromhex(body.hash)
    except ValueError as wrong:
        raise BadPayload("the hash is hexadecimal, as the proposal was shown") from wrong
    actor = request.state.actor
    found = await asyncio.to_thread(_staff(request).approvals.approve, actor, number, seen)
    if found.state == "APPROVED":
        return await _carry_out(request, number)
    return {"proposal": shown(found)}


@routes.post("/proposals/{number}/carry-out", tags=["proposals"])
async def carry_out(request: Request, number: int) -> dict:
    """An approved one that was not carried out yet, as after a stop in between."""
    return await _carry_out(request, number)


async def _carry_out(request: Request, number: int) -> dict:
    """At most once: marked as carried out first, then done; the audit log has both."""
    actor = request.state.actor
    found = await asyncio.to_thread(_staff(request).approvals.get, number)
    said = json.loads(found.payload)
    approvals = _staff(request).approvals
    if CARRY_OUT_AS not in said or executor_of(approvals.executors, found.act, said):
        raise WrongState(f"proposal:{number} is carried out by its last approval")
    done = await asyncio.to_thread(approvals.execute, actor, number, lambda *_: None)
    result = await admin.carry_out_approved(
        _exchange(request), said[CARRY_OUT_AS], said["arguments"], f"proposal:{number}"
    )
    return {"proposal": shown(done), "result": result}


@routes.post("/proposals/{number}/refuse", tags=["proposals"])
async def refuse(request: Request, number: int, body: Reason) -> dict:
    """End it."""
    made = await asyncio.to_thread(
        _staff(request).approvals.refuse, request.state.actor, number, body.reason
    )
    return {"proposal": shown(made)}


@routes.post("/proposals/{number}/withdraw", tags=["proposals"])
async def withdraw(request: Request, number: int) -> dict:
    """The proposer thinks again."""
    made = await asyncio.to_thread(_staff(request).approvals.withdraw, request.state.actor, number)
    return {"proposal": shown(made)}


@routes.get("/roles", tags=["roles"])
async def roles(request: Request) -> dict:
    """Every role, its acts and who holds it."""
    await _looking(request, Act.SEE_ROLES)
    found = await asyncio.to_thread(_staff(request).roles.all)
    rows = [
        {"role": r.name, "acts": sorted(r.acts), "built_in": r.built_in, "holders": r.holders}
        for r in found
    ]
    return {"roles": rows}


@routes.post("/roles", status_code=202, tags=["roles"])
async def change_role(request: Request, body: RoleChange) -> dict:
    """Propose to give, take or add a role."""
    said: dict[str, Any] = {"do": body.do, "role": body.role}
    said |= {"acts": body.acts} if body.do == "add" else {"member": body.member}
    made = await asyncio.to_thread(
        _staff(request).approvals.propose, request.state.actor, Act.MANAGE_ROLES, said
    )
    return {"proposal": shown(made)}


@routes.get("/four-eyes", tags=["proposals"])
async def what_needs_approval(request: Request) -> dict:
    """How many others must approve each act that can need it; 0: one does it alone."""
    await _looking(request, Act.SEE_ROLES)
    database = _exchange(request).history.database

    def look() -> dict[str, int]:
        with database.read() as connection:
            needed = four_eyes.all_needed(connection)
        return {a.value: n for a, n in needed.items() if a not in READING | four_eyes.NEVER.keys()}

    return {"approvals": await asyncio.to_thread(look)}


@routes.post("/four-eyes", status_code=202, tags=["proposals"])
async def change_four_eyes(request: Request, body: FourEyes) -> dict:
    """Propose how many others must approve an act."""
    said = {"for": body.act, "approvals": body.approvals}
    made = await asyncio.to_thread(
        _staff(request).approvals.propose, request.state.actor, Act.SET_FOUR_EYES, said
    )
    return {"proposal": shown(made)}


@routes.get("/audit", tags=["audit"])
async def audit(request: Request, asked: Annotated[AuditPage, Query()]) -> dict:
    """The newest rows that fit, oldest of them first, and the head of the chain."""
    await _looking(request, Act.READ_AUDIT)
    wanted = Filter(**asked.model_dump(exclude={"limit"}))
    rows = await asyncio.to_thread(_staff(request).audit.newest, wanted, asked.limit)
    head = await asyncio.to_thread(_staff(request).audit.head)
    return {
        "rows": [row._asdict() | {"hash": row.hash.hex()} for row in rows],
        "head": {"number": head.number, "hash": head.hash.hex()},
    }


@routes.get("/audit/verify", tags=["audit"])
async def verify_audit(
    request: Request, head: Annotated[str, Query(pattern="^([0-9a-f]{64})?$")] = ""
) -> dict:
    """Walk the whole chain of hashes, one walk at a time; `head`: a hash kept from before, which
    must be in it. `broken` is the number of the first row that is wrong, or null."""
    await _looking(request, Act.READ_AUDIT)
    if _walking.locked():
        raise Refused("busy", "The audit log is being checked already; ask again in a minute.", 60)
    async with _walking:
        kept = bytes.fromhex(head) if head else None
        found = await asyncio.to_thread(_staff(request).audit.verify, kept)
    return found._asdict() | {"head": found.head.hex()}


@routes.get("/kyc/documents/{document}", tags=["kyc"])
async def kyc_document(
    request: Request, document: str, reason: Annotated[str, Query(max_length=300)]
) -> Response:
    """A document in clear, which is noted in the case's history: save it, do not open it."""
    await _looking(request, Act.SEE_KYC)
    exchange = _exchange(request)
    with as_actor(request.state.actor):
        who = admin_kyc.reviewer()
        found, content = await admin_kyc.done(
            exchange, lambda: exchange.kyc.documents.read(document, who, reason)
        )
    name = f'attachment; filename="{found.id}"'
    headers = {"content-disposition": name, "content-security-policy": "sandbox"}
    return Response(content, media_type="application/octet-stream", headers=headers)
