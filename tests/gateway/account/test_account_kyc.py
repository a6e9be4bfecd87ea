"""A member shows who they are, a reviewer decides, and the kernel hears of it."""

import asyncio
import hashlib
import hmac
import json
import os
import random
import time

import pytest

from excraft.accounts import actors
from excraft.accounts.kyc_actors import Act, Actor
from excraft.accounts.kyc_content import DOCUMENT_BYTES_MAX
from excraft.accounts.kyc_states import Step
from excraft.engine.errors import EngineError
from excraft.gateway import admin_kyc, kyc_desk, kyc_groups
from excraft.gateway.admin_rights import as_actor
from excraft.gateway.app import application
from excraft.gateway.kyc_desk import KycDesk, knowing
from excraft.messages.commands import SetParameter
from excraft.parameters import Parameter
from tests.accounts.kyc_desk import png

pytestmark = pytest.mark.anyio
OLGA = Actor("staff olga", acts=frozenset({Act.REVIEW, Act.READ, Act.LINK}))
PERSON = {
    "name": "Ada Example", "birth_date": "1990-12-31", "country": "FR",
    "document_kind": "PASSPORT", "document_number": "12AB34567",
    "address": "1 rue de l'Exemple, Paris",
}  # fmt: skip
SECRET = "s" * 32
SHELL = actors.shell()


@pytest.fixture
async def office(shop, tmp_path, monkeypatch):
    """The shop with a KYC desk that runs, and a webhook provider beside the manual one."""
    monkeypatch.setattr(kyc_desk, "EVERY_S", 0.02)
    monkeypatch.setattr(kyc_desk, "SWEEP_EVERY_S", 0.02)
    file = tmp_path / kyc_desk.PROVIDERS
    file.touch(mode=0o600)
    file.write_text(json.dumps({"acme": SECRET}))
    exchange = shop.venue.exchange
    exchange.kyc = desk = KycDesk(
        exchange.engine, shop.database, tmp_path / "secret.key", tmp_path / "kyc"
    )
    desk.provider = kyc_desk.Manual()
    shop.app = application(exchange)
    async with knowing(desk):
        shop.kyc = desk
        yield shop


async def filled(browser, level="FULL") -> int:
    case = (await browser.ok("POST", "kyc", level=level))["id"]
    await browser.ok("PUT", f"kyc/{case}/person", **PERSON)
    made = await upload(browser, case, png())
    assert made.status_code == 201, made.text
    return case


async def upload(browser, case, content, kind="image/png", purpose="FRONT"):
    return await browser.http.post(
        f"/account/kyc/{case}/documents?purpose={purpose}", content=content,
        headers={"content-type": kind},
    )  # fmt: skip


async def until(holds) -> None:
    for _ in range(300):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come true")


def level_of(office, account) -> int:
    return office.venue.engine.listings.account_parameter(account, Parameter.KYC_LEVEL)


async def approve(office, case) -> None:
    office.kyc.cases.step(case, Step.CLAIM, OLGA)
    office.kyc.cases.step(case, Step.APPROVE, OLGA)


async def test_from_draft_to_a_level_that_the_kernel_knows(office):
    ann = office.browser()
    account = (await ann.join())["account"]
    assert await ann.ok("GET", "kyc") == {"level": "NONE", "cases": []}
    case = await filled(ann)
    shown = await ann.ok("POST", f"kyc/{case}/submit")
    assert (shown["state"], len(shown["documents"])) == ("SUBMITTED", 1)
    assert level_of(office, account) == 0
    await approve(office, case)
    await until(lambda: level_of(office, account) == 2)
    shown = await ann.ok("GET", "kyc")
    assert (shown["level"], shown["cases"][0]["state"]) == ("FULL", "APPROVED")
    assert office.desk.mail_queue.deliver() == 1
    to, subject, text = office.mails()[-1]
    assert (to, subject) == ("ann@example.org", "A decision about who you are")
    assert "You passed level FULL" in text
    office.kyc.cases.step(case, Step.REVOKE, OLGA, "a forged document")
    await until(lambda: level_of(office, account) == 0)
    assert (await ann.ok("GET", "kyc"))["cases"][0]["reason"] == "a forged document"


async def test_a_level_waits_for_an_engine_that_is_busy(office, monkeypatch):
    ann = office.browser()
    account = (await ann.join())["account"]
    case = await filled(ann)
    await ann.ok("POST", f"kyc/{case}/submit")
    broken = True
    carry_out = office.kyc._carry_out

    async def sometimes(command: SetParameter) -> None:
        if broken:
            raise kyc_desk.NotTold("busy")
        await carry_out(command)

    monkeypatch.setattr(office.kyc, "_carry_out", sometimes)
    await approve(office, case)
    await asyncio.sleep(0.2)
    assert level_of(office, account) == 0
    broken = False
    await until(lambda: level_of(office, account) == 2)


async def test_what_was_asked_for_again_can_be_answered(office):
    ann = office.browser()
    await ann.join()
    case = await filled(ann)
    await ann.ok("POST", f"kyc/{case}/submit")
    assert await ann.refused("PUT", f"kyc/{case}/person", **PERSON) == (400, "refused")
    office.kyc.cases.step(case, Step.CLAIM, OLGA)
    office.kyc.cases.step(case, Step.ASK, OLGA, "the back is missing")
    assert (await ann.ok("GET", "kyc"))["cases"][0]["reason"] == "the back is missing"
    assert (await upload(ann, case, png(width=2), purpose="BACK")).status_code == 201
    assert (await ann.ok("POST", f"kyc/{case}/submit"))["state"] == "SUBMITTED"
    assert (await ann.ok("POST", f"kyc/{case}/withdraw"))["state"] == "DRAFT"


async def test_nobody_reaches_the_case_of_another(office):
    ann, ben = office.browser(), office.browser()
    await ann.join()
    await ben.join("ben@example.org")
    case = await filled(ann)
    document = (await ann.ok("GET", "kyc"))["cases"][0]["documents"][0]["id"]
    assert await ben.refused("PUT", f"kyc/{case}/person", **PERSON) == (404, "not_found")
    assert (await upload(ben, case, png())).status_code == 404
    for step in ("submit", "withdraw", "reopen"):
        assert await ben.refused("POST", f"kyc/{case}/{step}") == (404, "not_found")
    for step in ("claim", "approve", "expire", "nonsense"):
        assert await ann.refused("POST", f"kyc/{case}/{step}") == (404, "not_found")
    for browser in (ann, ben):
        assert (
            await browser.http.get(f"/account/kyc/{case}/documents/{document}")
        ).status_code == 404
    for number in ("0", "-1", "9" * 30, "x", "٣"):
        assert await ann.refused("POST", f"kyc/{number}/submit") == (404, "not_found")
    assert await office.browser().refused("GET", "kyc") == (401, "no_session")


async def test_what_no_document_is(office):
    ann = office.browser()
    await ann.join()
    case = await filled(ann)
    script = b"<svg onload='alert(1)'></svg>"
    for content, kind, purpose in (
        (script, "image/svg+xml", "FRONT"), (script, "image/png", "FRONT"),
        (b"", "image/png", "FRONT"),
        (png(end=script), "image/png", "FRONT"), (png(), "image/jpeg", "FRONT"),
        (png(), "image/png", "../../etc"), (png((b"tEXt", b"<script>")), "image/png", "FRONT"),
    ):  # fmt: skip
        reply = await upload(ann, case, content, kind, purpose)
        assert (reply.status_code, reply.json()["error"]) == (400, "refused"), content[:20]
    reply = await upload(ann, case, bytes(DOCUMENT_BYTES_MAX + 1))
    assert (reply.status_code, reply.json()["error"]) == (413, "too_large")
    assert len((await ann.ok("GET", "kyc"))["cases"][0]["documents"]) == 1


async def test_accounts_of_one_owner_become_a_group(office):
    ann, ben = office.browser(), office.browser()
    one = (await ann.join())["account"]
    two = (await ben.join("ben@example.org"))["account"]
    members = [(await b.ok("GET", "me"))["member"] for b in (ann, ben)]
    office.kyc.cases.link(*members, OLGA, "her company")
    engine = office.venue.engine

    def groups():
        return {engine.listings.account_parameter(a, Parameter.TRADE_GROUP) for a in (one, two)}

    await until(lambda: groups() == {min(one, two) + 1})


async def test_one_refusal_holds_up_no_other_group(office, monkeypatch, caplog):
    """It is told, stands in the status, and is tried again; nothing is walked meanwhile."""
    browsers = [office.browser() for _ in range(4)]
    for number, browser in enumerate(browsers):
        await browser.join(f"m{number}@example.org")
    found = [await b.ok("GET", "me") for b in browsers]
    members, accounts = [f["member"] for f in found], [f["account"] for f in found]
    engine, groups = office.venue.engine, office.kyc.groups
    refused, tried, execute = {accounts[0]}, [], engine.execute

    async def choosy(command):
        if getattr(command, "parameter", None) == Parameter.TRADE_GROUP:
            tried.append(command.subject)
            if command.subject in refused:
                raise EngineError("busy")
        return await execute(command)

    monkeypatch.setattr(engine, "execute", choosy)
    monkeypatch.setattr(kyc_groups, "AGAIN_AFTER_S", 0.3)
    office.kyc.cases.link(members[0], members[1], OLGA, "one")
    office.kyc.cases.link(members[2], members[3], OLGA, "two")

    def group_of(account):
        return engine.listings.account_parameter(account, Parameter.TRADE_GROUP)

    await until(lambda: all(group_of(a) for a in accounts[1:]))
    assert group_of(accounts[0]) == 0
    await until(lambda: groups.failing == {accounts[0]: "busy"})
    assert f"account {accounts[0]}: busy" in caplog.text
    with as_actor(SHELL):
        status = await admin_kyc.kyc_status(office.venue.exchange)
    assert status == {"without_group": {str(accounts[0]): "busy"}}
    refused.clear()
    await until(lambda: group_of(accounts[0]) == accounts[0] + 1)
    assert (
        tried.count(accounts[0]) <= 4
    )  # not every time the desk looks, which is 50 times a second
    await until(lambda: groups.failing == {})
    walked, groups_of = [], kyc_groups._groups
    monkeypatch.setattr(kyc_groups, "_groups", lambda c: walked.append(1) or groups_of(c))
    await asyncio.sleep(0.4)
    assert not walked
    office.kyc.cases.link(members[1], members[2], OLGA, "all of them")
    await until(lambda: {group_of(a) for a in accounts} == {min(accounts) + 1})
    assert walked == [1]


def test_groups_are_those_that_links_join():
    chance = random.Random(7)
    for _ in range(50):
        pairs = [(chance.randrange(30), chance.randrange(30)) for _ in range(chance.randrange(40))]
        group = {one: {one} for pair in pairs for one in pair}
        for one, other in pairs:
            both = group[one] | group[other]
            group |= dict.fromkeys(both, both)
        expected = {frozenset(each) for each in group.values()}
        assert {frozenset(each) for each in kyc_groups.joined(pairs)} == expected


async def test_a_provider_answers_once_with_its_signature(office):
    ann = office.browser()
    account = (await ann.join())["account"]
    office.kyc.provider = office.kyc.webhooks["acme"]
    case = await filled(ann)
    assert (await ann.ok("POST", f"kyc/{case}/submit"))["state"] == "IN_REVIEW"

    async def tell(name="acme", secret=SECRET, at=None, **message):
        body = json.dumps({"case": case, "outcome": "approve"} | message).encode()
        stamp = str(at or int(time.time()))
        signed = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256)
        return await ann.http.post(
            f"/kyc/webhook/{name}", content=body,
            headers={"x-kyc-timestamp": stamp, "x-kyc-signature": signed.hexdigest()},
        )  # fmt: skip

    assert (await tell(id="1", secret="t" * 32)).status_code == 401
    assert (await tell(id="1", at=1_600_000_000)).status_code == 401
    assert (await tell(name="other", id="1")).status_code == 404
    assert (await tell(id="1")).json() == {"case": case, "state": "APPROVED"}
    assert (await tell(id="1")).status_code == 401, "used up"
    assert (await tell(id="2")).status_code == 409
    await until(lambda: level_of(office, account) == 2)
    huge = await ann.http.post("/kyc/webhook/acme", content=bytes(1 << 20))
    assert huge.status_code == 413


async def test_a_sweep_that_fails_holds_up_no_level(office, monkeypatch, caplog):
    def broken(*_):
        raise OSError("the disk of the documents is gone")

    monkeypatch.setattr(kyc_desk, "sweep", broken)
    ann = office.browser()
    account = (await ann.join())["account"]
    case = await filled(ann)
    await ann.ok("POST", f"kyc/{case}/submit")
    await approve(office, case)
    await until(lambda: level_of(office, account) == 2)
    assert "KYC: sweep" in caplog.text and "the disk of the documents is gone" in caplog.text


async def test_a_file_that_is_never_done_is_ended_and_the_next_is_checked(office, monkeypatch):
    ann = office.browser()
    await ann.join()
    case = await filled(ann)
    monkeypatch.setattr(kyc_desk, "CHECK_WITHIN_S", 0.5)
    monkeypatch.setattr(kyc_desk, "check_content", stuck)
    [process] = office.kyc._checking._processes.values()
    reply = await upload(ann, case, png(width=3), purpose="BACK")
    assert (reply.status_code, reply.json()["error"]) == (400, "refused")
    assert "takes too long" in reply.json()["message"]
    await until(lambda: not process.is_alive())
    monkeypatch.undo()
    assert (await upload(ann, case, png(width=3), purpose="BACK")).status_code == 201


def stuck(declared: str, content: bytes) -> str:
    time.sleep(60)
    return declared


async def test_what_a_process_dies_of_is_refused_and_the_next_is_checked(office, monkeypatch):
    ann = office.browser()
    await ann.join()
    case = await filled(ann)
    monkeypatch.setattr(kyc_desk, "check_content", deadly)
    reply = await upload(ann, case, png(width=3), purpose="BACK")
    assert (reply.status_code, reply.json()["error"]) == (400, "refused")
    assert "cannot be checked" in reply.json()["message"]
    monkeypatch.undo()
    assert (await upload(ann, case, png(width=3), purpose="BACK")).status_code == 201


def deadly(declared: str, content: bytes) -> str:
    os._exit(9)


async def test_secrets_that_others_can_read_are_refused(office, tmp_path):
    (tmp_path / kyc_desk.PROVIDERS).chmod(0o644)
    with pytest.raises(Exception, match="others can read"):
        KycDesk(office.venue.engine, office.database, tmp_path / "secret.key", tmp_path / "kyc")
