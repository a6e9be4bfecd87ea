"""A provider's messages: signed, fresh, each once, and never more than a reviewer could do."""

import hmac
import json
import threading

import pytest

from excraft.accounts.kyc_actors import owner
from excraft.accounts.kyc_errors import (
    DuplicateIdentity,
    ImpossibleStep,
    KycError,
    MessageRefused,
    NotAllowed,
    UnknownCase,
)
from excraft.accounts.kyc_providers import BODY_BYTES_MAX, Manual, Provider, Webhook
from excraft.accounts.kyc_states import CaseState, Level, Step
from tests.accounts.kyc_desk import CHIEF, OLGA, Desk, quick_desk

SECRET = b"s" * 32


@pytest.fixture
def desk(url, tmp_path):
    desk = quick_desk(tmp_path, url=url)
    yield desk
    desk.database.close()


@pytest.fixture
def webhook(desk):
    return Webhook("acme", SECRET, desk.cases)


def body(case: int, outcome: str = "approve", **more) -> bytes:
    return json.dumps({"id": "e1", "case": case, "outcome": outcome} | more).encode()


def signed(desk: Desk, content: bytes, *, late_s: int = 0, secret: bytes = SECRET):
    timestamp = str(desk.now_ns // 10**9 - late_s)
    message = timestamp.encode() + b"." + content
    return timestamp, hmac.new(secret, message, "sha256").hexdigest(), content


def begun(desk: Desk, webhook: Provider, name: str = "ada", **changes) -> int:
    case = desk.submitted(desk.member(name), **changes)
    webhook.begin(case)
    return case


def test_a_message_takes_its_step(desk, webhook):
    for outcome, state in [
        ("approve", CaseState.APPROVED),
        ("reject", CaseState.REJECTED),
        ("ask", CaseState.MORE_NEEDED),
    ]:
        case = begun(desk, webhook, outcome, document_number=f"NR {outcome}")
        assert desk.cases.case(case).reviewer == "provider acme"
        message = signed(desk, body(case, outcome, id=outcome, reason="the photo"))
        assert webhook.receive(*message).state == state
        last = desk.cases.history(case)[-1]
        assert (last.who, last.reason, last.after) == ("provider acme", "the photo", state)
        assert desk.noted[-1][:2] == ("provider acme", f"kyc.{outcome}")


def test_what_is_not_authentic_is_refused_and_changes_nothing(desk, webhook):
    case = begun(desk, webhook)
    good = body(case)
    timestamp, signature, _ = signed(desk, good)
    huge = good + b" " * BODY_BYTES_MAX
    for message, words in [
        ((timestamp, "", good), "signature"),
        ((timestamp, "0" * 64, good), "signature"),
        ((timestamp, "\u0661\udc80", good), "signature"),
        ((timestamp, signature, body(case, "reject")), "signature"),
        ((str(int(timestamp) + 1), signature, good), "signature"),
        (signed(desk, good, secret=b"x" * 32), "signature"),
        (signed(desk, good, late_s=301), "301 s old; 300 s"),
        (signed(desk, good, late_s=-301), "-301 s old"),
        (("", signature, good), "is no time"),
        (("-5", signature, good), "is no time"),
        (("\u0661", signature, good), "is no time"),
        (("9" * 13, signature, good), "is no time"),
        (signed(desk, huge), f"at most {BODY_BYTES_MAX}"),
        (signed(desk, b"{"), "cannot be read"),
        (signed(desk, b"\xff\xfe"), "cannot be read"),
        (signed(desk, b"[" * 60_000), "cannot be read"),
        (signed(desk, body(case, "delete")), "cannot be read"),
        (signed(desk, body(case, extra=1)), "cannot be read"),
        (signed(desk, body(10**40)), "cannot be read"),
        (signed(desk, body(case, id="")), "id has 1 to 64"),
        (signed(desk, body(case, id="x" * 65)), "id has 1 to 64"),
    ]:
        with pytest.raises(MessageRefused, match=words):
            webhook.receive(*message)
        assert desk.cases.case(case).state == CaseState.IN_REVIEW
    assert webhook.receive(*signed(desk, good, late_s=300)).state == CaseState.APPROVED


def test_a_message_counts_once(desk, webhook):
    case = begun(desk, webhook)
    message = signed(desk, body(case))
    webhook.receive(*message)
    desk.cases.step(case, Step.RECHECK, OLGA, "again")
    webhook.begin(case)
    for again in (message, signed(desk, body(case))):
        with pytest.raises(MessageRefused, match="'e1' was taken already"):
            webhook.receive(*again)
    assert desk.cases.case(case).state == CaseState.IN_REVIEW
    other = Webhook("other", SECRET, desk.cases)
    with pytest.raises(NotAllowed, match="under review by provider acme"):
        other.receive(*message)  # ids are each provider's own


def test_a_refused_message_cannot_be_kept_back_until_it_fits(desk, webhook):
    ada = desk.member("ada")
    case = desk.filled(ada)
    message = signed(desk, body(case))
    with pytest.raises(ImpossibleStep, match="cannot approve a case that is DRAFT"):
        webhook.receive(*message)
    desk.cases.step(case, Step.SUBMIT, owner(ada))
    webhook.begin(case)
    with pytest.raises(MessageRefused, match="taken already"):
        webhook.receive(*message)


def test_impossible_unknown_and_foreign_cases_are_refused_in_one_sentence(desk, webhook):
    mine = desk.claimed(desk.member("ada"))
    for number, (case, outcome, wrong) in enumerate(
        [
            (99, "approve", UnknownCase),
            (2**62, "approve", UnknownCase),
            (mine, "approve", NotAllowed),
        ]
    ):
        with pytest.raises(wrong) as refused:
            webhook.receive(*signed(desk, body(case, outcome, id=f"e{number}")))
        assert "\n" not in str(refused.value)
    begun_case = begun(desk, webhook, "bob", document_number="OTHER1")
    with pytest.raises(NotAllowed, match="reason"):
        webhook.receive(*signed(desk, body(begun_case, "reject", id="r")))


def test_a_provider_cannot_approve_a_duplicate(desk, webhook):
    desk.approved(desk.member("ada"))
    case = begun(desk, webhook, "bob")
    with pytest.raises(DuplicateIdentity):
        webhook.receive(*signed(desk, body(case)))
    assert desk.cases.case(case).state == CaseState.IN_REVIEW


def test_the_same_message_at_the_same_moment_counts_once(desk, webhook):
    case = begun(desk, webhook)
    message, start, outcomes = signed(desk, body(case)), threading.Barrier(4), []

    def send() -> None:
        start.wait()
        try:
            outcomes.append(webhook.receive(*message).state)
        except KycError as refused:
            outcomes.append(refused)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 4 and outcomes.count(CaseState.APPROVED) == 1
    assert len(desk.cases.history(case)) == 4


def test_a_case_that_a_provider_forgot_can_be_taken_over(desk, webhook):
    case = begun(desk, webhook)
    desk.cases.step(case, Step.RELEASE, CHIEF)
    desk.cases.step(case, Step.CLAIM, OLGA)
    with pytest.raises(NotAllowed):
        webhook.receive(*signed(desk, body(case)))


def test_the_manual_provider_leaves_the_case_in_the_queue(desk):
    case = begun(desk, Manual())
    assert [c.id for c in desk.cases.queue()] == [case]
    assert desk.cases.case(case).level == Level.BASIC


@pytest.mark.parametrize(
    ("name", "secret"), [("a b", SECRET), ("", SECRET), ("../x", SECRET), ("acme", b"short")]
)
def test_a_provider_needs_a_name_and_a_long_secret(name, secret):
    with pytest.raises(ValueError, match="letters and digits|at least 32 bytes"):
        Webhook(name, secret, None)
