"""/account/api-keys: a member's own keys for programs. Making or widening one needs a step-up."""

import asyncio
from typing import Annotated

import msgspec
from starlette.responses import Response

from excraft.accounts import mails, own_keys
from excraft.accounts.api_keys import ListedKey
from excraft.accounts.credentials import IPS_MAX, PEM_MAX
from excraft.accounts.sessions import require_recent
from excraft.accounts.sign_in import SENSITIVE_S
from excraft.gateway.account_acts import Act, Asked, Body, Text
from excraft.gateway.account_opening import ensure_member
from excraft.gateway.account_requests import answer

Ips = Annotated[list[Text], msgspec.Meta(max_length=IPS_MAX)]


class _Wish(Body):
    kind: Text
    permissions: Annotated[list[Text], msgspec.Meta(max_length=8)]
    label: Text = ""
    ips: Ips = []
    public_key: Annotated[str, msgspec.Meta(max_length=PEM_MAX)] = ""
    expires_ns: int | None = None


class _Edit(Body):
    label: Text
    ips: Ips


async def _list(asked: Asked) -> Response:
    member = await ensure_member(asked.exchange, asked.session.person_id)
    found = await asyncio.to_thread(own_keys.shown, asked.exchange.api_keys, member)
    now = asked.desk.clock()
    return answer(200, {"api_keys": [_shown(key, now) for key in found]})


async def _make(asked: Asked) -> Response:
    desk, body, person_id = asked.desk, asked.body, asked.session.person_id
    require_recent(asked.session, SENSITIVE_S, desk.clock())
    member = await ensure_member(asked.exchange, person_id)
    wish = own_keys.Wish(
        body.kind, body.label, body.permissions, body.ips, body.public_key, body.expires_ns
    )

    def work():
        return own_keys.make(
            asked.exchange.api_keys, member, wish,
            person_id=person_id, now_ns=desk.clock(),
        )  # fmt: skip

    made = await asyncio.to_thread(work)
    may = ", ".join(sorted(name.lower() for name in body.permissions))
    told = f"key: {made.key}\nlabel: {body.label.strip()}\nmay: {may}\n"
    desk.tell(person_id, mails.happened, "An API key was added", told, asked.caller.seen)
    return answer(201, {"api_key": made.key, "secret": made.secret or ""})


async def _edit(asked: Asked) -> Response:
    desk, key, body = asked.desk, asked.values["key"], asked.body
    require_recent(asked.session, SENSITIVE_S, desk.clock())
    member = await ensure_member(asked.exchange, asked.session.person_id)

    def work() -> ListedKey:
        return own_keys.edit(asked.exchange.api_keys, member, key, label=body.label, ips=body.ips)

    was = await asyncio.to_thread(work)
    if tuple(body.ips) != was.ips:
        told = f"key: {key}\naddresses before: {_addresses(was.ips)}\nnow: {_addresses(body.ips)}\n"
        desk.tell(
            asked.session.person_id, mails.happened, "The addresses of an API key were changed",
            told, asked.caller.seen,
        )  # fmt: skip
    return answer(200, {"message": "The key is changed."})


async def _revoke(asked: Asked) -> Response:
    """Needs no step-up: whoever is in a hurry to end a key must not be stopped."""
    exchange, key = asked.exchange, asked.values["key"]
    member = await ensure_member(exchange, asked.session.person_id)

    def work() -> ListedKey:
        found = own_keys.own(exchange.api_keys, member, key)
        exchange.api_keys.revoke(key)
        return found

    found = await asyncio.to_thread(work)
    asked.desk.tell(
        asked.session.person_id, mails.happened, "An API key was revoked",
        f"key: {key}\nlabel: {found.label}\n", asked.caller.seen,
    )  # fmt: skip
    return answer(200, {"message": "The key is revoked; nothing can be done with it any more."})


def _addresses(ips) -> str:
    return ", ".join(ips) or "anywhere"


def _shown(key: ListedKey, now_ns: int) -> dict:
    return {
        "api_key": key.key,
        "kind": key.kind.lower(),
        "label": key.label,
        "permissions": sorted(name.lower() for name in key.permissions),
        "ips": list(key.ips),
        "created_ns": key.created_ns,
        "expires_ns": key.expires_ns,
        "expired": key.expires_ns is not None and key.expires_ns <= now_ns,
        "used_ns": key.used_ns,
        "used_from": key.used_from,
    }


ACTS = {
    ("GET", "api-keys"): Act(_list),
    ("POST", "api-keys"): Act(_make, _Wish),
    ("PUT", "api-keys/{key}"): Act(_edit, _Edit),
    ("DELETE", "api-keys/{key}"): Act(_revoke),
}
