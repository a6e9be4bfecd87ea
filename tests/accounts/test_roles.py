"""Every built-in role against every act, and nobody rises by their own hand."""

import threading

import pytest

from excraft.accounts import actors, canonical, four_eyes
from excraft.accounts.actors import Actor
from excraft.accounts.acts import ABOUT_A_MEMBER, ADMINISTRATOR, BUILT_IN, READING, Act
from excraft.accounts.members import Members
from excraft.accounts.roles import Roles
from excraft.accounts.staff import Staff, staff_of
from excraft.accounts.staff_errors import (
    BadPayload,
    BadRole,
    LastAdministrator,
    NeedsApproval,
    NotAllowed,
)

SHELL = actors.shell()
# Where one database says all: nothing in it is left to the database.
on_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)

# S support, C compliance, F finance, M market-desk, A administrator, U auditor
TABLE = """
    SEE_MEMBERS            S C F . A U
    SEE_PERSONAL_DETAILS   S C . . A U
    SEE_KYC                . C . . A U
    SEE_MONEY              . C F . A U
    SEE_CUSTODY            . C F . A U
    SEE_SETTINGS           . . F M A U
    SEE_ROLES              . . . . A U
    READ_AUDIT             . . . . A U
    EXPORT                 . C F . A U
    ADD_MEMBER             . . . . A .
    WRITE_NOTE             S C . . A .
    END_SESSIONS           S . . . A .
    RESET_SECOND_FACTOR    . . . . A .
    FREEZE_ACCOUNT         S C . . A .
    UNFREEZE_ACCOUNT       . C . . A .
    REVIEW_KYC             . C . . A .
    CREDIT                 . . F . A .
    DEBIT                  . . F . A .
    APPROVE_WITHDRAWAL     . . F . A .
    REFUSE_WITHDRAWAL      . C F . A .
    SWEEP_TO_COLD          . . F . A .
    FREEZE_WITHDRAWALS     . C F . A .
    UNFREEZE_WITHDRAWALS   . . . . A .
    SET_LIMITS             . . . . A .
    LIST_ASSET             . . . M A .
    LIST_MARKET            . . . M A .
    HALT_MARKET            . . . M A .
    RESUME_MARKET          . . . M A .
    SET_PARAMETER          . . . M A .
    SET_FEE_TIER           . . . . A .
    SET_REFERRAL           . . . . A .
    ANNOUNCE               . . . M A .
    MANAGE_ROLES           . . . . A .
    SET_FOUR_EYES          . . . . A .
"""
COLUMNS = ("support", "compliance", "finance", "market-desk", "administrator", "auditor")
MARKS = {line.split()[0]: line.split()[1:] for line in TABLE.strip().splitlines()}


@pytest.fixture
def staff(database) -> Staff:
    return staff_of(database)


@pytest.fixture
def people(database) -> list[Actor]:
    members = Members(database)
    return [actors.member(members.add(f"person {n}", n).id) for n in range(4)]


def number(actor: Actor) -> int:
    assert actor.member_id is not None
    return actor.member_id


def test_every_role_allows_what_the_table_says_and_no_more(staff, database):
    assert list(MARKS) == list(Act)
    members = Members(database)
    nobody = members.add("nobody", 99).id
    for column, role in enumerate(COLUMNS):
        holder = members.add(role, column).id
        staff.roles.give(SHELL, holder, role)
        for act in Act:
            wanted = MARKS[act][column] != "."
            assert staff.roles.may(holder, act) == wanted, f"{role} and {act}"
            assert not staff.roles.may(nobody, act)
    assert set(BUILT_IN) == {"member", *COLUMNS}
    assert BUILT_IN["member"] == frozenset()


@on_sqlite
def test_an_auditor_reads_all_and_changes_nothing(staff, people):
    staff.roles.give(SHELL, number(people[0]), "auditor")
    for act in Act:
        if act in READING:
            assert staff.roles.may(number(people[0]), act)
            continue
        with pytest.raises(NotAllowed, match=f"may not {act}"):
            with staff.audit.acting(people[0], act, "thing:1"):
                pytest.fail("an auditor got in")
        with pytest.raises(NotAllowed, match=f"may not {act}"):
            staff.approvals.propose(people[0], act, {"member": number(people[1])})


def test_several_roles_add_up_and_end_when_taken(staff, people):
    one = number(people[0])
    for role in ("support", "market-desk"):
        staff.roles.give(SHELL, one, role)
    assert staff.roles.acts_of(people[0]) == BUILT_IN["support"] | BUILT_IN["market-desk"]
    assert staff.roles.roles_of(one) == ["market-desk", "support"]
    staff.roles.take(SHELL, one, "support")
    assert staff.roles.acts_of(people[0]) == BUILT_IN["market-desk"]
    assert [r.holders for r in staff.roles.all() if r.name == "market-desk"] == [(one,)]


@on_sqlite
def test_nobody_gives_themselves_a_role(staff, people):
    boss = people[0]
    staff.roles.give(SHELL, number(boss), ADMINISTRATOR)
    wanted = {"do": "give", "member": number(boss), "role": "finance"}
    with pytest.raises(NeedsApproval, match="propose it"):
        staff.roles.give(boss, number(boss), "finance")
    with pytest.raises(NotAllowed, match="concerns member"):
        staff.approvals.propose(boss, Act.MANAGE_ROLES, wanted)
    with staff.audit.writing() as connection, pytest.raises(NotAllowed, match="to themselves"):
        staff.roles.execute(connection, boss, wanted)
    assert staff.roles.roles_of(number(boss)) == [ADMINISTRATOR]


@on_sqlite
def test_nobody_passes_on_or_takes_what_they_lack(staff, people):
    staff.roles.add(SHELL, "people-desk", ["MANAGE_ROLES", "SEE_MEMBERS"])
    staff.roles.give(SHELL, number(people[0]), "people-desk")
    staff.roles.give(SHELL, number(people[2]), ADMINISTRATOR)
    for wanted in (
        {"do": "add", "role": "more", "acts": ["HALT_MARKET"]},
        {"do": "give", "member": number(people[1]), "role": "market-desk"},
        {"do": "take", "member": number(people[2]), "role": "administrator"},
    ):
        with pytest.raises(NotAllowed, match="nobody makes, gives or takes more than they have"):
            staff.approvals.propose(people[0], Act.MANAGE_ROLES, wanted)
    may = {"do": "add", "role": "lookers", "acts": ["SEE_MEMBERS"]}
    assert staff.approvals.propose(people[0], Act.MANAGE_ROLES, may).needed == 1


@on_sqlite
def test_what_a_proposer_lost_is_not_done_in_their_name(staff, people):
    for person in people[:2]:
        staff.roles.give(SHELL, number(person), ADMINISTRATOR)
    wanted = {"do": "give", "member": number(people[2]), "role": "finance"}
    proposal = staff.approvals.propose(people[0], Act.MANAGE_ROLES, wanted)
    staff.roles.take(SHELL, number(people[0]), ADMINISTRATOR)
    after = staff.approvals.approve(people[1], proposal.id, proposal.hash)
    assert (after.state, after.reason[:30]) == ("REFUSED", "member:1 may not MANAGE_ROLES;")
    assert staff.roles.roles_of(number(people[2])) == []


def test_the_last_administrator_stays_also_when_two_remove_each_other(staff, people):
    one, two = people[:2]
    staff.roles.give(SHELL, number(one), ADMINISTRATOR)
    with pytest.raises(LastAdministrator, match="make another first"):
        staff.roles.take(SHELL, number(one), ADMINISTRATOR)
    staff.roles.give(SHELL, number(two), ADMINISTRATOR)
    outcomes = []

    def take(about: int) -> None:
        try:
            staff.roles.take(SHELL, about, ADMINISTRATOR)
            outcomes.append("taken")
        except LastAdministrator:
            outcomes.append("stays")

    threads = [threading.Thread(target=take, args=(number(p),)) for p in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["stays", "taken"]
    assert sum(staff.roles.may(number(p), Act.MANAGE_ROLES) for p in (one, two)) == 1


@on_sqlite
def test_roles_that_cannot_be_made(staff):
    for name, acts, words in [
        ("Desk", ["CREDIT"], "names no role"),
        ("x", ["CREDIT"], "names no role"),
        ("a\n", ["CREDIT"], "names no object"),
        ("support", ["CREDIT"], "already"),
        ("member", ["CREDIT"], "already"),
        ("desk", [], "at least one act"),
        ("desk", ["FLY"], "there is no act 'FLY'"),
    ]:
        with pytest.raises((BadRole, BadPayload), match=words):
            staff.roles.add(SHELL, name, acts)
    assert [r.name for r in staff.roles.all()] == list(BUILT_IN)


@on_sqlite
def test_a_role_of_ones_own_is_made_once_and_given(staff, people):
    staff.roles.add(SHELL, "night-desk", ["HALT_MARKET", "SEE_MEMBERS", "HALT_MARKET"])
    staff.roles.give(SHELL, number(people[0]), "night-desk")
    assert staff.roles.acts_of(people[0]) == {Act.HALT_MARKET, Act.SEE_MEMBERS}
    with pytest.raises(BadRole, match="already"):
        staff.roles.add(SHELL, "night-desk", ["CREDIT"])
    with pytest.raises(BadRole, match="has the role 'night-desk' already"):
        staff.roles.give(SHELL, number(people[0]), "night-desk")
    for about, role, words in [(99, "support", "no member 99"), (1, "none", "no role 'none'"),
                               (1, "member", "no role 'member'")]:  # fmt: skip
        with pytest.raises(BadRole, match=words):
            staff.roles.give(SHELL, about, role)
    with pytest.raises(BadRole, match="does not have"):
        staff.roles.take(SHELL, number(people[1]), "night-desk")


@on_sqlite
def test_payloads_of_the_wrong_shape_are_refused(staff):
    for payload in (
        {},
        {"do": "give", "member": True, "role": "support"},
        {"do": "give", "member": "1", "role": "support"},
        {"do": "give", "member": 1 << 63, "role": "support"},
        {"do": "give", "member": 1, "role": "support", "more": 1},
        {"do": "add", "role": "x-desk", "acts": "CREDIT"},
    ):
        with staff.audit.writing() as connection, pytest.raises(BadPayload, match="say "):
            staff.roles.execute(connection, SHELL, payload)


def test_every_act_about_a_member_changes_something_and_names_are_not_mixed_up():
    assert not ABOUT_A_MEMBER & READING
    assert all(act.value == act.name and len(act) <= 40 for act in Act)
    assert not READING & set(four_eyes.DEFAULT)
    assert (
        canonical.canonical({"b": 1, "a": [True, None, "é"]}) == '{"a":[true,null,"\\u00e9"],"b":1}'
    )


@pytest.mark.parametrize(
    "who", ["", "member:", "member:x", "member:0", "shell:", "root", "member:²"]
)
def test_a_stored_name_that_is_nobody_is_refused(who):
    with pytest.raises(ValueError, match="member"):
        actors.stored(who)


@on_sqlite
def test_roles_are_read_from_the_database_each_time(staff, database, people):
    other = Roles(database, staff.audit)
    staff.roles.give(SHELL, number(people[0]), "support")
    assert other.may(number(people[0]), Act.WRITE_NOTE)
    staff.roles.take(SHELL, number(people[0]), "support")
    assert not other.may(number(people[0]), Act.WRITE_NOTE)
