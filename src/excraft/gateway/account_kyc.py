"""/account/kyc: a member says and shows who they are; a reviewer decides.

Documents cannot be read back, also not by their member: whoever takes over a session must not get
them.
"""

import asyncio
from typing import Any

from starlette.responses import Response

from excraft.accounts.kyc import Case
from excraft.accounts.kyc_actors import owner
from excraft.accounts.kyc_content import DOCUMENT_BYTES_MAX
from excraft.accounts.kyc_errors import KycError, UnknownCase
from excraft.accounts.kyc_person import Person
from excraft.accounts.kyc_states import TABLE, By, Level, Step
from excraft.accounts.refusals import Refused
from excraft.gateway.account_acts import Act, Asked, Body, Raw, Text
from excraft.gateway.account_opening import ensure_member
from excraft.gateway.account_requests import answer
from excraft.gateway.uploads import Room

UPLOAD_WITHIN_S = 120.0
UPLOAD_WEIGHT = 50
_STEPS = {step.value: step for step, rule in TABLE.items() if rule.by is By.OWNER}


class _Level(Body):
    level: Text


async def _mine(asked: Asked) -> int:
    if asked.exchange.kyc is None:
        raise Refused("bad_request", "This exchange asks nobody who they are.")
    return (await ensure_member(asked.exchange, asked.session.person_id)).id


async def _done(work, *given) -> Any:
    """In a thread; what is refused becomes the answer."""
    try:
        return await asyncio.to_thread(work, *given)
    except UnknownCase as unknown:
        raise Refused("not_found", _sentence(unknown)) from unknown
    except KycError as refused:
        raise Refused("refused", _sentence(refused)) from refused


def _sentence(error: KycError) -> str:
    text = str(error)
    return f"{text[0].upper()}{text[1:]}."


async def _list(asked: Asked) -> Response:
    member, desk = await _mine(asked), asked.exchange.kyc

    def look() -> dict:
        level = desk.cases.level_of(member, desk.cases.clock())
        return {
            "level": level.name,
            "cases": [_shown(desk, case) for case in desk.cases.of_member(member)],
        }

    return answer(200, await _done(look))


async def _open(asked: Asked) -> Response:
    member, desk, wanted = await _mine(asked), asked.exchange.kyc, asked.body.level
    if wanted not in Level.__members__:
        names = ", ".join(level.name for level in Level if level)
        raise Refused("bad_request", f"There is no level {wanted[:20]!r}; there are {names}.")
    case = await _done(desk.cases.open, member, Level[wanted])
    return answer(201, await _done(_shown, desk, case))


async def _person(asked: Asked) -> Response:
    member, desk = await _mine(asked), asked.exchange.kyc
    await _done(desk.cases.set_person, _number(asked), owner(member), asked.body)
    return answer(200, {"message": "Kept, sealed; only a reviewer can read it."})


async def _document(asked: Asked) -> Response:
    member, desk = await _mine(asked), asked.exchange.kyc
    number, purpose = _number(asked), asked.request.query_params.get("purpose", "")
    declared = asked.request.headers.get("content-type", "")
    with desk.uploads.of(member) as room:
        content = await _received(asked, room)
        made = await _done(
            lambda: desk.documents.add(
                number, owner(member), purpose=purpose, declared=declared, content=content
            )
        )
    return answer(201, {"id": made.id, "purpose": made.purpose, "bytes": made.size_bytes})


async def _received(asked: Asked, room: Room) -> bytes:
    content = bytearray()
    try:
        async with asyncio.timeout(UPLOAD_WITHIN_S):
            async for part in asked.body:
                room.take(len(part))
                content += part
    except TimeoutError as slow:
        raise Refused(
            "too_slow", f"The file did not come within {UPLOAD_WITHIN_S:.0f} s."
        ) from slow
    return bytes(content)


async def _step(asked: Asked) -> Response:
    member, desk = await _mine(asked), asked.exchange.kyc
    step = _STEPS.get(asked.values["step"])
    if step is None:
        raise Refused("not_found", f"You can {', '.join(_STEPS)} a case, nothing else.")

    def take() -> dict:
        case = desk.cases.case(_number(asked))
        if case.member_id != member:
            raise UnknownCase(f"there is no case {case.id}")
        case = desk.cases.step(case.id, step, owner(member))
        if step is Step.SUBMIT:
            desk.provider.begin(case.id)
        return _shown(desk, desk.cases.case(case.id))

    return answer(200, await _done(take))


def _number(asked: Asked) -> int:
    text = asked.values["case"]
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Refused("not_found", f"You have no case {text[:20]!r}.")
    return int(text)


def _shown(desk: Any, case: Case) -> dict:
    """What the member may see: of the history only what is about states, and no reviewer."""
    changes = desk.cases.history(case.id)
    decided = [c for c in changes if c.before != c.after]
    return {
        "id": case.id,
        "level": case.level.name,
        "state": case.state.name,
        "reason": decided[-1].reason if decided else "",
        "changed_ns": case.changed_ns,
        "expires_ns": case.expires_ns,
        "documents": [
            {"id": d.id, "purpose": d.purpose, "type": d.content_type, "bytes": d.size_bytes}
            for d in desk.documents.of_case(case.id)
            if d.erased_ns is None
        ],
    }


ACTS = {
    ("GET", "kyc"): Act(_list),
    ("POST", "kyc"): Act(_open, _Level),
    ("PUT", "kyc/{case}/person"): Act(_person, Person),
    ("POST", "kyc/{case}/documents"): Act(_document, Raw(DOCUMENT_BYTES_MAX), weight=UPLOAD_WEIGHT),
    ("POST", "kyc/{case}/{step}"): Act(_step, Body),
}
