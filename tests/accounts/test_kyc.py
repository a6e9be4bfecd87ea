"""Cases: every step from every state, who may take it, and what it does to the level."""

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from excraft.accounts.kyc import DAY_NS, Rules
from excraft.accounts.kyc_actors import CLOCK, Actor, owner
from excraft.accounts.kyc_errors import (
    DuplicateIdentity,
    ImpossibleStep,
    KycError,
    NotAllowed,
    UnknownCase,
)
from excraft.accounts.kyc_states import TABLE, By, CaseState, Level, Step, after
from excraft.accounts.kyc_sweep import Swept, sweep
from excraft.store.schema_kyc import kyc_cases
from tests.accounts.kyc_desk import CHIEF, OLGA, PETE, quick_desk

# The table once more, in other words: what follows, by state and step.
FOLLOWS = """
    DRAFT        submit    SUBMITTED
    SUBMITTED    withdraw  DRAFT
    SUBMITTED    claim     IN_REVIEW
    IN_REVIEW    release   SUBMITTED
    IN_REVIEW    ask       MORE_NEEDED
    IN_REVIEW    approve   APPROVED
    IN_REVIEW    reject    REJECTED
    MORE_NEEDED  submit    SUBMITTED
    APPROVED     recheck   SUBMITTED
    APPROVED     revoke    REJECTED
    APPROVED     expire    EXPIRED
    REJECTED     reopen    DRAFT
    EXPIRED      reopen    DRAFT
"""
TWIN = {
    (CaseState[a], Step(step)): CaseState[b]
    for a, step, b in (line.split() for line in FOLLOWS.strip().splitlines())
}
YEARS_2_NS = 730 * DAY_NS


@pytest.fixture
def desk(url, tmp_path):
    desk = quick_desk(tmp_path, url=url)
    yield desk
    desk.database.close()


@pytest.mark.parametrize("state", CaseState)
@pytest.mark.parametrize("step", Step)
def test_every_step_leads_where_the_twin_says_or_is_refused(state, step):
    if (state, step) in TWIN:
        assert after(state, step) == TWIN[state, step]
    else:
        with pytest.raises(
            ImpossibleStep, match=f"cannot {step.value} a case that is {state.name}"
        ):
            after(state, step)


def test_a_case_from_draft_to_approval_and_its_history(desk):
    ada = desk.member("ada")
    case = desk.filled(ada)
    story = [
        (Step.SUBMIT, owner(ada), "", "SUBMITTED"),
        (Step.CLAIM, OLGA, "", "IN_REVIEW"),
        (Step.ASK, OLGA, "the photo is dark", "MORE_NEEDED"),
        (Step.SUBMIT, owner(ada), "", "SUBMITTED"),
        (Step.CLAIM, PETE, "", "IN_REVIEW"),
        (Step.APPROVE, PETE, "clear now", "APPROVED"),
    ]
    for step, actor, reason, state in story:
        desk.now_ns += 1
        assert desk.cases.step(case, step, actor, reason).state == CaseState[state]
    written = [(h.who, h.reason, h.after.name) for h in desk.cases.history(case)]
    assert written == [(f"member {ada}", "", "DRAFT")] + [(a.name, r, s) for _, a, r, s in story]
    times = [h.time_ns for h in desk.cases.history(case)]
    assert times == sorted(times) and len(set(times)) == len(times)
    assert desk.cases.level_of(ada, desk.now_ns) == Level.BASIC
    assert ("staff pete", "kyc.approve", f"kyc case {case}", "clear now") in desk.noted


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(st.tuples(st.sampled_from(Step), st.booleans()), min_size=8, max_size=25))
def test_a_case_does_what_the_plain_twin_does(tmp_path_factory, steps):
    desk = quick_desk(tmp_path_factory.mktemp("twin"))
    ada = desk.member("ada")
    case, state, claimant = desk.filled(ada), CaseState.DRAFT, None
    for step, by_olga in steps:
        actor = {By.OWNER: owner(ada), By.CLOCK: CLOCK}.get(TABLE[step].by)
        actor = actor or (OLGA if by_olga else PETE)
        desk.now_ns += YEARS_2_NS if step is Step.EXPIRE else 1
        follows = TWIN.get((state, step))
        if TABLE[step].by is By.CLAIMANT and claimant != actor:
            follows = None
        if follows is None:
            with pytest.raises(KycError):
                desk.cases.step(case, step, actor, "why")
        else:
            desk.cases.step(case, step, actor, "why")
            state, claimant = follows, actor if step is Step.CLAIM else None
        found = desk.cases.case(case)
        assert (found.state, found.reviewer) == (state, claimant and claimant.name)
        fresh = desk.now_ns < (found.expires_ns or 0)
        known = desk.cases.level_of(ada, desk.now_ns)
        assert known == (Level.BASIC if state == CaseState.APPROVED and fresh else Level.NONE)
    assert desk.cases.history(case)[-1].after == state
    desk.database.close()


def test_reject_ask_recheck_and_revoke_need_a_reason(desk):
    for number, step in enumerate(s for s in Step if TABLE[s].needs_reason):
        ada = desk.member(f"ada {number}")
        ready = desk.claimed if TABLE[step].by is By.CLAIMANT else desk.approved
        case = ready(ada, document_number=f"NR{number:04}")
        before = desk.cases.case(case), desk.cases.history(case)
        for reason in ("", "  ", "a\nb", "x" * 401):
            with pytest.raises(NotAllowed, match="reason"):
                desk.cases.step(case, step, OLGA, reason)
        assert (desk.cases.case(case), desk.cases.history(case)) == before
    assert number == 3


def test_who_may_not(desk):
    ada, bob = desk.member("ada"), desk.member("bob")
    case = desk.submitted(ada)
    no_acts = Actor("staff new")
    ada_as_staff = OLGA._replace(name="staff ada", member_id=ada)
    for actor, step, wrong, words in [
        (owner(bob), Step.WITHDRAW, UnknownCase, "no case"),
        (owner(ada), Step.CLAIM, NotAllowed, "needs the act kyc.review"),
        (no_acts, Step.CLAIM, NotAllowed, "needs the act kyc.review"),
        (ada_as_staff, Step.CLAIM, NotAllowed, "nobody reviews their own"),
        (OLGA._replace(name=""), Step.CLAIM, NotAllowed, "under a name"),
        (OLGA, Step.EXPIRE, NotAllowed, "kyc.clock"),
        (OLGA, Step.APPROVE, ImpossibleStep, "cannot approve a case that is SUBMITTED"),
    ]:
        with pytest.raises(wrong, match=words):
            desk.cases.step(case, step, actor, "why")
    desk.cases.step(case, Step.CLAIM, OLGA)
    for step in (Step.APPROVE, Step.REJECT, Step.ASK, Step.RELEASE):
        with pytest.raises(NotAllowed, match="under review by staff olga"):
            desk.cases.step(case, step, PETE, "why")
    assert desk.cases.step(case, Step.RELEASE, CHIEF).state == CaseState.SUBMITTED
    for number in (0, -1, 99, 10**30):
        with pytest.raises(UnknownCase):
            desk.cases.step(number, Step.CLAIM, OLGA)


def test_a_reviewer_cannot_review_somebody_they_are_linked_with(desk):
    ada, bob, carol = (desk.member(n) for n in ("ada", "bob", "carol"))
    desk.cases.link(ada, bob, OLGA, "one household")
    desk.cases.link(bob, carol, OLGA, "one company")
    carol_as_staff = OLGA._replace(name="staff carol", member_id=carol)
    case = desk.submitted(ada)
    with pytest.raises(NotAllowed, match="linked member"):
        desk.cases.step(case, Step.CLAIM, carol_as_staff)
    assert desk.cases.claim_next(carol_as_staff) is None
    with pytest.raises(NotAllowed, match="linked member"):
        desk.cases.link(carol, desk.member("dora"), carol_as_staff, "me too")


def test_the_queue_is_oldest_first_and_a_release_keeps_the_place(desk):
    first, second, third = (
        desk.submitted(desk.member(n), document_number=f"{n}0000") for n in ("ada", "bob", "carol")
    )
    assert [c.id for c in desk.cases.queue()] == [first, second, third]
    assert desk.cases.claim_next(OLGA).id == first
    assert desk.cases.claim_next(PETE).id == second
    desk.cases.step(first, Step.RELEASE, OLGA)
    assert [c.id for c in desk.cases.queue()] == [first, second, third]
    assert desk.cases.claim_next(PETE).id == first


def test_no_two_reviewers_get_the_same_case_however_they_race(desk):
    waiting = {desk.submitted(desk.member(f"m{i}"), document_number=f"NR{i:04}") for i in range(12)}
    got, failed = [], []
    start = threading.Barrier(4)

    def review(name: str) -> None:
        try:
            start.wait()
            while (case := desk.cases.claim_next(OLGA._replace(name=name))) is not None:
                got.append((case.id, name))
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=review, args=(f"staff {i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert sorted(case for case, _ in got) == sorted(waiting)
    assert {case: desk.cases.case(case).reviewer for case, _ in got} == dict(got)


def test_two_who_claim_the_same_case_at_once_are_not_both_right(desk):
    case = desk.submitted(desk.member("ada"))
    start, outcomes = threading.Barrier(2), []

    def claim(actor: Actor) -> None:
        start.wait()
        try:
            outcomes.append(desk.cases.step(case, Step.CLAIM, actor).reviewer)
        except ImpossibleStep as refused:
            outcomes.append(refused)

    threads = [threading.Thread(target=claim, args=(a,)) for a in (OLGA, PETE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(o, str) for o in outcomes) == 1 and len(outcomes) == 2


def test_one_person_one_identity(desk):
    ada, bob = desk.member("ada"), desk.member("bob")
    desk.approved(ada, document_number="12 AB-34567")
    case = desk.claimed(bob, document_number="12ab34567", name="Somebody Else")
    assert desk.cases.duplicates(case) == [ada]
    with pytest.raises(DuplicateIdentity, match=f"shows the document of member {ada}"):
        desk.cases.step(case, Step.APPROVE, OLGA)
    assert desk.cases.level_of(bob, desk.now_ns) == Level.NONE
    assert desk.cases.link(bob, ada, OLGA, "her company") == (ada, bob)
    assert desk.cases.step(case, Step.APPROVE, OLGA).state == CaseState.APPROVED
    other = desk.member("carol")
    assert desk.cases.duplicates(desk.claimed(other, country="DE")) == []


def test_a_draft_or_a_rejected_case_does_not_block_the_true_owner(desk):
    thief, ada = desk.member("thief"), desk.member("ada")
    drafted = desk.filled(thief)
    case = desk.claimed(ada)
    assert desk.cases.duplicates(case) == []
    desk.cases.step(drafted, Step.SUBMIT, owner(thief))
    assert desk.cases.duplicates(case) == [thief]
    desk.cases.step(drafted, Step.CLAIM, PETE)
    desk.cases.step(drafted, Step.REJECT, PETE, "a stolen document")
    desk.cases.step(case, Step.APPROVE, OLGA)


def test_links_are_symmetric_and_make_groups(desk):
    a, b, c, d, e = (desk.member(n) for n in "abcde")
    assert desk.cases.group_of(a) == (a,)
    for one, other in ((b, a), (c, d), (a, b)):
        desk.cases.link(one, other, OLGA, "same owner")
    assert desk.cases.group_of(a) == desk.cases.group_of(b) == (a, b)
    desk.cases.link(d, b, OLGA, "same owner")
    assert {desk.cases.group_of(m) for m in (a, b, c, d)} == {(a, b, c, d)}
    assert desk.cases.group_of(e) == (e,)
    for pair, wrong in (((a, a), NotAllowed), ((a, 999), UnknownCase)):
        with pytest.raises(wrong):
            desk.cases.link(*pair, OLGA, "same owner")
    with pytest.raises(NotAllowed, match="reason"):
        desk.cases.link(a, e, OLGA, "")


def test_an_approval_expires_by_itself_and_by_the_sweep_and_is_renewed(desk):
    ada = desk.member("ada")
    case = desk.approved(ada)
    expires_ns = desk.cases.case(case).expires_ns
    assert expires_ns == desk.now_ns + YEARS_2_NS
    assert desk.cases.level_of(ada, expires_ns - 1) == Level.BASIC
    assert desk.cases.level_of(ada, expires_ns) == Level.NONE
    desk.now_ns = expires_ns - 1
    assert sweep(desk.cases, desk.documents) == Swept(0, 0)
    with pytest.raises(ImpossibleStep, match="not expired yet"):
        desk.cases.step(case, Step.EXPIRE, CLOCK)
    desk.now_ns = expires_ns
    assert sweep(desk.cases, desk.documents) == Swept(1, 0)
    assert sweep(desk.cases, desk.documents) == Swept(0, 0)
    for step, actor in ((Step.REOPEN, owner(ada)), (Step.SUBMIT, owner(ada)),
                        (Step.CLAIM, PETE), (Step.APPROVE, PETE)):  # fmt: skip
        desk.cases.step(case, step, actor)
    assert desk.cases.level_of(ada, desk.now_ns) == Level.BASIC


def test_a_case_is_one_per_member_and_level_also_when_opened_at_once(desk):
    ada = desk.member("ada")
    opened = []
    threads = [
        threading.Thread(target=lambda: opened.append(desk.cases.open(ada, Level.FULL).id))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 4 and len(set(opened)) == 1
    assert desk.cases.open(ada, Level.BASIC).id != opened[0]
    assert [c.level for c in desk.cases.of_member(ada)] == [Level.BASIC, Level.FULL]
    for member, level in ((999, Level.BASIC), (ada, Level.NONE)):
        with pytest.raises(UnknownCase):
            desk.cases.open(member, level)


def test_an_empty_case_cannot_be_submitted(desk):
    ada = desk.member("ada")
    case = desk.cases.open(ada, Level.BASIC).id
    with pytest.raises(ImpossibleStep, match="no personal data"):
        desk.cases.step(case, Step.SUBMIT, owner(ada))
    full = desk.filled(ada, Level.FULL)
    with pytest.raises(ImpossibleStep, match="has 0 documents; it needs 1"):
        desk.cases.step(full, Step.SUBMIT, owner(ada))


def test_the_higher_level_stays_when_the_lower_ends(desk):
    desk.cases.rules = Rules(documents_min=0)
    ada = desk.member("ada")
    basic, full = desk.approved(ada), desk.claimed(ada, level=Level.FULL)
    desk.cases.step(full, Step.APPROVE, OLGA)
    desk.cases.step(basic, Step.REVOKE, OLGA, "a mistake")
    assert desk.cases.level_of(ada, desk.now_ns) == Level.FULL
    with desk.database.read() as connection:
        assert len(connection.execute(select(kyc_cases.c.id)).all()) == 2
