"""/account/passkeys, and logging in and stepping up with one."""

import asyncio
from typing import Any

from starlette.responses import Response

from excraft.accounts import passkey_sign_in
from excraft.gateway.account_acts import Act, Asked, Body, Text
from excraft.gateway.account_requests import answer, origin_of, set_cookie
from excraft.gateway.account_security import told_of
from excraft.gateway.account_sign_in import logged_in


class _Credential(Body):
    credential: dict[str, Any]


class _Made(_Credential):
    label: Text


class _Label(Body):
    label: Text


async def _list(asked: Asked) -> Response:
    found = await asyncio.to_thread(asked.desk.passkeys.list, asked.session.person_id)
    return answer(200, {"passkeys": [each._asdict() for each in found]})


async def _begin_adding(asked: Asked) -> Response:
    origin = origin_of(asked.desk, asked.request)
    options = await passkey_sign_in.begin_adding(asked.desk, asked.caller, asked.session, origin)
    return answer(200, {"options": options})


async def _add(asked: Asked) -> Response:
    body, origin = asked.body, origin_of(asked.desk, asked.request)
    passkey_id, codes = await passkey_sign_in.add(
        asked.desk, asked.caller, asked.session, origin, (body.label, body.credential)
    )
    return answer(201, {"id": passkey_id, "recovery_codes": codes})


async def _rename(asked: Asked) -> Response:
    rename, person_id = asked.desk.passkeys.rename, asked.session.person_id
    await asyncio.to_thread(rename, person_id, asked.values["id"], asked.body.label)
    return answer(200, {"message": "The passkey has its new name."})


async def _remove(asked: Asked) -> Response:
    narrowed = await passkey_sign_in.remove(
        asked.desk, asked.exchange.api_keys, asked.caller, asked.session, asked.values["id"]
    )
    told = told_of(narrowed)
    return answer(200, {"message": f"The passkey is removed; it opens nothing any more.{told}"})


async def _begin_login(asked: Asked) -> Response:
    origin = origin_of(asked.desk, asked.request)
    options, token = await passkey_sign_in.begin_login(asked.desk, asked.caller, origin)
    made = answer(200, {"options": options})
    set_cookie(asked.request, made, "ceremony", token)
    return made


async def _login(asked: Asked) -> Response:
    origin = origin_of(asked.desk, asked.request)
    opened = await passkey_sign_in.login(asked.desk, asked.caller, origin, asked.body.credential)
    return await logged_in(asked, opened)


async def _begin_step_up(asked: Asked) -> Response:
    origin = origin_of(asked.desk, asked.request)
    options = await passkey_sign_in.begin_step_up(asked.desk, asked.caller, asked.session, origin)
    return answer(200, {"options": options})


async def _step_up(asked: Asked) -> Response:
    origin = origin_of(asked.desk, asked.request)
    await passkey_sign_in.step_up(asked.desk, asked.session, origin, asked.body.credential)
    return answer(200, {"message": "Sensitive acts are open for a while."})


ACTS = {
    ("GET", "passkeys"): Act(_list),
    ("POST", "passkeys/options"): Act(_begin_adding, Body),
    ("POST", "passkeys"): Act(_add, _Made),
    ("PUT", "passkeys/{id}"): Act(_rename, _Label),
    ("DELETE", "passkeys/{id}"): Act(_remove),
    ("POST", "login/passkey/options"): Act(_begin_login, Body, needs_session=False),
    ("POST", "login/passkey"): Act(_login, _Credential, needs_session=False),
    ("POST", "step-up/passkey/options"): Act(_begin_step_up, Body),
    ("POST", "step-up/passkey"): Act(_step_up, _Credential),
}
