"""What staff does with withdrawals: with rights, with audit rows, never with their own."""

import time
from types import SimpleNamespace

import pytest

from excraft.accounts import actors
from excraft.accounts.acts import Act
from excraft.accounts.roles import Roles
from excraft.accounts.staff import staff_of
from excraft.accounts.staff_errors import BadPayload, NeedsApproval, NotAllowed, WrongState
from excraft.custody.limits import Setting, load
from excraft.custody.withdrawal import State
from excraft.custody.withdrawals import Wish
from excraft.gateway import admin_withdrawals, withdrawal_desk  # noqa: F401  (operations)
from excraft.gateway.admin import Refused, perform
from excraft.store.database import Database
from tests.gateway.withdrawing import BOB, EXT, held, serve_withdrawals, set_limit

pytestmark = pytest.mark.anyio
ATOMS = 10**9


@pytest.fixture
async def office(venue, tmp_path):
    """alice asks, bob is of finance and carol an administrator; two approvals are needed."""
    database = Database(f"sqlite:///{tmp_path / 'excraft.db'}")
    staff = staff_of(database, more=withdrawal_desk.EXECUTORS)
    withdrawals = await serve_withdrawals(venue, database, time.time_ns)
    set_limit(database, "NEW_ADDRESS_DELAY_S", 0)
    set_limit(database, "APPROVALS", 2, asset=EXT)
    who = {n: actors.member(getattr(venue, n).member.id) for n in ("alice", "bob", "carol")}
    for name, role in (("bob", "finance"), ("carol", "administrator")):
        staff.roles.give(actors.shell(), who[name].member_id, role)
    yield SimpleNamespace(
        venue=venue, database=database, staff=staff, withdrawals=withdrawals,
        desk=venue.exchange.withdrawal_desk, **who,
    )  # fmt: skip
    database.close()


async def asked(office, name: str = "alice"):
    client = getattr(office.venue, name)
    wish = Wish(client.account, client.member.id, EXT, "", BOB, ATOMS, "session")
    return await office.withdrawals.request(wish)


def audit(office) -> list[tuple]:
    rows = office.staff.audit.newest()
    return [(r.who, r.act, r.outcome) for r in rows if r.object.startswith("withdrawal:")]


async def test_two_who_saw_the_same_approve_it_and_both_are_on_record(office):
    found = await asked(office)
    id, seen = found.row.id, found.row.commitment
    first = await office.desk.approve(office.bob, id, seen)
    assert (first.state, first.row.note) == (State.WAITING, "1 of 2 approvals")
    with pytest.raises(WrongState, match="member:2 approved withdrawal 1 already"):
        await office.desk.approve(office.bob, id, seen)
    second = await office.desk.approve(office.carol, id, seen)
    assert second.state == State.APPROVED and second.approvers == ("member:2", "member:3")
    with pytest.raises(WrongState, match="decided already: approve"):
        await office.desk.approve(actors.shell(), id, seen)
    assert audit(office) == [
        ("member:2", "APPROVE_WITHDRAWAL", "done"), ("member:2", "APPROVE_WITHDRAWAL", "denied"),
        ("member:3", "APPROVE_WITHDRAWAL", "done"),
        (actors.shell().who, "APPROVE_WITHDRAWAL", "denied"),
    ]  # fmt: skip
    assert office.staff.audit.verify().broken is None


async def test_nobody_approves_or_refuses_their_own(office):
    found = await asked(office, "bob")
    for attempt in (
        office.desk.approve(office.bob, found.row.id, found.row.commitment),
        office.desk.refuse(office.bob, found.row.id, "mine"),
    ):
        with pytest.raises(WrongState, match="is your own"):
            await attempt
    assert (await office.desk.get(found.row.id)).approvers == ()


async def test_without_the_right_nothing_is_done(office):
    found = await asked(office)
    Roles(office.database, office.staff.audit).take(actors.shell(), 2, "finance")
    for attempt in (
        office.desk.approve(office.bob, found.row.id, found.row.commitment),
        office.desk.refuse(office.bob, found.row.id, "no"),
        office.desk.approve(office.alice, found.row.id, found.row.commitment),
    ):
        with pytest.raises(NotAllowed, match="may not"):
            await attempt
    assert (await office.desk.get(found.row.id)).state == State.WAITING


async def test_who_lost_the_right_meanwhile_did_not_approve(office):
    found = await asked(office)
    id, seen = found.row.id, found.row.commitment
    await office.desk.approve(office.bob, id, seen)
    Roles(office.database, office.staff.audit).take(actors.shell(), 2, "finance")
    after = await office.desk.approve(office.carol, id, seen)
    assert (after.state, after.row.note) == (State.WAITING, "1 of 2 approvals")
    after = await office.desk.approve(actors.shell(), id, seen)
    assert after.state == State.APPROVED


async def test_an_approval_of_something_else_counts_for_nothing(office):
    found = await asked(office)
    with pytest.raises(WrongState, match="has the hash"):
        await office.desk.approve(office.bob, found.row.id, "0" * 64)
    with pytest.raises(WrongState, match="there is no withdrawal 99"):
        await office.desk.approve(office.bob, 99, "0" * 64)
    with pytest.raises(WrongState, match="there is no withdrawal -1"):
        await office.desk.get(-1)


async def test_refusing_gives_the_money_back_with_the_reason(office):
    found = await asked(office)
    with pytest.raises(WrongState, match="printable characters"):
        await office.desk.refuse(office.bob, found.row.id, "")
    done = await office.desk.refuse(office.bob, found.row.id, "address is on a list")
    assert (done.state, done.row.reason) == (State.REFUSED, "address is on a list")
    assert held(office.venue, office.venue.alice.account) == 0
    assert (office.bob.who, "REFUSE_WITHDRAWAL", "done") in audit(office)


async def test_an_approved_one_is_not_given_back_while_the_signer_cannot_promise(office):
    set_limit(office.database, "APPROVE_ABOVE", 1 << 61, asset=EXT)
    found = await asked(office)
    assert found.state == State.APPROVED
    with pytest.raises(WrongState, match="does not answer"):
        await office.desk.refuse(office.bob, found.row.id, "too late?")
    assert held(office.venue, office.venue.alice.account) == ATOMS
    assert (await office.desk.get(found.row.id)).state == State.APPROVED


async def test_limits_are_set_by_a_shell_or_by_two_of_staff(office):
    payload = {"name": "COUNT_PER_HOUR", "value": 77}
    with pytest.raises(NotAllowed):
        await office.desk.set_limit(office.bob, payload)
    with pytest.raises(NeedsApproval):
        await office.desk.set_limit(office.carol, payload)
    await office.desk.set_limit(actors.shell(), payload | {"value": 66})
    assert limit(office, Setting.COUNT_PER_HOUR) == 66
    made = office.staff.approvals.propose(office.carol, Act.SET_LIMITS, payload)
    with pytest.raises(NotAllowed):
        office.staff.approvals.approve(office.carol, made.id, made.hash)
    assert limit(office, Setting.COUNT_PER_HOUR) == 66
    office.staff.approvals.approve(actors.shell(), made.id, made.hash)
    assert limit(office, Setting.COUNT_PER_HOUR) == 77
    with pytest.raises(BadPayload, match="must be from 1"):
        office.staff.approvals.propose(office.carol, Act.SET_LIMITS, payload | {"value": 0})


def limit(office, setting: Setting) -> int:
    with office.database.read() as connection:
        return load(connection).of(setting)


async def test_the_operators_operations(office):
    exchange = office.venue.exchange
    found = await asked(office)
    [row] = await perform(exchange, "withdrawal_list", {})
    assert (row["asset"], row["amount"], row["destination"]) == ("EXT", "10.00000000", BOB)
    shown = await perform(exchange, "withdrawal_show", {"id": found.row.id})
    after = await perform(exchange, "withdrawal_approve", {"id": 1, "seen": shown["hash"]})
    assert after["approved_by"] == [actors.shell().who]
    after = await perform(exchange, "withdrawal_refuse", {"id": 1, "reason": "no"})
    assert after["state"] == "REFUSED" and await perform(exchange, "withdrawal_list", {}) == []
    assert len(await perform(exchange, "withdrawal_list", {"all": True})) == 1
    given = {"name": "DAY_LIMIT", "value": "12.5", "asset": "EXT", "level": 2}
    await perform(exchange, "withdrawal_limit_set", given)
    limits = await perform(exchange, "withdrawal_limits", {})
    assert {"DAY_LIMIT": 1_250_000_000}.items() <= {
        r["name"]: r["value"] for r in limits[::-1]
    }.items()
    for wrong in ({"value": "1", "asset": "NOPE"}, {"value": "x"}, {"name": "NOPE"}):
        with pytest.raises(Refused):
            await perform(exchange, "withdrawal_limit_set", given | {"asset": ""} | wrong)
    assert (await perform(exchange, "wallet_status", {}))["frozen"] == ""
    exchange.withdrawals = None
    with pytest.raises(Refused, match="no chains.json"):
        await perform(exchange, "withdrawal_list", {})
