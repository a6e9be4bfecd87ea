"""Codes of people, and who came by them, on both databases."""

import threading

import pytest

from excraft.accounts.members import Members
from excraft.accounts.people import People
from excraft.accounts.referrals import EVER_MAX, OPEN_MAX, Due, Outcome, Payout, Referrals
from excraft.accounts.refusals import Refused


class Place:
    """Referrals, and people with a member or without."""

    def __init__(self, database, box):
        self.now, self.database = 0, database
        self.referrals = Referrals(database, self.clock)
        self.people, self.members = People(database, box, self.clock), Members(database)

    def clock(self):
        self.now += 1
        return self.now

    def person(self, name, code=None, member=True):
        with self.database.write_durable() as connection:
            found = self.people.add(connection, f"{name}@example.org", "hash")
            self.referrals.add(connection, found, code)
        if member:
            self.people.set_member(found, self.members.add(name, found + 100).id)
        return found


@pytest.fixture
def place(database, secret_box):
    return Place(database, secret_box)


def test_who_came_by_a_code_is_due_once_both_have_accounts(place):
    ann = place.person("ann")
    code = place.referrals.create(ann)
    bob = place.person("bob", code, member=False)
    assert place.referrals.due() == []
    place.people.set_member(bob, place.members.add("bob", 7).id)
    [due] = place.referrals.due()
    assert due == Due(bob, *(place.people.by_id(p).member_id for p in (bob, ann)))
    place.referrals.settle(bob, Outcome.LINKED)
    place.referrals.settle(bob, Outcome.REFUSED)  # said once
    assert place.referrals.due() == [] and place.referrals.by(bob) == (code, "LINKED")
    [shown] = place.referrals.of(ann)
    assert (shown.code, shown.people, shown.closed_ns) == (code, 1, None)


@pytest.mark.parametrize("code", [None, "", "2345678J"])
def test_no_code_or_an_unknown_one_refers_nobody(place, code):
    ann = place.person("ann", code)
    assert place.referrals.by(ann) is None and place.referrals.due() == []


def test_a_closed_code_counts_no_more_and_whose_came_before_stays(place):
    ann, eve = place.person("ann"), place.person("eve")
    code = place.referrals.create(ann)
    bob = place.person("bob", code)
    assert not place.referrals.close(eve, code) and place.referrals.is_open(code)
    assert place.referrals.close(ann, code) and place.referrals.close(ann, code)
    assert not place.referrals.is_open(code)
    assert place.referrals.by(place.person("cid", code)) is None
    assert place.referrals.by(bob) == (code, "")


def test_there_are_so_many_codes_and_no_more(place):
    ann = place.person("ann")
    for n in range(EVER_MAX):
        if n >= OPEN_MAX:
            with pytest.raises(Refused, match="close one"):
                place.referrals.create(ann)
            place.referrals.close(ann, place.referrals.of(ann)[0].code)
        place.referrals.create(ann)
    for shown in place.referrals.of(ann):
        place.referrals.close(ann, shown.code)
    with pytest.raises(Refused, match=f"{EVER_MAX} codes"):
        place.referrals.create(ann)


def test_many_at_once_make_no_more_than_that(place):
    ann, made = place.person("ann"), []

    def create():
        try:
            made.append(place.referrals.create(ann))
        except Refused as refused:
            made.append(refused.code)

    asking = [threading.Thread(target=create) for _ in range(2 * OPEN_MAX)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert made.count("too_many") == OPEN_MAX and len(place.referrals.of(ann)) == OPEN_MAX


def test_a_payout_is_noted_once(place):
    place.referrals.paid(5, 3, 1)
    place.referrals.paid(5, 0, 0)
    assert place.referrals.payouts() == [Payout(5, 1, 3, 1)]
