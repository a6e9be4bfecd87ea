"""Operations of reviewers: the queue, a case, and what is decided."""

import asyncio
from typing import Any

from excraft.accounts.acts import Act as StaffAct
from excraft.accounts.audit import Audit
from excraft.accounts.kyc import Note
from excraft.accounts.kyc_actors import Act, Actor
from excraft.accounts.kyc_errors import KycError
from excraft.gateway.admin import Refused, member_of, operation
from excraft.gateway.admin_rights import acting
from excraft.gateway.exchange import Exchange
from excraft.gateway.kyc_decisions import DECISIONS, reviewer_of


def reviewer() -> Actor:
    """Who acts, as KYC knows them; the door has checked the role."""
    return reviewer_of(acting())


def noting(audit: Audit) -> Note:
    """Looks at what is sealed, into the audit log; decisions have their row by `let` already."""

    def note(_: str, act: str, subject: str, reason: str) -> None:
        if act == Act.READ:
            payload = {"did": str(act), "reason": reason[:300]}
            audit.record(acting(), StaffAct.SEE_KYC, subject, payload=payload)

    return note


async def done(exchange: Exchange, work, *given) -> Any:
    """In a thread; what KYC refuses is refused."""
    if exchange.kyc is None:
        raise Refused("this exchange asks nobody who they are")
    try:
        return await asyncio.to_thread(work, *given)
    except KycError as refused:
        raise Refused(str(refused)) from refused


def _row(exchange: Exchange, case: Any) -> dict:
    return {
        "case": case.id, "member": exchange.members.by_id(case.member_id).name,
        "level": case.level.name, "state": case.state.name, "reviewer": case.reviewer or "",
        "submitted_ns": case.submitted_ns,
    }  # fmt: skip


@operation
async def kyc_queue(exchange: Exchange) -> list:
    """Cases that wait for a decision, oldest first."""
    return await done(
        exchange, lambda: [_row(exchange, case) for case in exchange.kyc.cases.queue()]
    )


@operation
async def kyc_status(exchange: Exchange) -> dict:
    """What does not work at the moment; empty where all is well."""
    if exchange.kyc is None:
        raise Refused("this exchange asks nobody who they are")
    return {"without_group": {str(a): why for a, why in exchange.kyc.groups.failing.items()}}


@operation
async def kyc_show(exchange: Exchange, case: int, reveal: bool = False, reason: str = "") -> dict:
    """One case; with `reveal` and a reason also the person, which is noted in its history."""
    who = reviewer()

    def look() -> dict:
        desk = exchange.kyc
        shown = _row(exchange, desk.cases.case(case))
        if reveal:
            person = desk.cases.person(case, who, reason)
            shown["person"] = {f: str(getattr(person, f)) for f in person.__struct_fields__}
        shown["same_document"] = [
            exchange.members.by_id(m).name for m in desk.cases.duplicates(case)
        ]
        shown["same_owner"] = [
            exchange.members.by_id(m).name
            for m in desk.cases.group_of(desk.cases.case(case).member_id)
        ]
        shown["documents"] = [
            {"id": d.id, "purpose": d.purpose, "type": d.content_type, "bytes": d.size_bytes}
            for d in desk.documents.of_case(case)
            if d.erased_ns is None
        ]
        shown["history"] = [
            {"time_ns": h.time_ns, "state": h.after.name, "who": h.who, "reason": h.reason}
            for h in desk.cases.history(case)
        ]
        return shown

    return await done(exchange, look)


@operation
async def kyc_claim(exchange: Exchange) -> dict:
    """Take the oldest case that waits; empty when there is none."""
    who = reviewer()
    taken = await done(exchange, lambda: exchange.kyc.cases.claim_next(who))
    return {} if taken is None else _row(exchange, taken)


@operation
async def kyc_decide(exchange: Exchange, case: int, step: str, reason: str = "") -> dict:
    """approve, reject, ask, release, recheck or revoke."""
    if step not in DECISIONS:
        raise Refused(f"{step[:20]!r} is no decision; there are {', '.join(DECISIONS)}")
    who = reviewer()
    decided = await done(
        exchange, lambda: exchange.kyc.cases.step(case, DECISIONS[step], who, reason)
    )
    return _row(exchange, decided)


@operation
async def kyc_link(exchange: Exchange, member: str, other: str, reason: str) -> list:
    """Say that two members have the same beneficial owner; everybody of the group."""
    one, two, who = member_of(exchange, member), member_of(exchange, other), reviewer()
    group = await done(exchange, lambda: exchange.kyc.cases.link(one.id, two.id, who, reason))
    return [exchange.members.by_id(m).name for m in group]
