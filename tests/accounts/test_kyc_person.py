"""Personal data: what is taken, and that it is stored sealed only."""

import pytest
from sqlalchemy import select, update

from excraft.accounts.kyc_actors import Actor, owner
from excraft.accounts.kyc_errors import (
    BadPerson,
    ImpossibleStep,
    NotAllowed,
    SealBroken,
    UnknownCase,
)
from excraft.accounts.kyc_person import COUNTRIES, checked, normal_number
from excraft.accounts.kyc_seal import Seals
from excraft.accounts.kyc_states import Level
from excraft.store.schema_kyc import kyc_cases, kyc_history
from tests.accounts.kyc_desk import NOW_NS, OLGA, person, quick_desk


@pytest.fixture
def desk(tmp_path):
    desk = quick_desk(tmp_path)
    yield desk
    desk.database.close()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "1 to 120"),
        ("name", "x" * 121, "1 to 120"),
        ("name", "x" * 10**6, "at most 120"),
        ("name", "Ada\x00", "control or invisible"),
        ("name", "Ada\u202eexample", "control or invisible"),
        ("address", "a\nb\nc\nd", "control or invisible"),
        ("address", "x", "5 to 300"),
        ("birth_date", "1990-02-30", "that exists"),
        ("birth_date", "31.12.1990", "that exists"),
        ("birth_date", "19901231", "that exists"),
        ("birth_date", "2008-09-22", "an age of 17"),
        ("birth_date", "1900-01-01", "an age of 126"),
        ("birth_date", "2030-01-01", "it must be 18"),
        ("country", "fr", "two capital letters"),
        ("country", "XX", "two capital letters"),
        ("document_kind", "LIBRARY_CARD", "there are PASSPORT"),
        ("document_number", "--- ---", "4 to 40 letters and digits"),
        ("document_number", "x" * 41, "1 to 40"),
    ],
)
def test_what_cannot_be_is_refused(field, value, words):
    with pytest.raises(BadPerson, match=words):
        checked(person(**{field: value}), NOW_NS)


def test_what_is_taken_is_in_one_form():
    taken = checked(person(name=" Zoe\u0308 O'Neil ", birth_date="2008-09-21"), NOW_NS)
    assert taken.name == "Zo\u00eb O'Neil"
    assert checked(person(birth_date="2010-09-21"), NOW_NS, age_min=16).birth_date == "2010-09-21"
    assert normal_number(" 12-ab/34\uff15 ") == "12AB345"
    assert len(COUNTRIES) == 249


def test_it_is_nowhere_in_clear_and_never_in_a_log(desk):
    ada = desk.member("ada")
    case = desk.filled(ada)
    with desk.database.read() as connection:
        row = connection.execute(select(kyc_cases)).one()
    for word in (b"Example", b"34567", b"1990", b"Paris"):
        assert word not in row.person and word not in row.identity
    assert repr(person()) == "Person(...)"
    assert desk.cases.person(case, OLGA, "a look").name == "Ada Example"


def test_a_seal_does_not_open_in_another_row(desk):
    ada, bob = desk.member("ada"), desk.member("bob")
    mine, other = desk.filled(ada), desk.filled(bob, name="Bob")
    c = kyc_cases.c
    with desk.database.write_durable() as connection:
        stolen = connection.scalar(select(c.person).where(c.id == mine))
        connection.execute(update(kyc_cases).where(c.id == other).values(person=stolen))
    with pytest.raises(SealBroken, match="changed or moved"):
        desk.cases.person(other, OLGA, "a look")


def test_a_look_needs_the_act_and_a_reason_and_leaves_a_note(desk):
    ada = desk.member("ada")
    case = desk.filled(ada)
    for actor, reason in [
        (Actor("staff new"), "curious"),
        (owner(ada), "mine"),
        (OLGA, ""),
        (OLGA._replace(member_id=ada), "mine"),
    ]:
        with pytest.raises(NotAllowed):
            desk.cases.person(case, actor, reason)
    assert desk.noted == [] and len(desk.cases.history(case)) == 1
    desk.cases.person(case, OLGA, "a call from ada")
    assert desk.noted == [("staff olga", "kyc.read", f"kyc case {case}", "a call from ada")]
    assert desk.cases.history(case)[-1].reason == "saw the person: a call from ada"


def test_nothing_is_shown_when_it_cannot_be_noted(desk):
    case = desk.filled(desk.member("ada"))

    def full(*said: str) -> None:
        raise OSError("the audit log is full")

    desk.cases.note = full
    with pytest.raises(OSError, match="audit log is full"):
        desk.cases.person(case, OLGA, "a look")


def test_only_the_owner_edits_and_only_while_it_is_theirs(desk):
    ada, bob = desk.member("ada"), desk.member("bob")
    case = desk.filled(ada)
    with pytest.raises(UnknownCase):
        desk.cases.set_person(case, owner(bob), person())
    desk.submitted(ada)
    with pytest.raises(ImpossibleStep, match="SUBMITTED and cannot be changed"):
        desk.cases.set_person(case, owner(ada), person(name="Eve"))
    with pytest.raises(UnknownCase, match="no personal data"):
        desk.cases.person(desk.cases.open(ada, Level.FULL).id, OLGA, "a look")


def test_the_identity_depends_on_the_key_and_only_on_the_document(tmp_path, desk):
    seals, others = desk.cases.seals, Seals(bytes(32))
    same = person(document_number="12ab34567", name="Eve", address="elsewhere")
    assert seals.identity(person()) == seals.identity(same)
    assert seals.identity(person()) != others.identity(person())
    for change in ({"country": "DE"}, {"document_kind": "ID_CARD"}, {"document_number": "12345"}):
        assert seals.identity(person(**change)) != seals.identity(person())


def test_the_history_of_looks_is_in_the_database(desk):
    case = desk.filled(desk.member("ada"))
    desk.cases.person(case, OLGA, "a look")
    with desk.database.read() as connection:
        row = connection.execute(select(kyc_history).order_by(kyc_history.c.id.desc())).first()
    assert (row.from_state, row.to_state, row.who) == (1, 1, "staff olga")
