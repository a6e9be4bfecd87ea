"""A member is a name and an account, each once."""

import pytest

from excraft.accounts.errors import BadName, NameTaken
from excraft.accounts.members import Members
from excraft.store.database import Database


def test_members_are_found_by_name_account_and_id(database):
    members = Members(database)
    alice, bob = members.add("alice", 0), members.add("Bob Ünal", 5)
    assert members.all() == [alice, bob]
    assert members.by_name("Bob Ünal") == members.by_account(5) == members.by_id(bob.id) == bob
    assert members.by_name("bob") is members.by_account(9) is members.by_id(99) is None


def test_a_member_is_still_there_after_opening_again(database, url):
    alice = Members(database).add("alice", 0)
    again = Database(url)
    assert Members(again).all() == [alice]
    again.close()


@pytest.mark.parametrize(("name", "account"), [("alice", 8), ("bob", 7)])
def test_names_and_accounts_are_taken_once(database, alice, name, account):
    members = Members(database)
    with pytest.raises(NameTaken, match=f"{name!r} or one with account {account}"):
        members.add(name, account)
    assert members.all() == [alice]


@pytest.mark.parametrize("name", ["", " alice", "alice ", "a\nb", "a\0b", "x" * 65])
def test_names_nobody_can_have(database, name):
    with pytest.raises(BadName, match="1 to 64 printable characters"):
        Members(database).add(name, 1)
    assert Members(database).all() == []
